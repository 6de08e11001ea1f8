//! Machines that are not the usual one: other page sizes, terabytes with holes, gigantic pages, many nodes.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use common::{bytes, decode, json, scratch, succeed, text, tool};
use serde_json::Value;

const LOCKED: u64 = 1;
const BUDDY: u64 = 1 << 10;
const MMAP: u64 = 1 << 11;
const ANON: u64 = 1 << 12;
const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;
const HUGE: u64 = 1 << 17;
const SLAB: u64 = 1 << 7;

/// A made-up machine with pages of so many KiB, a PMD of as many pages as a table has entries, and an allocator
/// of so many orders.
struct Made {
    page_kib: u64,
    orders: usize,
    flags: Vec<u64>,
}

impl Made {
    fn compound(&mut self, at: usize, order: u32, kind: u64) {
        let pages = &mut self.flags[at..at + (1 << order)];
        pages.fill(TAIL | kind);
        pages[0] = HEAD | kind;
    }

    /// Writes it with one zone and the free blocks that the kernel would count.
    fn write(&self, root: &Path, free: &[(usize, u64)]) {
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        };
        write(
            "proc/zoneinfo",
            &zone(0, "Normal", 0, self.flags.len() as u64),
        );
        let mut blocks = vec![0; self.orders];
        free.iter()
            .for_each(|&(order, count)| blocks[order] = count);
        let blocks: Vec<String> = blocks.iter().map(u64::to_string).collect();
        write(
            "proc/buddyinfo",
            &format!("Node 0, zone   Normal {} \n", blocks.join(" ")),
        );
        // The page size is told by counters that are in pages here and in KiB there.
        write(
            "proc/vmstat",
            "nr_mapped 1000\nnr_anon_pages 2000\nnr_free_pages 3000\n",
        );
        let kib = self.page_kib;
        let meminfo = format!(
            "MemTotal: {} kB\nMemFree: {} kB\nAnonPages: {} kB\nMapped: {} kB\nHardwareCorrupted: 0 kB\n",
            self.flags.len() as u64 * kib,
            3000 * kib,
            2000 * kib,
            1000 * kib
        );
        write("proc/meminfo", &meminfo);
        let pmd_bytes = (kib << 10) * (kib << 10) / 8;
        let pmd = "sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
        write(pmd, &format!("{pmd_bytes}\n"));
        fs::write(root.join("proc/kpageflags"), bytes(&self.flags)).expect("flags");
    }
}

fn zone(node: u32, name: &str, start: u64, spanned: u64) -> String {
    format!(
        "Node {node}, zone   {name}\n        spanned  {spanned}\n  start_pfn:           {start}\n"
    )
}

fn snapshot(root: &Path, options: &[&str]) -> Value {
    let fixed = ["snapshot", "-", "--sysroot", text(root)];
    decode(&succeed(fixed.iter().chain(options))).facts
}

fn pages(facts: &Value, class: &str) -> u64 {
    facts["classes"][class]["pages"].as_u64().expect("pages")
}

/// Pages of each line of the legend that has that beginning.
fn legend(facts: &Value, beginning: &str) -> Vec<(String, u64)> {
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let line = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name").to_owned();
        (name, entry["pages"].as_u64().expect("pages"))
    };
    let lines = legend.iter().map(line);
    lines
        .filter(|(name, _)| name.starts_with(beginning))
        .collect()
}

/// The row of `orders --system` with that name and zone: blocks by the name of their size.
fn system_row(root: &Path, what: &str) -> Value {
    let rows = [
        "orders",
        "--system",
        "--format",
        "json",
        "--sysroot",
        text(root),
    ];
    let rows = json(&succeed(rows));
    let mut rows = rows.as_array().expect("rows").iter();
    rows.find(|row| row["what"] == what).expect("a row").clone()
}

