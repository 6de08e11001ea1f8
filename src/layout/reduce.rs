//! What a cell of several pages shows.
//!
//! Every row is reduced by itself, so that chunks of whole rows are independent of each other.

use super::accounts::{Accounts, Counts};
use super::{CellOrder, ROW_CELLS, hilbert};
use crate::classify::{Key, is_uniform};
use crate::kernel::Pfn;

/// The rule that makes one cell of several pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reducer {
    /// Along a row, each key's pages add to its account; the cell shows the key with the largest
    /// account, which pays for the cell. A key's share of a row's cells is its share of the pages.
    Proportional,
    /// The key of one of the cell's pages, at a place that differs from cell to cell and is always the
    /// same for one cell: between two pictures as many cells change as pages do. Debts along a row
    /// would move ten times as many.
    Sample,
    /// The most frequent key of the cell.
    Dominant,
    /// This key if one page of the cell has it, else the most frequent.
    Any(Key),
    /// Of keys from this one on the most frequent, if one page of the cell has one, else of all.
    AnyFrom(Key),
}

/// Rows of cells of consecutive pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Cells row after row, [`ROW_CELLS`] each.
    pub cells: Vec<Key>,
    /// For each row, whether it is nothing but hole.
    pub blank: Vec<bool>,
}

/// Takes the keys of consecutive pages from the start of a row on, and gives rows.
#[derive(Clone, Debug)]
pub struct RowReducer {
    reducer: Reducer,
    pages_per_cell: u64,
    rows: Rows,
    cell: Counts,
    /// The number of the first cell, from the first page of memory.
    first_cell: u64,
    sample: Key,
    accounts: Accounts,
    row_is_blank: bool,
}

impl Rows {
    /// In the order of a layout: they are whole rows, or one tile.
    #[must_use]
    pub fn in_order(self, order: CellOrder) -> Self {
        match order {
            CellOrder::Rows => self,
            CellOrder::Hilbert => hilbert::tile(&self),
        }
    }
}

impl RowReducer {
    /// Starts at the beginning of a row, with page number `start`.
    pub fn new(reducer: Reducer, pages_per_cell: u64, start: Pfn) -> Self {
        Self {
            reducer,
            pages_per_cell,
            rows: Rows::default(),
            cell: Counts::new(),
            first_cell: start.0 / pages_per_cell,
            sample: Key::HOLE,
            accounts: Accounts::new(),
            row_is_blank: true,
        }
    }

    /// Takes the next pages.
    pub fn push(&mut self, keys: &[Key]) {
        if self.pages_per_cell == 1 {
            return self.push_cells(keys);
        }
        let mut keys = keys;
        while !keys.is_empty() {
            let room = (self.pages_per_cell - self.cell.pages).min(keys.len() as u64);
            let (here, rest) = keys.split_at(room as usize);
            if is_uniform(here) {
                self.add_run(here[0], room);
            } else {
                self.take_sample(room, |at| here[at as usize]);
                here.iter().for_each(|&key| self.cell.add(key, 1));
                self.row_is_blank = false;
                self.close_full_cell();
            }
            keys = rest;
        }
    }

    /// One page a cell: nothing to reduce.
    fn push_cells(&mut self, keys: &[Key]) {
        let mut keys = keys;
        while !keys.is_empty() {
            let room = ROW_CELLS - self.rows.cells.len() % ROW_CELLS;
            let (here, rest) = keys.split_at(room.min(keys.len()));
            self.row_is_blank &= here[0] == Key::HOLE && is_uniform(here);
            self.rows.cells.extend_from_slice(here);
            self.close_full_row();
            keys = rest;
        }
    }

    /// Takes the next `pages` pages, all of one key.
    pub fn push_run(&mut self, key: Key, pages: u64) {
        let mut left = pages;
        while left > 0 {
            let here = left.min(self.pages_per_cell - self.cell.pages);
            self.add_run(key, here);
            left -= here;
        }
    }

    /// Ends the last row: where there are no pages, it shows hole.
    pub fn finish(mut self) -> Rows {
        if self.cell.pages > 0 {
            self.close_cell();
        }
        while !self.rows.cells.len().is_multiple_of(ROW_CELLS) {
            self.emit(Key::HOLE);
        }
        self.rows
    }

    fn add_run(&mut self, key: Key, pages: u64) {
        self.row_is_blank &= key == Key::HOLE;
        // Most cells of most memory: one key, nobody in debt.
        let whole_cell = pages == self.pages_per_cell;
        if whole_cell && (self.accounts.are_even() || self.reducer != Reducer::Proportional) {
            self.emit(key);
            return;
        }
        self.take_sample(pages, |_| key);
        self.cell.add(key, pages);
        self.close_full_cell();
    }

    /// Of the next `pages` pages of the cell, keeps the one that its place names.
    fn take_sample(&mut self, pages: u64, key_at: impl Fn(u64) -> Key) {
        if self.reducer == Reducer::Sample {
            let cell = self.first_cell + self.rows.cells.len() as u64;
            let place = sample_place(cell, self.pages_per_cell);
            if let Some(at) = place.checked_sub(self.cell.pages).filter(|&at| at < pages) {
                self.sample = key_at(at);
            }
        }
    }

    fn close_full_cell(&mut self) {
        if self.cell.pages == self.pages_per_cell {
            self.close_cell();
        }
    }

