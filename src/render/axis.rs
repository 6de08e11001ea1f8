//! The axis of page numbers beside the map.

use super::canvas::{Canvas, Ink, LINE};
use super::typeface::SMALL;

/// Pixels left of the map.
pub(super) const AXIS_WIDTH: usize = 92;

/// Rows between two labels: 128 MiB where a row is 2 MiB.
const TICK_ROWS: u64 = 64;

/// Rows that a label reaches down from its tick.
const LABEL_ROWS: u64 = 14;

/// Rows that follow each other without a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Number of the first row: its first page divided by the pages of a row.
    pub(super) first: u64,
    /// Number after the last row.
    pub(super) end: u64,
}

/// Draws the axis beside `rows` rows from number `row` on, which are part of `run` and `row_pages` long.
pub(super) fn axis(row: u64, rows: u64, run: Run, row_pages: u64) -> Canvas {
    let mut canvas = Canvas::new(AXIS_WIDTH, rows as usize);
    let first = row.saturating_sub(LABEL_ROWS).max(run.first);
    let ticks = (first..row + rows).filter(|&at| at % TICK_ROWS == 0 || at == run.first);
    for tick in ticks {
        // A label at the start of a run needs room before the next.
        let crowded = tick % TICK_ROWS != 0 && tick % TICK_ROWS > TICK_ROWS - LABEL_ROWS;
        if crowded || run.end - tick < LABEL_ROWS {
            continue;
        }
        let y = tick as i64 - row as i64;
        canvas.fill(AXIS_WIDTH as i64 - 8, y, 6, 1, LINE);
        let label = format!("{:#x}", tick * row_pages);
        canvas.write_left_of(AXIS_WIDTH as i64 - 12, y + 9, &label, SMALL, Ink::Muted);
    }
    canvas
}
