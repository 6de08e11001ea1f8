//! A time-lapse as asked for, resolved.

use std::path::{Path, PathBuf};

use super::args::{SeriesArgs, TimelapseArgs};
use super::flags::Cgroup;
use super::look::{Look, lens};
use super::record::{RecordRequest, Usual, recorded};
use super::selection::selection;
use super::sought::{SoughtRequest, sought};
use crate::output::{AnimationFormat, SeriesDirectory, Target};
use crate::record::Priority;
use crate::recording::Plane;
use crate::scan::Lens;
use crate::source::Selection;

/// Viewers show faster ones slower.
const FASTEST: f64 = 50.0;
const SLOWEST: f64 = 0.02;

/// A series, fully said.
#[derive(Debug)]
pub struct TimelapseRequest {
    /// Where the pictures go.
    pub directory: PathBuf,
    /// How they are read, into a file in the directory; unless they are in a recording already.
    pub recording: RecordRequest,
    /// What is looked for.
    pub sought: Option<SoughtRequest>,
    /// Which part of memory is drawn.
    pub selection: Selection,
    /// How the pictures look.
    pub look: Look,
    /// How pictures are told from those before them.
    pub marking: Marking,
    /// One animation.
    pub animation: Option<(Target, AnimationFormat)>,
    /// A film.
    pub film: Option<Target>,
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
        self.directory.join(SeriesDirectory::RECORDING)
    }

    /// What pages are coloured by in the pictures.
    pub fn lens(&self) -> Lens {
        match self.marking {
            Marking::Changes => Lens::Changes,
            Marking::None | Marking::Ages => self.look.lens,
        }
    }
}

/// How a picture of a series is told from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marking {
    /// Not at all.
    None,
    /// What changed since the one before is marked.
    Changes,
    /// Pages are coloured by when they changed.
    Ages,
}

pub(super) fn timelapse(args: TimelapseArgs) -> Result<TimelapseRequest, String> {
    // A picture wants to be sharp: under SCHED_IDLE one reading beside a compile took as long as
    // the compile. The budget still bounds what it costs.
    let usual = Usual {
        budget: 25.0,
        priority: Priority::Normal,
        frames: u64::MAX,
    };
    let sought = sought(args.sought, args.look.reducer.as_ref())?;
    let (lens, reducer) = match &sought {
        Some(_) => (Lens::Overlay, "sought"),
        None => (lens(&args.lens)?, "sample"),
    };
    let sought = sought.or_else(|| SoughtRequest::of(lens));
    let marking = match (args.mark.is_some(), lens) {
        (false, Lens::Age) => Marking::Ages,
        (false, _) => Marking::None,
        (true, Lens::Class) => Marking::Changes,
        (true, _) => return Err("--mark changes is for --by class".to_owned()),
    };
    check_redacted(sought.as_ref(), args.run.redact, &args.series)?;
    if !(SLOWEST..=FASTEST).contains(&args.fps) {
        return Err(format!(
            "--fps {} is not from {SLOWEST} to {FASTEST}",
            args.fps
        ));
    }
    let recording = Target::File(args.directory.join(SeriesDirectory::RECORDING));
    let paced = args.pace.is_said() || args.series.page_size.is_some();
    let request = TimelapseRequest {
        recording: carrying(
            sought.as_ref(),
            recorded(recording, &args.series, args.pace, &args.run, &usual)?,
        ),
        selection: selection(args.selection)?,
        look: Look::new(args.look, lens, reducer)?,
        sought,
        marking,
        animation: args.animate.map(animation).transpose()?,
        film: args.mp4.map(film).transpose()?,
        per_second: args.fps,
        directory: args.directory,
    };
    match request.recorded() {
        Some(path) if paced => Err(format!(
            "the readings are in {} already, so nothing can be said of how they are read",
            path.display()
        )),
        recorded => {
            let taken = recorded.map(|path| Target::File(path.to_owned()));
            check_places(&request, taken.as_ref()).map(|()| request)
        }
    }
}

/// Names that are not kept cannot be looked for in what was kept.
fn check_redacted(
    sought: Option<&SoughtRequest>,
    redact: bool,
    series: &SeriesArgs,
) -> Result<(), String> {
    let is_read_now = series.typed.is_empty();
    match sought {
        Some(SoughtRequest::Processes(chosen))
            if redact && is_read_now && !chosen.names.is_empty() =>
        {
            Err("--redact keeps no names, so processes are named by --pid".to_owned())
        }
        Some(SoughtRequest::Cgroup(Cgroup::Directory(_), _)) if redact && is_read_now => {
            Err("--redact keeps no names, so a cgroup is named by @INODE".to_owned())
        }
        _ => Ok(()),
    }
}

/// The recording with what is looked for in it.
fn carrying(sought: Option<&SoughtRequest>, mut recording: RecordRequest) -> RecordRequest {
    match sought {
        Some(SoughtRequest::Processes(chosen)) => recording.chosen = Some(chosen.clone()),
        Some(SoughtRequest::Cgroup(cgroup, _)) => {
            recording.planes.push(Plane::Cgroups);
            if let Cgroup::Directory(path) = cgroup {
                recording.cgroup = Some(path.clone());
            }
        }
        Some(SoughtRequest::Shared) => recording.planes.push(Plane::Counts),
        Some(SoughtRequest::Cgroups) => recording.planes.push(Plane::Cgroups),
        Some(
            SoughtRequest::Flags(..)
            | SoughtRequest::Nodes
            | SoughtRequest::Zones
            | SoughtRequest::Folios
            | SoughtRequest::Free,
        )
        | None => {}
    }
    recording
}

/// No result goes to another's place.
fn check_places(request: &TimelapseRequest, recorded: Option<&Target>) -> Result<(), String> {
    let animation = request.animation.as_ref().map(|(target, _)| target);
    let results = [(animation, "--animate"), (request.film.as_ref(), "--mp4")];
    if animation
        .zip(request.film.as_ref())
        .is_some_and(|(one, other)| one.is_same_place(other))
    {
        return Err("--animate and --mp4 cannot go to the same place".to_owned());
    }
    for (target, option) in results {
        let Some(target) = target else { continue };
        if recorded
            .as_ref()
            .is_some_and(|taken| taken.is_same_place(target))
        {
            return Err(format!("{option} would replace the recording that is read"));
        }
        if let Target::File(path) = target {
            let name = path.file_name().unwrap_or_default();
            let in_series = Target::File(request.directory.join(name));
            if SeriesDirectory::uses(name) && in_series.is_same_place(target) {
                return Err(format!("{option} would replace a file of the series"));
            }
        }
    }
    Ok(())
}

fn film(path: PathBuf) -> Result<Target, String> {
    let is_mp4 = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("mp4"));
    if is_mp4 {
        Ok(Target::File(path))
    } else {
        Err(format!("unknown film format of {} (.mp4)", path.display()))
    }
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
