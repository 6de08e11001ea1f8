//! `pagemap-viz doctor`: what this system lets us read, and what that means.

use std::path::Path;

use crate::classify::{Class, KsmVerdict};
use crate::cli::DoctorRequest;
use crate::error::{Error, Result};
use crate::facts::{Answer, FINDING_COLUMNS, Finding, finding_rows, findings_text};
use crate::kernel::{BITS, PageFlags, parse_meminfo_bytes, parse_waiting_pages};
use crate::output::{TableFormat, Target, write_table};
use crate::render::{grouped, size};
use crate::scan::{Block, Reach, sweep};
use crate::source::{
    Access, Overrides, Process, Source, System, access, confinement, file, lockdown, machine_of,
    processes,
};
use crate::tally::{ClassCounts, Tally};
use crate::terminal::Terminal;

const AS_ROOT: &str = "run it as root, or give the program CAP_DAC_READ_SEARCH and CAP_SYS_ADMIN";

/// Asks everything, prints the answers, and fails when the main job cannot be done.
pub(super) fn examine(request: &DoctorRequest, terminal: &Terminal) -> Result<()> {
    terminal.take_signals();
    let root = &request.root;
    let mut findings = files(root);
    if root == Path::new("/") {
        findings.extend(surroundings(root));
        findings.extend(of_processes(root));
    }
    let memory = System::open(root, Overrides::default());
    let memory = memory.and_then(|source| of_memory(&source, request.threads, terminal));
    let failed = match memory {
        Ok(more) => {
            findings.extend(more);
            Ok(())
        }
        Err(error @ Error::Stopped { .. }) => return Err(error),
        Err(error) => Err(error),
    };
    terminal.clear();
    let mut out = Target::Stdout.begin()?;
    match request.format {
        TableFormat::Aligned => out.write_text(&findings_text(&findings))?,
        format => write_table(format, &FINDING_COLUMNS, &finding_rows(&findings), &mut out)?,
    }
    out.finish()?;
    failed
}

/// A file, what it is for, and what is lost without it.
type FileQuestion = (&'static str, &'static str, &'static str, &'static str);

const FILES: [FileQuestion; 6] = [
    (
        "kpageflags",
        file::KPAGEFLAGS,
        "the flags of every page: what everything here is made of",
        "no picture can be drawn",
    ),
    (
        "kpagecount",
        file::KPAGECOUNT,
        "how often each page is mapped (owner, --by sharing, record --counts)",
        "nobody says how often a page is mapped",
    ),
    (
        "kpagecgroup",
        file::KPAGECGROUP,
        "which memory cgroup each page is charged to (--by cgroup, --cgroup)",
        "pages cannot be looked for by cgroup",
    ),
    (
        "zones",
        file::ZONEINFO,
        "where zones and NUMA nodes begin (--node, --zone, --by zone)",
        "nodes and zones are not named",
    ),
    (
        "free blocks",
        file::BUDDYINFO,
        "free blocks by order: a check of ours, and a reason to read less",
        "free memory is read page by page, and unchecked",
    ),
    (
        "block types",
        file::PAGETYPEINFO,
        "migration types, kept with recordings",
        "recordings lack them",
    ),
];

fn files(root: &Path) -> Vec<Finding> {
    let question = |&(name, path, gain, loss): &FileQuestion| match access(root, path) {
        Access::Readable => Finding::new(name, Answer::Yes, gain),
        Access::Refused => {
            Finding::new(name, Answer::No, format!("not for this user: {loss}")).advised(AS_ROOT)
        }
        Access::Missing => {
            let finding = Finding::new(name, Answer::No, format!("there is none: {loss}"));
            match name {
                "kpagecgroup" => finding.advised("the kernel needs CONFIG_MEMCG"),
                "kpageflags" | "kpagecount" => finding.advised(
                    "the kernel needs CONFIG_PROC_PAGE_MONITOR, and /proc all of its files (not subset=pid); in a container, mount the host's root and name it with --sysroot",
                ),
                _ => finding,
            }
        }
        Access::Failed(cause) => Finding::new(name, Answer::No, format!("{cause}: {loss}")),
    };
    let mut findings: Vec<Finding> = FILES.iter().map(question).collect();
    findings.push(where_ram_is(root));
    findings
}

