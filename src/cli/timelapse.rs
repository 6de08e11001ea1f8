//! A time-lapse as asked for, resolved.

use std::path::{Path, PathBuf};

use super::args::TimelapseArgs;
use super::look::{Look, lens};
use super::record::{RecordRequest, Usual, recorded};
use crate::output::{AnimationFormat, Target};
use crate::record::Priority;
use crate::recording::Plane;
use crate::scan::Lens;

/// Viewers show faster ones slower.
const FASTEST: f64 = 50.0;
const SLOWEST: f64 = 0.02;

/// What the readings are kept as, in the series' directory.
const RECORDING: &str = "recording.pmv";

/// A series, fully said.
#[derive(Debug)]
pub struct TimelapseRequest {
    /// Where the pictures go.
    pub directory: PathBuf,
    /// How they are read, into a file in the directory; unless they are in a recording already.
    pub recording: RecordRequest,
    /// How the pictures look.
    pub look: Look,
    /// Whether what changed is marked.
    pub marks_changes: bool,
    /// One animation.
    pub animation: Option<(Target, AnimationFormat)>,
    /// A film.
    pub film: Option<PathBuf>,
    /// Pictures a second in both.
    pub per_second: f64,
}

impl TimelapseRequest {
    /// The recording that holds all readings already.
    pub fn recorded(&self) -> Option<&Path> {
        match self.recording.sources.as_slice() {
            [source] => source.recording(),
            _ => None,
        }
    }

    /// Where the readings are kept.
    pub fn kept(&self) -> PathBuf {
        self.directory.join(RECORDING)
    }

    /// What pages are coloured by in the pictures.
    pub fn lens(&self) -> Lens {
        if self.marks_changes {
            Lens::Changes
        } else {
            self.look.lens
        }
    }
}

pub(super) fn timelapse(args: TimelapseArgs) -> Result<TimelapseRequest, String> {
    // A picture wants to be sharp: under SCHED_IDLE one reading beside a compile took as long as
    // the compile. The budget still bounds what it costs.
    let usual = Usual {
        budget: 25.0,
        priority: Priority::Normal,
        frames: u64::MAX,
    };
    let lens = lens(&args.lens)?;
    let marks_changes = args.mark.is_some();
    if marks_changes && lens != Lens::Class {
        return Err("--mark changes is for --by class".to_owned());
    }
    if !(SLOWEST..=FASTEST).contains(&args.fps) {
        return Err(format!(
            "--fps {} is not from {SLOWEST} to {FASTEST}",
            args.fps
        ));
    }
    let recording = Target::File(args.directory.join(RECORDING));
    let planes = vec![Plane::Flags];
    Ok(TimelapseRequest {
        recording: recorded(
            recording,
            &args.series,
            args.pace,
            &args.run,
            planes,
            &usual,
        )?,
        look: Look::new(args.look, lens, "sample")?,
        marks_changes,
        animation: args.animate.map(animation).transpose()?,
        film: args.mp4,
        per_second: args.fps,
        directory: args.directory,
    })
}

fn animation(path: PathBuf) -> Result<(Target, AnimationFormat), String> {
    let format = AnimationFormat::of(&path).ok_or_else(|| {
        format!(
            "unknown animation format of {} (one of .gif, .apng, .png)",
            path.display()
        )
    })?;
    Ok((Target::File(path), format))
}
