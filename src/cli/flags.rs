//! A question about flags, resolved.

use std::path::{Path, PathBuf};

use super::args::{FlagsArgs, FormatArg, SourceArgs};
use super::selection::selection;
use super::source::SourceRequest;
use super::workers::threads;
use crate::facts::{ListColumns, ListPlace};
use crate::inventory::{Sight, Wanted};
use crate::kernel::{BitFilter, Edition, Folding, PageFlags, PageSpan, parse_flags, parse_number};
use crate::output::TableFormat;

/// Flags to be explained, or pages to be counted and listed.
#[derive(Debug)]
pub enum FlagsRequest {
    /// What these flags are called.
    Describe {
        /// The flags.
        flags: PageFlags,
        /// Whose names.
        edition: Edition,
        /// What was taken for what.
        remarks: Vec<String>,
    },
    /// Pages.
    Pages(Box<PagesRequest>),
}

/// Pages to be counted and listed, fully said.
#[derive(Debug)]
pub struct PagesRequest {
    /// Where flags come from.
    pub source: SourceRequest,
    /// How they are seen, and which count.
    pub sight: Sight,
    /// Whose pages.
    pub of: PagesOf,
    /// Which of them; all where there is none.
    pub spans: Vec<PageSpan>,
    /// The cgroup, by its directory or its inode.
    pub cgroup: Option<Cgroup>,
    /// What is listed; the summary alone when `None`.
    pub list: Option<ListColumns>,
    /// Whether there is a summary.
    pub summary: bool,
    /// The format.
    pub format: FlagsFormat,
    /// What was taken for what.
    pub remarks: Vec<String>,
    /// Workers.
    pub threads: usize,
    /// No progress, no remarks.
    pub quiet: bool,
}

/// Whose pages are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagesOf {
    /// All of memory.
    Memory,
    /// Those of a process, of the system below a root.
    Process {
        /// Where `proc` is.
        root: PathBuf,
        /// Its number.
        pid: u32,
    },
    /// Those that hold a file, or the files below a directory.
    File(PathBuf),
}

/// A memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cgroup {
    /// By its directory.
    Directory(PathBuf),
    /// By its inode.
    Inode(u64),
}

/// A format of counts and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsFormat {
    /// A table.
    Table(TableFormat),
    /// As page-types prints it.
    PageTypes,
}

impl PagesRequest {
    /// What is asked of each page beside its flags. `cgroup` is the inode that was found.
    pub fn wanted(&self, cgroup: Option<u64>) -> Wanted {
        Wanted {
            cgroup,
            cgroups: self.list.is_some_and(|list| list.cgroup),
            counts: self.list.is_some_and(|list| list.map_count),
        }
    }
}

