//! All cells, packed: rows are deflated where they are made and kept as strips until the picture
//! is put together.
//!
//! A full-resolution picture of a large machine has more cells than memory should hold, and rows
//! of hole are cut out only when their whole run is known. So strips wait in a scratch file that
//! stays in memory while it is small.

mod pack;
mod spool;

pub use pack::{Packed, Packer, unpack, zlib};

use spool::{Spool, Stored};

use crate::classify::KsmVerdict;
use crate::error::Result;
use crate::kernel::{PfnRange, PfnSet};
use crate::layout::{KEPT_HOLE_ROWS, ROW_CELLS, Rows};

/// Rows of cells, as a chunk gives them.
#[derive(Debug)]
pub enum Strip {
    /// Rows of nothing but hole.
    Hole {
        /// How many.
        rows: u64,
    },
    /// Rows to draw.
    Cells {
        /// How many.
        rows: u64,
        /// Packed, KSM believed.
        believed: Packed,
        /// Packed, KSM doubted, where that differs.
        doubted: Option<Packed>,
    },
}

/// Packs rows; those of hole apart where their run may be cut out.
pub fn strips(packer: &mut Packer, believed: &Rows, doubted: Option<&Rows>) -> Vec<Strip> {
    let runs = runs(&believed.blank);
    let strip = |(start, end, blank): (usize, usize, bool)| {
        let rows = (end - start) as u64;
        if blank {
            return Strip::Hole { rows };
        }
        let cells = start * ROW_CELLS..end * ROW_CELLS;
        let differs = |rows: &&Rows| rows.cells[cells.clone()] != believed.cells[cells.clone()];
        let doubted = doubted
            .filter(differs)
            .map(|rows| packer.pack_cells(&rows.cells[cells.clone()]));
        Strip::Cells {
            rows,
            believed: packer.pack_cells(&believed.cells[cells]),
            doubted,
        }
    };
    runs.into_iter().map(strip).collect()
}

/// Runs of rows. A run of blank rows inside a chunk stands alone only when it is long enough to be
/// cut out; one at an edge always does, as it may go on in the neighbour.
fn runs(blank: &[bool]) -> Vec<(usize, usize, bool)> {
    let mut runs: Vec<(usize, usize, bool)> = Vec::new();
    for (row, &is_blank) in blank.iter().enumerate() {
        match runs.last_mut() {
            Some(last) if last.2 == is_blank => last.1 = row + 1,
            _ => runs.push((row, row + 1, is_blank)),
        }
    }
    let mut joined: Vec<(usize, usize, bool)> = Vec::new();
    for (start, end, is_blank) in runs {
        let inner = start > 0 && end < blank.len();
        let alone = is_blank && !(inner && (end - start) as u64 <= KEPT_HOLE_ROWS);
        match joined.last_mut() {
            Some(last) if last.2 == alone => last.1 = end,
            _ => joined.push((start, end, alone)),
        }
    }
    joined
}

/// What follows what, from the first row down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Rows of hole too many to draw.
    Cut {
        /// How many.
        rows: u64,
    },
    /// A few rows of hole.
    Hole {
        /// How many.
        rows: u64,
    },
    /// Rows to draw.
    Cells {
        /// How many.
        rows: u64,
        /// Which strip: a number to give to [`Grid::packed`].
        strip: usize,
    },
}

impl Piece {
    /// Rows of cells that it stands for, drawn or not.
    pub fn rows(self) -> u64 {
        match self {
            Piece::Cut { rows } | Piece::Hole { rows } | Piece::Cells { rows, .. } => rows,
        }
    }
}

/// Every row of one picture.
#[derive(Debug)]
pub struct Grid {
    pieces: Vec<Piece>,
    strips: Vec<(Stored, Option<Stored>)>,
    spool: Spool,
}

impl Grid {
    /// No row yet.
    pub fn new() -> Self {
        Self {
            pieces: Vec::new(),
            strips: Vec::new(),
            spool: Spool::new(),
        }
    }

    /// Takes the strips of the next chunk.
    ///
    /// # Errors
    /// The scratch file cannot be written.
    pub fn push(&mut self, strips: Vec<Strip>) -> Result<()> {
        for strip in strips {
            match strip {
                Strip::Hole { rows } => self.push_hole(rows),
                Strip::Cells {
                    rows,
                    believed,
                    doubted,
                } => {
                    let doubted = doubted
                        .map(|packed| self.spool.store(&packed))
                        .transpose()?;
                    let believed = self.spool.store(&believed)?;
                    self.pieces.push(Piece::Cells {
                        rows,
                        strip: self.strips.len(),
                    });
                    self.strips.push((believed, doubted));
                }
            }
        }
        Ok(())
    }

    fn push_hole(&mut self, more: u64) {
        match self.pieces.last_mut() {
            Some(Piece::Hole { rows }) => *rows += more,
            _ => self.pieces.push(Piece::Hole { rows: more }),
        }
    }

