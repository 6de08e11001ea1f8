//! Aligned blocks of a size, and what stands in them.

use std::collections::BTreeMap;

/// What stands in an aligned block, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) free: u32,
    pub(super) movable: u32,
    pub(super) unmovable: u32,
    pub(super) unmarked: u32,
    pub(super) hole: u32,
    /// Tails of compounds.
    pub(super) tails: u32,
    /// Whether the first page is the head of a compound.
    pub(super) begins_with_head: bool,
}

/// What a block is to somebody who wants it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// All of it is free.
    Free,
    /// One folio covers it, or part of a larger one: moving it gains nothing.
    Huge,
    /// Nothing in it is known not to move.
    Compactable,
    /// Less than half of it cannot be moved.
    Polluted,
    /// Half of it or more cannot.
    Solid,
    /// No page of it has a mark.
    Unmarked,
    /// Part of it does not exist, or lies in another zone.
    Partial,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Free,
        State::Huge,
        State::Compactable,
        State::Polluted,
        State::Solid,
        State::Unmarked,
        State::Partial,
    ];
}

impl Contents {
    pub(super) fn pages(&self) -> u32 {
        self.free + self.movable + self.unmovable + self.unmarked + self.hole
    }

    /// Adds what stands in the block that follows.
    pub(super) fn append(&mut self, next: &Contents) {
        if self.pages() == 0 {
            self.begins_with_head = next.begins_with_head;
        }
        self.free += next.free;
        self.movable += next.movable;
        self.unmovable += next.unmovable;
        self.unmarked += next.unmarked;
        self.hole += next.hole;
        self.tails += next.tails;
    }

    /// What it is as a block of `pages`, all in one zone.
    pub(super) fn state(&self, pages: u32) -> State {
        // Folios lie on multiples of their size: tails but for a first head are one, tails alone part of one.
        let is_covered = self.tails == pages || (self.tails + 1 == pages && self.begins_with_head);
        match self {
            _ if self.pages() < pages || self.hole > 0 => State::Partial,
            _ if self.free == pages => State::Free,
            _ if is_covered && self.movable == pages => State::Huge,
            _ if self.unmarked == pages => State::Unmarked,
            _ if self.unmovable == 0 => State::Compactable,
            _ if self.unmovable < pages / 2 => State::Polluted,
            _ => State::Solid,
        }
    }
}

/// The aligned blocks of one size in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// Blocks in each of [`State::ALL`].
    pub states: [u64; State::ALL.len()],
    /// Blocks that are not [`State::Huge`] in which something stands that is not known to move: unmovable pages or ones
    /// without a mark.
    pub doubtful: u64,
    /// Of compactable blocks the movable pages, and how many blocks have so many.
    pub to_move: BTreeMap<u32, u64>,
    /// Of whole blocks the pages that are free or can be moved.
    pub movable: u64,
    /// Of whole blocks the pages that cannot be moved.
    pub unmovable: u64,
}

impl BlockCounts {
    pub(super) fn add(&mut self, contents: &Contents, pages: u32) {
        let state = contents.state(pages);
        self.states[state as usize] += 1;
        match state {
            State::Partial | State::Huge => {}
            _ => self.doubtful += u64::from(contents.unmovable + contents.unmarked > 0),
        }
        if state == State::Compactable {
            *self.to_move.entry(contents.movable).or_insert(0) += 1;
        }
        if state != State::Partial {
            self.movable += u64::from(contents.free + contents.movable);
            self.unmovable += u64::from(contents.unmovable);
        }
    }

    /// Adds the blocks of another zone, or those that another worker saw.
    pub fn merge(&mut self, other: &Self) {
        let states = self.states.iter_mut().zip(other.states);
        states.for_each(|(sum, more)| *sum += more);
        self.doubtful += other.doubtful;
        for (&pages, &blocks) in &other.to_move {
            *self.to_move.entry(pages).or_insert(0) += blocks;
        }
        self.movable += other.movable;
        self.unmovable += other.unmovable;
    }

    /// Blocks in a state.
    pub fn of(&self, state: State) -> u64 {
        self.states[state as usize]
    }

    /// Blocks that are whole.
    pub fn whole(&self) -> u64 {
        self.states.iter().sum::<u64>() - self.of(State::Partial)
    }

    /// Blocks that something stands in that cannot be moved.
    pub fn blocked(&self) -> u64 {
        self.of(State::Polluted) + self.of(State::Solid)
    }

    /// So many of the compactable blocks, the cheapest ones: movable pages, and how many blocks have so many.
    pub fn cheapest(&self, blocks: u64) -> BTreeMap<u32, u64> {
        let mut left = blocks;
        let taken = self.to_move.iter().map(|(&pages, &there)| {
            let taken = left.min(there);
            left -= taken;
            (pages, taken)
        });
        taken.filter(|&(_, taken)| taken > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(free: u32, movable: u32, unmovable: u32, unmarked: u32) -> Contents {
        Contents {
            free,
            movable,
            unmovable,
            unmarked,
            ..Contents::default()
        }
    }

    #[test]
    fn a_block_is_what_stands_in_its_way() {
        let huge = Contents {
            tails: 511,
            begins_with_head: true,
            ..contents(0, 512, 0, 0)
        };
        let two = Contents {
            tails: 510,
            begins_with_head: true,
            ..contents(0, 512, 0, 0)
        };
        let kernel = Contents {
            tails: 511,
            begins_with_head: true,
            ..contents(0, 0, 512, 0)
        };
        let gap = Contents {
            hole: 1,
            ..contents(511, 0, 0, 0)
        };
        let table = [
            (contents(512, 0, 0, 0), State::Free),
            (huge, State::Huge),
            (two, State::Compactable),
            (kernel, State::Solid),
            (contents(12, 500, 0, 0), State::Compactable),
            (contents(11, 500, 0, 1), State::Compactable),
            (contents(0, 257, 255, 0), State::Polluted),
            (contents(0, 256, 256, 0), State::Solid),
            (contents(0, 0, 0, 512), State::Unmarked),
            (gap, State::Partial),
            (contents(511, 0, 0, 0), State::Partial),
        ];
        for (contents, state) in table {
            assert_eq!(contents.state(512), state, "{contents:?}");
        }
    }

    #[test]
    fn the_cheapest_blocks_are_moved_first() {
        let mut counts = BlockCounts::default();
        for movable in [300, 5, 100, 5] {
            counts.add(&contents(512 - movable, movable, 0, 0), 512);
        }
        counts.add(&contents(512, 0, 0, 0), 512);
        assert_eq!(counts.cheapest(0), BTreeMap::new());
        assert_eq!(counts.cheapest(3), [(5, 2), (100, 1)].into());
        assert_eq!(counts.cheapest(9), [(5, 2), (100, 1), (300, 1)].into());
    }
}
