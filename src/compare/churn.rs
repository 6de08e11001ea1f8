//! How often each page changed class in a series: a byte a page in a scratch file.

use super::scratch::Scratch;
use super::{Class, FIRST_EVENT, faded};
use crate::classify::Key;
use crate::error::Result;
use crate::kernel::Pfn;
use crate::scan::Marks;

/// Changes from which on a page gets the next stronger colour.
pub const CHURN_STEPS: [u8; 5] = [1, 2, 4, 8, 16];

/// The key of a page that changed `times` times, at least once.
pub fn churn_key(times: u8) -> Key {
    let step = CHURN_STEPS.partition_point(|&from| from <= times).max(1);
    Key(FIRST_EVENT + 2 + step as u8)
}

/// Changes of each page; more than 255 count as 255.
#[derive(Debug)]
pub struct ChangeCounts {
    counts: Scratch,
}

impl ChangeCounts {
    /// No change yet.
    ///
    /// # Errors
    /// No scratch file can be made.
    pub fn new() -> Result<Self> {
        let counts = Scratch::new("how often pages changed")?;
        Ok(Self { counts })
    }

    fn read(&self, start: Pfn, pages: usize) -> Result<Vec<u8>> {
        let mut counts = vec![0; pages];
        self.counts.read(start.0, &mut counts)?;
        Ok(counts)
    }
}

/// Counts the changes from one reading to the next.
impl Marks for ChangeCounts {
    fn mark(&self, start: Pfn, before: &[Key], keys: &mut [Key]) -> Result<()> {
        if before == keys {
            return Ok(());
        }
        let mut counts = self.read(start, keys.len())?;
        for ((count, before), after) in counts.iter_mut().zip(before).zip(keys) {
            *count = count.saturating_add(u8::from(before != after));
        }
        self.counts.write(start.0, &counts)
    }
}

/// Shows what was counted, over what pages are in the end.
#[derive(Debug)]
pub struct Churn {
    counts: ChangeCounts,
}

impl Churn {
    /// Of these counts.
    pub fn new(counts: ChangeCounts) -> Self {
        Self { counts }
    }
}

impl Marks for Churn {
    fn mark(&self, start: Pfn, _before: &[Key], keys: &mut [Key]) -> Result<()> {
        let counts = self.counts.read(start, keys.len())?;
        for (key, &count) in keys.iter_mut().zip(&counts) {
            *key = match count {
                0 => faded(Class::ALL[usize::from(key.0)]),
                times => churn_key(times),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double() {
        let keys = [1, 2, 3, 4, 7, 8, 15, 16, 255].map(churn_key);
        let steps = keys.map(|key| key.0 - keys[0].0);
        assert_eq!(steps, [0, 1, 1, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn changes_add_up_wherever_they_are() {
        let counts = ChangeCounts::new().expect("a scratch file");
        let (a, b) = (Key(Class::Anon as u8), Key(Class::Free as u8));
        counts
            .mark(Pfn(1000), &[a, a], &mut [a, b])
            .expect("it is written");
        counts
            .mark(Pfn(1000), &[a, b], &mut [a, a])
            .expect("it is written");
        assert_eq!(
            counts.read(Pfn(998), 6).expect("it is read"),
            [0, 0, 0, 2, 0, 0]
        );
        let mut keys = [a, a, b];
        let churn = Churn::new(counts);
        churn.mark(Pfn(1000), &[], &mut keys).expect("it is read");
        assert_eq!(keys, [faded(Class::Anon), churn_key(2), faded(Class::Free)]);
    }
}