    fn close_cell(&mut self) {
        let key = match self.reducer {
            Reducer::Proportional => self.accounts.pay(&self.cell),
            Reducer::Sample => self.sample_of_cell(),
            Reducer::Dominant => self.cell.most_frequent(),
            Reducer::Any(key) if self.cell.of(key) > 0 => key,
            Reducer::Any(_) => self.cell.most_frequent(),
            Reducer::AnyFrom(first) => self.cell.most_frequent_from(first),
        };
        self.cell.clear();
        self.emit(key);
    }

    /// Where memory ends before the sample's place, what is there.
    fn sample_of_cell(&self) -> Key {
        if self.cell.of(self.sample) > 0 {
            self.sample
        } else {
            self.cell.most_frequent()
        }
    }

    fn emit(&mut self, key: Key) {
        self.rows.cells.push(key);
        self.close_full_row();
    }

    fn close_full_row(&mut self) {
        if self.rows.cells.len().is_multiple_of(ROW_CELLS) {
            self.rows
                .blank
                .push(std::mem::replace(&mut self.row_is_blank, true));
            self.accounts.clear();
        }
    }
}

/// Which of its pages stands for a cell: the upper bits of its number times 2^64 by the golden ratio,
/// which spread neighbours far apart.
pub fn sample_place(cell: u64, pages_per_cell: u64) -> u64 {
    let spread = cell.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match pages_per_cell.trailing_zeros() {
        0 => 0,
        bits => spread >> (64 - bits),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reduce(reducer: Reducer, pages_per_cell: u64, keys: &[u8]) -> Rows {
        let keys: Vec<Key> = keys.iter().map(|&key| Key(key)).collect();
        let mut rows = RowReducer::new(reducer, pages_per_cell, Pfn(0));
        rows.push(&keys);
        rows.finish()
    }

    fn cells(reducer: Reducer, pages_per_cell: u64, keys: &[u8]) -> Vec<u8> {
        let rows = reduce(reducer, pages_per_cell, keys);
        let count = keys.len().div_ceil(pages_per_cell as usize);
        rows.cells[..count].iter().map(|key| key.0).collect()
    }

    #[test]
    fn a_rare_key_is_shown_when_its_account_is_full() {
        let keys = [1, 1, 1, 2].repeat(4);
        assert_eq!(cells(Reducer::Proportional, 4, &keys), [1, 2, 1, 1]);
        assert_eq!(cells(Reducer::Dominant, 4, &keys), [1, 1, 1, 1]);
        assert_eq!(cells(Reducer::Any(Key(2)), 4, &keys), [2, 2, 2, 2]);
        assert_eq!(cells(Reducer::Any(Key(3)), 4, &keys), [1, 1, 1, 1]);
    }

    #[test]
    fn a_row_is_blank_only_when_every_page_is_hole() {
        let mut keys = vec![0; 4 * ROW_CELLS * 3];
        keys[4 * ROW_CELLS + 5] = 7;
        let rows = reduce(Reducer::Dominant, 4, &keys);
        assert_eq!(rows.blank, [true, false, true]);
        assert!(
            rows.cells.iter().all(|&key| key == Key::HOLE),
            "one page of four is not dominant"
        );
    }

    #[test]
    fn the_last_row_is_filled_with_hole() {
        let rows = reduce(Reducer::Proportional, 1, &[3, 4]);
        assert_eq!(
            (rows.cells.len(), rows.cells[1], rows.cells[2]),
            (ROW_CELLS, Key(4), Key::HOLE)
        );
    }

    #[test]
    fn a_sample_is_fair_and_a_change_of_one_page_moves_one_cell_at_most() {
        let mut keys: Vec<u8> = (0..8 * 4096).map(|page| u8::from(page % 8 == 3)).collect();
        let before = cells(Reducer::Sample, 8, &keys);
        let shown = before.iter().filter(|&&key| key == 1).count();
        assert!(
            (462..=562).contains(&shown),
            "{shown} of 4096, an eighth is 512"
        );
        keys[8 * 100 + 5] = 7;
        let after = cells(Reducer::Sample, 8, &keys);
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(one, other)| one != other);
        assert!(moved.count() <= 1);
    }

    proptest! {
        #[test]
        fn a_keys_share_of_a_row_is_its_share_of_the_pages(
            keys in proptest::collection::vec(0u8..6, 8 * ROW_CELLS),
        ) {
            let shown = cells(Reducer::Proportional, 8, &keys);
            for key in 0..6 {
                let pages = keys.iter().filter(|&&k| k == key).count() as f64 / 8.0;
                let drawn = shown.iter().filter(|&&k| k == key).count() as f64;
                prop_assert!((pages - drawn).abs() < 6.0, "{} cells of key {} for {}", drawn, key, pages);
            }
        }

        #[test]
        fn how_pages_arrive_changes_nothing(
            keys in proptest::collection::vec(0u8..4, 1..3000), cut in 1usize..500, power in 0u32..5,
            sample: bool,
        ) {
            let reducer = if sample { Reducer::Sample } else { Reducer::Proportional };
            let keys: Vec<Key> = keys.into_iter().map(Key).collect();
            let mut whole = RowReducer::new(reducer, 1 << power, Pfn(0));
            let mut parts = whole.clone();
            whole.push(&keys);
            for part in keys.chunks(cut) {
                match part.iter().all(|&key| key == part[0]) {
                    true => parts.push_run(part[0], part.len() as u64),
                    false => parts.push(part),
                }
            }
            prop_assert_eq!(whole.finish(), parts.finish());
        }
    }
}
