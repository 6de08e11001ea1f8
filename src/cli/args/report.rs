//! What is typed to ask whether memory is fragmented.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::{RunArgs, SelectionArgs, SourceArgs};

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz report report.html\n  \
    sudo pagemap-viz report --want 2M=1000 --want 1G=4\n  \
    pagemap-viz report --sysroot examples/fragmented report.md\n  \
    pagemap-viz report --from build.pmv build.html\n\
    A recording of several readings gives trends and a time slider; its last reading is the one that is told.\n\
    The HTML is one file that needs no network; Markdown has its pictures beside it.")]
pub(in crate::cli) struct ReportArgs {
    /// The report: .html, .md or .json; - is standard output. May be left out with --want, which prints its answer then
    #[arg(required_unless_present = "want")]
    pub(in crate::cli) report: Option<PathBuf>,

    /// Say node by node whether so many blocks of a size can be had and at what cost: 2M=1000; again for more
    #[arg(long, value_name = "SIZE=N")]
    pub(in crate::cli) want: Vec<String>,

    /// The report's format, where its name does not say it: html or json
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(in crate::cli) format: Option<ReportFormatArg>,

    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormatArg {
    Html,
    Json,
}
