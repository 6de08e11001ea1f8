//! Present memory by order: how large the aligned blocks are that are present as a whole.

use crate::error::Result;
use crate::kernel::{Mapping, PageSpan, PagemapEntry, Pfn};
use crate::source::Process;

/// Blocks by order: a block of order n is 2^n pages, begins at a multiple of its size, and is not part of a
/// larger one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blocks {
    of: Vec<u64>,
}

/// What has to be contiguous and aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contiguity {
    /// Addresses.
    Virtual,
    /// Addresses and pages of memory: what one entry of a page table, or of a TLB, could map.
    Physical,
}

/// One mapping.
#[derive(Clone, Debug)]
pub struct MappingOrders {
    /// What `/proc/PID/maps` says.
    pub mapping: Mapping,
    /// Its blocks.
    pub blocks: Blocks,
}

/// One process.
#[derive(Clone, Debug)]
pub struct ProcessOrders {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its mappings, by address.
    pub mappings: Vec<MappingOrders>,
    /// Blocks of all of them.
    pub blocks: Blocks,
}

impl Blocks {
    /// None, of orders up to `max_order`.
    pub fn new(max_order: u32) -> Self {
        Self {
            of: vec![0; max_order as usize + 1],
        }
    }

    /// Blocks of each order, the smallest first.
    pub fn of(&self) -> &[u64] {
        &self.of
    }

    /// Pages of all blocks.
    pub fn pages(&self) -> u64 {
        let pages = |(order, blocks): (usize, &u64)| blocks << order;
        self.of.iter().enumerate().map(pages).sum()
    }

    /// For sorting: the largest orders decide.
    pub fn largest_first(&self) -> Vec<u64> {
        self.of.iter().rev().copied().collect()
    }

    fn merge(&mut self, other: &Self) {
        self.of
            .iter_mut()
            .zip(&other.of)
            .for_each(|(sum, more)| *sum += more);
    }

    /// Counts `pages` pages from page `place` on. `alignment` has the bits that have to be zero in a block's
    /// beginning beside those of its place.
    fn add(&mut self, place: u64, alignment: u64, pages: u64) {
        let top = self.of.len() as u32 - 1;
        let mut done = 0;
        while done < pages {
            let aligned = (place + done)
                .trailing_zeros()
                .min((alignment + done).trailing_zeros());
            let room = (pages - done).ilog2();
            let order = aligned.min(room).min(top);
            self.of[order as usize] += 1;
            done += 1 << order;
        }
    }
}

/// A run of present pages as it grows.
struct Run {
    place: u64,
    pfn: Option<Pfn>,
    pages: u64,
}

/// Cuts entries into runs.
struct Runs<'a> {
    contiguity: Contiguity,
    blocks: &'a mut Blocks,
    open: Option<Run>,
}

impl Runs<'_> {
    fn take(&mut self, first: u64, entries: &[PagemapEntry]) {
        for (place, entry) in (first..).zip(entries) {
            let Some(pfn) = entry.pfn() else {
                self.close();
                continue;
            };
            let goes_on = self.open.as_ref().is_some_and(|run| {
                let next = run.pfn.map(|first| first.plus(run.pages));
                let is_next = self.contiguity == Contiguity::Virtual || next == Some(pfn);
                place == run.place + run.pages && is_next
            });
            match &mut self.open {
                Some(run) if goes_on => run.pages += 1,
                _ => {
                    self.close();
                    let pfn = (self.contiguity == Contiguity::Physical).then_some(pfn);
                    let pages = 1;
                    self.open = Some(Run { place, pfn, pages });
                }
            }
        }
    }

    fn close(&mut self) {
        if let Some(run) = self.open.take() {
            let alignment = run.pfn.map_or(run.place, |pfn| pfn.0);
            self.blocks.add(run.place, alignment, run.pages);
        }
    }
}

/// Blocks of a process, by mapping.
///
/// # Errors
/// It cannot be read, or, where that is asked, the kernel withholds page numbers.
pub fn orders_of(
    process: Process,
    name: String,
    contiguity: Contiguity,
    max_order: u32,
) -> Result<ProcessOrders> {
    let process = match contiguity {
        Contiguity::Virtual => process.without_page_numbers(),
        Contiguity::Physical => process,
    };
    let mut all = Blocks::new(max_order);
    let mut mappings = Vec::new();
    for mapping in process.mappings()? {
        let mut blocks = Blocks::new(max_order);
        let mut runs = Runs {
            contiguity,
            blocks: &mut blocks,
            open: None,
        };
        process.walk_mapping(&mapping, PageSpan::ALL, &mut |place, entries| {
            runs.take(place, entries);
            Ok(())
        })?;
        runs.close();
        all.merge(&blocks);
        mappings.push(MappingOrders { mapping, blocks });
    }
    Ok(ProcessOrders {
        pid: process.pid(),
        name,
        mappings,
        blocks: all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(entries: &[Option<u64>], first: u64, contiguity: Contiguity) -> Vec<u64> {
        let entry = |pfn: &Option<u64>| PagemapEntry(pfn.map_or(0, |pfn| 1 << 63 | pfn));
        let entries: Vec<PagemapEntry> = entries.iter().map(entry).collect();
        let mut blocks = Blocks::new(3);
        let mut runs = Runs {
            contiguity,
            blocks: &mut blocks,
            open: None,
        };
        // In two parts, as they come from a large mapping.
        let (one, two) = entries.split_at(entries.len() / 2);
        runs.take(first, one);
        runs.take(first + one.len() as u64, two);
        runs.close();
        blocks.of
    }

    fn present(pages: std::ops::Range<u64>) -> Vec<Option<u64>> {
        pages.map(Some).collect()
    }

    #[test]
    fn an_aligned_block_counts_once_and_its_halves_do_not() {
        use Contiguity::Virtual;
        assert_eq!(blocks(&present(100..108), 64, Virtual), [0, 0, 0, 1]);
        assert_eq!(blocks(&present(100..101), 64, Virtual), [1, 0, 0, 0]);
        assert_eq!(blocks(&present(100..108), 65, Virtual), [2, 1, 1, 0]);
        assert_eq!(
            blocks(&present(100..132), 64, Virtual),
            [0, 0, 0, 4],
            "no larger than the largest"
        );
        let pierced = [Some(1), Some(2), None, Some(4)];
        assert_eq!(blocks(&pierced, 64, Virtual), [1, 1, 0, 0]);
    }

    #[test]
    fn physical_blocks_are_aligned_on_both_sides() {
        use Contiguity::Physical;
        assert_eq!(blocks(&present(128..136), 64, Physical), [0, 0, 0, 1]);
        // Contiguous, but never aligned to each other by more than two pages.
        assert_eq!(blocks(&present(130..138), 64, Physical), [0, 4, 0, 0]);
        assert_eq!(blocks(&present(129..137), 64, Physical), [8, 0, 0, 0]);
        let scattered = [Some(128), Some(130), Some(131), Some(7)];
        assert_eq!(blocks(&scattered, 64, Physical), [4, 0, 0, 0]);
    }
}
