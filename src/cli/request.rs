//! What was asked, resolved: every default and every rule between options, and nothing typed left.

use std::iter;
use std::path::{Path, PathBuf};

use super::args::{Args, PaletteVerb, Usage, Verb};
use super::diff::{Compared, DiffRequest, diff};
use super::export::{ExportRequest, export};
use super::flags::{FlagsRequest, PagesOf, flags};
use super::processes::{
    DoctorRequest, OrdersRequest, OwnerRequest, PagetableRequest, SegmentsRequest,
    SystemOrdersRequest, ThpRequest, doctor, orders, owner, pagetable, segments, thp,
};
use super::record::{RecordRequest, Until, record};
use super::report::{ReportRequest, report};
use super::shell::SystemRequest;
use super::snapshot::{SnapshotRequest, snapshot};
use super::sought::SoughtRequest;
use super::timelapse::{TimelapseRequest, timelapse};
use super::usage::{PssRequest, pss};
use super::watching::{CheckRequest, MetricsRequest, check, metrics};
use crate::error::{Error, Result};
use crate::output::Target;
use crate::render::{Palette, SHIPPED};
use crate::source::{as_user, read_users_text};

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Draw one picture.
    Snapshot(Box<SnapshotRequest>),
    /// Draw a series.
    Timelapse(Box<TimelapseRequest>),
    /// Compare readings.
    Diff(Box<DiffRequest>),
    /// Say whether memory is fragmented.
    Report(Box<ReportRequest>),
    /// Check that memory is as it should be.
    Check(Box<CheckRequest>),
    /// Write metrics.
    Metrics(Box<MetricsRequest>),
    /// Count and list pages by their flags.
    Flags(FlagsRequest),
    /// Ask how processes lie.
    Orders(OrdersRequest),
    /// Count blocks of all memory.
    SystemOrders(SystemOrdersRequest),
    /// Say what can be read.
    Doctor(DoctorRequest),
    /// Count large folios.
    Thp(ThpRequest),
    /// Say who uses memory.
    Pss(Box<PssRequest>),
    /// Print segments.
    Segments(SegmentsRequest),
    /// Say who holds pages.
    Owner(OwnerRequest),
    /// Print a page table.
    Pagetable(PagetableRequest),
    /// Make a recording.
    Record(Box<RecordRequest>),
    /// Say what a recording holds.
    Info(PathBuf),
    /// Take numbers elsewhere.
    Export(ExportRequest),
    /// Something about palettes.
    Palette(PaletteRequest),
    /// Something for the system round the program.
    System(SystemRequest),
}

/// Something about palettes.
#[derive(Debug)]
pub enum PaletteRequest {
    /// List the shipped ones.
    List,
    /// Print one.
    Show(String),
    /// Measure one.
    Check(PathBuf),
}

