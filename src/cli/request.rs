//! What was asked, resolved: every default and every rule between options, and nothing typed left.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::args::{Args, LegendArg, LensArg, PaletteVerb, SnapshotArgs, SourceArgs, Usage, Verb};
use crate::classify::{Class, Key, Noise};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, UnknownFlag};
use crate::layout::{Layout, Reducer};
use crate::output::{Format, Target};
use crate::render::{LegendPlace, Palette, SHIPPED};
use crate::scan::Lens;
use crate::source::{Machine, Overrides, Source, System};

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Draw one picture.
    Snapshot(Box<SnapshotRequest>),
    /// Something about palettes.
    Palette(PaletteRequest),
}

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

/// Where the flags come from.
#[derive(Clone, Debug)]
pub struct SourceRequest {
    place: Place,
    overrides: Overrides,
}

#[derive(Clone, Debug)]
enum Place {
    Live,
    Sysroot(PathBuf),
    Dump(PathBuf),
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
            Verb::Palette(args) => Ok(Self::Palette(match args.verb {
                PaletteVerb::List => PaletteRequest::List,
                PaletteVerb::Show { name } => PaletteRequest::Show(name),
                PaletteVerb::Check { palette } => PaletteRequest::Check(palette),
            })),
        }
    }

    /// True when standard error shall stay silent but for errors.
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Snapshot(request) if request.quiet)
    }
}

fn snapshot(args: SnapshotArgs) -> Result<SnapshotRequest, String> {
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
        source: source(args.source)?,
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
        threads: args.threads.map_or_else(processors, usize::from),
        quiet: args.quiet,
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
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

fn source(args: SourceArgs) -> Result<SourceRequest, String> {
    let page_bytes = args.page_size.as_deref().map(page_size).transpose()?;
    let place = match (args.sysroot, args.from) {
        (Some(root), _) => Place::Sysroot(root),
        (None, Some(file)) => Place::Dump(file),
        (None, None) => Place::Live,
    };
    Ok(SourceRequest {
        place,
        overrides: Overrides {
            page_bytes,
            time: source_date()?,
        },
    })
}

/// `4096`, `4K`, `16KiB`, `64k`: a power of two from 1 KiB to 1 MiB.
fn page_size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches("ib").trim_end_matches('b');
    let (digits, unit) = match digits.strip_suffix(['k', 'm']) {
        Some(number) if digits.ends_with('m') => (number, 1 << 20),
        Some(number) => (number, 1 << 10),
        None => (digits, 1),
    };
    let bytes = digits
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| bytes.is_power_of_two() && (1024..=1 << 20).contains(bytes)).ok_or_else(|| {
        format!("--page-size {text} is no page size (a power of two from 1 KiB to 1 MiB: 4096, 16KiB, 64k)")
    })
}

/// <https://reproducible-builds.org/specs/source-date-epoch/>: a time that outputs carry instead
/// of the clock's.
fn source_date() -> Result<Option<Timestamp>, String> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let seconds = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .and_then(|s| Timestamp::from_second(s).ok());
    seconds
        .map(Some)
        .ok_or_else(|| "SOURCE_DATE_EPOCH is not a number of seconds".to_owned())
}

impl SourceRequest {
    /// Opens the source.
    ///
    /// # Errors
    /// What opening says.
    pub fn open(&self) -> Result<Box<dyn Source>> {
        Ok(match &self.place {
            Place::Live => Box::new(System::open_live(self.overrides)?),
            Place::Sysroot(root) => Box::new(System::open(root, self.overrides)?),
            Place::Dump(file) => Box::new(System::open_dump(file, self.overrides)?),
        })
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

/// A palette by name or, failing that, from a file.
///
/// # Errors
/// Neither, or not a palette.
pub fn open_palette(name: &Path) -> Result<Palette> {
    if let Some(palette) = name.to_str().and_then(Palette::shipped) {
        return Ok(palette);
    }
    let shown = name.display().to_string();
    let text = std::fs::read_to_string(name).map_err(|cause| match cause.kind() {
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
    Palette::parse(&shown, &text)
}