fn where_ram_is(root: &Path) -> Finding {
    let machine = machine_of(root);
    match (&machine.ram, &machine.blocks) {
        (Some(ram), _) if access(root, file::IOMEM) == Access::Readable => Finding::new(
            "RAM",
            Answer::Yes,
            format!(
                "{} in known places",
                size(ram.pages().saturating_mul(machine.page_size.bytes()))
            ),
        ),
        (Some(_), _) | (None, Some(_)) => Finding::new(
            "RAM",
            Answer::Partly,
            "only memory blocks say where it is: holes inside them look like memory",
        )
        .advised("the kernel shows /proc/iomem with CAP_SYS_ADMIN"),
        (None, None) => Finding::new(
            "RAM",
            Answer::No,
            "nothing says where it is: holes look like memory without a mark",
        )
        .advised("the kernel shows /proc/iomem with CAP_SYS_ADMIN"),
    }
}

fn surroundings(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match confinement(root) {
        None => Finding::new(
            "confined",
            Answer::Fact,
            "neither in a container nor in a name space of users",
        ),
        Some(what) => Finding::new(
            "confined",
            Answer::Fact,
            format!("in {what}: what is missing here may be there outside"),
        ),
    });
    findings.push(match lockdown(root).as_deref() {
        None | Some("none") => {
            Finding::new("lockdown", Answer::Fact, "the kernel is not locked down")
        }
        Some(how) => Finding::new(
            "lockdown",
            Answer::Fact,
            format!("{how}: no file that is read here is closed by it"),
        ),
    });
    findings
}

fn of_processes(root: &Path) -> Vec<Finding> {
    let page_bytes = machine_of(root).page_size.bytes();
    let own = match Process::own(page_bytes) {
        Ok(own) => own,
        Err(error) => return vec![Finding::new("page tables", Answer::No, error.to_string())],
    };
    let numbers = match own.tells_page_numbers() {
        Ok(true) => Finding::new("page numbers", Answer::Yes, "page tables say which page is behind an address (--pid)"),
        Ok(false) => Finding::new(
            "page numbers",
            Answer::No,
            "page tables say that pages are there and not which: no process can be placed in memory",
        )
        .advised("the kernel shows page numbers with CAP_SYS_ADMIN"),
        Err(error) => Finding::new("page numbers", Answer::No, error.to_string()),
    };
    let scan = match own.has_scan() {
        Ok(true) => Finding::new(
            "PAGEMAP_SCAN",
            Answer::Yes,
            "large empty mappings cost nothing",
        ),
        Ok(false) => Finding::new(
            "PAGEMAP_SCAN",
            Answer::No,
            "the kernel is older than 6.7: a terabyte of reserved addresses takes seconds",
        ),
        Err(error) => Finding::new("PAGEMAP_SCAN", Answer::No, error.to_string()),
    };
    vec![numbers, scan, other_processes(root, page_bytes)]
}

fn other_processes(root: &Path, page_bytes: u64) -> Finding {
    let pids = processes(root).unwrap_or_default();
    let refused = |pid: &&u32| match Process::open(root, **pid, page_bytes) {
        Err(Error::Process { cause, .. }) => cause.kind() == std::io::ErrorKind::PermissionDenied,
        _ => false,
    };
    let refused = pids.iter().filter(refused).count();
    match refused {
        0 => Finding::new("processes", Answer::Yes, "all that are seen may be asked"),
        refused => {
            let told = [refused, pids.len()].map(|count| grouped(count as u64));
            let told = format!("{} of {} are not for this user", told[0], told[1]);
            let finding = Finding::new("processes", Answer::Partly, told);
            match access(root, file::KPAGEFLAGS) {
                // Root is kept from some as well.
                Access::Readable => finding,
                _ => finding.advised(AS_ROOT),
            }
        }
    }
}

/// What a worker counts.
#[derive(Default)]
struct Seen {
    /// Pages that have each of the 64 bits.
    bits: Vec<u64>,
    classes: Tally,
}

