//! What was typed. Declarations only, and clap's answer to what cannot be typed in one line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{
    ArgMatches, Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};

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
    /// Save what the kernel says of every page, once or again and again
    Record(RecordArgs),
    /// List the frames of a recording, and what is known of the machine
    Info(InfoArgs),
    /// Give the flags of a frame back as the kernel said them
    Export(ExportArgs),
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

    /// Read a recording, its last frame or frame N, or a raw copy of /proc/kpageflags, packed by zstd or not
    #[arg(long, value_name = "FILE[@N]")]
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
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz record now.pmv\n  \
    sudo pagemap-viz record --every 1s --for 5m afternoon.pmv\n  \
    sudo pagemap-viz record build.pmv -- make -j2\n  \
    pagemap-viz record both.pmv --from monday.bin --from tuesday.bin\n\
    A recorder ends at --count, at --for, with its command, or by Ctrl-C; the file is whole then.")]
pub(super) struct RecordArgs {
    /// The recording, .pmv by custom
    pub(super) recording: PathBuf,

    /// Record the system below DIR; again for a frame each
    #[arg(long, value_name = "DIR")]
    pub(super) sysroot: Vec<PathBuf>,

    /// Record a raw copy of kpageflags, a frame of a recording (@N) or all of them (@all); again for a frame each
    #[arg(long, value_name = "FILE[@N]")]
    pub(super) from: Vec<PathBuf>,

    /// Base page size of copies: 4096, 16KiB, 64k
    #[arg(long, value_name = "BYTES")]
    pub(super) page_size: Option<String>,

    /// Time from one frame to the next: 500ms, 1s, 5m; default 1s where there are several frames
    #[arg(long, value_name = "TIME")]
    pub(super) every: Option<String>,

    /// Frames; default 1, or until something else ends it
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) count: Option<u64>,

    /// Time until the last frame
    #[arg(long = "for", value_name = "TIME")]
    pub(super) duration: Option<String>,

    /// Keep how often each page is mapped (kpagecount) as well
    #[arg(long)]
    pub(super) counts: bool,

    /// Keep which memory cgroup each page is charged to (kpagecgroup) as well
    #[arg(long)]
    pub(super) cgroups: bool,

    /// Per cent of the machine's CPU time that recording may take; the interval is stretched to keep it
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub(super) budget: f64,

    /// Scheduling of the threads that read: idle (only what nobody else wants) or none
    #[arg(
        long,
        value_name = "HOW",
        default_value = "idle",
        hide_possible_values = true
    )]
    pub(super) nice: NiceArg,

    /// Under sudo, run the command as root and not as the user who called sudo
    #[arg(long, requires = "command")]
    pub(super) as_root: bool,

    /// Leave the host's name out
    #[arg(long)]
    pub(super) redact: bool,

    /// Threads that read; default: one a processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,

    /// No progress and no remarks on standard error
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Record while this runs; its exit status becomes the recorder's
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["from", "count", "duration"])]
    pub(super) command: Vec<OsString>,

    /// The sources in the order in which they were typed
    #[arg(skip)]
    pub(super) sources: Vec<TypedSource>,
}

/// A source of a recording, as typed.
#[derive(Clone, Debug)]
pub(super) enum TypedSource {
    Sysroot(PathBuf),
    From(PathBuf),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum NiceArg {
    Idle,
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PlaneArg {
    Flags,
    Counts,
    Cgroups,
}

#[derive(Debug, ClapArgs)]
pub(super) struct InfoArgs {
    /// The recording
    pub(super) recording: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  pagemap-viz export build.pmv --frame 0 --raw -o kpageflags.bin"
)]
pub(super) struct ExportArgs {
    /// The recording
    pub(super) recording: PathBuf,

    /// The frame, counted from 0; default the last
    #[arg(long, value_name = "N")]
    pub(super) frame: Option<u64>,

    /// What of each page: flags, counts or cgroups
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "flags",
        hide_possible_values = true
    )]
    pub(super) plane: PlaneArg,

    /// As raw words of 8 bytes a page, as the kernel's file gives them
    #[arg(long, required = true)]
    pub(super) raw: bool,

    /// Where to; - is standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(super) output: PathBuf,
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
    let parsed = Args::command()
        .try_get_matches_from(words)
        .and_then(|matches| {
            let mut args = Args::from_arg_matches(&matches)?;
            if let (Verb::Record(record), Some(("record", typed))) =
                (&mut args.verb, matches.subcommand())
            {
                record.sources = in_typed_order(record, typed);
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

/// clap gives each option's values apart; frames follow the order of the command line.
fn in_typed_order(record: &RecordArgs, typed: &ArgMatches) -> Vec<TypedSource> {
    let places = |id| typed.indices_of(id).into_iter().flatten();
    let roots = record.sysroot.iter().cloned().map(TypedSource::Sysroot);
    let files = record.from.iter().cloned().map(TypedSource::From);
    let mut sources: Vec<(usize, TypedSource)> = places("sysroot").zip(roots).collect();
    sources.extend(places("from").zip(files));
    sources.sort_by_key(|(place, _)| *place);
    sources.into_iter().map(|(_, source)| source).collect()
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
