//! The flags lens: each distinct set of flags that remains without the noise is a thing of its own.
//!
//! What a page itself says, as page-types lists it; a tail takes nothing from its head here.

use std::collections::HashMap;

use super::Key;
use crate::kernel::PageFlags;

/// Flags that a picture by flags leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise(pub PageFlags);

impl Default for Noise {
    /// State rather than kind, and everything above the ABI's bits.
    fn default() -> Self {
        let state = PageFlags::LOCKED
            .with(PageFlags::ERROR)
            .with(PageFlags::REFERENCED)
            .with(PageFlags::UPTODATE)
            .with(PageFlags::DIRTY)
            .with(PageFlags::LRU)
            .with(PageFlags::ACTIVE)
            .with(PageFlags::WRITEBACK)
            .with(PageFlags::RECLAIM)
            .with(PageFlags::IDLE);
        Noise(state.with(PageFlags::UNSTABLE))
    }
}

impl Noise {
    /// What is left of the flags of a page that exists. Compound bits count only with huge, as page-types folds them.
    pub fn strip(self, flags: PageFlags) -> FlagSet {
        let folded = if flags.has(PageFlags::HUGE) {
            flags
        } else {
            flags.without(PageFlags::COMPOUND)
        };
        FlagSet::Of(folded.without(self.0))
    }
}

/// What one key of the flags lens stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagSet {
    /// No page there.
    Hole,
    /// Sets that were met when all keys were taken.
    Rest,
    /// These flags.
    Of(PageFlags),
}

/// The sets met so far, numbered in the order of their first page.
///
/// The order must not depend on threads: a worker may add sets only when all pages before its own
/// were added.
#[derive(Debug)]
pub struct SetKeys {
    sets: Vec<FlagSet>,
    keys: HashMap<FlagSet, Key>,
}

impl SetKeys {
    const REST: Key = Key(1);

    /// Hole and rest only.
    pub fn new() -> Self {
        let sets = vec![FlagSet::Hole, FlagSet::Rest];
        let keys = [(FlagSet::Hole, Key::HOLE), (FlagSet::Rest, Self::REST)].into();
        Self { sets, keys }
    }

    /// With the sets of another reading under the same keys.
    pub fn starting_with(sets: &[FlagSet]) -> Self {
        let mut keys = Self::new();
        for &set in sets {
            keys.add(set);
        }
        keys
    }

    /// What each key stands for.
    pub fn sets(&self) -> &[FlagSet] {
        &self.sets
    }

    /// The key of a set that was met before. When all keys are taken, any other is the rest.
    pub fn find(&self, set: FlagSet) -> Option<Key> {
        let full = (self.sets.len() == Key::LIMIT).then_some(Self::REST);
        self.keys.get(&set).copied().or(full)
    }

    /// The key of a set, a new one if it was not met before.
    pub fn add(&mut self, set: FlagSet) -> Key {
        self.find(set).unwrap_or_else(|| {
            let key = Key(self.sets.len() as u8);
            self.sets.push(set);
            self.keys.insert(set, key);
            key
        })
    }
}

impl Default for SetKeys {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_and_lone_compound_bits_are_left_out() {
        let table = [
            ("uptodate,lru,mmap,anonymous,owner_2", "mmap,anonymous"),
            ("compound_tail,thp,mmap", "thp,mmap"),
            ("compound_head,huge,locked", "compound_head,huge"),
            ("reserved", ""),
            ("slab,compound_head,bit31", "slab,bit31"),
        ];
        for (flags, left) in table {
            let [flags, left] =
                [flags, left].map(|names| PageFlags::parse_list(names).expect("names"));
            assert_eq!(Noise::default().strip(flags), FlagSet::Of(left));
        }
    }

    #[test]
    fn when_keys_run_out_the_rest_is_one() {
        let mut keys = SetKeys::new();
        for word in 0..300 {
            keys.add(FlagSet::Of(PageFlags(word)));
        }
        assert_eq!(keys.sets().len(), Key::LIMIT);
        assert_eq!(keys.find(FlagSet::Of(PageFlags(0))), Some(Key(2)));
        assert_eq!(keys.find(FlagSet::Of(PageFlags(299))), Some(SetKeys::REST));
    }
}
