//! What is typed to say what is read, how often, and at what cost.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args as ClapArgs, ValueEnum};

use super::work::WorkArgs;

/// Where flags come from; the running kernel when nothing is said.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SourceArgs {
    /// Read the system below DIR: a captured one, or a host's root mounted into a container
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub(in crate::cli) sysroot: Option<PathBuf>,

    /// Read a recording, its last frame or frame N, or a raw copy of /proc/kpageflags, packed by zstd or not; "example" is a recording that the program carries
    #[arg(long, value_name = "FILE[@N]")]
    pub(in crate::cli) from: Option<PathBuf>,

    /// Base page size of a copy: 4096, 16KiB, 64k; default: what its files say, else 4096
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) page_size: Option<String>,
}

/// Which part of memory is meant; all where nothing is said.
#[derive(Debug, Default, ClapArgs)]
pub(in crate::cli) struct SelectionArgs {
    /// Only this NUMA node; again for more
    #[arg(long, value_name = "N")]
    pub(in crate::cli) node: Vec<u32>,

    /// Only zones of this name, as DMA32, Normal or Movable; again for more
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) zone: Vec<String>,

    /// Only this range: 0x100000000-0x140000000, 4GiB+512MiB, or page numbers pfn:0x100000-0x140000; the end is not in it; again for more
    #[arg(long, value_name = "RANGE")]
    pub(in crate::cli) range: Vec<String>,
}

/// The sources of a series; the running kernel when nothing is said.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SeriesArgs {
    /// Read the system below DIR; again for a frame each
    #[arg(long, value_name = "DIR")]
    sysroot: Vec<PathBuf>,

    /// Read a recording (its last frame, @N or @all; alone in a time-lapse, all frames) or a raw copy of kpageflags; again for a frame each
    #[arg(long, value_name = "FILE[@N]")]
    from: Vec<PathBuf>,

    /// Base page size of copies: 4096, 16KiB, 64k
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) page_size: Option<String>,

    /// The sources in the order in which they were typed
    #[arg(skip)]
    pub(in crate::cli) typed: Vec<TypedSource>,
}

impl SeriesArgs {
    /// clap gives each option's values apart; frames follow the order of the command line.
    pub(super) fn keep_order(&mut self, typed: &ArgMatches) {
        let places = |id| typed.indices_of(id).into_iter().flatten();
        let roots = self.sysroot.iter().cloned().map(TypedSource::Sysroot);
        let files = self.from.iter().cloned().map(TypedSource::From);
        let mut sources: Vec<(usize, TypedSource)> = places("sysroot").zip(roots).collect();
        sources.extend(places("from").zip(files));
        sources.sort_by_key(|(place, _)| *place);
        self.typed = sources.into_iter().map(|(_, source)| source).collect();
    }
}

/// How often the running kernel is read, for how long, and at what cost.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct PaceArgs {
    /// Time from one frame to the next: 500ms, 1s, 5m; default 1s where there are several frames
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) every: Option<String>,

    /// Frames; default: until something else ends it, but record without --every and --for takes 1
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(in crate::cli) count: Option<u64>,

    /// Time until the last frame
    #[arg(long = "for", value_name = "TIME")]
    pub(in crate::cli) duration: Option<String>,

    /// Per cent of the machine's CPU time that reading may take; the interval is stretched to keep it; default: record 5, timelapse 25
    #[arg(long, value_name = "PERCENT")]
    pub(in crate::cli) budget: Option<f64>,

    /// Scheduling of the threads that read: idle (only what nobody else wants) or none; default: record idle, timelapse none
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    pub(in crate::cli) nice: Option<NiceArg>,

    /// Under sudo, run the command as root and not as the user who called sudo
    #[arg(long, requires = "command")]
    pub(in crate::cli) as_root: bool,

    /// Read while this runs; its exit status becomes ours
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["from", "count", "duration"])]
    pub(in crate::cli) command: Vec<OsString>,
}

impl PaceArgs {
    /// Whether any of it was typed.
    pub(in crate::cli) fn is_said(&self) -> bool {
        let times = [&self.every, &self.duration]
            .into_iter()
            .any(Option::is_some);
        let numbers = self.count.is_some() || self.budget.is_some() || self.nice.is_some();
        times || numbers || !self.command.is_empty()
    }
}

/// What every verb that reads memory takes.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RunArgs {
    /// Leave names out: the host's, and those of processes and cgroups
    #[arg(long)]
    pub(in crate::cli) redact: bool,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz record now.pmv\n  \
    sudo pagemap-viz record --every 1s --for 5m afternoon.pmv\n  \
    sudo pagemap-viz record build.pmv -- make -j2\n  \
    sudo pagemap-viz record --comm postgres --every 10s --for 1h database.pmv\n  \
    pagemap-viz record both.pmv --from monday.bin --from tuesday.bin\n\
    A recorder ends at --count, at --for, with its command, or by Ctrl-C; the file is whole then.")]
pub(in crate::cli) struct RecordArgs {
    /// The recording, .pmv by custom
    pub(in crate::cli) recording: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) series: SeriesArgs,

    #[command(flatten)]
    pub(in crate::cli) pace: PaceArgs,

    /// Keep how often each page is mapped (kpagecount) as well
    #[arg(long)]
    pub(in crate::cli) counts: bool,

    /// Keep which memory cgroup each page is charged to (kpagecgroup) as well
    #[arg(long)]
    pub(in crate::cli) cgroups: bool,

    #[command(flatten)]
    pub(in crate::cli) processes: ProcessArgs,

    /// Keep which pages are charged to this memory cgroup, by its directory; the same as --cgroups, and its name is kept
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) cgroup: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

/// Processes whose pages are looked for, or kept.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ProcessArgs {
    /// The pages of this process; again for more; self is the tool's own
    #[arg(long, value_name = "PID")]
    pub(in crate::cli) pid: Vec<String>,

    /// The pages of the processes of this name; again for more
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) comm: Vec<String>,
}

/// A source of a recording, as typed.
#[derive(Clone, Debug)]
pub(in crate::cli) enum TypedSource {
    Sysroot(PathBuf),
    From(PathBuf),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum NiceArg {
    Idle,
    None,
}

/// A number that is not zero.
pub(super) fn at_least_one(text: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| "not a whole number".to_owned())?;
    (number > 0)
        .then_some(number)
        .ok_or_else(|| "at least 1".to_owned())
}