#[test]
fn pages_of_64_kib_have_huge_pages_of_512_mib() {
    let root = scratch();
    let mut machine = Made {
        page_kib: 64,
        orders: 14,
        flags: vec![SLAB; 1 << 16],
    };
    machine.compound(8192, 13, ANON | MMAP);
    // What a PMD maps on x86 is a large folio here, and no huge page.
    machine.compound(16384, 9, ANON | MMAP);
    machine.compound(1 << 15, 14, HUGE | MMAP);
    machine.flags[24576..24576 + 8192].fill(BUDDY);
    machine.flags[100..103].fill(BUDDY);
    machine.write(root.path(), &[(0, 1), (1, 1), (13, 1)]);
    let facts = snapshot(root.path(), &[]);
    assert_eq!(facts["page_size"], 65536);
    assert_eq!(facts["page_size_assumed"], false);
    assert_eq!(
        (pages(&facts, "anon-thp"), pages(&facts, "anon-large")),
        (8192, 512)
    );
    let free = snapshot(root.path(), &["--by", "free-order"]);
    assert_eq!(
        legend(&free, "free "),
        [
            ("free 64 KiB", 1),
            ("free 128 KiB", 2),
            ("free 512 MiB", 8192)
        ]
        .map(|(name, pages)| (name.to_owned(), pages))
    );
    let checked = &free["free_blocks"][0];
    assert_eq!(checked["found"].as_array().map(Vec::len), Some(14));
    assert_eq!(checked["found"], checked["buddyinfo_before"]);
    let difference = checked["difference"].as_array().expect("orders");
    assert!(difference.iter().all(|apart| *apart == 0));
    let folios = snapshot(root.path(), &["--by", "folio-order"]);
    assert_eq!(
        legend(&folios, "anon "),
        [("anon 32 MiB".into(), 512), ("anon 512 MiB".into(), 8192)]
    );
    assert_eq!(
        legend(&folios, "hugetlb "),
        [("hugetlb 1 GiB".into(), 1 << 14)]
    );
    assert_eq!(system_row(root.path(), "free")["512MiB"], 1);
    assert_eq!(system_row(root.path(), "hugetlb")["1GiB"], 1);
}

#[test]
fn pages_of_16_kib_have_huge_pages_of_32_mib() {
    let root = scratch();
    let mut machine = Made {
        page_kib: 16,
        orders: 13,
        flags: vec![SLAB; 1 << 16],
    };
    machine.compound(2048, 11, ANON | MMAP);
    machine.compound(4096, 9, ANON | MMAP);
    machine.flags[8192..8192 + 4096].fill(BUDDY);
    machine.write(root.path(), &[(12, 1)]);
    let facts = snapshot(root.path(), &["--pages-per-pixel", "1"]);
    assert_eq!(facts["page_size"], 16384);
    assert_eq!(
        (pages(&facts, "anon-thp"), pages(&facts, "anon-large")),
        (2048, 512)
    );
    // A row stays 512 pages wide.
    let rows = &facts["picture"]["rows"][0];
    assert_eq!(rows["height"], (1 << 16) / 512);
    let free = snapshot(root.path(), &["--by", "free-order"]);
    assert_eq!(legend(&free, "free "), [("free 64 MiB".into(), 4096)]);
    assert_eq!(
        free["free_blocks"][0]["difference"],
        serde_json::json!(vec![0; 13])
    );
}

