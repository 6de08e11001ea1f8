//! What is typed to ask how processes lie.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::SelectionArgs;
use super::work::WorkArgs;

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz orders\n  \
    sudo pagemap-viz orders 812 --physical\n  \
    sudo pagemap-viz orders --format mem_hist --omit-file-backed --omit-unfaulted-vmas\n  \
    sudo pagemap-viz orders --system\n\
    A block of an order is 2^order pages, aligned to its size and present as a whole; what is part of a larger block\n\
    does not count again. Processes with the largest blocks come last.")]
pub(in crate::cli) struct OrdersArgs {
    #[command(flatten)]
    pub(in crate::cli) ask: AskArgs,

    /// Of all memory: free blocks by zone, and folios by family; what snapshot --by free-order and folio-order draw
    #[arg(long, conflicts_with_all = ["pids", "cgroup", "physical", "mappings", "omit_file_backed", "omit_unfaulted_vmas"])]
    pub(in crate::cli) system: bool,

    /// With --system a recording, its last frame or frame N, or a raw copy of /proc/kpageflags
    #[arg(long, value_name = "FILE[@N]", conflicts_with = "sysroot")]
    pub(in crate::cli) from: Option<PathBuf>,

    /// With --system the base page size of a copy: 4096, 16KiB, 64k
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) page_size: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    /// With --system the kernel's own counts of free blocks, before and after, and where they differ
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,

    /// Blocks that are contiguous and aligned in memory, too, and not in addresses alone
    #[arg(long)]
    pub(in crate::cli) physical: bool,

    /// A row for each mapping
    #[arg(long)]
    pub(in crate::cli) mappings: bool,

    /// Leave out mappings of files
    #[arg(long)]
    pub(in crate::cli) omit_file_backed: bool,

    /// Leave out mappings of which nothing is present
    #[arg(long)]
    pub(in crate::cli) omit_unfaulted_vmas: bool,

    /// text, json, csv, tsv, or mem_hist (the layout of mem_hist.py)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: OrdersFormatArg,
}

/// Which processes are asked, where, and with how much ado.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AskArgs {
    /// Processes; default: all
    #[arg(value_name = "PID")]
    pub(in crate::cli) pids: Vec<u32>,

    /// The processes of this cgroup, by its directory, and of those below it
    #[arg(long, value_name = "PATH", conflicts_with = "pids")]
    pub(in crate::cli) cgroup: Option<PathBuf>,

    /// Processes of the captured system below DIR
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) sysroot: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz thp\n  \
    sudo pagemap-viz thp 812 --mappings --cont 64K\n  \
    sudo pagemap-viz thp --cgroup /sys/fs/cgroup/system.slice --rollup --format json\n\
    Aligned: whole folios at addresses that are multiples of their size; unaligned: whole ones elsewhere; partial: folios\n\
    of which a mapping does not have all pages. Shares are shares of what is resident of the same kind.")]
pub(in crate::cli) struct ThpArgs {
    #[command(flatten)]
    pub(in crate::cli) ask: AskArgs,

    /// Count blocks of this size, too, that are aligned in addresses and in memory and inside one folio; again for more
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) cont: Vec<String>,

    /// Rows for each mapping
    #[arg(long, conflicts_with = "rollup")]
    pub(in crate::cli) mappings: bool,

    /// All processes together
    #[arg(long)]
    pub(in crate::cli) rollup: bool,

    /// text, json, csv, tsv, or thpmaps (the layout of the kernel's thpmaps, by mapping unless --rollup)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: ThpFormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum ThpFormatArg {
    Text,
    Json,
    Csv,
    Tsv,
    Thpmaps,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum OrdersFormatArg {
    Text,
    Json,
    Csv,
    Tsv,
    #[value(name = "mem_hist")]
    MemHist,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz segments 812\n  \
    sudo pagemap-viz segments 812 -a -m --format csv\n\
    A page is a folio as far as the segment has it: a head and the tails that follow it in memory.")]
pub(in crate::cli) struct SegmentsArgs {
    /// The process
    pub(in crate::cli) pid: u32,

    /// All segments, and not the largest alone
    #[arg(short, long)]
    pub(in crate::cli) all: bool,

    /// Where its pages are in memory, too
    #[arg(short, long)]
    pub(in crate::cli) mappings: bool,

    #[command(flatten)]
    pub(in crate::cli) answer: AnswerArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz pagetable 812 --quiet\n  \
    sudo pagemap-viz pagetable 812 --areas stack,heap\n  \
    sudo pagemap-viz pagetable 812 --address 0x7f66a002ab70 --format json")]
pub(in crate::cli) struct PagetableArgs {
    /// The process
    pub(in crate::cli) pid: u32,

    /// Areas whose name holds one of these words
    #[arg(long, value_name = "WORD,WORD", value_delimiter = ',')]
    pub(in crate::cli) areas: Vec<String>,

    /// The page of this address only, hexadecimal
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) address: Option<String>,

    /// The areas alone, without their pages
    #[arg(long)]
    pub(in crate::cli) quiet: bool,

    #[command(flatten)]
    pub(in crate::cli) answer: AnswerArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz owner 0x1a2b3000\n  \
    sudo pagemap-viz owner 107187 pfn:0x1a2b4 --format json\n\
    All processes are asked, so that nobody who maps the page is missed but for what changes meanwhile.")]
pub(in crate::cli) struct OwnerArgs {
    /// Page numbers (107187, pfn:0x1a2b3) or physical addresses (0x1a2b3000)
    #[arg(required = true)]
    pub(in crate::cli) pages: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) answer: AnswerArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz doctor\n  \
    pagemap-viz doctor --sysroot examples/fragmented --format json\n\
    Exit status 0 when pictures can be drawn.")]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) answer: AnswerArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

/// Where the process is, and how the answer looks.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AnswerArgs {
    /// text, json, csv or tsv
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: TableFormatArg,

    /// The captured system below DIR
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) sysroot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum TableFormatArg {
    Text,
    Json,
    Csv,
    Tsv,
}
