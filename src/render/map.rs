//! The map: pieces of the grid, where each lies, and its rows of pixels.

use super::gap::{GAP_HEIGHT, gap};
use crate::classify::{Key, KsmVerdict};
use crate::error::Result;
use crate::grid::{Grid, Packed, Piece, long_enough, unpack};
use crate::kernel::{Pfn, PfnRange, PfnSet};
use crate::layout::{Layout, ROW_CELLS};

/// Rows of the map that follow each other, and where they are in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRows {
    /// Pixels above the first row.
    pub y: u64,
    /// Rows, one pixel high each; for a break, the pixels it takes.
    pub height: u64,
    /// The pages behind them. The last row may go on beyond the last page.
    pub pages: PfnRange,
    /// False for a break, which stands for its pages without drawing them.
    pub is_drawn: bool,
}

/// What of the page numbers a map shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first page after the last.
    pub(super) end: Pfn,
    /// Pages of the rows that are cut out.
    pub(super) cuts: PfnSet,
}

impl Span {
    /// All that is not a long run of rows of `holes`.
    pub(super) fn new(end: Pfn, holes: &PfnSet, layout: &Layout) -> Self {
        let row_pages = layout.row_pages();
        let rows = PfnRange::new(0, end.0.div_ceil(row_pages) * row_pages);
        let holes = holes.inside(rows).collect();
        let cuts = long_enough(&holes, row_pages);
        Self { end, cuts }
    }
}

/// A piece of the map, [`ROW_CELLS`] pixels wide.
pub(super) enum MapPart {
    /// Rows as they were packed in the scan.
    Packed(Packed),
    /// Rows of palette indices.
    Pixels(Vec<u8>),
}

impl MapPart {
    pub(super) fn into_pixels(self) -> Vec<u8> {
        match self {
            Self::Packed(packed) => unpack(&packed, ROW_CELLS),
            Self::Pixels(pixels) => pixels,
        }
    }
}

/// Every piece, from the top.
#[derive(Debug)]
pub(super) struct Map {
    pieces: Vec<(Piece, MapRows)>,
    grid: Grid,
    ksm: KsmVerdict,
    page_bytes: u64,
}

impl Map {
    /// Lays the grid's pieces out below `top` pixels of something else.
    pub(super) fn new(
        grid: Grid,
        ksm: KsmVerdict,
        span: &Span,
        layout: &Layout,
        page_bytes: u64,
        top: u64,
    ) -> Self {
        let row_pages = layout.row_pages();
        let mut y = top;
        let mut page = 0;
        let mut place = |piece: Piece| {
            let is_drawn = !matches!(piece, Piece::Cut { .. });
            let height = if is_drawn {
                piece.rows()
            } else {
                GAP_HEIGHT as u64
            };
            let next = page + piece.rows() * row_pages;
            let pages = PfnRange::new(page, next.min(span.end.0));
            let rows = MapRows {
                y,
                height,
                pages,
                is_drawn,
            };
            (y, page) = (y + height, next);
            (piece, rows)
        };
        let rows = span.end.0.div_ceil(row_pages);
        let pieces = grid.pieces(rows, &span.cuts, row_pages);
        let pieces = pieces.into_iter().map(&mut place).collect();
        Self {
            pieces,
            grid,
            ksm,
            page_bytes,
        }
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Where a piece is.
    pub(super) fn rows(&self, number: usize) -> MapRows {
        self.pieces[number].1
    }

    /// The pixel row after the last, if there is any.
    pub(super) fn end_y(&self) -> Option<u64> {
        self.pieces.last().map(|(_, rows)| rows.y + rows.height)
    }

    /// Drawn pieces that touch, as one.
    pub(super) fn runs(&self) -> Vec<MapRows> {
        let mut runs: Vec<MapRows> = Vec::new();
        for &(_, rows) in &self.pieces {
            match runs.last_mut() {
                Some(last) if last.is_drawn && rows.is_drawn => {
                    last.height += rows.height;
                    last.pages.end = rows.pages.end;
                }
                _ => runs.push(rows),
            }
        }
        runs
    }

    /// The pixels of a piece.
    pub(super) fn part(&mut self, number: usize) -> Result<MapPart> {
        let (piece, rows) = self.pieces[number];
        Ok(match piece {
            Piece::Cells { strip, .. } => MapPart::Packed(self.grid.packed(strip, self.ksm)?),
            Piece::Hole { rows } => MapPart::Pixels(vec![Key::HOLE.0; rows as usize * ROW_CELLS]),
            Piece::Cut { .. } => {
                MapPart::Pixels(gap(rows.pages, self.page_bytes).pixels().to_vec())
            }
        })
    }
}
