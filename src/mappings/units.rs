//! The folios that a mapping has pages of: what pagestat calls pages.

use crate::kernel::{PageFlags, Pfn};

/// Consecutive pages of one folio, from its first on; or single pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its first page.
    pub start: Pfn,
    /// How many of its pages are there.
    pub pages: u64,
}

/// Consecutive units of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRun {
    /// The first page of the first.
    pub start: Pfn,
    /// Pages of each.
    pub unit_pages: u64,
    /// How many.
    pub units: u64,
}

/// Puts pages together to units: a head and the tails that follow it in memory. A tail whose head is not
/// among the pages counts alone, and so does a page that is mapped again.
pub fn units(mut pages: Vec<(Pfn, PageFlags)>) -> Vec<Unit> {
    pages.sort_unstable_by_key(|&(pfn, _)| pfn);
    let mut units: Vec<Unit> = Vec::new();
    let mut in_folio = false;
    for (pfn, flags) in pages {
        let is_tail = flags.has(PageFlags::COMPOUND_TAIL) && !flags.has(PageFlags::COMPOUND_HEAD);
        match units.last_mut() {
            Some(unit) if in_folio && is_tail && unit.start.plus(unit.pages) == pfn => {
                unit.pages += 1;
            }
            _ => {
                in_folio = flags.has(PageFlags::COMPOUND_HEAD);
                let (start, pages) = (pfn, 1);
                units.push(Unit { start, pages });
            }
        }
    }
    units
}

/// How many units there are of each size, the largest first.
pub fn unit_sizes(units: &[Unit]) -> Vec<(u64, u64)> {
    let mut sizes = std::collections::BTreeMap::new();
    for unit in units {
        *sizes.entry(unit.pages).or_insert(0) += 1;
    }
    sizes.into_iter().rev().collect()
}

/// Units of one size that lie one behind the other, as runs.
pub fn unit_runs(units: &[Unit]) -> Vec<UnitRun> {
    let mut runs: Vec<UnitRun> = Vec::new();
    for unit in units {
        match runs.last_mut() {
            Some(run)
                if run.unit_pages == unit.pages
                    && run.start.plus(run.units * run.unit_pages) == unit.start =>
            {
                run.units += 1;
            }
            _ => runs.push(UnitRun {
                start: unit.start,
                unit_pages: unit.pages,
                units: 1,
            }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: PageFlags = PageFlags::COMPOUND_HEAD;
    const TAIL: PageFlags = PageFlags::COMPOUND_TAIL;
    const NONE: PageFlags = PageFlags::NONE;

    fn of(pages: &[(u64, PageFlags)]) -> Vec<(u64, u64)> {
        let pages = pages
            .iter()
            .map(|&(pfn, flags)| (Pfn(pfn), flags))
            .collect();
        units(pages)
            .iter()
            .map(|unit| (unit.start.0, unit.pages))
            .collect()
    }

    #[test]
    fn a_unit_is_a_head_and_the_tails_behind_it() {
        let folio = [
            (9, TAIL),
            (8, HEAD),
            (10, TAIL),
            (11, TAIL),
            (12, NONE),
            (20, HEAD),
            (21, TAIL),
        ];
        assert_eq!(of(&folio), [(8, 4), (12, 1), (20, 2)]);
        // Another folio's tails are not this head's, however the pages are sorted.
        assert_eq!(of(&[(8, HEAD), (9, TAIL), (14, TAIL)]), [(8, 2), (14, 1)]);
        assert_eq!(of(&[(8, TAIL), (9, TAIL)]), [(8, 1), (9, 1)]);
        // The page of zeros is mapped many times.
        assert_eq!(of(&[(3, NONE), (3, NONE)]), [(3, 1), (3, 1)]);
    }

    #[test]
    fn runs_join_units_of_one_size() {
        let unit = |start, pages| Unit {
            start: Pfn(start),
            pages,
        };
        let units = [
            unit(0, 512),
            unit(512, 512),
            unit(1024, 1),
            unit(1025, 1),
            unit(1030, 1),
        ];
        let runs: Vec<_> = unit_runs(&units)
            .iter()
            .map(|run| (run.start.0, run.unit_pages, run.units))
            .collect();
        assert_eq!(runs, [(0, 512, 2), (1024, 1, 2), (1030, 1, 1)]);
        assert_eq!(unit_sizes(&units), [(512, 2), (1, 3)]);
    }
}
