//! Free blocks by order: the maximal aligned decomposition of runs of free pages inside zones.
//!
//! Two free buddies of one order always merge, so that the allocator's own blocks come out: on machines
//! that stand still exactly those of `/proc/buddyinfo`. They may differ by blocks of a pageblock and above
//! where migration types differ, as of an isolated one.

use crate::classify::{Class, Key, is_uniform};
use crate::kernel::{Pfn, PfnRange, ZoneMap};

/// No kernel's highest order is above this one: blocks that are read at once begin on its multiples.
const HIGHEST: u32 = 15;

/// Pages that are looked at at once, because they may all be alike.
const PIECE: usize = 128;

/// Finds free blocks.
#[derive(Clone, Debug)]
pub struct FreeOrders {
    zones: ZoneMap,
    /// The highest order of this machine's allocator.
    highest: u32,
}

impl FreeOrders {
    /// In these zones, of orders up to `highest`. Where nothing says where zones are, memory is one.
    pub fn new(zones: ZoneMap, highest: u32) -> Self {
        let highest = highest.min(HIGHEST);
        Self { zones, highest }
    }

    /// The zones.
    pub fn zones(&self) -> &ZoneMap {
        &self.zones
    }

    /// The highest order.
    pub fn highest(&self) -> u32 {
        self.highest
    }

    /// Hands over each free block among pages from `start` on, which are of these classes: its pages, its
    /// order, and the number of its zone. `start` is a multiple of 2^15, or of what a block can be.
    pub fn each(
        &self,
        start: Pfn,
        keys: &[Key],
        take: &mut dyn FnMut(PfnRange, u32, Option<usize>),
    ) {
        let pages = PfnRange::new(start.0, start.0 + keys.len() as u64);
        if self.zones.is_empty() {
            return self.in_zone(pages, pages, keys, None, take);
        }
        for (run, zone) in self.zones.inside(pages) {
            self.in_zone(run, pages, keys, Some(zone), take);
        }
    }

    fn in_zone(
        &self,
        run: PfnRange,
        pages: PfnRange,
        keys: &[Key],
        zone: Option<usize>,
        take: &mut dyn FnMut(PfnRange, u32, Option<usize>),
    ) {
        const FREE: Key = Key(Class::Free as u8);
        let at = |pfn: Pfn| (pfn.0 - pages.start.0) as usize;
        let keys = &keys[at(run.start)..at(run.end)];
        let mut begun = None;
        let mut close = |begun: &mut Option<usize>, end: usize| {
            if let Some(first) = begun.take() {
                let (mut page, end) = (run.start.0 + first as u64, run.start.0 + end as u64);
                while page < end {
                    page = self.split(page, end, zone, take);
                }
            }
        };
        for (number, piece) in keys.chunks(PIECE).enumerate() {
            let first = number * PIECE;
            let singles = if is_uniform(piece) { 1 } else { piece.len() };
            for (at, &key) in piece[..singles].iter().enumerate() {
                match (key == FREE, begun) {
                    (true, None) => begun = Some(first + at),
                    (false, Some(_)) => close(&mut begun, first + at),
                    _ => {}
                }
            }
        }
        close(&mut begun, keys.len());
    }

    /// The largest block that begins with `at` and ends up to `end`; returns its end.
    fn split(
        &self,
        at: u64,
        end: u64,
        zone: Option<usize>,
        take: &mut dyn FnMut(PfnRange, u32, Option<usize>),
    ) -> u64 {
        let order = (end - at).ilog2().min(at.trailing_zeros());
        let order = order.min(self.highest);
        let block = PfnRange::new(at, at + (1 << order));
        take(block, order, zone);
        block.end.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::Zone;

    fn found(free: &FreeOrders, start: u64, pages: &[bool]) -> Vec<(u64, u32, Option<usize>)> {
        let key = |&is_free: &bool| Key(if is_free { Class::Free } else { Class::Anon } as u8);
        let keys: Vec<Key> = pages.iter().map(key).collect();
        let mut found = Vec::new();
        free.each(Pfn(start), &keys, &mut |block, order, zone| {
            found.push((block.start.0, order, zone));
        });
        found
    }

    #[test]
    fn runs_fall_into_aligned_blocks() {
        let free = FreeOrders::new(ZoneMap::default(), 3);
        let mut pages = vec![false; 32];
        pages[3..30].fill(true);
        let blocks = [(3, 0), (4, 2), (8, 3), (16, 3), (24, 2), (28, 1)];
        let expected = blocks.map(|(at, order)| (at, order, None));
        assert_eq!(found(&free, 0, &pages), expected);
    }

    #[test]
    fn a_block_ends_where_its_zone_does() {
        let zone = |name: &str, start, end| Zone {
            node: 0,
            name: name.into(),
            span: PfnRange::new(start, end),
        };
        let zones = ZoneMap::new(vec![zone("DMA", 1, 12), zone("DMA32", 12, 16)]);
        let free = FreeOrders::new(zones, 10);
        let expected = [
            (1, 0, Some(0)),
            (2, 1, Some(0)),
            (4, 2, Some(0)),
            (8, 2, Some(0)),
            (12, 2, Some(1)),
        ];
        assert_eq!(found(&free, 0, &[true; 20]), expected);
    }

    proptest! {
        #[test]
        fn blocks_are_all_of_free_memory_and_no_two_of_them_are_buddies(
            pages in proptest::collection::vec(any::<bool>(), 64..65),
            highest in 0u32..7,
        ) {
            let free = FreeOrders::new(ZoneMap::default(), highest);
            let found = found(&free, 64, &pages);
            let sum: u64 = found.iter().map(|&(_, order, _)| 1u64 << order).sum();
            prop_assert_eq!(sum, pages.iter().filter(|&&is_free| is_free).count() as u64);
            for &(at, order, _) in &found {
                prop_assert!(at.is_multiple_of(1 << order) && order <= highest);
                let buddy = (at ^ 1 << order, order, None);
                prop_assert!(order == highest || !found.contains(&buddy));
            }
        }
    }
}
