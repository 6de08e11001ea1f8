//! How long the runs of free pages are, longer than any block of the allocator too.

use crate::kernel::{Pfn, PfnRange};

/// Lengths that are told apart: 2^k pages up to below 2^(k+1).
pub const LENGTHS: usize = 44;

/// Runs of free pages of one zone, none continued by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeRuns {
    /// Pages in runs of at least 2^k pages and less than twice as many.
    pub pages: [u64; LENGTHS],
    /// The longest run.
    pub longest: PfnRange,
}

impl Default for FreeRuns {
    fn default() -> Self {
        Self {
            pages: [0; LENGTHS],
            longest: PfnRange::new(0, 0),
        }
    }
}

impl FreeRuns {
    pub(super) fn add(&mut self, run: PfnRange) {
        if run.is_empty() {
            return;
        }
        self.pages[run.pages().ilog2() as usize] += run.pages();
        self.take_longest(run);
    }

    /// Of two of one length the first, whoever comes first.
    fn take_longest(&mut self, run: PfnRange) {
        let (own, other) = (self.longest.pages(), run.pages());
        if other > own || (other == own && run.start < self.longest.start) {
            self.longest = run;
        }
    }

    /// Adds the runs of other memory.
    pub fn merge(&mut self, other: &Self) {
        let pages = self.pages.iter_mut().zip(other.pages);
        pages.for_each(|(sum, more)| *sum += more);
        self.take_longest(other.longest);
    }

    /// Pages in runs of at least 2^`k` pages.
    pub fn at_least(&self, k: usize) -> u64 {
        self.pages[k.min(LENGTHS)..].iter().sum()
    }

    /// The largest block on a multiple of its size inside the longest run: its first page and its order.
    pub fn largest_aligned(&self) -> Option<(Pfn, u32)> {
        let run = self.longest;
        let fits = |order: u32| {
            let start = run.start.0.next_multiple_of(1 << order);
            (start + (1 << order) <= run.end.0).then_some((Pfn(start), order))
        };
        let most = run.pages().checked_ilog2()?;
        (0..=most).rev().find_map(fits)
    }
}

/// Runs that touch the border of what was read at once, put together in the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges(pub(super) Vec<(PfnRange, usize)>);

impl Edges {
    /// Whole runs, each with the number of its zone.
    pub(super) fn joined(mut self) -> Vec<(PfnRange, usize)> {
        self.0.sort_unstable_by_key(|(run, _)| run.start);
        let mut joined: Vec<(PfnRange, usize)> = Vec::new();
        for (run, zone) in self.0 {
            match joined.last_mut() {
                Some((last, known)) if last.end == run.start && *known == zone => {
                    last.end = run.end;
                }
                _ => joined.push((run, zone)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_where_they_touch_inside_a_zone() {
        let run = |start, end, zone| (PfnRange::new(start, end), zone);
        let edges = Edges(vec![run(64, 128, 0), run(0, 64, 0), run(128, 130, 1)]);
        assert_eq!(edges.joined(), [run(0, 128, 0), run(128, 130, 1)]);
    }

    #[test]
    fn a_run_holds_an_aligned_block() {
        let mut runs = FreeRuns::default();
        runs.add(PfnRange::new(3, 30));
        runs.add(PfnRange::new(100, 104));
        assert_eq!(runs.largest_aligned(), Some((Pfn(8), 3)));
        assert_eq!(
            (runs.at_least(0), runs.at_least(3), runs.at_least(5)),
            (31, 27, 0)
        );
        assert_eq!(FreeRuns::default().largest_aligned(), None);
    }
}
