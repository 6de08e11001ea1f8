//! Questions about how processes lie, resolved.

use std::path::PathBuf;

use super::args::{OrdersArgs, OrdersFormatArg};
use super::request::threads_or_all;
use crate::facts::Omitted;
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
