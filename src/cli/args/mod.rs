//! What was typed. Declarations only, and clap's answer to what cannot be typed in one line.

mod export;
mod flags;
mod pictures;
mod processes;
mod readings;
mod report;
mod usage;
mod watching;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(super) use export::{ExportArgs, PlaneArg, RowFormatArg};
pub(super) use flags::{FlagsArgs, FormatArg};
pub(super) use pictures::{
    DiffArgs, LayoutArg, LegendArg, LensArg, LensArgs, LookArgs, SnapshotArgs, SoughtArgs,
    TimelapseArgs,
};
pub(super) use processes::{
    AskArgs, DoctorArgs, OrdersArgs, OrdersFormatArg, OwnerArgs, PagetableArgs, SegmentsArgs,
    TableFormatArg, ThpArgs, ThpFormatArg,
};
pub(super) use readings::{
    NiceArg, PaceArgs, ProcessArgs, RecordArgs, RunArgs, SelectionArgs, SeriesArgs, SourceArgs,
    TypedSource,
};
pub(super) use watching::{CheckArgs, CheckFormatArg, MetricsArgs};

pub(super) use report::{ReportArgs, ReportFormatArg};
pub(super) use usage::{GroupByArg, PssArgs, UnitArg};
pub(super) use work::WorkArgs;

/// See physical memory: every page of a Linux machine on one picture.
#[derive(Debug, Parser)]
#[command(
    name = "pagemap-viz",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Reading the running kernel needs root; files and captured systems need nothing.\n\
    Exit status: 0 done, 1 could not, 2 wrong usage."
)]
pub struct Args {
    /// The verb.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Draw every page of physical memory on one picture
    Snapshot(SnapshotArgs),
    /// Draw memory over time: a directory of pictures that lie on each other, and an animation
    Timelapse(Box<TimelapseArgs>),
    /// Draw and count what became of pages between two readings, or in a series
    Diff(DiffArgs),
    /// Say whether memory is fragmented, by what, and what would help: a page with tables, charts and a map
    Report(ReportArgs),
    /// Check that memory is as it should be: free blocks, blocked blocks, classes, huge pages of a process
    Check(Box<CheckArgs>),
    /// Write what is known of memory as metrics for Prometheus
    Metrics(MetricsArgs),
    /// Count pages by their flags, or list them: what page-types does
    Flags(Box<FlagsArgs>),
    /// How large the aligned blocks are that processes have present, as mem_hist.py does
    Orders(OrdersArgs),
    /// Count the large folios of processes by size, and how they are mapped, as the kernel's thpmaps does
    Thp(ThpArgs),
    /// Say who uses memory, each shared page divided by its users, once or again and again, as pmemstat does
    Pss(PssArgs),
    /// Print the segments of a process and the page sizes behind them, as pagestat does
    Segments(SegmentsArgs),
    /// Say who holds a page: class, folio, cgroup, processes and mappings
    Owner(OwnerArgs),
    /// Print the page table of a process, page by page, as ptexplore does
    Pagetable(PagetableArgs),
    /// Say what this system lets us read, and what that means
    Doctor(DoctorArgs),
    /// Save what the kernel says of every page, once or again and again
    Record(RecordArgs),
    /// List the frames of a recording, and what is known of the machine
    Info(InfoArgs),
    /// Write pages as rows for DuckDB, Spark or Polars, of one machine or of many; or a frame's words as the kernel said them
    Export(Box<ExportArgs>),
    /// List, show and check palettes
    Palette(PaletteArgs),
    /// Print completions for a shell: bash, zsh or fish
    #[command(hide = true)]
    Completions(CompletionsArgs),
    /// Write the man pages into a directory
    #[command(hide = true)]
    Man(ManArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: ShellArg,
}

/// A shell that there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellArg {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl ShellArg {
    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct ManArgs {
    /// The directory
    pub(super) directory: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(super) struct InfoArgs {
    /// The recording
    pub(super) recording: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(super) struct PaletteArgs {
    #[command(subcommand)]
    pub(super) verb: PaletteVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum PaletteVerb {
    /// List the palettes that the program carries
    List,
    /// Print one as TOML, to start a palette of your own from
    Show {
        /// Its name
        name: String,
    },
    /// Measure how far apart its colours are, for colour-blind readers too; fails below the floors it claims
    Check {
        /// A TOML file, or a name
        #[arg(value_name = "FILE|NAME")]
        palette: PathBuf,
    },
}

/// Something that cannot be asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Usage {
    /// Help or version: printed on standard output, no failure.
    Answer(String),
    /// Wrong, in one line.
    Wrong(String),
}

/// Reads the command line.
///
/// # Errors
/// Help was asked for, or the usage is wrong.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, Usage> {
    let words: Vec<OsString> = words.into_iter().collect();
    let words = match words.get(1).and_then(|verb| verb.to_str()) {
        Some("flags") => flags::as_getopt_reads(words),
        Some("check") => watching::limits_apart(words),
        _ => words,
    };
    let parsed = Args::command()
        .try_get_matches_from(words)
        .and_then(|matches| {
            let mut args = Args::from_arg_matches(&matches)?;
            if let Some((_, typed)) = matches.subcommand() {
                match &mut args.verb {
                    Verb::Record(args) => args.series.keep_order(typed),
                    Verb::Timelapse(args) => args.series.keep_order(typed),
                    _ => {}
                }
            }
            Ok(args)
        });
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Usage::Answer(error.render().to_string())
        }
        _ => Usage::Wrong(one_line(&error)),
    })
}

/// 2; but to who asks a monitoring plugin that is an alarm, and unknown is 3.
pub fn status_of_wrong_usage(words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    let is_check = words.get(1).is_some_and(|verb| verb == "check");
    let is_plugin = |word: &OsString| word == "nagios" || word == "--format=nagios";
    if is_check && words.iter().any(is_plugin) {
        3
    } else {
        2
    }
}

/// clap's sentence and, where it knows them, the values that it would have taken.
fn one_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("a verb is missing (one of {}; --help says more)", verbs());
    }
    let text = error.render().to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let mut line = lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    line = line.trim_start_matches("error: ").to_owned();
    if let Some((before, values)) = line.split_once("[possible values: ") {
        line = format!("{before}(one of {}", values.replacen(']', ")", 1));
    }
    format!("{line} (--help says more)")
}

fn verbs() -> String {
    let command = Args::command();
    let names: Vec<_> = command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .map(clap::Command::get_name)
        .collect();
    names.join(", ")
}
