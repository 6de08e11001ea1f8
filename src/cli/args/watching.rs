//! What is typed to watch a machine: metrics, and checks.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::SourceArgs;
use super::work::WorkArgs;

/// One reading that is counted.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ReadingArgs {
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz metrics\n  \
    sudo pagemap-viz metrics --textfile /var/lib/node_exporter/textfile/pagemap.prom\n\
    OpenMetrics text of gauges with node, zone, class, order and size_bytes as labels. docs/monitoring.md lists them; rules for alerts and a \
    dashboard lie beside it.")]
pub(in crate::cli) struct MetricsArgs {
    /// Write the file as a whole, for node_exporter's textfile collector; default: standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) textfile: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CheckFormatArg {
    Text,
    Json,
    Tap,
    Nagios,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz check --free-blocks '2M>=100' --blocked '2M<=10%'\n  \
    sudo pagemap-viz check --contiguous '1G>=1' --class hwpoison=0 --format nagios\n  \
    sudo pagemap-viz check --pid 812 --thp '>=90%'\n\
    A limit is >=, >, <=, < or = and a number: of blocks, of pages, of bytes (4GiB), or per cent. Quote it, or the shell writes to a file.\n\
    Exit status: 0 all hold, 1 one does not, 2 it could not be checked; with --format nagios 0, 2 and 3, as plugins have it.")]
pub(in crate::cli) struct CheckArgs {
    /// Aligned blocks of a size that are free: 2M>=100, or a share of all whole blocks: 2M>=5%
    #[arg(long, value_name = "LIMIT")]
    pub(in crate::cli) free_blocks: Vec<String>,

    /// Aligned blocks of a size that are free or that compaction could make: 1G>=1
    #[arg(long, value_name = "LIMIT")]
    pub(in crate::cli) contiguous: Vec<String>,

    /// Aligned blocks of a size that something stands in that cannot be moved: 2M<=10%; pages without a mark do not count
    #[arg(long, value_name = "LIMIT")]
    pub(in crate::cli) blocked: Vec<String>,

    /// Memory of a class, in pages, bytes or per cent of all that exists: hwpoison=0, slab<=2GiB, free>=5%
    #[arg(long, value_name = "LIMIT")]
    pub(in crate::cli) class: Vec<String>,

    /// Anonymous memory of the process of --pid that huge pages of PMD size hold: >=90%, or bytes
    #[arg(long, value_name = "LIMIT", requires = "pid")]
    pub(in crate::cli) thp: Vec<String>,

    /// The process of --thp
    #[arg(long, value_name = "PID", requires = "thp", conflicts_with = "from")]
    pub(in crate::cli) pid: Option<u32>,

    /// text, json, tap, or nagios (the output of a monitoring plugin)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: CheckFormatArg,

    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

/// `--thp>=90%` as it is said, instead of `--thp '>=90%'`.
pub(super) fn limits_apart(words: Vec<std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let apart = |word: std::ffi::OsString| {
        let text = word.to_str().unwrap_or_default();
        match text.strip_prefix("--thp") {
            Some(limit) if limit.starts_with(['<', '>']) => vec!["--thp".into(), limit.into()],
            _ => vec![word],
        }
    };
    words.into_iter().flat_map(apart).collect()
}
