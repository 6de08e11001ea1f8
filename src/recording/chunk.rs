//! One chunk of one plane: 65,536 words as a dictionary and an index a page, or as what changed.
//!
//! Real memory has at most 131 distinct flag words in a chunk (measured on 24 GiB during a build), so
//! an index is one byte as a rule; two where it must be. Dictionaries are the chunk's own, so that
//! chunks are independent and may be made by several workers.

use std::collections::HashMap;

use super::Malformed;
use super::varint::{put, take, take_bytes};

/// Pages of a chunk.
pub const CHUNK_PAGES: usize = 1 << 16;

/// zstd's level: higher ones cost more time than they save bytes.
const LEVEL: i32 = 3;

/// Longest unpacked contents of a chunk: a dictionary of as many words as pages, and two bytes a page.
pub const MAX_CHUNK_BYTES: usize = CHUNK_PAGES * (8 + 2) + 16;

/// A chunk as it was last, so that the next reading can be told as changes.
#[derive(Clone, Debug, Default)]
pub struct ChunkState {
    words: Vec<u64>,
    indices: Vec<u16>,
    numbers: HashMap<u64, u16>,
}

/// A chunk as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// As it was before: nothing to be written.
    Same,
    /// By itself.
    Key(Vec<u8>),
    /// As changes.
    Delta(Vec<u8>),
}

impl ChunkState {
    /// Takes a reading and tells it by itself.
    pub fn key(&mut self, words: &[u64]) -> Vec<u8> {
        self.words.clear();
        self.numbers.clear();
        self.indices = words.iter().map(|_| 0).collect();
        let mut numbering = Numbering::new(self);
        for (at, &word) in words.iter().enumerate() {
            let number = numbering.number(word).expect("as many numbers as pages");
            numbering.state.indices[at] = number;
        }
        self.encode_key()
    }

    /// Takes a reading and tells it in the shorter way.
    pub fn next(&mut self, words: &[u64]) -> Encoded {
        if words.len() != self.indices.len() {
            return Encoded::Key(self.key(words));
        }
        let known = self.words.len();
        let mut runs = Vec::new();
        let mut numbering = Numbering::new(self);
        let mut same_to = 0;
        let mut at = 0;
        while at < words.len() {
            let Some(number) = numbering.number(words[at]) else {
                return Encoded::Key(self.key(words));
            };
            if number == numbering.state.indices[at] {
                at += 1;
                continue;
            }
            let alike = words[at..].iter().zip(&numbering.state.indices[at..]);
            let length = alike
                .take_while(|&(&word, &old)| word == words[at] && old != number)
                .count();
            put(&mut runs, (at - same_to) as u64);
            put(&mut runs, length as u64);
            put(&mut runs, number.into());
            numbering.state.indices[at..at + length].fill(number);
            at += length;
            same_to = at;
        }
        if runs.is_empty() {
            return Encoded::Same;
        }
        let mut plain = Vec::with_capacity(runs.len() + 64);
        put_words(&mut plain, &self.words[known..]);
        plain.extend(runs);
        self.shorter(&plain)
    }

    /// Where most of a chunk changed, it is shorter by itself; the dictionary is cleaned as well. Readers unpack
    /// no changes that are longer than a chunk can be.
    fn shorter(&mut self, delta: &[u8]) -> Encoded {
        let delta_bytes = pack(delta);
        if delta.len() < self.indices.len() / 2 {
            return Encoded::Delta(delta_bytes);
        }
        let words: Vec<u64> = self
            .indices
            .iter()
            .map(|&number| self.words[usize::from(number)])
            .collect();
        let mut fresh = Self::default();
        let key_bytes = fresh.key(&words);
        if key_bytes.len() < delta_bytes.len() || delta.len() > MAX_CHUNK_BYTES {
            *self = fresh;
            Encoded::Key(key_bytes)
        } else {
            Encoded::Delta(delta_bytes)
        }
    }

    fn encode_key(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.words.len() * 8 + self.indices.len() * 2 + 16);
        put_words(&mut plain, &self.words);
        if self.words.len() <= 256 {
            plain.push(1);
            plain.extend(self.indices.iter().map(|&number| number as u8));
        } else {
            plain.push(2);
            plain.extend(self.indices.iter().flat_map(|number| number.to_le_bytes()));
        }
        pack(&plain)
    }
}

/// Words to numbers, through a small cache on the word's value.
struct Numbering<'a> {
    state: &'a mut ChunkState,
    cache: Vec<Option<(u64, u16)>>,
}

impl<'a> Numbering<'a> {
    const BITS: u32 = 9;

    fn new(state: &'a mut ChunkState) -> Self {
        Self {
            state,
            cache: vec![None; 1 << Self::BITS],
        }
    }

    /// `None` when the dictionary is full.
    fn number(&mut self, word: u64) -> Option<u16> {
        let slot = (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS)) as usize;
        match self.cache[slot] {
            Some((cached, number)) if cached == word => Some(number),
            _ => {
                let number = self.look_up(word)?;
                self.cache[slot] = Some((word, number));
                Some(number)
            }
        }
    }

    fn look_up(&mut self, word: u64) -> Option<u16> {
        if let Some(&number) = self.state.numbers.get(&word) {
            return Some(number);
        }
        let number = u16::try_from(self.state.words.len()).ok()?;
        self.state.words.push(word);
        self.state.numbers.insert(word, number);
        Some(number)
    }
}

fn put_words(out: &mut Vec<u8>, words: &[u64]) {
    put(out, words.len() as u64);
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn take_words(from: &mut &[u8]) -> Result<Vec<u64>, Malformed> {
    let count = take(from)?;
    let bytes = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(8));
    let bytes = take_bytes(
        from,
        bytes.ok_or_else(|| Malformed::new("a dictionary without end"))?,
    )?;
    Ok(bytes
        .chunks_exact(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")))
        .collect())
}

fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, LEVEL).expect("zstd packs memory into memory")
}