impl Seen {
    fn take(&mut self, block: &Block<'_>) {
        self.bits.resize(64, 0);
        self.classes.add(block.classes);
        for word in block.words {
            let mut rest = word.0;
            while rest != 0 {
                self.bits[rest.trailing_zeros() as usize] += 1;
                rest &= rest - 1;
            }
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.bits.resize(64, 0);
        let bits = self.bits.iter_mut().zip(&other.bits);
        bits.for_each(|(sum, more)| *sum += more);
        self.classes.merge(&other.classes);
        self
    }
}

fn of_memory(source: &System, threads: usize, terminal: &Terminal) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let (seen, ksm) = sweep(
        source,
        Reach::Everything,
        threads,
        terminal,
        Seen::default,
        |seen, block| {
            seen.take(block);
            Ok(())
        },
    )?;
    let all = seen.iter().fold(Seen::default(), Seen::merge);
    let counts = ClassCounts::settle(&all.classes, ksm);
    findings.push(holes(&all.bits, source.machine().ram.is_some()));
    findings.push(match ksm {
        KsmVerdict::Believed => Finding::new("KSM mark", Answer::Yes, "believed: not every anonymous page has it"),
        KsmVerdict::Doubted => Finding::new(
            "KSM mark",
            Answer::No,
            "every anonymous page has it (a mistake of some kernels), or none is there to tell: not believed",
        ),
    });
    findings.push(unmarked(source, &counts));
    findings.push(unknown_bits(&all.bits));
    Ok(findings)
}

fn holes(bits: &[u64], knows_ram: bool) -> Finding {
    let marked = bits[PageFlags::NOPAGE.0.trailing_zeros() as usize];
    match marked {
        0 if !knows_ram => Finding::new(
            "hole mark",
            Answer::No,
            "no page says NOPAGE, and nothing says where RAM is: holes look like pages without a mark",
        ),
        0 => Finding::new(
            "hole mark",
            Answer::No,
            "no page says NOPAGE, which kernels from 6.16 on never do: holes are known from where RAM is",
        ),
        marked => Finding::new(
            "hole mark",
            Answer::Yes,
            format!("{} pages say NOPAGE", grouped(marked)),
        ),
    }
}

/// What pages without a mark are.
fn unmarked(source: &System, counts: &ClassCounts) -> Finding {
    let page_bytes = source.machine().page_size.bytes();
    let told = |pages: u64| size(pages.saturating_mul(page_bytes));
    let pages = counts.of(Class::Unmarked);
    let meminfo = source.text(file::MEMINFO).unwrap_or_default();
    let counted = source.text(file::ZONEINFO);
    let counted = counted.map(|text| parse_waiting_pages(&text));
    let waiting = counted.unwrap_or(0).min(pages);
    let free = parse_meminfo_bytes(&meminfo, "MemFree").unwrap_or(0) / page_bytes;
    let strange = free
        .saturating_sub(counts.of(Class::Free))
        .min(pages - waiting);
    // Below a part in a hundred it is what changed meanwhile.
    let strange = if strange > free / 100 { strange } else { 0 };
    let rest = pages - waiting - strange;
    let mut parts = vec![match counted {
        None => "how many wait on processors' lists to be free is not known".to_owned(),
        Some(counted) if counted > pages => format!(
            "the kernel counts {} that wait on processors' lists to be free",
            told(counted)
        ),
        Some(_) => format!("{} wait on processors' lists to be free", told(waiting)),
    }];
    if strange > 0 {
        parts.push(format!(
            "{} are free and were never set up by the kernel",
            told(strange)
        ));
    }
    if rest > 0 {
        let whose = match counted {
            None => "are that or the kernel's own",
            Some(_) => "are the kernel's own",
        };
        parts.push(format!("{} {whose}", told(rest)));
    }
    Finding::new(
        "unmarked pages",
        Answer::Fact,
        format!("{}: {}", told(pages), parts.join(", ")),
    )
}

fn unknown_bits(bits: &[u64]) -> Finding {
    let is_known = |number: usize| BITS.iter().any(|bit| usize::from(bit.number) == number);
    let unknown = (0..64).filter(|&number| bits[number] > 0 && !is_known(number));
    let named: Vec<String> = unknown
        .map(|number| format!("bit {number} on {} pages", grouped(bits[number])))
        .collect();
    match named.as_slice() {
        [] => Finding::new("unknown bits", Answer::Fact, "none"),
        named => Finding::new("unknown bits", Answer::Fact, named.join(", "))
            .advised("they are shown by their numbers (--by flags --noise none)"),
    }
}
