//! What is typed to take numbers elsewhere.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::SelectionArgs;
use super::work::WorkArgs;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum PlaneArg {
    Flags,
    Counts,
    Cgroups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RowFormatArg {
    Parquet,
    Csv,
    Json,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    pagemap-viz export build.pmv -o build.parquet\n  \
    pagemap-viz export --blocks *.pmv captured/* -o fleet/\n  \
    sudo pagemap-viz export --blocks -o blocks.csv\n  \
    pagemap-viz export build.pmv --frame 0 --raw -o kpageflags.bin\n\
    A row is a run of pages that are alike, or with --blocks a block of the size of a huge page. Into a directory \
    (fleet/) they go as runs/host=H/day=D/ and blocks/host=H/day=D/, for DuckDB, Spark, Trino or Polars: see docs/fleet.md.")]
pub(in crate::cli) struct ExportArgs {
    /// Recordings (all frames, or FILE@N), raw copies of kpageflags, directories of captured systems; default the
    /// running kernel
    pub(in crate::cli) inputs: Vec<PathBuf>,

    /// Rows as parquet, csv or json; default: what OUT ends with, parquet for a directory
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(in crate::cli) format: Option<RowFormatArg>,

    /// A row for each aligned block of PMD size, with its pages of each class
    #[arg(long)]
    pub(in crate::cli) blocks: bool,

    /// Where to: a file, a directory, or - for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(in crate::cli) output: PathBuf,

    /// Instead of rows, the words of a recording's frame, 8 bytes a page, as the kernel's file gives them
    #[arg(long, conflicts_with_all = ["format", "blocks", "redact", "page_size", "node", "zone", "range", "threads"])]
    pub(in crate::cli) raw: bool,

    /// The frame of --raw, counted from 0; default the last
    #[arg(long, value_name = "N", requires = "raw")]
    pub(in crate::cli) frame: Option<u64>,

    /// What of each page --raw gives: flags (the default), counts or cgroups
    #[arg(
        long,
        value_name = "WHAT",
        requires = "raw",
        hide_possible_values = true
    )]
    pub(in crate::cli) plane: Option<PlaneArg>,

    /// Base page size of copies: 4096, 16KiB, 64k
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) page_size: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    /// Leave the host and the inputs' names out
    #[arg(long)]
    pub(in crate::cli) redact: bool,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}
