//! Every page as one of few kinds, in runs: what a map on a page is drawn from.

use std::collections::HashMap;

use crate::classify::Key;
use crate::kernel::{PageFlags, Pfn};
use crate::layout::sample_place;
use crate::scan::Block;

/// Pages of a map, cell by cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    /// What a cell can be: the key of the class lens and, where a cell is a page, its flags. The first is a hole.
    pub kinds: Vec<(Key, PageFlags)>,
    /// Kind and length of each run of cells, from page 0 on.
    pub runs: Runs,
    /// Pages of a cell, a power of two.
    pub pages_per_cell: u64,
}

/// Kind and length of runs that follow each other.
pub type Runs = Vec<(u32, u32)>;

/// Cells of a worker.
#[derive(Debug)]
pub(super) struct CellRuns {
    pages_per_cell: u64,
    kinds: Vec<(Key, PageFlags)>,
    numbers: HashMap<(u8, u64), u32>,
    /// What was read at once, by its first page.
    parts: Vec<(Pfn, Runs)>,
}

impl CellRuns {
    pub(super) fn new(pages_per_cell: u64) -> Self {
        let mut runs = Self {
            pages_per_cell,
            kinds: Vec::new(),
            numbers: HashMap::new(),
            parts: Vec::new(),
        };
        runs.number(Key::HOLE, PageFlags::NONE);
        runs
    }

    fn number(&mut self, key: Key, flags: PageFlags) -> u32 {
        *self.numbers.entry((key.0, flags.0)).or_insert_with(|| {
            self.kinds.push((key, flags));
            self.kinds.len() as u32 - 1
        })
    }

    pub(super) fn add(&mut self, block: &Block<'_>) {
        let mut runs = Runs::new();
        let mut last = None;
        let per_cell = self.pages_per_cell as usize;
        let (words, keys) = (block.words, block.classes);
        for at in (0..words.len()).step_by(per_cell) {
            let page = match per_cell {
                1 => (keys[at], words[at]),
                // One of its pages, in every picture the same.
                _ => {
                    let cell = (block.start.0 + at as u64) / self.pages_per_cell;
                    let chosen = at + sample_place(cell, self.pages_per_cell) as usize;
                    (keys[chosen.min(words.len() - 1)], PageFlags::NONE)
                }
            };
            if last == Some(page) {
                if let Some((_, length)) = runs.last_mut() {
                    *length += 1;
                }
                continue;
            }
            last = Some(page);
            let flags = if page.0 == Key::HOLE {
                PageFlags::NONE
            } else {
                page.1
            };
            let kind = self.number(page.0, flags);
            runs.push((kind, 1));
        }
        self.parts.push((block.start, runs));
    }

    /// Those of all workers, in the order of memory. Which kind has which number follows from memory alone.
    pub(super) fn joined(all: &[Self], end: Pfn) -> Option<Cells> {
        let pages_per_cell = all.first()?.pages_per_cell;
        let mut parts: Vec<(Pfn, usize, &Runs)> = Vec::new();
        for (worker, cells) in all.iter().enumerate() {
            parts.extend(
                cells
                    .parts
                    .iter()
                    .map(|(start, runs)| (*start, worker, runs)),
            );
        }
        parts.sort_unstable_by_key(|(start, ..)| *start);
        let mut sum = Self::new(pages_per_cell);
        let mut numbers: Vec<Vec<Option<u32>>> = all
            .iter()
            .map(|cells| vec![None; cells.kinds.len()])
            .collect();
        let mut runs = Runs::new();
        let mut left = end.0.div_ceil(pages_per_cell);
        for (_, worker, part) in parts {
            for &(kind, length) in part {
                let known = &mut numbers[worker][kind as usize];
                let kind = *known.get_or_insert_with(|| {
                    let (key, flags) = all[worker].kinds[kind as usize];
                    sum.number(key, flags)
                });
                let length = u64::from(length).min(left) as u32;
                left -= u64::from(length);
                match runs.last_mut() {
                    Some((last, sum)) if *last == kind => *sum += length,
                    _ if length > 0 => runs.push((kind, length)),
                    _ => {}
                }
            }
        }
        Some(Cells {
            kinds: sum.kinds,
            runs,
            pages_per_cell,
        })
    }
}

impl Cells {
    /// Cells that a map can have before each of them is several pages.
    pub const MOST: u64 = 1 << 24;

    /// Pages of a cell on a machine of so many page numbers.
    pub fn pages_per_cell(pages: u64) -> u64 {
        pages.div_ceil(Self::MOST).next_power_of_two()
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|&(_, length)| u64::from(length)).sum()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(start: u64, words: &[PageFlags], keys: &[Key], runs: &mut CellRuns) {
        runs.add(&Block {
            start: Pfn(start),
            words,
            classes: keys,
        });
    }

    #[test]
    fn runs_of_several_workers_join_in_the_order_of_memory() {
        let (slab, buddy) = (PageFlags::SLAB, PageFlags::BUDDY);
        let (mut one, mut two) = (CellRuns::new(1), CellRuns::new(1));
        block(4, &[slab, slab], &[Key(4), Key(4)], &mut one);
        block(
            0,
            &[buddy, slab, slab, slab],
            &[Key(3), Key(4), Key(4), Key(4)],
            &mut two,
        );
        let cells = CellRuns::joined(&[one, two], Pfn(6)).expect("workers");
        assert_eq!(cells.runs, [(1, 1), (2, 5)]);
        assert_eq!(cells.kinds[1..], [(Key(3), buddy), (Key(4), slab)]);
        assert_eq!(cells.len(), 6);
    }

    #[test]
    fn huge_machines_have_cells_of_several_pages() {
        assert_eq!(Cells::pages_per_cell(1), 1);
        assert_eq!(Cells::pages_per_cell(1 << 24), 1);
        assert_eq!(Cells::pages_per_cell((1 << 24) + 1), 2);
        let mut runs = CellRuns::new(4);
        block(0, &[PageFlags::SLAB; 6], &[Key(4); 6], &mut runs);
        let cells = CellRuns::joined(&[runs], Pfn(6)).expect("a worker");
        assert_eq!(
            (cells.runs.as_slice(), cells.len()),
            ([(1, 2)].as_slice(), 2)
        );
    }
}