    /// Rows of nothing but hole that may be cut out, in pages; beyond the last row there is nothing else.
    pub fn holes(&self, row_pages: u64) -> PfnSet {
        let mut row = 0;
        let mut holes = Vec::new();
        for piece in &self.pieces {
            let end = row + piece.rows();
            if matches!(piece, Piece::Hole { .. }) {
                holes.push(PfnRange::new(row * row_pages, end * row_pages));
            }
            row = end;
        }
        holes.push(PfnRange::new(row * row_pages, u64::MAX));
        holes.into_iter().collect()
    }

    /// What follows what up to row `rows`, `cuts` cut out.
    pub fn pieces(&self, rows: u64, cuts: &PfnSet, row_pages: u64) -> Vec<Piece> {
        let drawn: u64 = self.pieces.iter().map(|piece| piece.rows()).sum();
        let padding = Piece::Hole {
            rows: rows.saturating_sub(drawn),
        };
        let mut joined: Vec<Piece> = Vec::new();
        for &piece in self.pieces.iter().chain([&padding]) {
            match (joined.last_mut(), piece) {
                (Some(Piece::Hole { rows }), Piece::Hole { rows: more }) => *rows += more,
                _ => joined.push(piece),
            }
        }
        let mut row = 0;
        let mut pieces = Vec::new();
        for piece in joined.into_iter().filter(|piece| piece.rows() > 0) {
            let end = row + piece.rows();
            match piece {
                Piece::Hole { .. } => {
                    let hole = PfnRange::new(row * row_pages, end * row_pages);
                    pieces.extend(cut(hole, cuts, row_pages));
                }
                piece => pieces.push(piece),
            }
            row = end;
        }
        pieces
    }

    /// The packed rows of a strip, as they are under `verdict`.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn packed(&mut self, strip: usize, verdict: KsmVerdict) -> Result<Packed> {
        let (believed, doubted) = self.strips[strip];
        let stored = doubted
            .filter(|_| verdict == KsmVerdict::Doubted)
            .unwrap_or(believed);
        self.spool.load(stored)
    }
}

/// A run of hole in what is drawn of it and what is not.
fn cut(hole: PfnRange, cuts: &PfnSet, row_pages: u64) -> Vec<Piece> {
    let rows = |range: &PfnRange| range.pages() / row_pages;
    let out = cuts
        .inside(hole)
        .map(|range| (range.start, Piece::Cut { rows: rows(&range) }));
    let kept = cuts.gaps(hole).into_iter();
    let kept = kept.map(|range| (range.start, Piece::Hole { rows: rows(&range) }));
    let mut pieces: Vec<_> = out.chain(kept).collect();
    pieces.sort_by_key(|&(start, _)| start);
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

/// Of runs of hole those that are long enough to be cut out.
pub fn long_enough(holes: &PfnSet, row_pages: u64) -> PfnSet {
    let is_long = |range: &&PfnRange| range.pages() / row_pages > KEPT_HOLE_ROWS;
    holes.ranges().iter().filter(is_long).copied().collect()
}

impl Default for Grid {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &str) -> Vec<(usize, usize, bool)> {
        runs(&rows.chars().map(|c| c == '.').collect::<Vec<_>>())
    }

    #[test]
    fn short_holes_inside_a_chunk_stay_with_their_neighbours() {
        assert_eq!(of("##..##"), [(0, 6, false)]);
        assert_eq!(of(".##.#"), [(0, 1, true), (1, 5, false)]);
        assert_eq!(of("##........."), [(0, 2, false), (2, 11, true)]);
        assert_eq!(
            of("#.........#"),
            [(0, 1, false), (1, 10, true), (10, 11, false)]
        );
        assert_eq!(of("#........#"), [(0, 10, false)]);
        assert_eq!(of("..."), [(0, 3, true)]);
    }

    #[test]
    fn holes_of_neighbouring_chunks_are_one() {
        let mut grid = Grid::new();
        for rows in [5, 10] {
            grid.push(vec![Strip::Hole { rows: 5 }])
                .expect("no scratch file is needed");
            let holes = grid.holes(2);
            let holes = holes.inside(PfnRange::new(0, 2 * rows)).collect();
            let expected = if rows > KEPT_HOLE_ROWS {
                Piece::Cut { rows }
            } else {
                Piece::Hole { rows }
            };
            assert_eq!(pieces(&grid, rows, &long_enough(&holes, 2)), [expected]);
        }
    }

    fn pieces(grid: &Grid, rows: u64, cuts: &PfnSet) -> Vec<Piece> {
        grid.pieces(rows, cuts, 2)
    }

    #[test]
    fn a_cut_may_be_shorter_than_its_hole_and_lie_beyond_the_end() {
        let mut grid = Grid::new();
        grid.push(vec![Strip::Hole { rows: 12 }])
            .expect("no scratch file is needed");
        let cuts: PfnSet = [PfnRange::new(4, 22), PfnRange::new(26, 50)]
            .into_iter()
            .collect();
        let [hole, cut] = [|rows| Piece::Hole { rows }, |rows| Piece::Cut { rows }];
        assert_eq!(pieces(&grid, 20, &cuts), [hole(2), cut(9), hole(2), cut(7)]);
    }
}
