//! Counts of pages: the numbers under the legend. Pure.

use crate::classify::{Class, Key, KsmVerdict, depends_on_ksm, is_uniform, settle};

/// Keys that are counted at once: few enough to be all alike in calm memory.
const PIECE: usize = 1 << 13;

/// Pages per key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pages: Box<[u64; 256]>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            pages: Box::new([0; 256]),
        }
    }
}

impl Tally {
    /// Counts the keys of a block.
    pub fn add(&mut self, keys: &[Key]) {
        for piece in keys.chunks(PIECE) {
            match piece.first() {
                Some(&key) if is_uniform(piece) => self.add_run(key, piece.len() as u64),
                _ => self.add_piece(piece),
            }
        }
    }

    fn add_piece(&mut self, keys: &[Key]) {
        // Four rows, because the same key often comes twice in a row and one counter would wait
        // for itself.
        let mut rows = [[0u32; 256]; 4];
        let quads = keys.chunks_exact(4);
        for key in quads.remainder() {
            rows[0][usize::from(key.0)] += 1;
        }
        for quad in quads {
            for (row, key) in rows.iter_mut().zip(quad) {
                row[usize::from(key.0)] += 1;
            }
        }
        for (key, pages) in self.pages.iter_mut().enumerate() {
            *pages += rows.iter().map(|row| u64::from(row[key])).sum::<u64>();
        }
    }

    /// Counts `pages` of one key.
    pub fn add_run(&mut self, key: Key, pages: u64) {
        self.pages[usize::from(key.0)] += pages;
    }

    /// Takes back `pages` of one key that were counted.
    pub fn take_back(&mut self, key: Key, pages: u64) {
        let count = &mut self.pages[usize::from(key.0)];
        *count = count.saturating_sub(pages);
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Tally) {
        self.pages
            .iter_mut()
            .zip(other.pages.iter())
            .for_each(|(sum, more)| *sum += more);
    }

    /// Pages of one key.
    pub fn of(&self, key: Key) -> u64 {
        self.pages[usize::from(key.0)]
    }

    /// Pages of all keys.
    pub fn total(&self) -> u64 {
        self.pages.iter().sum()
    }

    /// Pages that say KSM, of a tally of the class lens.
    pub fn says_ksm(&self) -> u64 {
        let doubted = self.keys().filter(|&key| depends_on_ksm(key));
        doubted.map(|key| self.of(key)).sum()
    }

    /// Keys with at least one page.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..=255).map(Key).filter(|&key| self.of(key) > 0)
    }
}

/// Pages per class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    pages: [u64; Class::ALL.len()],
}

impl ClassCounts {
    /// Turns counts of the class lens's keys into counts of classes.
    pub fn settle(tally: &Tally, verdict: KsmVerdict) -> Self {
        let mut counts = Self::default();
        for key in tally.keys() {
            counts.pages[settle(key, verdict) as usize] += tally.of(key);
        }
        counts
    }

    /// Pages of one class.
    pub fn of(&self, class: Class) -> u64 {
        self.pages[class as usize]
    }

    /// Pages of all classes.
    pub fn total(&self) -> u64 {
        self.pages.iter().sum()
    }

    /// Anonymous pages but for those that KSM merged.
    pub fn anonymous(&self) -> u64 {
        let classes = [Class::Anon, Class::AnonLarge, Class::AnonThp];
        classes.into_iter().map(|class| self.of(class)).sum()
    }
}

/// Pages per class before and class after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMatrix {
    pages: Box<[[u64; CLASSES]; CLASSES]>,
}

const CLASSES: usize = Class::ALL.len();

impl Default for ClassMatrix {
    fn default() -> Self {
        Self {
            pages: Box::new([[0; CLASSES]; CLASSES]),
        }
    }
}

impl ClassMatrix {
    /// Counts the pages of a block by what they were and are. Keys are those of classes.
    ///
    /// # Panics
    /// When a key stands for no class.
    pub fn add(&mut self, before: &[Key], after: &[Key]) {
        for (before, after) in before.iter().zip(after) {
            self.pages[usize::from(before.0)][usize::from(after.0)] += 1;
        }
    }

    /// Takes back `pages` that were holes and still are.
    pub fn take_back_holes(&mut self, pages: u64) {
        let holes = &mut self.pages[Class::Hole as usize][Class::Hole as usize];
        *holes = holes.saturating_sub(pages);
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &ClassMatrix) {
        let cells = self.pages.iter_mut().flatten();
        cells
            .zip(other.pages.iter().flatten())
            .for_each(|(sum, more)| *sum += more);
    }

    /// Pages that were `before` and are `after`.
    pub fn of(&self, before: Class, after: Class) -> u64 {
        self.pages[before as usize][after as usize]
    }

    /// Pages per class before.
    pub fn before(&self) -> ClassCounts {
        let pages = self.pages.map(|row| row.iter().sum());
        ClassCounts { pages }
    }

    /// Pages per class after.
    pub fn after(&self) -> ClassCounts {
        let sum = |class: usize| self.pages.iter().map(|row| row[class]).sum();
        ClassCounts {
            pages: std::array::from_fn(sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_is_counted_once(keys in proptest::collection::vec(0u8..255, 0..200)) {
            let keys: Vec<Key> = keys.into_iter().map(Key).collect();
            let mut tally = Tally::default();
            tally.add(&keys);
            prop_assert_eq!(tally.total(), keys.len() as u64);
            for key in tally.keys() {
                prop_assert_eq!(tally.of(key), keys.iter().filter(|&&k| k == key).count() as u64);
            }
        }
    }
}
