//! The axis of page numbers and addresses beside the map.

use super::canvas::{Canvas, Ink, LINE};
use super::numbers::address;
use super::typeface::SMALL;

/// Pixels left of the map.
pub(super) const AXIS_WIDTH: usize = 92;

/// Rows between two labels: 128 MiB where a row is 2 MiB.
const TICK_ROWS: u64 = 64;

/// Rows that a label reaches down from its tick: page number, and address below it.
const LABEL_ROWS: u64 = 26;

/// Rows of the page number alone.
const NUMBER_ROWS: u64 = 14;

/// Rows that follow each other without a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Number of the first row: its first page divided by the pages of a row.
    pub(super) first: u64,
    /// Number after the last row.
    pub(super) end: u64,
}

/// How far apart ticks are, and what stands at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Pages of a row.
    pub(super) row_pages: u64,
    /// Bytes of a page.
    pub(super) page_bytes: u64,
    /// Rows that cannot be told apart.
    pub(super) unit_rows: u64,
}

/// Draws the axis beside `rows` rows from number `row` on, which are part of `run`.
pub(super) fn axis(row: u64, rows: u64, run: Run, scale: Scale) -> Canvas {
    let mut canvas = Canvas::new(AXIS_WIDTH, rows as usize);
    let every = TICK_ROWS.max(scale.unit_rows);
    let first = row.saturating_sub(LABEL_ROWS).max(run.first);
    let ticks = (first..row + rows).filter(|&at| at % every == 0 || at == run.first);
    for tick in ticks {
        // A label at the start of a run needs room before the next.
        let crowded = tick % every != 0 && tick % every > every - LABEL_ROWS;
        let room = run.end - tick;
        if crowded || room < NUMBER_ROWS {
            continue;
        }
        let y = tick as i64 - row as i64;
        canvas.fill(AXIS_WIDTH as i64 - 8, y, 6, 1, LINE);
        let page = tick * scale.row_pages;
        let end = AXIS_WIDTH as i64 - 12;
        canvas.write_left_of(end, y + 9, &format!("{page:#x}"), SMALL, Ink::Muted);
        if room >= LABEL_ROWS {
            let address = address(page.saturating_mul(scale.page_bytes));
            canvas.write_left_of(end, y + 21, &address, SMALL, Ink::Muted);
        }
    }
    canvas
}
