//! Where a page goes: how many pages a cell has, which row it is in, and what a cell shows. Pure.

mod accounts;
mod hilbert;
mod reduce;

pub use hilbert::{TILE_ROWS, place_in_tile};
pub use reduce::{Reducer, RowReducer, Rows, sample_place};

use crate::kernel::{Pfn, PfnRange, PfnSet};

/// Cells in a row. With 4 KiB pages and one page a cell, a row is one 2 MiB huge page.
pub const ROW_CELLS: usize = 512;

/// Rows of a picture when nobody asks for more.
pub const DEFAULT_MAX_ROWS: u64 = 2048;

/// Rows of nothing but hole are drawn up to this many in a run; a longer run is cut out.
pub const KEPT_HOLE_ROWS: u64 = 8;

/// A chunk of the scan, where rows or a tile are not longer: 512 MiB of 4 KiB pages. Compounds up to that size
/// never cross its border.
const CHUNK_PAGES: u64 = 1 << 17;

/// How pages become rows of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pages of one cell: a power of two, so that no cell straddles two huge pages.
    pub pages_per_cell: u64,
    /// What a cell of several pages shows.
    pub reducer: Reducer,
    /// How cells follow each other.
    pub order: CellOrder,
}

/// How cells follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellOrder {
    /// From left to right, row after row.
    #[default]
    Rows,
    /// Along a Hilbert curve, tile after tile of 512 × 512: what is near in memory is near in the picture.
    Hilbert,
}

impl CellOrder {
    /// The word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Hilbert => "hilbert",
        }
    }
}

impl Layout {
    /// The finest layout of at most `max_rows` rows, or one tile, for pages up to `end`.
    ///
    /// Rows that are known to be nothing but hole do not count where they will be cut out.
    pub fn fit(
        end: Pfn,
        ram: Option<&PfnSet>,
        max_rows: u64,
        reducer: Reducer,
        order: CellOrder,
    ) -> Self {
        let everything: PfnSet = [PfnRange::new(0, end.0)].into_iter().collect();
        let ram: PfnSet = ram
            .unwrap_or(&everything)
            .inside(PfnRange::new(0, end.0))
            .collect();
        let finest = (0..=40).map(|power| 1u64 << power);
        let fits = finest.map(|pages_per_cell| Self {
            pages_per_cell,
            reducer,
            order,
        });
        // No picture is lower than one tile.
        let most = |layout: &Self| max_rows.max(layout.unit_rows());
        let mut fits = fits.skip_while(|layout| layout.drawn_rows(&ram, end) > most(layout));
        fits.next().unwrap_or(Self {
            pages_per_cell: 1 << 40,
            reducer,
            order,
        })
    }

    /// Pages of one row.
    pub fn row_pages(&self) -> u64 {
        self.pages_per_cell * ROW_CELLS as u64
    }

    /// Rows that cannot be told apart by pages: those of a tile.
    pub fn unit_rows(&self) -> u64 {
        match self.order {
            CellOrder::Rows => 1,
            CellOrder::Hilbert => TILE_ROWS as u64,
        }
    }

    /// Pages of such rows.
    pub fn unit_pages(&self) -> u64 {
        self.row_pages().saturating_mul(self.unit_rows())
    }

    /// Rows of all pages up to `end`.
    pub fn rows(&self, end: Pfn) -> u64 {
        end.0.div_ceil(self.unit_pages()) * self.unit_rows()
    }

    /// Pages of one chunk: whole rows, or one tile.
    pub fn chunk_pages(&self) -> u64 {
        match self.order {
            CellOrder::Rows => CHUNK_PAGES.max(self.row_pages()),
            CellOrder::Hilbert => self.unit_pages(),
        }
    }

    /// Rows that touch RAM, and the short runs of hole between them.
    fn drawn_rows(&self, ram: &PfnSet, end: Pfn) -> u64 {
        let (unit, pages) = (self.unit_rows(), self.unit_pages());
        let kept = |hole: u64| {
            let rows = hole * unit;
            if rows > KEPT_HOLE_ROWS { 0 } else { rows }
        };
        let mut rows = 0;
        let mut drawn_to = 0;
        for range in ram.ranges() {
            let first = range.start.0 / pages;
            let after = range.end.0.div_ceil(pages);
            rows += kept(first.saturating_sub(drawn_to));
            rows += after.saturating_sub(first.max(drawn_to)) * unit;
            drawn_to = drawn_to.max(after);
        }
        rows + kept(end.0.div_ceil(pages).saturating_sub(drawn_to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(end: u64, ram: &[(u64, u64)], max_rows: u64) -> u64 {
        let ram: PfnSet = ram
            .iter()
            .map(|&(start, end)| PfnRange::new(start, end))
            .collect();
        let ram = (ram.pages() > 0).then_some(ram);
        let order = CellOrder::Rows;
        Layout::fit(
            Pfn(end),
            ram.as_ref(),
            max_rows,
            Reducer::Proportional,
            order,
        )
        .pages_per_cell
    }

    #[test]
    fn one_page_a_cell_while_the_rows_allow() {
        assert_eq!(fit(512 * 2048, &[], 2048), 1);
        assert_eq!(fit(512 * 2048 + 1, &[], 2048), 2);
        assert_eq!(fit(6_553_600, &[], 2048), 8);
        assert_eq!(fit(0, &[], 2048), 1);
        assert_eq!(fit(1 << 30, &[], 1), 1 << 21);
    }

    #[test]
    fn a_hole_that_is_cut_out_costs_no_rows() {
        let gib = 1 << 18;
        assert_eq!(
            fit(1 << 40, &[(0, gib), (1 << 39, (1 << 39) + gib)], 2048),
            1
        );
        assert_eq!(fit(2 * gib, &[(0, 512 * 4), (512 * 10, 512 * 12)], 12), 1);
        assert_eq!(fit(2 * gib, &[(0, 512 * 4), (512 * 10, 512 * 12)], 11), 2);
    }

    #[test]
    fn a_short_hole_at_the_end_counts_and_ram_beyond_it_does_not() {
        assert_eq!(fit(512 * 2053, &[(0, 512 * 2048)], 2048), 2);
        assert_eq!(fit(512 * 2090, &[(0, 512 * 2048)], 2048), 1);
        assert_eq!(fit(3000, &[(0, 1 << 52)], 2048), 1);
    }
}
