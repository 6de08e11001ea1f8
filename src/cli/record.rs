//! A recording as asked for, resolved.

use std::ffi::OsString;
use std::time::Duration;

use jiff::SignedDuration;

use super::args::{NiceArg, RecordArgs};
use super::request::processors;
use super::source::SourceRequest;
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

pub(super) fn record(args: RecordArgs) -> Result<RecordRequest, String> {
    let again = args.every.is_some()
        || args.duration.is_some()
        || args.count.is_some_and(|count| count > 1);
    let sources = SourceRequest::several(&args.sources, args.page_size.as_deref())?;
    let several = sources.len() > 1 || sources.iter().any(SourceRequest::is_series);
    if several && again {
        return Err(
            "several sources give a frame each, so there is no --every, --count or --for"
                .to_owned(),
        );
    }
    if several && !args.command.is_empty() {
        return Err("a command goes along with one source".to_owned());
    }
    if !(LEAST_BUDGET..=100.0).contains(&args.budget) {
        return Err(format!(
            "--budget {} is not a share from 0.01 to 100 per cent",
            args.budget
        ));
    }
    let every = args
        .every
        .as_deref()
        .map(|text| duration("--every", text))
        .transpose()?;
    let lasts = args
        .duration
        .as_deref()
        .map(|text| duration("--for", text))
        .transpose()?;
    let bounds = Until::Bounds {
        frames: args.count.unwrap_or(if again { u64::MAX } else { 1 }),
        duration: lasts.unwrap_or(Duration::MAX),
    };
    let recording = Target::new(&args.recording);
    if recording == Target::Stdout {
        return Err("a recording needs a file, because its end is written last".to_owned());
    }
    Ok(RecordRequest {
        recording,
        sources,
        planes: planes(args.counts, args.cgroups),
        every: every.unwrap_or(USUAL_INTERVAL),
        until: if args.command.is_empty() {
            bounds
        } else {
            Until::Command(args.command)
        },
        budget: args.budget / 100.0,
        priority: match args.nice {
            NiceArg::Idle => Priority::Idle,
            NiceArg::None => Priority::Normal,
        },
        as_root: args.as_root,
        names: if args.redact {
            Names::Withheld
        } else {
            Names::Kept
        },
        threads: args.threads.map_or_else(processors, usize::from),
        quiet: args.quiet,
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
