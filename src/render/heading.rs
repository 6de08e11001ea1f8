//! Thin lines of words between rows of the map: where zones and nodes begin, or which pages a tile has.

use super::canvas::{Canvas, Ink, LINE};
use super::numbers::address;
use super::subject::Subject;
use super::typeface::SMALL;
use crate::kernel::{Pfn, PfnRange, ZoneMap};
use crate::layout::{CellOrder, ROW_CELLS};

/// Pixels of one line.
pub(super) const HEADING_HEIGHT: usize = 16;

/// Rows between two lines at least; what begins before is said in the first.
const LEAST_ROWS: u64 = 12;

/// Letters from which on no more zones are named in one line.
const LONGEST_NAME: usize = 120;

/// What is said above a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    /// Number of the row.
    pub(super) row: u64,
    /// What begins here.
    left: String,
    /// Where that is.
    right: String,
}

/// The lines for pages from `start` to `end`: above each tile, or where zones begin, if there are several.
pub(super) fn headings(subject: &Subject, start: Pfn, end: Pfn) -> Vec<Heading> {
    let pages = PfnRange::new(start.0, end.0);
    match subject.layout.order {
        CellOrder::Rows => of_zones(subject, pages),
        CellOrder::Hilbert => of_tiles(subject, pages),
    }
}

fn of_zones(subject: &Subject, pages: PfnRange) -> Vec<Heading> {
    let row_pages = subject.layout.row_pages();
    let names = zone_names(&subject.zones, pages, row_pages, LEAST_ROWS);
    if names.len() < 2 && subject.zones.inside(pages).count() < 2 {
        return Vec::new();
    }
    let heading = |(start, left): (Pfn, String)| Heading {
        row: start.0 / row_pages,
        left,
        right: place(start, subject),
    };
    names.into_iter().map(heading).collect()
}

/// Where zones begin, and their names: those that begin less than `least` rows later together, as
/// `node 0 DMA, DMA32`.
pub(super) fn zone_names(
    zones: &ZoneMap,
    pages: PfnRange,
    row_pages: u64,
    least: u64,
) -> Vec<(Pfn, String)> {
    let mut names: Vec<(Pfn, String)> = Vec::new();
    let mut last_node = None;
    for (run, zone) in zones.inside(pages) {
        let zone = &zones.zones()[zone];
        let is_near = |start: Pfn| run.start.0 / row_pages < start.0 / row_pages + least;
        match names.last_mut() {
            // What does not fit would be cut off anyway.
            Some((start, name)) if is_near(*start) && name.len() > LONGEST_NAME => {}
            Some((start, name)) if is_near(*start) => {
                name.push_str(", ");
                if last_node != Some(zone.node) {
                    name.push_str(&format!("node {} ", zone.node));
                }
                name.push_str(&zone.name);
            }
            _ => names.push((run.start, format!("node {} {}", zone.node, zone.name))),
        }
        last_node = Some(zone.node);
    }
    names
}

fn of_tiles(subject: &Subject, pages: PfnRange) -> Vec<Heading> {
    let tile_pages = subject.layout.unit_pages();
    let tiles = pages.start.0 / tile_pages..pages.end.0.div_ceil(tile_pages);
    let heading = |tile: u64| {
        let start = tile * tile_pages;
        let here = PfnRange::new(start, start + tile_pages);
        let names = zone_names(&subject.zones, here, tile_pages, 1);
        Heading {
            row: tile * subject.layout.unit_rows(),
            left: names.into_iter().map(|(_, name)| name).collect(),
            right: place(Pfn(start), subject),
        }
    };
    tiles.map(heading).collect()
}

/// `PFN 0x100000 at 4 GiB`.
fn place(page: Pfn, subject: &Subject) -> String {
    let bytes = page.0.saturating_mul(subject.page_size.bytes());
    format!("PFN {:#x} at {}", page.0, address(bytes))
}

/// Draws a line as wide as the map.
pub(super) fn heading(heading: &Heading) -> Canvas {
    const MARGIN: i64 = 10;
    let mut canvas = Canvas::new(ROW_CELLS, HEADING_HEIGHT);
    let baseline = HEADING_HEIGHT as i64 - 4;
    let end = ROW_CELLS as i64 - MARGIN;
    let right = SMALL.width(&heading.right);
    canvas.write_left_of(end, baseline, &heading.right, SMALL, Ink::Muted);
    let left = SMALL.fit(&heading.left, end - right - 3 * MARGIN);
    canvas.write(MARGIN, baseline, &left, SMALL, Ink::Text);
    let from = match left.is_empty() {
        true => MARGIN,
        false => MARGIN + SMALL.width(&left) + MARGIN,
    };
    let line = end - right - MARGIN - from;
    canvas.fill(from, HEADING_HEIGHT as i64 / 2, line.max(0), 1, LINE);
    canvas
}
