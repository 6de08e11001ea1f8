//! What is typed to ask who uses memory.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::at_least_one;
use super::work::WorkArgs;

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz pss\n  \
    sudo pagemap-viz pss -g user -u human\n  \
    sudo pagemap-viz pss -l 5 -k 500 postgres\n\
    In a terminal -l shows a table that is drawn anew: q ends it, s sorts, / filters, arrows scroll. Piped, it prints\n\
    what changed.")]
pub(in crate::cli) struct PssArgs {
    /// Processes, by number or by the name of the command; default: all
    #[arg(value_name = "PID|NAME")]
    pub(in crate::cli) who: Vec<String>,

    /// What puts processes together: exe, cmd, pid, cgroup or user
    #[arg(
        short,
        long = "groupby",
        value_name = "WHAT",
        default_value = "exe",
        hide_possible_values = true
    )]
    pub(in crate::cli) group_by: GroupByArg,

    /// Letters of the command line that -g cmd goes by
    #[arg(short = 'L', long = "cmdlen", value_name = "LETTERS", default_value_t = 36, value_parser = at_least_one)]
    pub(in crate::cli) command_letters: u64,

    /// Groups that make up this per cent of all; the rest is one row
    #[arg(
        short,
        long = "top-pct",
        value_name = "PERCENT",
        default_value_t = 100.0
    )]
    pub(in crate::cli) top: f64,

    /// MB (MiB), mB (a million bytes), KB (KiB) or human
    #[arg(
        short,
        long,
        value_name = "UNIT",
        default_value = "MB",
        hide_possible_values = true
    )]
    pub(in crate::cli) units: UnitArg,

    /// Again and again, every so many seconds
    #[arg(short = 'l', long = "loop", value_name = "SECONDS")]
    pub(in crate::cli) every: Option<f64>,

    /// What a group has to grow by to be shown again, in KiB; 0 or less: what it has to change by; default: 1000, with -u KB 100
    #[arg(
        short = 'k',
        long = "min-delta-kb",
        value_name = "KIB",
        allow_negative_numbers = true
    )]
    pub(in crate::cli) least_change: Option<i64>,

    /// One reading only, which is the default without -l
    #[arg(long, conflicts_with = "every")]
    pub(in crate::cli) once: bool,

    /// A column with the kernel's own sum, too
    #[arg(long)]
    pub(in crate::cli) pss: bool,

    /// Say what each column is
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,

    /// text, json (a line each reading), csv or tsv; sizes in bytes but for text
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: super::TableFormatArg,

    /// The captured system below DIR
    #[arg(long, value_name = "DIR", conflicts_with = "every")]
    pub(in crate::cli) sysroot: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum GroupByArg {
    Exe,
    Cmd,
    Pid,
    Cgroup,
    User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum UnitArg {
    #[value(name = "MB")]
    Mib,
    #[value(name = "mB")]
    Million,
    #[value(name = "KB")]
    Kib,
    #[value(name = "human")]
    Human,
}
