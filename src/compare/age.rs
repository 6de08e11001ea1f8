//! How long ago each page changed class in a series: the number of the reading, four bytes a page in a scratch
//! file.

use super::scratch::Scratch;
use super::{Class, FIRST_OVERLAY, faded};
use crate::classify::Key;
use crate::error::Result;
use crate::kernel::Pfn;
use crate::scan::Marks;

const WORD_BYTES: usize = size_of::<u32>();

/// The key of a page whose last change is of age `step`, from 0 for the latest.
pub fn age_key(step: u8) -> Key {
    Key(FIRST_OVERLAY.0 + step)
}

/// When each page changed last.
#[derive(Debug)]
pub struct LastChanges {
    readings: Scratch,
}

impl LastChanges {
    /// No page changed yet.
    ///
    /// # Errors
    /// No scratch file can be made.
    pub fn new() -> Result<Self> {
        let readings = Scratch::new("when pages changed")?;
        Ok(Self { readings })
    }

    /// No page changed, again.
    ///
    /// # Errors
    /// The scratch file cannot be cut.
    pub fn forget(&self) -> Result<()> {
        self.readings.clear()
    }
}

/// Marks the pages of one reading by how long ago they changed.
#[derive(Debug)]
pub struct Ages<'a> {
    last: &'a LastChanges,
    /// The number of this reading, from 0.
    number: u32,
    /// The step that a change in each reading up to this one is old now.
    steps: Vec<u8>,
}

impl<'a> Ages<'a> {
    /// Of reading `steps.len() - 1`.
    pub fn new(last: &'a LastChanges, steps: Vec<u8>) -> Self {
        let number = steps.len() as u32 - 1;
        Self {
            last,
            number,
            steps,
        }
    }
}

impl Marks for Ages<'_> {
    fn mark(&self, start: Pfn, before: &[Key], keys: &mut [Key]) -> Result<()> {
        let mut bytes = vec![0; keys.len() * WORD_BYTES];
        let at = start.0 * WORD_BYTES as u64;
        self.last.readings.read(at, &mut bytes)?;
        let (words, _) = bytes.as_chunks_mut::<WORD_BYTES>();
        for ((word, before), key) in words.iter_mut().zip(before).zip(&mut *keys) {
            if before != key {
                *word = self.number.to_ne_bytes();
            }
            *key = match u32::from_ne_bytes(*word) {
                0 => faded(Class::ALL[usize::from(key.0)]),
                number => age_key(self.steps[number as usize]),
            };
        }
        self.last.readings.write(at, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_grows_old() {
        let last = LastChanges::new().expect("a scratch file");
        let (a, b) = (Key(Class::Anon as u8), Key(Class::Free as u8));
        let mark = |steps: &[u8], before: [Key; 2], now: [Key; 2]| {
            let mut keys = now;
            let ages = Ages::new(&last, steps.to_vec());
            ages.mark(Pfn(7), &before, &mut keys).expect("it is kept");
            keys
        };
        let (anon, free) = (faded(Class::Anon), faded(Class::Free));
        assert_eq!(mark(&[0], [a, b], [a, b]), [anon, free]);
        assert_eq!(mark(&[1, 0], [a, b], [b, b]), [age_key(0), free]);
        assert_eq!(mark(&[2, 1, 0], [b, b], [b, a]), [age_key(1), age_key(0)]);
        last.forget().expect("it is cut");
        assert_eq!(mark(&[0], [a, b], [a, b]), [anon, free]);
    }
}
