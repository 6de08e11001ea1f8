//! Which zone a page is in.
//!
//! A zone spans pages from its first to its last, and others may lie between: spans of two nodes overlap
//! where their memory alternates. The narrower one has the page then.

use std::collections::BTreeSet;

use super::{Pfn, PfnRange, PfnSet, Zone};

/// Where zones lie: no page in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneMap {
    zones: Vec<Zone>,
    /// Ascending, each with the number of its zone.
    runs: Vec<(PfnRange, usize)>,
}

impl ZoneMap {
    /// Of these zones, which keep their numbers.
    pub fn new(zones: Vec<Zone>) -> Self {
        // Where zones begin and end, ascending; those that hold a page are kept by their width.
        let mut events: Vec<(Pfn, bool, usize)> = Vec::new();
        for (number, zone) in zones
            .iter()
            .enumerate()
            .filter(|(_, zone)| !zone.span.is_empty())
        {
            events.push((zone.span.start, true, number));
            events.push((zone.span.end, false, number));
        }
        events.sort_unstable();
        let mut open: BTreeSet<(u64, usize)> = BTreeSet::new();
        let mut runs: Vec<(PfnRange, usize)> = Vec::new();
        let mut from = Pfn(0);
        for (at, begins, number) in events {
            let run = PfnRange::new(from.0, at.0);
            if let Some(&(_, zone)) = open.first().filter(|_| !run.is_empty()) {
                match runs.last_mut() {
                    Some((last, known)) if *known == zone && last.end == run.start => {
                        last.end = run.end;
                    }
                    _ => runs.push((run, zone)),
                }
            }
            let entry = (zones[number].span.pages(), number);
            match begins {
                true => open.insert(entry),
                false => open.remove(&entry),
            };
            from = at;
        }
        Self { zones, runs }
    }

    /// The zones, in the order they were given.
    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// True where nothing says where zones are.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Ascending runs of pages, each with the number of its zone.
    pub fn runs(&self) -> &[(PfnRange, usize)] {
        &self.runs
    }

    /// The runs inside `within`.
    pub fn inside(&self, within: PfnRange) -> impl Iterator<Item = (PfnRange, usize)> + '_ {
        let first = self
            .runs
            .partition_point(|(run, _)| run.end <= within.start);
        self.runs[first..]
            .iter()
            .take_while(move |(run, _)| run.start < within.end)
            .map(move |&(run, zone)| (run.intersect(within), zone))
    }

    /// The pages of the zones that are meant.
    pub fn pages_of(&self, is_meant: impl Fn(&Zone) -> bool) -> PfnSet {
        let meant = |&&(_, zone): &&(PfnRange, usize)| is_meant(&self.zones[zone]);
        self.runs
            .iter()
            .filter(meant)
            .map(|&(run, _)| run)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(node: u32, name: &str, start: u64, end: u64) -> Zone {
        Zone {
            node,
            name: name.into(),
            span: PfnRange::new(start, end),
        }
    }

    #[test]
    fn the_narrower_zone_has_the_pages_that_two_spans_claim() {
        let map = ZoneMap::new(vec![
            zone(0, "DMA", 1, 100),
            zone(0, "Normal", 100, 1000),
            zone(1, "Normal", 400, 600),
        ]);
        let run = |start, end, zone| (PfnRange::new(start, end), zone);
        let expected = [
            run(1, 100, 0),
            run(100, 400, 1),
            run(400, 600, 2),
            run(600, 1000, 1),
        ];
        assert_eq!(map.runs(), expected);
        let inside: Vec<_> = map.inside(PfnRange::new(50, 450)).collect();
        assert_eq!(
            inside,
            [run(50, 100, 0), run(100, 400, 1), run(400, 450, 2)]
        );
        let node = map.pages_of(|zone| zone.node == 0);
        assert_eq!(node.pages(), 99 + 300 + 400);
    }
}
