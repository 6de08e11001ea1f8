//! A series, reading by reading.

use serde::Serialize;

use super::scope::scopes;
use super::{contiguity, free};
use crate::source::{Source, highest_order};
use crate::survey::Survey;

/// What one reading of a series came to, of the whole machine and PMD-sized blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When it began, RFC 3339.
    pub time: String,
    /// Its number in the recording, from 0.
    pub frame: u64,
    /// Free pages.
    pub free_pages: u64,
    /// Blocks that are free.
    pub free: u64,
    /// That could be after compaction.
    pub after_compaction: u64,
    /// That something stands in that cannot be moved.
    pub blocked_strict: u64,
    /// Covered by one folio.
    pub huge: u64,
    /// `extfrag_for_order`, in per cent.
    pub external_fragmentation: u64,
}

/// So many of `count` readings at most, the first and the last among them, evenly chosen.
pub fn evenly(count: u64, most: u64) -> Vec<u64> {
    let told = count.clamp(1, most);
    let steps = (told - 1).max(1);
    let last = count.saturating_sub(1);
    match told {
        1 => vec![last],
        _ => (0..told).map(|number| number * last / steps).collect(),
    }
}

impl Moment {
    /// Of reading `frame`.
    pub fn new(source: &dyn Source, survey: &Survey, frame: u64) -> Self {
        let scopes = scopes(survey);
        let machine = &scopes[0];
        let sum = machine.sum(survey);
        let page_bytes = source.machine().page_size.bytes();
        let blocks = contiguity::contiguity(machine, &sum, survey.pmd, survey, page_bytes);
        let highest = highest_order(source) as usize;
        let free = free::free_memory(machine, &sum, survey, highest);
        Self {
            time: survey.start_time.to_string(),
            frame,
            free_pages: free.free_pages,
            free: blocks.free,
            after_compaction: blocks.after_compaction,
            blocked_strict: blocks.blocked_strict,
            huge: blocks.huge,
            external_fragmentation: free.external_fragmentation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn the_first_and_the_last_are_among_those_chosen() {
        assert_eq!(evenly(1, 60), [0]);
        assert_eq!(evenly(4, 60), [0, 1, 2, 3]);
        assert_eq!(evenly(101, 5), [0, 25, 50, 75, 100]);
        assert_eq!(evenly(1000, 60).len(), 60);
    }
}
