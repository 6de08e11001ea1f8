//! A recording as asked for, resolved.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::args::{NiceArg, PaceArgs, RecordArgs, RunArgs, SeriesArgs};
use super::sought::{Chosen, chosen};
use super::source::SourceRequest;
use super::workers::threads;
use crate::output::Target;
use crate::record::{Names, Priority};
use crate::recording::Plane;

/// Time from one frame to the next when several are wanted and nobody says.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// A frame of a large machine every day or so.
const LEAST_BUDGET: f64 = 0.01;

/// The longest time between two frames: longer ones are mistakes, and clocks end.
pub(crate) const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A recording, fully said.
#[derive(Debug)]
pub struct RecordRequest {
    /// Where the recording goes.
    pub recording: Target,
    /// Where its frames come from, in order.
    pub sources: Vec<SourceRequest>,
    /// What is recorded of each page.
    pub planes: Vec<Plane>,
    /// Processes whose pages are kept.
    pub chosen: Option<Chosen>,
    /// A cgroup whose number is kept beside its name.
    pub cgroup: Option<PathBuf>,
    /// Time from one frame to the next of the same source.
    pub every: Duration,
    /// What ends it.
    pub until: Until,
    /// Share of the machine's CPU time that it may take.
    pub budget: f64,
    /// How its workers are scheduled.
    pub priority: Priority,
    /// Run the command as root even under sudo.
    pub as_root: bool,
    /// Whether the host's name is told.
    pub names: Names,
    /// Workers.
    pub threads: usize,
    /// No progress, no remarks.
    pub quiet: bool,
}

/// What ends a recording, but for a signal.
#[derive(Debug)]
pub enum Until {
    /// So many frames, and so long, whichever comes first.
    Bounds {
        /// Frames of the one source.
        frames: u64,
        /// From the first frame on.
        duration: Duration,
    },
    /// A command of its own.
    Command(Vec<OsString>),
}

/// How a verb that records does so when nobody says.
pub(super) struct Usual {
    /// Per cent of the machine.
    pub(super) budget: f64,
    pub(super) priority: Priority,
    /// Frames of the running kernel when nothing says when to end.
    pub(super) frames: u64,
}

impl RecordRequest {
    /// Whether the running kernel, or one of its processes, is asked.
    pub(super) fn asks_the_kernel(&self) -> bool {
        self.sources.iter().any(SourceRequest::is_running)
    }
}

pub(super) fn record(args: RecordArgs) -> Result<RecordRequest, String> {
    let usual = Usual {
        budget: 5.0,
        priority: Priority::Idle,
        frames: 1,
    };
    let recording = Target::new(&args.recording);
    if recording == Target::Stdout {
        return Err("a recording needs a file, because its end is written last".to_owned());
    }
    if args.cgroup.is_some() && !args.series.typed.is_empty() {
        return Err("--cgroup is for the running kernel".to_owned());
    }
    let request = recorded(recording, &args.series, args.pace, &args.run, &usual)?;
    Ok(RecordRequest {
        planes: planes(args.counts, args.cgroups || args.cgroup.is_some()),
        chosen: chosen(args.processes)?,
        // As it is asked for later.
        cgroup: args.cgroup.map(|path| path.canonicalize().unwrap_or(path)),
        ..request
    })
}

/// A recording of the flags of what `series` and `pace` say.
pub(super) fn recorded(
    recording: Target,
    series: &SeriesArgs,
    pace: PaceArgs,
    run: &RunArgs,
    usual: &Usual,
) -> Result<RecordRequest, String> {
    let sources = SourceRequest::several(&series.typed, series.page_size.as_deref())?;
    let paced = pace.every.is_some() || pace.duration.is_some();
    let again = paced || pace.count.is_some_and(|count| count > 1);
    let several = sources.len() > 1 || sources.iter().any(SourceRequest::is_series);
    if several && again {
        return Err(
            "several sources give a frame each, so there is no --every, --count or --for"
                .to_owned(),
        );
    }
    if several && !pace.command.is_empty() {
        return Err("a command goes along with one source".to_owned());
    }
    let budget = pace.budget.unwrap_or(usual.budget);
    if !(LEAST_BUDGET..=100.0).contains(&budget) {
        return Err(format!(
            "--budget {budget} is not a share from 0.01 to 100 per cent"
        ));
    }
    let every = pace.every.as_deref().map(|text| duration("--every", text));
    let lasts = pace.duration.as_deref().map(|text| duration("--for", text));
    let lasts = lasts.transpose()?;
    let endless = if again { u64::MAX } else { usual.frames };
    let bounds = Until::Bounds {
        // A copy does not change.
        frames: pace.count.unwrap_or(match series.typed.is_empty() {
            true => endless,
            false if paced => u64::MAX,
            false => 1,
        }),
        duration: lasts.unwrap_or(Duration::MAX),
    };
    Ok(RecordRequest {
        recording,
        sources,
        planes: vec![Plane::Flags],
        chosen: None,
        cgroup: None,
        every: every.transpose()?.unwrap_or(USUAL_INTERVAL),
        until: if pace.command.is_empty() {
            bounds
        } else {
            Until::Command(pace.command)
        },
        budget: budget / 100.0,
        priority: match pace.nice {
            Some(NiceArg::Idle) => Priority::Idle,
            Some(NiceArg::None) => Priority::Normal,
            None => usual.priority,
        },
        as_root: pace.as_root,
        names: if run.redact {
            Names::Withheld
        } else {
            Names::Kept
        },
        threads: threads(&run.work),
        quiet: run.work.quiet,
    })
}

fn planes(counts: bool, cgroups: bool) -> Vec<Plane> {
    let wanted = |plane: &Plane| match plane {
        Plane::Flags => true,
        Plane::Counts => counts,
        Plane::Cgroups => cgroups,
    };
    Plane::ALL.into_iter().filter(wanted).collect()
}

fn duration(option: &str, text: &str) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed
        .and_then(|time| Duration::try_from(time).ok())
        .filter(|time| !time.is_zero() && *time <= LONGEST);
    positive.ok_or_else(|| format!("{option} {text} is no time (500ms, 1s, 5m, 1h)"))
}
