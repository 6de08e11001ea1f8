//! What a cell of several pages holds, and what keys are still owed along a row.

use crate::classify::Key;

/// Pages per key of one cell.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) pages: u64,
    of: Box<[u64; 256]>,
    /// Keys with pages, in the order of their first page.
    keys: Vec<u8>,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            pages: 0,
            of: Box::new([0; 256]),
            keys: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, key: Key, pages: u64) {
        let count = &mut self.of[usize::from(key.0)];
        if *count == 0 {
            self.keys.push(key.0);
        }
        *count += pages;
        self.pages += pages;
    }

    pub(super) fn of(&self, key: Key) -> u64 {
        self.of[usize::from(key.0)]
    }

    /// Of two equals the later key, so that hole, key 0, is shown last.
    pub(super) fn most_frequent(&self) -> Key {
        let keys = self.keys.iter().map(|&key| Key(key));
        keys.max_by_key(|&key| (self.of(key), key))
            .unwrap_or(Key::HOLE)
    }

    /// The same, of keys from `first` on; of all where there is none.
    pub(super) fn most_frequent_from(&self, first: Key) -> Key {
        let keys = self
            .keys
            .iter()
            .map(|&key| Key(key))
            .filter(|&key| key >= first);
        keys.max_by_key(|&key| (self.of(key), key))
            .unwrap_or_else(|| self.most_frequent())
    }

    pub(super) fn clear(&mut self) {
        for key in self.keys.drain(..) {
            self.of[usize::from(key)] = 0;
        }
        self.pages = 0;
    }
}

/// What each key is still owed along a row, in pages. The sum is zero after each cell.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    of: Box<[i64; 256]>,
    /// Keys whose account is not zero.
    uneven: Vec<u8>,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self {
            of: Box::new([0; 256]),
            uneven: Vec::new(),
        }
    }

    pub(super) fn are_even(&self) -> bool {
        self.uneven.is_empty()
    }

    pub(super) fn pay(&mut self, cell: &Counts) -> Key {
        for &key in &cell.keys {
            self.of[usize::from(key)] += cell.of[usize::from(key)] as i64;
            if !self.uneven.contains(&key) {
                self.uneven.push(key);
            }
        }
        let largest = self
            .uneven
            .iter()
            .copied()
            .max_by_key(|&key| (self.of[usize::from(key)], key));
        let key = largest.expect("a cell that is closed has pages, so some account was raised");
        self.of[usize::from(key)] -= cell.pages as i64;
        let of = &self.of;
        self.uneven.retain(|&key| of[usize::from(key)] != 0);
        Key(key)
    }

    pub(super) fn clear(&mut self) {
        for key in self.uneven.drain(..) {
            self.of[usize::from(key)] = 0;
        }
    }
}
