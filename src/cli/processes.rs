//! Questions about how processes lie, resolved.

use std::path::PathBuf;

use super::args::{
    AskArgs, DoctorArgs, OrdersArgs, OrdersFormatArg, OwnerArgs, PagetableArgs, SegmentsArgs,
    SourceArgs, TableFormatArg, ThpArgs, ThpFormatArg,
};
use super::request::Request;
use super::selection::selection;
use super::source::{SourceRequest, size};
use super::workers::threads;
use crate::facts::Omitted;
use crate::kernel::{Pfn, parse_number};
use crate::mappings::Contiguity;
use crate::output::TableFormat;

/// Which processes are asked.
#[derive(Clone, Debug)]
pub enum Who {
    /// All that there are.
    All,
    /// These.
    Pids(Vec<u32>),
    /// Those of a cgroup and of those below it, by its directory.
    Cgroup(PathBuf),
}

/// Whom to ask, and how.
#[derive(Debug)]
pub struct Asked {
    /// Where `proc` is.
    pub root: PathBuf,
    /// Which processes.
    pub who: Who,
    /// Workers.
    pub threads: usize,
    /// No remarks.
    pub quiet: bool,
}

impl Asked {
    fn new(args: AskArgs) -> Self {
        Self {
            root: args.sysroot.unwrap_or_else(|| "/".into()),
            who: match args.cgroup {
                Some(path) => Who::Cgroup(path),
                None if args.pids.is_empty() => Who::All,
                None => Who::Pids(args.pids),
            },
            threads: threads(&args.work),
            quiet: args.work.quiet,
        }
    }
}

/// Blocks of processes by order.
#[derive(Debug)]
pub struct OrdersRequest {
    /// Whom to ask.
    pub asked: Asked,
    /// What has to be contiguous.
    pub contiguity: Contiguity,
    /// Whether each mapping has a row.
    pub mappings: bool,
    /// Which mappings are left out.
    pub omitted: Omitted,
    /// The format; `None` is that of mem_hist.py.
    pub format: Option<TableFormat>,
}

/// Blocks of all memory by order.
#[derive(Debug)]
pub struct SystemOrdersRequest {
    /// Where flags come from.
    pub source: SourceRequest,
    /// Whether the kernel's counts are shown, too.
    pub verbose: bool,
    /// The format.
    pub format: TableFormat,
    /// Workers.
    pub threads: usize,
    /// No remarks.
    pub quiet: bool,
}

pub(super) fn orders(args: OrdersArgs) -> Result<Request, String> {
    let format = match args.format {
        OrdersFormatArg::Text => Some(TableFormat::Aligned),
        OrdersFormatArg::Json => Some(TableFormat::Json),
        OrdersFormatArg::Csv => Some(TableFormat::Csv),
        OrdersFormatArg::Tsv => Some(TableFormat::Tsv),
        OrdersFormatArg::MemHist => None,
    };
    if args.system {
        let source = SourceArgs {
            sysroot: args.ask.sysroot,
            from: args.from,
            page_size: args.page_size,
        };
        return Ok(Request::SystemOrders(SystemOrdersRequest {
            source: SourceRequest::one(source)?.only(selection(args.selection)?),
            verbose: args.verbose,
            format: format.ok_or("--format mem_hist is for processes, not for --system")?,
            threads: threads(&args.ask.work),
            quiet: args.ask.work.quiet,
        }));
    }
    // Not left to clap: what --system conflicts with would waive it.
    let selection = &args.selection;
    let options = [
        (args.verbose, "--verbose"),
        (args.from.is_some(), "--from"),
        (args.page_size.is_some(), "--page-size"),
        (!selection.node.is_empty(), "--node"),
        (!selection.zone.is_empty(), "--zone"),
        (!selection.range.is_empty(), "--range"),
    ];
    for (is_said, option) in options {
        if is_said {
            return Err(format!("{option} is for --system"));
        }
    }
    let omits = args.omit_file_backed || args.omit_unfaulted_vmas;
    Ok(Request::Orders(OrdersRequest {
        asked: Asked::new(args.ask),
        contiguity: match args.physical {
            true => Contiguity::Physical,
            false => Contiguity::Virtual,
        },
        mappings: args.mappings || omits,
        omitted: Omitted {
            file_backed: args.omit_file_backed,
            unfaulted: args.omit_unfaulted_vmas,
        },
        format,
    }))
}

/// A page table, page by page.
#[derive(Debug)]
pub struct PagetableRequest {
    /// Where `proc` is.
    pub root: PathBuf,
    /// The process.
    pub pid: u32,
    /// Words of the names of areas; all where there is none.
    pub areas: Vec<String>,
    /// The one address.
    pub address: Option<u64>,
    /// Areas without their pages.
    pub areas_only: bool,
    /// The format.
    pub format: TableFormat,
}

pub(super) fn pagetable(args: PagetableArgs) -> Result<PagetableRequest, String> {
    let hexadecimal = |text: &str| {
        let digits = text.trim_start_matches("0x");
        u64::from_str_radix(digits, 16)
            .map_err(|_| format!("--address {text} is no hexadecimal address"))
    };
    Ok(PagetableRequest {
        root: args.answer.sysroot.unwrap_or_else(|| "/".into()),
        pid: args.pid,
        areas: args.areas,
        address: args.address.as_deref().map(hexadecimal).transpose()?,
        areas_only: args.quiet,
        format: table_format(args.answer.format),
    })
}

