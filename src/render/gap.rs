//! The break where rows of hole are cut out of the map.

use super::canvas::{Canvas, Ink, LINE};
use super::numbers::size;
use super::typeface::SMALL;
use crate::kernel::PfnRange;
use crate::layout::ROW_CELLS;

/// Pixels of one break.
pub(super) const GAP_HEIGHT: usize = 19;

/// Draws a break as wide as the map, with what it leaves out: `what` they are.
pub(super) fn gap(pages: PfnRange, page_bytes: u64, what: &str) -> Canvas {
    let mut canvas = Canvas::new(ROW_CELLS, GAP_HEIGHT);
    let text = format!(
        "{} {what}: PFN {:#x} to {:#x}",
        size(pages.pages().saturating_mul(page_bytes)),
        pages.start.0,
        pages.end.0.saturating_sub(1),
    );
    let width = SMALL.width(&text);
    let left = (ROW_CELLS as i64 - width) / 2;
    canvas.write(left, 13, &text, SMALL, Ink::Muted);
    // Dashes left and right of the words: a line that is interrupted.
    for x in (4..ROW_CELLS as i64 - 4).step_by(8) {
        if x + 4 < left - 8 || x > left + width + 8 {
            canvas.fill(x, GAP_HEIGHT as i64 / 2, 4, 1, LINE);
        }
    }
    canvas
}
