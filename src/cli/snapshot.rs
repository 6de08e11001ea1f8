//! A picture as asked for, resolved.

use std::path::{Path, PathBuf};

use super::args::{LegendArg, LensArg, SnapshotArgs};
use super::source::SourceRequest;
use crate::classify::{Class, Key, Noise};
use crate::kernel::{PageFlags, UnknownFlag};
use crate::layout::{Layout, Reducer};
use crate::output::{Format, Target};
use crate::render::LegendPlace;
use crate::scan::Lens;
use crate::source::Machine;

/// One picture, fully said.
#[derive(Debug)]
pub struct SnapshotRequest {
    /// Where the flags come from.
    pub source: SourceRequest,
    /// What pages are coloured by.
    pub lens: Lens,
    /// Where pages go.
    pub scale: Scale,
    /// What a cell of several pages shows, and what the user calls it.
    pub reducer: (Reducer, String),
    /// Where the legend stands.
    pub legend: LegendPlace,
    /// A palette's name or file.
    pub palette: PathBuf,
    /// Where the picture goes.
    pub picture: Target,
    /// The picture's format.
    pub format: Format,
    /// Where the JSON goes.
    pub json: Option<Target>,
    /// Leave the host out.
    pub redact: bool,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// How many pages a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As many as keep the picture within so many rows.
    MaxRows(u64),
    /// So many.
    PagesPerCell(u64),
}

pub(super) fn snapshot(args: SnapshotArgs) -> Result<SnapshotRequest, String> {
    let picture = Target::new(&args.picture);
    let json = args.json.as_deref().map(Target::new);
    if json
        .as_ref()
        .is_some_and(|json| json.is_same_place(&picture))
    {
        return Err("the picture and --json cannot go to the same place".to_owned());
    }
    let lens = lens(args.by, args.noise.as_deref())?;
    let reducer = reducer(&args.reducer, lens)?;
    Ok(SnapshotRequest {
        source: SourceRequest::one(args.source)?,
        lens,
        scale: scale(args.pages_per_pixel, args.max_rows)?,
        reducer: (reducer, args.reducer),
        legend: match args.legend {
            LegendArg::Below => LegendPlace::Below,
            LegendArg::Right => LegendPlace::Right,
            LegendArg::None => LegendPlace::None,
        },
        palette: args.palette,
        format: format(&args.picture, &picture)?,
        picture,
        json,
        redact: args.redact,
        threads: args
            .threads
            .map_or_else(super::request::processors, usize::from),
        quiet: args.quiet,
    })
}

fn lens(by: LensArg, noise: Option<&str>) -> Result<Lens, String> {
    match (by, noise) {
        (LensArg::Class, None) => Ok(Lens::Class),
        (LensArg::Class, Some(_)) => Err("--noise is for --by flags".to_owned()),
        (LensArg::Flags, None) => Ok(Lens::Flags(Noise::default())),
        (LensArg::Flags, Some(list)) => PageFlags::parse_list(list).map(|flags| Lens::Flags(Noise(flags))).map_err(
            |UnknownFlag(name)| format!("unknown flag '{name}' in --noise (names as page-types prints them: locked, lru, …, or bit47)"),
        ),
    }
}

fn reducer(text: &str, lens: Lens) -> Result<Reducer, String> {
    match (text, text.strip_prefix("any="), lens) {
        ("proportional", ..) => Ok(Reducer::Proportional),
        ("dominant", ..) => Ok(Reducer::Dominant),
        (_, Some(_), Lens::Flags(_)) => Err("--reducer any=CLASS is for --by class".to_owned()),
        (_, Some(name), Lens::Class) => Class::named(name)
            .map(|class| Reducer::Any(Key(class as u8)))
            .ok_or_else(|| unknown_class(name)),
        _ => Err(format!(
            "unknown reducer '{text}' (one of proportional, dominant, any=CLASS)"
        )),
    }
}

fn unknown_class(name: &str) -> String {
    let names: Vec<_> = Class::in_legend_order()
        .into_iter()
        .map(Class::name)
        .collect();
    format!("unknown class '{name}' (one of {})", names.join(", "))
}

/// 4 PiB of 4 KiB pages: more than any machine has.
const MAX_PAGES_PER_CELL: u64 = 1 << 40;

fn scale(pages_per_pixel: Option<u64>, max_rows: u64) -> Result<Scale, String> {
    match pages_per_pixel {
        None => Ok(Scale::MaxRows(max_rows)),
        Some(pages) if pages > MAX_PAGES_PER_CELL => Err(format!(
            "--pages-per-pixel {pages} is more than {MAX_PAGES_PER_CELL}"
        )),
        Some(pages) if pages.is_power_of_two() => Ok(Scale::PagesPerCell(pages)),
        Some(pages) => Err(format!(
            "--pages-per-pixel {pages} is not a power of two (1, 2, 4, …, so that no pixel straddles two huge pages)"
        )),
    }
}

fn format(path: &Path, target: &Target) -> Result<Format, String> {
    match target {
        Target::Stdout => Ok(Format::Png),
        Target::File(_) => Format::of(path).ok_or_else(|| {
            format!(
                "unknown picture format of {} (one of .png, .webp, .gif, .bmp, .tiff)",
                path.display()
            )
        }),
    }
}

impl SnapshotRequest {
    /// The layout for a machine.
    pub fn layout(&self, machine: &Machine) -> Layout {
        let reducer = self.reducer.0;
        match self.scale {
            Scale::MaxRows(rows) => Layout::fit(machine.end(), machine.ram.as_ref(), rows, reducer),
            Scale::PagesPerCell(pages_per_cell) => Layout {
                pages_per_cell,
                reducer,
            },
        }
    }
}