impl Request {
    /// Resolves what was typed.
    ///
    /// # Errors
    /// What cannot be meant.
    pub fn new(args: Args) -> Result<Self, Usage> {
        match args.verb {
            Verb::Snapshot(args) => snapshot(args)
                .map(|request| Self::Snapshot(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Timelapse(args) => timelapse(*args)
                .map(|request| Self::Timelapse(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Diff(args) => diff(args)
                .map(|request| Self::Diff(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Report(args) => report(args)
                .map(|request| Self::Report(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Check(args) => check(*args)
                .map(|request| Self::Check(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Metrics(args) => metrics(args)
                .map(|request| Self::Metrics(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Flags(args) => flags(*args).map(Self::Flags).map_err(Usage::Wrong),
            Verb::Doctor(args) => Ok(Self::Doctor(doctor(args))),
            Verb::Orders(args) => orders(args).map_err(Usage::Wrong),
            Verb::Thp(args) => thp(args).map(Self::Thp).map_err(Usage::Wrong),
            Verb::Pss(args) => pss(args)
                .map(|request| Self::Pss(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Segments(args) => Ok(Self::Segments(segments(args))),
            Verb::Owner(args) => owner(args).map(Self::Owner).map_err(Usage::Wrong),
            Verb::Pagetable(args) => pagetable(args).map(Self::Pagetable).map_err(Usage::Wrong),
            Verb::Record(args) => record(args)
                .map(|request| Self::Record(Box::new(request)))
                .map_err(Usage::Wrong),
            Verb::Info(args) => Ok(Self::Info(args.recording)),
            Verb::Export(args) => export(*args).map(Self::Export).map_err(Usage::Wrong),
            Verb::Completions(args) => Ok(Self::System(SystemRequest::Completions(args.shell))),
            Verb::Man(args) => Ok(Self::System(SystemRequest::Man(args.directory))),
            Verb::Palette(args) => Ok(Self::Palette(match args.verb {
                PaletteVerb::List => PaletteRequest::List,
                PaletteVerb::Show { name } => PaletteRequest::Show(name),
                PaletteVerb::Check { palette } => PaletteRequest::Check(palette),
            })),
        }
    }

    /// Whether the running kernel, or one of its processes, is asked.
    pub fn asks_the_kernel(&self) -> bool {
        let is_running = |root: &PathBuf| root == Path::new("/");
        match self {
            Self::Snapshot(request) => request.source.is_running(),
            Self::Report(request) => request.source.is_running(),
            Self::Check(request) => request.source.is_running(),
            Self::Metrics(request) => request.source.is_running(),
            Self::SystemOrders(request) => request.source.is_running(),
            Self::Timelapse(request) => request.recording.asks_the_kernel(),
            Self::Record(request) => request.asks_the_kernel(),
            Self::Diff(request) => match &request.readings {
                Compared::Two { before, after } => before.is_running() || after.is_running(),
                Compared::Series(_) => false,
            },
            Self::Flags(FlagsRequest::Pages(request)) => match &request.of {
                PagesOf::Memory => request.source.is_running(),
                PagesOf::Process { root, .. } => is_running(root),
                PagesOf::File(_) => true,
            },
            Self::Orders(request) => is_running(&request.asked.root),
            Self::Thp(request) => is_running(&request.asked.root),
            Self::Pss(request) => is_running(&request.question.root),
            Self::Segments(request) => is_running(&request.root),
            Self::Owner(request) => is_running(&request.root),
            Self::Pagetable(request) => is_running(&request.root),
            Self::Doctor(request) => is_running(&request.root),
            Self::Export(request) => request.asks_the_kernel(),
            Self::Flags(_) | Self::Info(_) | Self::Palette(_) | Self::System(_) => false,
        }
    }

    /// Whether other processes are asked, which no fenced process may do.
    pub fn asks_processes(&self) -> bool {
        let is_process =
            |sought: &Option<SoughtRequest>| matches!(sought, Some(SoughtRequest::Processes(_)));
        match self {
            Self::Snapshot(request) => is_process(&request.sought),
            Self::Timelapse(request) => {
                is_process(&request.sought) || request.recording.chosen.is_some()
            }
            Self::Record(request) => request.chosen.is_some(),
            Self::Flags(FlagsRequest::Pages(request)) => {
                matches!(request.of, PagesOf::Process { .. })
            }
            // It names the processes that have much of what is in the way.
            Self::Report(request) => !request.source.is_file(),
            Self::Check(request) => request.asks_a_process(),
            Self::Diff(_)
            | Self::Metrics(_)
            | Self::Flags(FlagsRequest::Describe { .. })
            | Self::SystemOrders(_)
            | Self::Info(_)
            | Self::Export(_)
            | Self::Palette(_)
            | Self::System(_) => false,
            Self::Orders(_)
            | Self::Doctor(_)
            | Self::Thp(_)
            | Self::Pss(_)
            | Self::Segments(_)
            | Self::Owner(_)
            | Self::Pagetable(_) => true,
        }
    }

    /// Whether a command of the user's runs meanwhile.
    pub fn runs_a_command(&self) -> bool {
        let is_command = |until: &Until| matches!(until, Until::Command(_));
        match self {
            Self::Record(request) => is_command(&request.until),
            Self::Timelapse(request) => is_command(&request.recording.until),
            _ => false,
        }
    }

    /// Whether ffmpeg makes a film.
    pub fn runs_ffmpeg(&self) -> bool {
        matches!(self, Self::Timelapse(request) if request.film.is_some())
    }

    /// The directories below which something is written: results, and scratch files.
    pub fn writes(&self) -> Vec<PathBuf> {
        let targets: Vec<&Target> = match self {
            Self::Snapshot(request) => iter::once(&request.picture).chain(&request.json).collect(),
            Self::Report(request) => request.report.iter().map(|(target, _)| target).collect(),
            Self::Diff(request) => {
                let picture = request.picture.as_ref().map(|(target, _)| target);
                picture.into_iter().chain(&request.json).collect()
            }
            Self::Timelapse(request) => {
                let animation = request.animation.as_ref().map(|(target, _)| target);
                animation.into_iter().chain(&request.film).collect()
            }
            Self::Record(request) => vec![&request.recording],
            Self::Metrics(request) => vec![&request.target],
            _ => Vec::new(),
        };
        let directories = targets.into_iter().filter_map(Target::directory);
        let mut directories: Vec<PathBuf> = directories.map(Path::to_owned).collect();
        let made: Vec<PathBuf> = match self {
            Self::Timelapse(request) => vec![request.directory.clone()],
            Self::Export(request) => request.directories(),
            Self::System(SystemRequest::Man(directory)) => vec![directory.clone()],
            _ => Vec::new(),
        };
        // They may have to be made.
        for directory in &made {
            let there = directory.ancestors().find(|path| path.is_dir());
            directories.push(there.unwrap_or(Path::new(".")).to_owned());
        }
        directories.push(std::env::temp_dir());
        directories
    }

    /// True when standard error shall stay silent but for errors.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Snapshot(request) => request.quiet,
            Self::Diff(request) => request.quiet,
            Self::Report(request) => request.quiet,
            Self::Check(request) => request.quiet,
            Self::Metrics(request) => request.quiet,
            Self::Flags(FlagsRequest::Pages(request)) => request.quiet || request.list.is_some(),
            Self::Timelapse(request) => {
                request.recording.quiet || matches!(request.recording.until, Until::Command(_))
            }
            // What a command shows is its own.
            Self::Record(request) => request.quiet || matches!(request.until, Until::Command(_)),
            Self::Orders(request) => request.asked.quiet,
            Self::SystemOrders(request) => request.quiet,
            Self::Thp(request) => request.asked.quiet,
            Self::Pss(request) => request.quiet,
            Self::Owner(request) => request.quiet,
            Self::Doctor(request) => request.quiet,
            Self::Export(request) => request.is_quiet(),
            Self::Flags(_)
            | Self::Pagetable(_)
            | Self::Segments(_)
            | Self::Info(_)
            | Self::Palette(_)
            | Self::System(_) => true,
        }
    }
}

/// A palette by name or, failing that, from a file.
///
/// # Errors
/// Neither, or not a palette.
pub fn open_palette(name: &Path) -> Result<Palette> {
    if let Some(palette) = name.to_str().and_then(Palette::shipped) {
        return Ok(palette);
    }
    read_palette(name).map(|(_, palette)| palette)
}

/// A palette's text, and what it means.
///
/// # Errors
/// It cannot be read, or is no palette.
pub fn read_palette(name: &Path) -> Result<(String, Palette)> {
    let shown = name.display().to_string();
    let text = as_user(|| read_users_text(name)).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => {
            let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
            Error::Palette {
                name: shown.clone(),
                cause: format!("neither a file nor one of {}", names.join(", ")),
            }
        }
        _ => Error::Read {
            path: name.to_owned(),
            cause,
        },
    })?;
    let palette = Palette::parse(&shown, &text)?;
    Ok((text, palette))
}