/// Unpacks at most what a chunk can have, so that a small file cannot ask for much memory.
fn unpack(packed: &[u8]) -> Result<Vec<u8>, Malformed> {
    zstd::bulk::decompress(packed, MAX_CHUNK_BYTES)
        .map_err(|error| Malformed::new(format!("a chunk does not unpack: {error}")))
}

/// An index has two bytes, so more words have no use but to fill memory.
fn bound(words: &[u64]) -> Result<(), Malformed> {
    match words.len() <= 1 << 16 {
        true => Ok(()),
        false => Err(Malformed::new(
            "a dictionary has more words than an index can name",
        )),
    }
}

/// What a reader knows of a chunk while it follows key and deltas.
#[derive(Clone, Debug, Default)]
struct Known {
    words: Vec<u64>,
    indices: Vec<u16>,
}

/// Follows a key and the deltas after it, and gives the `pages` words of the last.
///
/// # Errors
/// Some of them is malformed, or they do not belong together.
pub fn apply(key: &[u8], deltas: &[Vec<u8>], pages: usize) -> Result<Vec<u64>, Malformed> {
    let mut known = Known::from_key(&unpack(key)?, pages)?;
    for delta in deltas {
        known.change(&unpack(delta)?)?;
    }
    Ok(known
        .indices
        .iter()
        .map(|&number| known.words[usize::from(number)])
        .collect())
}

impl Known {
    fn from_key(plain: &[u8], pages: usize) -> Result<Self, Malformed> {
        let mut rest = plain;
        let words = take_words(&mut rest)?;
        bound(&words)?;
        let width = take_bytes(&mut rest, 1)?[0];
        let indices: Vec<u16> = match width {
            1 => rest.iter().copied().map(u16::from).collect(),
            2 => rest
                .chunks_exact(2)
                .map(|two| u16::from_le_bytes([two[0], two[1]]))
                .collect(),
            _ => return Err(Malformed::new("indices of unknown width")),
        };
        if rest.len() != pages * usize::from(width)
            || indices.len() != pages
            || indices
                .iter()
                .any(|&number| usize::from(number) >= words.len())
        {
            return Err(Malformed::new(
                "a chunk's indices do not fit its dictionary or its pages",
            ));
        }
        Ok(Self { words, indices })
    }

    fn change(&mut self, plain: &[u8]) -> Result<(), Malformed> {
        let mut rest = plain;
        self.words.extend(take_words(&mut rest)?);
        bound(&self.words)?;
        let mut at = 0u64;
        while !rest.is_empty() {
            let (skip, length, number) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
            let start = at
                .checked_add(skip)
                .filter(|&start| start <= self.indices.len() as u64);
            let end = start.and_then(|start| start.checked_add(length));
            let range = start
                .zip(end)
                .filter(|&(_, end)| end <= self.indices.len() as u64);
            let (start, end) =
                range.ok_or_else(|| Malformed::new("a change lies outside its chunk"))?;
            let number = u16::try_from(number)
                .ok()
                .filter(|&number| usize::from(number) < self.words.len());
            let number =
                number.ok_or_else(|| Malformed::new("a change names a word that is not there"))?;
            self.indices[start as usize..end as usize].fill(number);
            at = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading() -> impl Strategy<Value = Vec<u64>> {
        let word = prop_oneof![4 => 0u64..6, 1 => any::<u64>()];
        let run = (word, 1usize..30).prop_map(|(word, length)| vec![word; length]);
        proptest::collection::vec(run, 1..40).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn what_was_told_is_understood(readings in proptest::collection::vec(reading(), 1..6)) {
            let mut state = ChunkState::default();
            let pages = readings[0].len();
            let mut key = state.key(&readings[0]);
            let mut deltas = Vec::new();
            prop_assert_eq!(apply(&key, &deltas, pages).expect("whole"), &readings[0][..]);
            for reading in &readings[1..] {
                let words: Vec<u64> = reading.iter().copied().cycle().take(pages).collect();
                match state.next(&words) {
                    Encoded::Same => {}
                    Encoded::Key(bytes) => (key, deltas) = (bytes, Vec::new()),
                    Encoded::Delta(bytes) => deltas.push(bytes),
                }
                prop_assert_eq!(&apply(&key, &deltas, pages).expect("whole"), &words);
            }
        }

        #[test]
        fn nonsense_is_an_error_and_never_a_panic(bytes: Vec<u8>, pages in 0usize..100) {
            let _ = apply(&bytes, &[], pages);
            let _ = apply(&pack(&bytes), &[pack(&bytes)], pages);
            let key = ChunkState::default().key(&vec![7; pages]);
            let _ = apply(&key, &[pack(&bytes)], pages);
        }
    }

    #[test]
    fn every_word_of_a_chunk_may_be_different() {
        let words: Vec<u64> = (0..CHUNK_PAGES as u64).map(|word| word << 13).collect();
        let mut state = ChunkState::default();
        let key = state.key(&words);
        assert_eq!(apply(&key, &[], CHUNK_PAGES), Ok(words.clone()));
        // The dictionary is full: one more word makes it anew.
        let mut next = words;
        next[5] = 1;
        let Encoded::Key(key) = state.next(&next) else {
            panic!("a full dictionary cannot grow")
        };
        assert_eq!(apply(&key, &[], CHUNK_PAGES), Ok(next));
    }

    #[test]
    fn what_did_not_change_takes_no_bytes() {
        let mut state = ChunkState::default();
        state.key(&[0, 1, 2]);
        assert_eq!(state.next(&[0, 1, 2]), Encoded::Same);
    }
}
