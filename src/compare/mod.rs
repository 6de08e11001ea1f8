//! What became of a page between two readings, as keys above those of the classes.
//!
//! | key | page |
//! | --- | --- |
//! | [`faded`] | of the class that it had before |
//! | [`vivid`] | of another class than before: what it is now, marked |
//! | [`FREED`], [`USED`], [`RECLASSED`] | of another class than before: what happened to it |
//! | [`churn_key`] | of another class so many times |
//! | [`age_key`] | of another class so long ago |
//! | [`FIRST_OVERLAY`] and above | that is looked for |

mod age;
mod churn;
mod scratch;

pub use age::{Ages, LastChanges, age_key};
pub use churn::{CHURN_STEPS, ChangeCounts, Churn, churn_key};

use crate::classify::{CLASS_KEYS, Class, Key};
use crate::error::Result;
use crate::kernel::Pfn;
use crate::scan::Marks;

const CLASSES: u8 = Class::ALL.len() as u8;
const FIRST_FADED: u8 = CLASS_KEYS as u8;
const FIRST_VIVID: u8 = FIRST_FADED + CLASSES;
const FIRST_EVENT: u8 = FIRST_VIVID + CLASSES;

/// Free now, and not before.
pub const FREED: Key = Key(FIRST_EVENT);
/// Free before, and not now.
pub const USED: Key = Key(FIRST_EVENT + 1);
/// Not free, and of another class than before.
pub const RECLASSED: Key = Key(FIRST_EVENT + 2);

/// The first of the keys for pages that are looked for, or old, which no picture has both; above it are no others.
pub const FIRST_OVERLAY: Key = Key(FIRST_EVENT + 3 + CHURN_STEPS.len() as u8);

/// How many kinds of them are told apart by colours of their own.
pub const OVERLAYS: usize = 9;

/// A page of this class, unchanged. A hole stays a hole, so that rows of it can be cut out.
pub const fn faded(class: Class) -> Key {
    faded_key(Key(class as u8))
}

/// The same of a class's own key.
pub const fn faded_key(key: Key) -> Key {
    match key {
        Key::HOLE => Key::HOLE,
        key => Key(FIRST_FADED + key.0),
    }
}

/// A page of this class that had another before.
pub fn vivid(class: Class) -> Key {
    Key(FIRST_VIVID + class as u8)
}

/// Keeps what pages are, and marks those that were something else.
#[derive(Clone, Copy, Debug)]
pub struct Changes;

impl Marks for Changes {
    fn mark(&self, _start: Pfn, before: &[Key], keys: &mut [Key]) -> Result<()> {
        for (before, key) in before.iter().zip(keys) {
            if before != key {
                key.0 += FIRST_VIVID;
            }
        }
        Ok(())
    }
}

/// Fades what stayed, and says of the rest what happened to it.
#[derive(Clone, Copy, Debug)]
pub struct Difference;

impl Marks for Difference {
    fn mark(&self, _start: Pfn, before: &[Key], keys: &mut [Key]) -> Result<()> {
        for (before, key) in before.iter().zip(keys) {
            *key = happened(*before, *key);
        }
        Ok(())
    }
}

fn happened(before: Key, after: Key) -> Key {
    const FREE: Key = Key(Class::Free as u8);
    match (before, after) {
        (Key::HOLE, Key::HOLE) => Key::HOLE,
        (before, after) if before == after => Key(after.0 + FIRST_FADED),
        (_, FREE) => FREED,
        (FREE, _) => USED,
        _ => RECLASSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_is_what_a_difference_is_told_by() {
        use Class::{Anon, File, Free, Hole};
        let table = [
            (Anon, Free, FREED),
            (Hole, Free, FREED),
            (Free, Anon, USED),
            (Free, Hole, USED),
            (Anon, File, RECLASSED),
            (Hole, Anon, RECLASSED),
            (Anon, Anon, faded(Anon)),
            (Free, Free, faded(Free)),
            (Hole, Hole, Key::HOLE),
        ];
        for (before, after, expected) in table {
            let found = happened(Key(before as u8), Key(after as u8));
            assert_eq!(found, expected, "{before:?} to {after:?}");
        }
    }

    #[test]
    fn every_key_has_one_meaning() {
        let mut keys: Vec<Key> = (0..CLASS_KEYS as u8).map(Key).collect();
        keys.extend(Class::ALL.iter().map(|&class| faded(class)));
        keys.extend(Class::ALL.iter().map(|&class| vivid(class)));
        keys.extend([FREED, USED, RECLASSED]);
        keys.extend((1..=u8::MAX).map(churn_key));
        keys.extend((0..OVERLAYS as u8).map(|number| Key(FIRST_OVERLAY.0 + number)));
        keys.sort();
        keys.dedup();
        assert_eq!(
            keys.len(),
            CLASS_KEYS + 2 * Class::ALL.len() - 1 + 3 + CHURN_STEPS.len() + OVERLAYS
        );
        assert!(keys.iter().all(|key| usize::from(key.0) < Key::LIMIT));
    }
}
