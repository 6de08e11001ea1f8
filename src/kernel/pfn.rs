//! Physical page numbers, ranges of them, and sorted sets of ranges.

/// Number of a physical page: its physical address divided by the page size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pfn(pub u64);

impl Pfn {
    /// The page so many pages on.
    pub fn plus(self, pages: u64) -> Self {
        Self(self.0 + pages)
    }
}

/// Half-open range of pages, `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PfnRange {
    /// First page.
    pub start: Pfn,
    /// First page after the range.
    pub end: Pfn,
}

impl PfnRange {
    /// Pages `start..end`; empty when `end` is not above `start`.
    pub fn new(start: u64, end: u64) -> Self {
        Self {
            start: Pfn(start),
            end: Pfn(end.max(start)),
        }
    }

    /// Number of pages.
    pub fn pages(self) -> u64 {
        self.end.0 - self.start.0
    }

    /// True when there is no page in it.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The pages that are in both; empty when there are none.
    pub fn intersect(self, other: Self) -> Self {
        Self::new(self.start.0.max(other.start.0), self.end.0.min(other.end.0))
    }
}

/// Sorted, disjoint, non-touching ranges of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PfnSet {
    ranges: Vec<PfnRange>,
}

impl PfnSet {
    /// The ranges in order.
    pub fn ranges(&self) -> &[PfnRange] {
        &self.ranges
    }

    /// Number of pages.
    pub fn pages(&self) -> u64 {
        self.ranges.iter().map(|r| r.pages()).sum()
    }

    /// First page after the last range, page 0 for the empty set.
    pub fn end(&self) -> Pfn {
        self.ranges.last().map_or(Pfn(0), |r| r.end)
    }

    /// The parts of the set inside `within`, in order.
    pub fn inside(&self, within: PfnRange) -> impl Iterator<Item = PfnRange> + '_ {
        let first = self.ranges.partition_point(|r| r.end <= within.start);
        self.ranges[first..]
            .iter()
            .take_while(move |r| r.start < within.end)
            .map(move |r| r.intersect(within))
    }

    /// The pages that are in both.
    pub fn intersect(&self, other: &Self) -> Self {
        let common = |&range: &PfnRange| other.inside(range).collect::<Vec<_>>();
        self.ranges.iter().flat_map(common).collect()
    }

    /// The parts of `within` that are not in the set, in order.
    pub fn gaps(&self, within: PfnRange) -> Vec<PfnRange> {
        let mut gaps = Vec::new();
        let mut at = within.start.0;
        for part in self.inside(within) {
            gaps.push(PfnRange::new(at, part.start.0));
            at = part.end.0;
        }
        gaps.push(PfnRange::new(at, within.end.0));
        gaps.retain(|gap| !gap.is_empty());
        gaps
    }
}

impl FromIterator<PfnRange> for PfnSet {
    /// Sorts, drops empty ranges and joins those that overlap or touch.
    fn from_iter<I: IntoIterator<Item = PfnRange>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|r| !r.is_empty()).collect();
        sorted.sort_by_key(|r| r.start);
        let mut joined: Vec<PfnRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self { ranges: joined }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u64, u64)]) -> PfnSet {
        ranges
            .iter()
            .map(|&(start, end)| PfnRange::new(start, end))
            .collect()
    }

    #[test]
    fn ranges_are_sorted_and_joined() {
        assert_eq!(
            set(&[(8, 9), (0, 4), (4, 6), (5, 7), (3, 3)]),
            set(&[(0, 7), (8, 9)])
        );
        assert_eq!(set(&[(8, 9), (0, 4)]).pages(), 5);
    }

    #[test]
    fn inside_and_gaps_cover_the_range_once() {
        let ram = set(&[(2, 4), (6, 10)]);
        let within = PfnRange::new(3, 12);
        assert_eq!(
            ram.inside(within).collect::<Vec<_>>(),
            [PfnRange::new(3, 4), PfnRange::new(6, 10)]
        );
        assert_eq!(
            ram.gaps(within),
            [PfnRange::new(4, 6), PfnRange::new(10, 12)]
        );
        assert_eq!(PfnSet::default().gaps(within), [within]);
    }
}
