//! Cells along a Hilbert curve: neighbours of memory are neighbours in the picture, and an aligned block of
//! 4^n cells is a square.

use std::sync::LazyLock;

use super::{ROW_CELLS, Rows};
use crate::classify::Key;

/// Rows of a tile, as many as a row has cells: with one page of 4 KiB a cell, a tile is 1 GiB.
pub const TILE_ROWS: usize = ROW_CELLS;

const TILE_CELLS: usize = TILE_ROWS * ROW_CELLS;

/// Where each cell of a tile is drawn.
static PLACES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let place = |cell: usize| {
        let (x, y) = place_in_tile(cell);
        (y * ROW_CELLS + x) as u32
    };
    (0..TILE_CELLS).map(place).collect()
});

/// Column and row of the `cell`-th cell of a tile. The first is in the corner at the top left, the last at the
/// top right.
///
/// <https://en.wikipedia.org/wiki/Hilbert_curve> has the rule: from the smallest quadrant up, the curve so
/// far is turned, and moved into its quadrant.
pub fn place_in_tile(cell: usize) -> (usize, usize) {
    let (mut x, mut y) = (0, 0);
    let mut rest = cell;
    let mut side = 1;
    while side < ROW_CELLS {
        let right = rest >> 1 & 1;
        let down = (rest ^ right) & 1;
        if down == 0 {
            if right == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            (x, y) = (y, x);
        }
        x += side * right;
        y += side * down;
        rest >>= 2;
        side *= 2;
    }
    (x, y)
}

/// The rows of a tile, which came one after the other, along the curve. A tile of nothing but hole stays one.
pub(super) fn tile(rows: &Rows) -> Rows {
    let is_blank = rows.blank.iter().all(|&blank| blank);
    let mut cells = vec![Key::HOLE; TILE_CELLS];
    for (&key, &place) in rows.cells.iter().zip(PLACES.iter()) {
        cells[place as usize] = key;
    }
    Rows {
        cells,
        blank: vec![is_blank; TILE_ROWS],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_a_place_of_its_own_beside_the_one_before() {
        let mut taken = vec![false; TILE_CELLS];
        let mut last: Option<(usize, usize)> = None;
        for cell in 0..TILE_CELLS {
            let (x, y) = place_in_tile(cell);
            assert!(!std::mem::replace(&mut taken[y * ROW_CELLS + x], true));
            if let Some((before_x, before_y)) = last {
                assert_eq!(x.abs_diff(before_x) + y.abs_diff(before_y), 1);
            }
            last = Some((x, y));
        }
        assert_eq!(place_in_tile(0), (0, 0));
        assert_eq!(last, Some((ROW_CELLS - 1, 0)));
    }

    #[test]
    fn aligned_blocks_are_compact() {
        let extent = |first: usize, cells: usize| {
            let places: Vec<_> = (first..first + cells).map(place_in_tile).collect();
            let span = |of: fn(&(usize, usize)) -> usize| {
                let values = || places.iter().map(of);
                values().max().expect("a cell") - values().min().expect("a cell") + 1
            };
            let (wide, high) = (span(|place| place.0), span(|place| place.1));
            (wide.min(high), wide.max(high))
        };
        for block in [0, 7, 100, 511] {
            assert_eq!(extent(block * 512, 512), (16, 32), "2 MiB");
        }
        for block in [0, 77, 255] {
            assert_eq!(extent(block * 1024, 1024), (32, 32), "4 MiB");
        }
    }

    #[test]
    fn a_tile_that_ends_early_ends_in_hole() {
        let key = Key(3);
        let rows = Rows {
            cells: vec![key; ROW_CELLS],
            blank: vec![false],
        };
        let tile = tile(&rows);
        let drawn = tile.cells.iter().filter(|&&cell| cell == key).count();
        assert_eq!((drawn, tile.cells.len()), (ROW_CELLS, TILE_CELLS));
        assert!(tile.blank.iter().all(|&blank| !blank));
    }
}
