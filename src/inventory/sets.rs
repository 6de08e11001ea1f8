//! Counts of pages by set of flags.

use std::collections::HashMap;

use super::Sight;
use crate::classify::{CLASS_KEYS, Class, Key, KsmVerdict, settle};
use crate::kernel::{PageFlags, PagemapEntry};
use crate::scan::Block;

const CACHE_BITS: u32 = 10;
/// 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Pages of one set of flags.
#[derive(Clone, Debug)]
pub struct SetCount {
    /// The set.
    pub flags: PageFlags,
    /// The place of its first page in the order of reading.
    pub first: u64,
    /// Pages by key of the class lens.
    keys: [u64; CLASS_KEYS],
}

impl SetCount {
    fn new(flags: PageFlags, first: u64) -> Self {
        let keys = [0; CLASS_KEYS];
        Self { flags, first, keys }
    }

    /// Pages, holes included.
    pub fn pages(&self) -> u64 {
        self.keys.iter().sum()
    }

    /// Pages that do not exist.
    pub fn holes(&self) -> u64 {
        self.keys[usize::from(Key::HOLE.0)]
    }

    /// The classes of its pages that exist, most frequent first.
    pub fn classes(&self, ksm: KsmVerdict) -> Vec<(Class, u64)> {
        let mut classes: Vec<(Class, u64)> = Vec::new();
        for (key, &pages) in (0u8..)
            .map(Key)
            .zip(&self.keys)
            .filter(|(_, pages)| **pages > 0)
        {
            let class = settle(key, ksm);
            match classes.iter_mut().find(|(known, _)| *known == class) {
                _ if class == Class::Hole => {}
                Some((_, sum)) => *sum += pages,
                None => classes.push((class, pages)),
            }
        }
        classes.sort_by_key(|&(class, pages)| (std::cmp::Reverse(pages), class));
        classes
    }
}

/// Counts pages. One per worker; what they counted is merged.
#[derive(Clone, Debug)]
pub struct Sets<'a> {
    sight: &'a Sight,
    sets: Vec<SetCount>,
    numbers: HashMap<PageFlags, usize>,
    /// Words that were looked at lately, and the number of what is seen in them.
    cache: Vec<Option<(PageFlags, Option<usize>)>>,
}

impl<'a> Sets<'a> {
    /// No page yet.
    pub fn new(sight: &'a Sight) -> Self {
        Self {
            sight,
            sets: Vec::new(),
            numbers: HashMap::new(),
            cache: vec![None; 1 << CACHE_BITS],
        }
    }

    /// Counts the pages of a block.
    pub fn add(&mut self, block: &Block<'_>) {
        for (at, (&word, key)) in (block.start.0..).zip(block.words.iter().zip(block.classes)) {
            let slot = (word.0.wrapping_mul(SPREAD) >> (64 - CACHE_BITS)) as usize;
            let number = match self.cache[slot] {
                Some((cached, number)) if cached == word => number,
                _ => {
                    let seen = self.sight.see(word, PagemapEntry::NONE);
                    let number = seen.map(|seen| self.number(seen, at));
                    self.cache[slot] = Some((word, number));
                    number
                }
            };
            if let Some(number) = number {
                self.sets[number].keys[usize::from(key.0)] += 1;
            }
        }
    }

    /// Counts one page of which `seen` is seen, the `at`-th.
    pub fn add_page(&mut self, seen: PageFlags, key: Key, at: u64) {
        let number = self.number(seen, at);
        self.sets[number].keys[usize::from(key.0)] += 1;
    }

    fn number(&mut self, seen: PageFlags, at: u64) -> usize {
        *self.numbers.entry(seen).or_insert_with(|| {
            self.sets.push(SetCount::new(seen, at));
            self.sets.len() - 1
        })
    }

    /// Adds what another counted.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        for set in &other.sets {
            let number = self.number(set.flags, set.first);
            let own = &mut self.sets[number];
            own.first = own.first.min(set.first);
            own.keys
                .iter_mut()
                .zip(set.keys)
                .for_each(|(sum, more)| *sum += more);
        }
        self
    }

    /// The sets with pages, in the order of their first.
    pub fn into_counts(self) -> Vec<SetCount> {
        let mut sets = self.sets;
        sets.retain(|set| set.pages() > 0);
        sets.sort_by_key(|set| set.first);
        sets
    }
}

/// Slots of page-types' hash table.
const SLOTS: usize = 8192;

/// The sets, given in the order of their first pages, in the order in which page-types prints them: by slot of
/// its hash table. The slot is the lower bits of the flags, or the next that is free; slot 0 is for no
/// flag.
pub fn in_page_types_order(sets: &[SetCount]) -> Vec<&SetCount> {
    let mut slots: Vec<Option<&SetCount>> = vec![None; SLOTS];
    let mut beyond = Vec::new();
    for set in sets {
        let first = set.flags.0 as usize % SLOTS;
        let after = (first.max(1)..SLOTS).chain(1..first.max(1));
        let free = match set.flags {
            PageFlags::NONE => Some(0),
            _ => after.into_iter().find(|&slot| slots[slot].is_none()),
        };
        match free {
            Some(slot) => slots[slot] = Some(set),
            // Where its table is full, page-types ends.
            None => beyond.push(set),
        }
    }
    slots.into_iter().flatten().chain(beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_in_the_order_of_first_pages() {
        let set = |flags: u64| SetCount::new(PageFlags(flags), 0);
        let sets = [0x2000 + 5, 5, 6, 0, 0x2000, 0x1fff, 0x4000 + 0x1fff].map(set);
        let order: Vec<u64> = in_page_types_order(&sets)
            .iter()
            .map(|set| set.flags.0)
            .collect();
        // 0x2000 has slot 0, which is not its to take, so it takes 1; the last wraps to 2.
        assert_eq!(order, [0, 0x2000, 0x5fff, 0x2005, 5, 6, 0x1fff]);
    }
}