pub(super) fn table_format(format: TableFormatArg) -> TableFormat {
    match format {
        TableFormatArg::Text => TableFormat::Aligned,
        TableFormatArg::Json => TableFormat::Json,
        TableFormatArg::Csv => TableFormat::Csv,
        TableFormatArg::Tsv => TableFormat::Tsv,
    }
}

/// What a system lets us read.
#[derive(Debug)]
pub struct DoctorRequest {
    /// Where `proc` is.
    pub root: PathBuf,
    /// The format.
    pub format: TableFormat,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

pub(super) fn doctor(args: DoctorArgs) -> DoctorRequest {
    DoctorRequest {
        root: args.answer.sysroot.unwrap_or_else(|| "/".into()),
        format: table_format(args.answer.format),
        threads: threads(&args.work),
        quiet: args.work.quiet,
    }
}

/// Segments of a process.
#[derive(Debug)]
pub struct SegmentsRequest {
    /// Where `proc` is.
    pub root: PathBuf,
    /// The process.
    pub pid: u32,
    /// All, and not the largest alone.
    pub all: bool,
    /// Whether physical ranges are listed.
    pub ranges: bool,
    /// The format.
    pub format: TableFormat,
}

pub(super) fn segments(args: SegmentsArgs) -> SegmentsRequest {
    SegmentsRequest {
        root: args.answer.sysroot.unwrap_or_else(|| "/".into()),
        pid: args.pid,
        all: args.all,
        ranges: args.mappings,
        format: table_format(args.answer.format),
    }
}

/// Who holds pages.
#[derive(Debug)]
pub struct OwnerRequest {
    /// Where `proc` is.
    pub root: PathBuf,
    /// The pages.
    pub pages: Vec<PageAt>,
    /// The format.
    pub format: TableFormat,
    /// Workers.
    pub threads: usize,
    /// No remarks.
    pub quiet: bool,
}

/// A page, by its number or by an address in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAt {
    /// Its number.
    Number(Pfn),
    /// A physical address.
    Address(u64),
}

impl PageAt {
    /// Its number, with pages of so many bytes.
    pub fn pfn(self, page_bytes: u64) -> Pfn {
        match self {
            Self::Number(pfn) => pfn,
            Self::Address(address) => Pfn(address / page_bytes),
        }
    }
}

/// Page numbers have 55 bits.
const LAST_PAGE: u64 = 1 << 55;

pub(super) fn owner(args: OwnerArgs) -> Result<OwnerRequest, String> {
    let page = |text: &String| {
        let number = |text| parse_number(text).filter(|&pfn| pfn < LAST_PAGE);
        let found = match (text.strip_prefix("pfn:"), text.starts_with("0x")) {
            (Some(pfn), _) => number(pfn).map(|pfn| PageAt::Number(Pfn(pfn))),
            (None, true) => parse_number(text).map(PageAt::Address),
            (None, false) => number(text).map(|pfn| PageAt::Number(Pfn(pfn))),
        };
        found.ok_or_else(|| {
            format!("'{text}' is no page (a page number, pfn:0x… for a hexadecimal one, or an address 0x…)")
        })
    };
    Ok(OwnerRequest {
        root: args.answer.sysroot.unwrap_or_else(|| "/".into()),
        pages: args.pages.iter().map(page).collect::<Result<_, String>>()?,
        format: table_format(args.answer.format),
        threads: threads(&args.work),
        quiet: args.work.quiet,
    })
}

/// Large folios of processes.
#[derive(Debug)]
pub struct ThpRequest {
    /// Whom to ask.
    pub asked: Asked,
    /// Sizes of blocks that are counted, too, in bytes.
    pub blocks: Vec<u64>,
    /// What has rows of its own.
    pub detail: Detail,
    /// The format; `None` is that of thpmaps.
    pub format: Option<TableFormat>,
}

/// What has rows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All processes are one.
    Sum,
    /// Each process.
    Processes,
    /// Each mapping.
    Mappings,
}

pub(super) fn thp(args: ThpArgs) -> Result<ThpRequest, String> {
    let block = |text: &String| {
        let bytes = size(text).filter(|bytes| bytes.is_power_of_two());
        bytes.ok_or_else(|| format!("--cont {text} is no size of a block (64K, 1MiB, 65536)"))
    };
    let format = match args.format {
        ThpFormatArg::Text => Some(TableFormat::Aligned),
        ThpFormatArg::Json => Some(TableFormat::Json),
        ThpFormatArg::Csv => Some(TableFormat::Csv),
        ThpFormatArg::Tsv => Some(TableFormat::Tsv),
        ThpFormatArg::Thpmaps => None,
    };
    Ok(ThpRequest {
        asked: Asked::new(args.ask),
        blocks: args.cont.iter().map(block).collect::<Result<_, String>>()?,
        detail: match (args.rollup, args.mappings || format.is_none()) {
            (true, _) => Detail::Sum,
            (false, true) => Detail::Mappings,
            (false, false) => Detail::Processes,
        },
        format,
    })
}
