//! What was typed. Declarations only, and clap's answer to what cannot be typed in one line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};

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
    /// List, show and check palettes
    Palette(PaletteArgs),
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz snapshot out.png\n  \
    pagemap-viz snapshot --sysroot examples/fragmented out.png\n  \
    sudo pagemap-viz snapshot --by flags --legend right --palette article out.png\n  \
    pagemap-viz snapshot --from kpageflags.bin --reducer any=hwpoison --json - out.png")]
pub(super) struct SnapshotArgs {
    /// The picture: .png, .webp, .gif, .bmp or .tiff; - writes a PNG to standard output
    pub(super) picture: PathBuf,

    #[command(flatten)]
    pub(super) source: SourceArgs,

    /// What pages are coloured by
    #[arg(
        long,
        value_name = "LENS",
        default_value = "class",
        hide_possible_values = true,
        help = "What pages are coloured by: class, or flags (each set of flags that is left without the noise)"
    )]
    pub(super) by: LensArg,

    /// Flags that --by flags leaves out, by name; default: locked,error,referenced,uptodate,dirty,lru,active,writeback,reclaim,idle and everything above bit 31
    #[arg(long, value_name = "LIST")]
    pub(super) noise: Option<String>,

    /// Pages of one pixel, a power of two; default: the smallest that keeps the picture within --max-rows
    #[arg(long, value_name = "N", conflicts_with = "max_rows")]
    pub(super) pages_per_pixel: Option<u64>,

    /// Rows of the map at most
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = at_least_one)]
    pub(super) max_rows: u64,

    /// What a pixel of several pages shows: proportional, dominant or any=CLASS
    #[arg(long, value_name = "REDUCER", default_value = "proportional")]
    pub(super) reducer: String,

    /// Where the legend stands: below, right or none
    #[arg(
        long,
        value_name = "PLACE",
        default_value = "below",
        hide_possible_values = true
    )]
    pub(super) legend: LegendArg,

    /// Colours: default (dark), light, article, mono, or a TOML file of your own
    #[arg(
        long,
        value_name = "NAME|FILE",
        default_value = "default",
        hide_default_value = true
    )]
    pub(super) palette: PathBuf,

    /// Write counts and facts as JSON; - writes to standard output
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Leave the host's name out
    #[arg(long)]
    pub(super) redact: bool,

    /// Threads that read; default: one a processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,

    /// No progress on standard error
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// Where flags come from; the running kernel when nothing is said.
#[derive(Debug, ClapArgs)]
pub(super) struct SourceArgs {
    /// Read the system below DIR: a captured one, or a host's root mounted into a container
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub(super) sysroot: Option<PathBuf>,

    /// Read a raw copy of /proc/kpageflags, as it is or packed by zstd
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,

    /// Base page size of a copy: 4096, 16KiB, 64k; default: what its files say, else 4096
    #[arg(long, value_name = "BYTES")]
    pub(super) page_size: Option<String>,
}

fn at_least_one(text: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| "not a whole number".to_owned())?;
    (number > 0)
        .then_some(number)
        .ok_or_else(|| "at least 1".to_owned())
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LensArg {
    Class,
    Flags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LegendArg {
    Below,
    Right,
    None,
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
    Args::try_parse_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Usage::Answer(error.render().to_string())
        }
        _ => Usage::Wrong(one_line(&error)),
    })
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
    line = line
        .replace("[possible values: ", "(one of ")
        .replace(']', ")");
    format!("{line} (--help says more)")
}

fn verbs() -> String {
    let command = Args::command();
    let names: Vec<_> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    names.join(", ")
}