#[test]
fn folios_are_measured_across_the_borders_of_what_is_read() {
    let root = scratch();
    let mut machine = Made {
        page_kib: 4,
        orders: 11,
        flags: vec![SLAB; 1 << 20],
    };
    // 1 GiB and 2 GiB across chunks, and one that ends with memory's end; tails that lost their head.
    machine.compound(1 << 18, 18, HUGE | MMAP);
    machine.compound(1 << 19, 19, HUGE | MMAP);
    machine.flags[200_000..200_000 + 700].fill(TAIL | ANON);
    machine.compound(65536, 16, HUGE | MMAP);
    machine.write(root.path(), &[]);
    let folios = snapshot(root.path(), &["--by", "folio-order"]);
    let expected = [
        ("hugetlb 256 MiB", 1u64 << 16),
        ("hugetlb 1 GiB", 1 << 18),
        ("hugetlb 2 GiB", 1 << 19),
    ];
    let expected = expected.map(|(name, pages)| (name.to_owned(), pages));
    assert_eq!(legend(&folios, "hugetlb "), expected);
    assert_eq!(legend(&folios, "anon "), [("anon 4 KiB".into(), 700)]);
    let row = system_row(root.path(), "hugetlb");
    assert_eq!(
        (&row["256MiB"], &row["1GiB"], &row["2GiB"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(row["memory"], (65536 + (1u64 << 18) + (1 << 19)) * 4096);
}

/// Eighty nodes of 64 MiB each.
#[test]
fn more_than_64_nodes_are_drawn_and_chosen() {
    let root = scratch();
    let mut machine = Made {
        page_kib: 4,
        orders: 11,
        flags: vec![ANON | MMAP; 80 * 16384],
    };
    machine.flags[79 * 16384..].fill(BUDDY);
    machine.write(root.path(), &[]);
    let zones: String = (0..80)
        .map(|node| zone(node, "Normal", u64::from(node) * 16384, 16384))
        .collect();
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let nodes = snapshot(root.path(), &["--by", "node"]);
    let mut lines = legend(&nodes, "Node ");
    assert_eq!(lines.remove(0), ("Node 0".into(), 16384));
    assert_eq!(legend(&nodes, "72 more"), [("72 more".into(), 71 * 16384)]);
    let last = snapshot(root.path(), &["--node", "79"]);
    assert_eq!((pages(&last, "free"), pages(&last, "anon")), (16384, 0));
    for options in [&["--legend", "right"][..], &["--layout", "hilbert"]] {
        snapshot(root.path(), options);
    }
}

/// 12 TiB of RAM in a file of which next to nothing is written, with holes of terabytes.
#[test]
fn terabytes_are_drawn_in_seconds_and_little_memory() {
    const TIB: u64 = 1 << 28;
    let root = scratch();
    let proc = root.path().join("proc");
    fs::create_dir_all(&proc).expect("a directory");
    let nodes = [
        (0, 0, 4 * TIB),
        (1, 16 * TIB, 20 * TIB),
        (2, 40 * TIB, 44 * TIB),
    ];
    let line = |(_, start, end): &(u32, u64, u64)| {
        format!("{:08x}-{:08x} : System RAM\n", start << 12, (end << 12) - 1)
    };
    let iomem: String = nodes.iter().map(line).collect();
    fs::write(proc.join("iomem"), iomem).expect("iomem");
    let zones = nodes.map(|(node, start, end)| zone(node, "Normal", start, end - start));
    fs::write(proc.join("zoneinfo"), zones.concat()).expect("zones");
    let flags = File::create(proc.join("kpageflags")).expect("flags");
    flags.set_len(44 * TIB * 8).expect("a sparse file");
    // A page of 64 GiB, and something at both ends.
    let order = 24;
    let head = 16 * TIB + (1 << order);
    for chunk in 0..64u64 {
        let mut words = vec![TAIL | HUGE | MMAP; 1 << 18];
        if chunk == 0 {
            words[0] = HEAD | HUGE | MMAP;
        }
        let at = (head + (chunk << 18)) * 8;
        flags.write_all_at(&bytes(&words), at).expect("flags");
    }
    flags.write_all_at(&bytes(&[ANON; 512]), 0).expect("flags");
    let end = (44 * TIB - 512) * 8;
    flags
        .write_all_at(&bytes(&[LOCKED; 512]), end)
        .expect("flags");
    drop(flags);

    let facts = measured(root.path(), &[]);
    assert_eq!(pages(&facts, "hugetlb"), 1 << order);
    assert_eq!((pages(&facts, "anon"), pages(&facts, "other")), (512, 512));
    assert_eq!(pages(&facts, "hole"), 32 * TIB);
    assert_eq!(pages(&facts, "unmarked"), 12 * TIB - (1 << order) - 1024);
    // Holes are cut out, and what is drawn fits.
    assert!(facts["picture"]["height"].as_u64().expect("a height") < 2400);
    let part = [
        "--node",
        "1",
        "--range",
        "16TiB+256GiB",
        "--by",
        "folio-order",
    ];
    let part = measured(root.path(), &part);
    assert_eq!(
        legend(&part, "hugetlb "),
        [("hugetlb 64 GiB".into(), 1 << order)]
    );
}

/// Draws with a limit on the memory that the program has, and says in how much time.
fn measured(root: &Path, options: &[&str]) -> Value {
    let picture = root.join("picture.png");
    let words = [
        "snapshot",
        "--sysroot",
        text(root),
        "--json",
        "-",
        text(&picture),
    ];
    let started = std::time::Instant::now();
    let mut child = tool()
        .args(words.iter().chain(options))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak_kib.max(kib.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("a child");
    assert!(output.status.success());
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{options:?}: {seconds:.1} s, {peak_kib} KiB");
    assert!(peak_kib < 32 << 10, "{peak_kib} KiB");
    assert!(seconds < 60.0, "{seconds:.1} s");
    json(&output.stdout)
}
