//! The kernel's measures of fragmentation, in its own integer arithmetic, of counts of free blocks by order.

/// Free blocks by order, and the measures that follow from them alone.
#[derive(Clone, Copy, Debug)]
pub struct Indices<'a> {
    /// Blocks of 2^n pages, from n = 0 on.
    pub blocks: &'a [u64],
}

impl Indices<'_> {
    /// Free pages.
    pub fn free_pages(&self) -> u64 {
        let pages = |(order, &blocks): (usize, &u64)| blocks << order;
        self.blocks.iter().enumerate().map(pages).sum()
    }

    /// Blocks of at least 2^`order` pages, each counted as often as it holds such a block.
    pub fn suitable(&self, order: usize) -> u64 {
        let larger = self.blocks.iter().enumerate().skip(order);
        larger.map(|(at, &blocks)| blocks << (at - order)).sum()
    }

    /// The unusable free space index of an order in 1/1000 (`unusable_free_index` of mm/vmstat.c): 0, all free
    /// memory can be used for it, to 1000, none.
    pub fn unusable_index(&self, order: usize) -> u64 {
        let free = self.free_pages();
        match free {
            0 => 1000,
            _ => (free - (self.suitable(order) << order)) * 1000 / free,
        }
    }

    /// The fragmentation index of an order in 1/1000 (`__fragmentation_index` of mm/vmstat.c): −1000, a request
    /// would succeed; else towards 0 it fails for lack of memory, towards 1000 for fragmentation.
    pub fn fragmentation_index(&self, order: usize) -> i64 {
        let blocks: u64 = self.blocks.iter().sum();
        if blocks == 0 {
            return 0;
        }
        if self.suitable(order) > 0 {
            return -1000;
        }
        let free = i128::from(self.free_pages());
        let blocks = i128::from(blocks);
        (1000 - (1000 + free * 1000 / (1 << order)) / blocks) as i64
    }

    /// External fragmentation in per cent (`extfrag_for_order` of mm/compaction.c): of free memory what cannot be
    /// used for the order.
    pub fn external_fragmentation(&self, order: usize) -> u64 {
        let free = self.free_pages();
        match free {
            0 => 0,
            _ => (free - (self.suitable(order) << order)) * 100 / free,
        }
    }

    /// The order of the largest free block.
    pub fn largest(&self) -> Option<usize> {
        self.blocks.iter().rposition(|&blocks| blocks > 0)
    }
}

/// The score that decides over proactive compaction of a node (`fragmentation_score_node` of mm/compaction.c), 0 to
/// 100: of each zone its present pages and its external fragmentation for a huge page.
pub fn node_score(zones: &[(u64, u64)]) -> u64 {
    // A copy may say anything: wide enough for all of it.
    let present: u128 = zones.iter().map(|&(present, _)| u128::from(present)).sum();
    // Each is divided by itself, as the kernel does.
    let weighted = |&(own, percent): &(u64, u64)| {
        (u128::from(own) * u128::from(percent) / (present + 1)) as u64
    };
    zones.iter().map(weighted).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unusable(blocks: &[u64]) -> Vec<u64> {
        let orders = 0..blocks.len();
        orders
            .map(|order| Indices { blocks }.unusable_index(order))
            .collect()
    }

    fn fragmentation(blocks: &[u64]) -> Vec<i64> {
        let orders = 0..blocks.len();
        orders
            .map(|order| Indices { blocks }.fragmentation_index(order))
            .collect()
    }

    /// The listing of Gorman's mail on the index: free pages, none beside another.
    #[test]
    fn single_pages_are_all_fragments() {
        let blocks = [1983, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let expected = [-1000, 500, 750, 875, 937, 969, 984, 992, 996, 998, 999];
        assert_eq!(fragmentation(&blocks), expected);
    }

    #[test]
    fn a_request_that_succeeds_has_no_index() {
        let blocks = [30, 325, 1265, 5536, 2511, 1576, 369, 41, 50, 0, 69];
        let indices = Indices { blocks: &blocks };
        assert_eq!(indices.free_pages(), 252_956);
        assert_eq!(blocks.iter().sum::<u64>(), 11_772);
        let expected = [0, 0, 2, 22, 197, 356, 555, 649, 670, 720, 720];
        assert_eq!(unusable(&blocks), expected);
        assert_eq!(fragmentation(&blocks), [-1000; 11]);
        assert_eq!(indices.external_fragmentation(9), 72);
    }

    #[test]
    fn large_requests_fail_where_small_ones_do_not() {
        let blocks = [5000, 3000, 900, 200, 60, 10, 2, 0, 0, 0, 0];
        let expected = [0, 283, 624, 829, 920, 974, 992, 1000, 1000, 1000, 1000];
        assert_eq!(unusable(&blocks), expected);
        let expected = [
            -1000, -1000, -1000, -1000, -1000, -1000, -1000, 985, 993, 997, 999,
        ];
        assert_eq!(fragmentation(&blocks), expected);
    }

    #[test]
    fn without_free_memory_the_kernel_says_so_in_three_ways() {
        let none = Indices { blocks: &[0; 11] };
        assert_eq!(
            (none.unusable_index(9), none.fragmentation_index(9)),
            (1000, 0)
        );
        assert_eq!((none.external_fragmentation(9), none.largest()), (0, None));
    }

    #[test]
    fn zones_weigh_by_their_size() {
        assert_eq!(node_score(&[(1000, 90), (99_000, 80)]), 79);
        assert_eq!(node_score(&[]), 0);
    }
}
