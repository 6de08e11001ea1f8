//! How a picture shall look, resolved.

use std::path::PathBuf;

use super::args::{LayoutArg, LegendArg, LensArg, LensArgs, LookArgs};
use crate::classify::{Class, Key, Noise};
use crate::compare::{FIRST_OVERLAY, FREED, RECLASSED, USED};
use crate::kernel::{PageFlags, Pfn, PfnSet, UnknownFlag};
use crate::layout::{CellOrder, Layout, Reducer};
use crate::render::LegendPlace;
use crate::scan::Lens;

/// How a picture shall look.
#[derive(Debug)]
pub struct Look {
    /// What pages are coloured by.
    pub lens: Lens,
    /// Where pages go.
    pub scale: Scale,
    /// What a cell of several pages shows, and what the user calls it.
    pub reducer: (Reducer, String),
    /// How cells follow each other.
    pub order: CellOrder,
    /// Columns of the map.
    pub columns: usize,
    /// Where the legend stands.
    pub legend: LegendPlace,
    /// A palette's name or file.
    pub palette: PathBuf,
}

/// How many pages a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As many as keep the picture within so many rows.
    MaxRows(u64),
    /// So many.
    PagesPerCell(u64),
}

impl Look {
    /// Of pages coloured by `lens`, with `usual_reducer` where none is typed.
    pub(super) fn new(args: LookArgs, lens: Lens, usual_reducer: &str) -> Result<Self, String> {
        let reducer_name = args.reducer.unwrap_or_else(|| usual_reducer.to_owned());
        Ok(Self {
            lens,
            scale: scale(args.pages_per_pixel, args.max_rows)?,
            reducer: (reducer(&reducer_name, lens)?, reducer_name),
            order: match args.layout {
                LayoutArg::Rows => CellOrder::Rows,
                LayoutArg::Hilbert => CellOrder::Hilbert,
            },
            columns: usize::from(args.columns),
            legend: match args.legend {
                LegendArg::Below => LegendPlace::Below,
                LegendArg::Right => LegendPlace::Right,
                LegendArg::None => LegendPlace::None,
            },
            palette: args.palette,
        })
    }

    /// The layout for page numbers up to `end`, of which `ram` is RAM.
    pub fn layout(&self, end: Pfn, ram: Option<&PfnSet>) -> Layout {
        let (reducer, order) = (self.reducer.0, self.order);
        match self.scale {
            Scale::MaxRows(rows) => {
                let rows = rows.saturating_mul(self.columns as u64);
                Layout::fit(end, ram, rows, reducer, order)
            }
            Scale::PagesPerCell(pages_per_cell) => Layout {
                pages_per_cell,
                reducer,
                order,
            },
        }
    }
}

/// The lens that was typed.
pub(super) fn lens(args: &LensArgs) -> Result<Lens, String> {
    let noise = args.noise.as_deref();
    Ok(match (args.by, noise) {
        (LensArg::Flags, None) => Lens::Flags(Noise::default()),
        (LensArg::Flags, Some(list)) => Lens::Flags(Noise(PageFlags::parse_list(list).map_err(
            |UnknownFlag(name)| format!("unknown flag '{name}' in --noise (names as page-types prints them: locked, lru, …, or bit47)"),
        )?)),
        (_, Some(_)) => return Err("--noise is for --by flags".to_owned()),
        (LensArg::Class, None) => Lens::Class,
        (LensArg::Node, None) => Lens::Node,
        (LensArg::Zone, None) => Lens::Zone,
        (LensArg::Sharing, None) => Lens::Sharing,
        (LensArg::Cgroup, None) => Lens::Cgroup,
        (LensArg::FolioOrder, None) => Lens::FolioOrder,
        (LensArg::FreeOrder, None) => Lens::FreeOrder,
        (LensArg::Age, None) => Lens::Age,
    })
}

fn reducer(text: &str, lens: Lens) -> Result<Reducer, String> {
    match (text, text.strip_prefix("any="), lens) {
        ("sought", _, Lens::Overlay) => Ok(Reducer::AnyFrom(FIRST_OVERLAY)),
        ("proportional", ..) => Ok(Reducer::Proportional),
        ("sample", ..) => Ok(Reducer::Sample),
        ("dominant", ..) => Ok(Reducer::Dominant),
        (_, Some(name), Lens::Class) => Class::named(name)
            .map(|class| Reducer::Any(Key(class as u8)))
            .ok_or_else(|| unknown_class(name)),
        (_, Some(name), Lens::Difference) => event(name).map(Reducer::Any).ok_or_else(|| {
            format!("nothing is called '{name}' here (one of freed, used, changed)")
        }),
        (_, Some(_), _) => Err("--reducer any=CLASS is for --by class".to_owned()),
        _ => Err(format!(
            "unknown reducer '{text}' (one of proportional, sample, dominant, any=CLASS)"
        )),
    }
}

fn event(name: &str) -> Option<Key> {
    match name {
        "freed" => Some(FREED),
        "used" => Some(USED),
        "changed" => Some(RECLASSED),
        _ => None,
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
