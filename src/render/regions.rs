//! Beside the map: NUMA nodes and zones as strips with their names, and memory blocks.

use super::axis::Run;
use super::canvas::{Canvas, Ink, LINE, shade};
use super::heading::zone_names;
use super::typeface::SMALL;
use crate::kernel::{PfnRange, PfnSet, Zone, ZoneMap};

/// Pixels right of the map.
pub(super) const REGIONS_WIDTH: usize = 128;

/// Pixels left of the map.
pub(super) const BLOCKS_WIDTH: usize = 6;

const NODE_AT: i64 = 4;
const ZONE_AT: i64 = 11;
const STRIP: i64 = 5;
const NAME_AT: i64 = 21;

/// Rows that a name takes.
const NAME_ROWS: u64 = 13;

/// Draws the strips of nodes and zones beside `rows` rows from number `row` on, which are part of `run`.
pub(super) fn regions(row: u64, rows: u64, run: Run, row_pages: u64, zones: &ZoneMap) -> Canvas {
    let mut canvas = Canvas::new(REGIONS_WIDTH, rows as usize);
    let mut nodes: Vec<u32> = zones.zones().iter().map(|zone| zone.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for at in row..row + rows {
        let pages = PfnRange::new(at * row_pages, (at + 1) * row_pages);
        let Some((_, zone)) = zones.inside(pages).next() else {
            continue;
        };
        let y = at as i64 - row as i64;
        let zone = &zones.zones()[zone];
        canvas.fill(NODE_AT, y, STRIP, 1, shade(node_shade(zone, &nodes)));
        canvas.fill(ZONE_AT, y, STRIP, 1, shade(zone_shade(zone)));
    }
    let pages = PfnRange::new(run.first * row_pages, run.end * row_pages);
    for (start, name) in zone_names(zones, pages, row_pages, NAME_ROWS) {
        let at = start.0 / row_pages;
        let has_room = at + NAME_ROWS <= run.end;
        if has_room && at < row + rows && at + NAME_ROWS > row {
            let y = at as i64 - row as i64;
            let name = SMALL.fit(&name, REGIONS_WIDTH as i64 - NAME_AT);
            canvas.write(NAME_AT, y + 10, &name, SMALL, Ink::Muted);
        }
    }
    canvas
}

/// Neighbours of four differ.
fn node_shade(zone: &Zone, nodes: &[u32]) -> u8 {
    let number = nodes.binary_search(&zone.node).unwrap_or(0);
    [6, 15, 10, 3][number % 4]
}

fn zone_shade(zone: &Zone) -> u8 {
    match zone.name.as_str() {
        "DMA" => 4,
        "DMA32" => 8,
        "Normal" => 13,
        "Movable" => 16,
        _ => 10,
    }
}

/// Draws memory blocks beside `rows` rows from number `row` on: two shades in turn where they are known one by one.
pub(super) fn blocks(
    row: u64,
    rows: u64,
    row_pages: u64,
    blocks: Option<&PfnSet>,
    block_pages: Option<u64>,
) -> Canvas {
    let mut canvas = Canvas::new(BLOCKS_WIDTH, rows as usize);
    let Some(blocks) = blocks else { return canvas };
    for at in row..row + rows {
        let pages = PfnRange::new(at * row_pages, (at + 1) * row_pages);
        let Some(part) = blocks.inside(pages).next() else {
            continue;
        };
        let is_odd = block_pages.is_some_and(|pages| (part.start.0 / pages) % 2 == 1);
        let index = if is_odd { shade(6) } else { LINE };
        canvas.fill(1, at as i64 - row as i64, 3, 1, index);
    }
    canvas
}
