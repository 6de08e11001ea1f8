//! Questions about how processes lie, resolved.

use std::path::PathBuf;

use super::args::{
    OrdersArgs, OrdersFormatArg, OwnerArgs, PagetableArgs, SegmentsArgs, TableFormatArg,
};
use super::request::threads_or_all;
use crate::facts::Omitted;
use crate::kernel::{Pfn, parse_number};
use crate::mappings::Contiguity;
use crate::output::TableFormat;

/// Blocks of processes by order.
#[derive(Debug)]
pub struct OrdersRequest {
    /// Where `proc` is.
    pub root: PathBuf,
    /// Processes; all where there is none.
    pub pids: Vec<u32>,
    /// What has to be contiguous.
    pub contiguity: Contiguity,
    /// Whether each mapping has a row.
    pub mappings: bool,
    /// Which mappings are left out.
    pub omitted: Omitted,
    /// The format; `None` is that of mem_hist.py.
    pub format: Option<TableFormat>,
    /// Workers.
    pub threads: usize,
    /// No remarks.
    pub quiet: bool,
}

pub(super) fn orders(args: OrdersArgs) -> OrdersRequest {
    let omits = args.omit_file_backed || args.omit_unfaulted_vmas;
    OrdersRequest {
        root: args.sysroot.unwrap_or_else(|| "/".into()),
        pids: args.pids,
        contiguity: match args.physical {
            true => Contiguity::Physical,
            false => Contiguity::Virtual,
        },
        mappings: args.mappings || omits,
        omitted: Omitted {
            file_backed: args.omit_file_backed,
            unfaulted: args.omit_unfaulted_vmas,
        },
        format: match args.format {
            OrdersFormatArg::Text => Some(TableFormat::Aligned),
            OrdersFormatArg::Json => Some(TableFormat::Json),
            OrdersFormatArg::Csv => Some(TableFormat::Csv),
            OrdersFormatArg::Tsv => Some(TableFormat::Tsv),
            OrdersFormatArg::MemHist => None,
        },
        threads: threads_or_all(args.threads),
        quiet: args.quiet,
    }
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

fn table_format(format: TableFormatArg) -> TableFormat {
    match format {
        TableFormatArg::Text => TableFormat::Aligned,
        TableFormatArg::Json => TableFormat::Json,
        TableFormatArg::Csv => TableFormat::Csv,
        TableFormatArg::Tsv => TableFormat::Tsv,
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
        threads: threads_or_all(args.threads),
        quiet: args.quiet,
    })
}