pub(super) fn flags(args: FlagsArgs) -> Result<FlagsRequest, String> {
    for (asked, name) in [
        (args.mark_idle, "--mark-idle"),
        (args.hwpoison, "--hwpoison"),
        (args.unpoison, "--unpoison"),
    ] {
        if asked {
            return Err(format!(
                "{name} changes the system, and this tool only reads (page-types does it)"
            ));
        }
    }
    let (format, edition) = format(args.format);
    if let Some(text) = &args.describe {
        return parse_flags(text, edition)
            .map(|(flags, remarks)| FlagsRequest::Describe {
                flags,
                edition,
                remarks,
            })
            .map_err(|reason| format!("--describe: {reason}"));
    }
    let mut remarks = Vec::new();
    let filter = |text: &String| {
        let (filter, said) =
            BitFilter::parse(text, edition).map_err(|reason| format!("--bits {text}: {reason}"))?;
        remarks.extend(said);
        Ok::<_, String>(filter)
    };
    let filters = args
        .bits
        .iter()
        .map(filter)
        .collect::<Result<Vec<_>, _>>()?;
    let span = |text: &String| PageSpan::parse(text).map_err(|reason| format!("--addr: {reason}"));
    let spans = args.addr.iter().map(span).collect::<Result<Vec<_>, _>>()?;
    let of = pages_of(&args)?;
    if args.list_cgroup && !(args.list || args.list_each) {
        remarks.push("--list-cgroup does nothing without --list or --list-each".to_owned());
    }
    if args.list_mapcnt && !(args.list || args.list_each) {
        remarks.push("--list-mapcnt does nothing without --list or --list-each".to_owned());
    }
    let place = match &of {
        PagesOf::Memory => None,
        PagesOf::Process { .. } => Some(ListPlace::Address),
        PagesOf::File(_) => Some(ListPlace::File),
    };
    let list = (args.list || args.list_each).then_some(ListColumns {
        place,
        cgroup: args.list_cgroup,
        map_count: args.list_mapcnt,
        runs: args.list,
    });
    // One document has one table: where programs read a list, there is no summary behind it.
    let is_document = matches!(format, FlagsFormat::Table(table) if table != TableFormat::Aligned);
    if is_document && args.no_summary && list.is_none() {
        return Err("--no-summary without a list leaves nothing to be printed".to_owned());
    }
    Ok(FlagsRequest::Pages(Box::new(PagesRequest {
        sight: Sight {
            edition,
            folding: if args.raw {
                Folding::Raw
            } else {
                Folding::WellKnown
            },
            filters,
        },
        of,
        spans,
        cgroup: args.cgroup.as_deref().map(cgroup).transpose()?,
        summary: !(args.no_summary || is_document && list.is_some()),
        list,
        format,
        remarks,
        source: SourceRequest::one(SourceArgs {
            from: args.kpageflags.or(args.source.from),
            ..args.source
        })?
        .only(selection(args.selection)?),
        threads: threads(&args.work),
        quiet: args.work.quiet,
    })))
}

fn format(format: FormatArg) -> (FlagsFormat, Edition) {
    let table = |format| (FlagsFormat::Table(format), Edition::V6_12);
    match format {
        FormatArg::People => table(TableFormat::Aligned),
        FormatArg::Json => table(TableFormat::Json),
        FormatArg::Csv => table(TableFormat::Csv),
        FormatArg::Tsv => table(TableFormat::Tsv),
        FormatArg::PageTypes => (FlagsFormat::PageTypes, Edition::V6_12),
        FormatArg::PageTypes6_1 => (FlagsFormat::PageTypes, Edition::V6_1),
        FormatArg::PageTypes5_10 => (FlagsFormat::PageTypes, Edition::V5_10),
    }
}

fn pages_of(args: &FlagsArgs) -> Result<PagesOf, String> {
    let pid = args.pid.as_deref().map(|text| {
        let pid = parse_number(text).and_then(|pid| u32::try_from(pid).ok());
        pid.ok_or_else(|| format!("--pid {text} is no number of a process"))
    });
    let from = args.kpageflags.as_ref().or(args.source.from.as_ref());
    if from.is_some() && (pid.is_some() || args.file.is_some()) {
        return Err(
            "--pid and --file ask what is now, so they do not go with flags of another time (--from)"
                .to_owned(),
        );
    }
    match (pid.transpose()?, &args.file, &args.source.sysroot) {
        (Some(pid), _, root) => Ok(PagesOf::Process {
            root: root.clone().unwrap_or_else(|| "/".into()),
            pid,
        }),
        (None, Some(_), Some(_)) => {
            Err("--file asks the running kernel, so it does not go with --sysroot".to_owned())
        }
        (None, Some(path), None) => Ok(PagesOf::File(path.clone())),
        (None, None, _) => Ok(PagesOf::Memory),
    }
}

/// A cgroup by its directory or `@INODE`.
pub(super) fn cgroup(path: &Path) -> Result<Cgroup, String> {
    match path.to_str().and_then(|text| text.strip_prefix('@')) {
        // In one spelling, as its name may be kept and looked up; it may be gone when it is looked up.
        None => Ok(Cgroup::Directory(
            path.canonicalize()
                .unwrap_or_else(|_| path.components().collect()),
        )),
        Some(inode) => inode.parse().map(Cgroup::Inode).map_err(|_| {
            format!("--cgroup @{inode} is no inode (a number after @, or a directory)")
        }),
    }
}
