//! What a worker gathers of the blocks that it reads.

use super::blame::Blame;
use super::cells::CellRuns;
use super::contents::{BlockCounts, Contents, State};
use super::drift::Sample;
use super::free_runs::{Edges, FreeRuns};
use super::mobility::{Mobility, mobilities};
use crate::classify::{CLASS_KEYS, Class, Key, KsmVerdict, settle};
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn, PfnRange, ZoneMap};
use crate::orders::{FreeOrders, SystemOrders};
use crate::scan::Block;
use crate::source::Source;
use crate::tally::{ClassCounts, Tally};

/// What is asked of memory.
pub(super) struct Plan<'a> {
    pub(super) source: &'a dyn Source,
    /// Zones, and where free blocks may lie.
    pub(super) free: FreeOrders,
    /// Sizes of blocks in pages, powers of two, ascending.
    pub(super) sizes: Vec<u64>,
    /// The number of the PMD size among them.
    pub(super) pmd: usize,
    mobilities: [Mobility; CLASS_KEYS],
    classes: [Class; CLASS_KEYS],
}

/// One zone, or all memory where nothing says where zones are.
#[derive(Clone, Debug, Default)]
pub struct ZoneSurvey {
    /// Pages by key of the class lens.
    pub(super) keys: Tally,
    /// Aligned blocks of each size.
    pub blocks: Vec<BlockCounts>,
    /// Runs of free pages.
    pub runs: FreeRuns,
    /// Page cache that could be dropped without being written.
    pub clean_file: u64,
    /// Pages that can be moved but are locked in memory.
    pub unevictable: u64,
}

/// What one worker saw.
pub(super) struct Collector<'a> {
    plan: &'a Plan<'a>,
    pub(super) zones: Vec<ZoneSurvey>,
    pub(super) orders: SystemOrders,
    pub(super) blame: Blame,
    pub(super) edges: Edges,
    /// Pages by key of the class lens, in a zone or in none.
    pub(super) all: Tally,
    /// What stands in whole reads, by their first page: what larger blocks are made of.
    pub(super) reads: Vec<(Pfn, Contents)>,
    pub(super) sample: Option<Sample>,
    pub(super) cells: Option<CellRuns>,
    /// The first page after the last that there is.
    pub(super) end: Pfn,
}

impl<'a> Plan<'a> {
    pub(super) fn new(source: &'a dyn Source, free: FreeOrders, more: &[u64]) -> Self {
        let machine = source.machine();
        let sizes = sizes(machine.page_size.bytes(), machine.pmd_pages, more);
        let pmd = sizes.iter().position(|&size| size == machine.pmd_pages);
        Self {
            source,
            free,
            pmd: pmd.expect("the PMD size is one of the sizes"),
            sizes,
            mobilities: mobilities(),
            classes: std::array::from_fn(|key| settle(Key(key as u8), KsmVerdict::Doubted)),
        }
    }

    fn zones(&self) -> &ZoneMap {
        self.free.zones()
    }

    /// The zone that a range lies in as a whole; where nothing says where zones are, all is one.
    pub(super) fn zone_of(&self, pages: PfnRange) -> Option<usize> {
        if self.zones().is_empty() {
            return Some(0);
        }
        let (run, zone) = self.zones().inside(pages).next()?;
        (run == pages).then_some(zone)
    }

    /// The first zone that a range touches.
    pub(super) fn zone_at(&self, pages: PfnRange) -> Option<usize> {
        match self.zones().is_empty() {
            true => Some(0),
            false => self.zones().inside(pages).next().map(|(_, zone)| zone),
        }
    }
}

/// Sizes of blocks that are asked for, in pages: 64 KiB, what a PMD maps, 32 MiB, 1 GiB, and more.
fn sizes(page_bytes: u64, pmd_pages: u64, more: &[u64]) -> Vec<u64> {
    let asked = [64 << 10, pmd_pages * page_bytes, 32 << 20, 1 << 30];
    let mut sizes: Vec<u64> = asked.iter().map(|bytes| bytes / page_bytes).collect();
    sizes.extend(more);
    sizes.retain(|&pages| pages > 1 || pages == pmd_pages);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

impl<'a> Collector<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, sample: Option<Sample>, cells: Option<CellRuns>) -> Self {
        let zone = ZoneSurvey {
            blocks: vec![BlockCounts::default(); plan.sizes.len()],
            ..ZoneSurvey::default()
        };
        Self {
            plan,
            zones: vec![zone; plan.zones().zones().len().max(1)],
            orders: SystemOrders::of(plan.zones()),
            blame: Blame::default(),
            edges: Edges::default(),
            all: Tally::default(),
            reads: Vec::new(),
            sample,
            cells,
            end: Pfn(0),
        }
    }

    pub(super) fn take(&mut self, block: &Block<'_>) -> Result<()> {
        // Memory may end before it was expected to; where it did not begin says nothing of its end.
        if block.words.is_empty() {
            return Ok(());
        }
        if let Some(cells) = &mut self.cells {
            cells.add(block);
        }
        self.end = self.end.max(block.pages().end);
        if block.classes.iter().all(|&key| key == Key::HOLE) {
            return Ok(());
        }
        if let Some(sample) = &mut self.sample {
            sample.take(block);
        }
        self.all.add(block.classes);
        self.orders.add(self.plan.source, &self.plan.free, block)?;
        for (run, zone) in self.zones_inside(block.pages()) {
            let part = block.part(run);
            self.zones[zone].take(&part, &self.plan.classes);
            self.free_runs(&part, zone, block.pages());
        }
        self.blocks(block);
        Ok(())
    }

    fn zones_inside(&self, pages: PfnRange) -> Vec<(PfnRange, usize)> {
        match self.plan.zones().is_empty() {
            true => vec![(pages, 0)],
            false => self.plan.zones().inside(pages).collect(),
        }
    }

    /// Runs of free pages inside a zone; those that the read cuts are put together later.
    fn free_runs(&mut self, part: &Block<'_>, zone: usize, read: PfnRange) {
        let start = part.start;
        let mut at = 0;
        for run in part.classes.chunk_by(|one, next| one == next) {
            let pages = PfnRange::new(start.0 + at, start.0 + at + run.len() as u64);
            at += run.len() as u64;
            if run[0] != Key(Class::Free as u8) {
                continue;
            }
            if pages.start == read.start || pages.end == read.end {
                self.edges.0.push((pages, zone));
            } else {
                self.zones[zone].runs.add(pages);
            }
        }
    }

    /// Counts what stands in aligned blocks of each size.
    fn blocks(&mut self, block: &Block<'_>) {
        let mut parts = self.smallest(block);
        let mut size = self.plan.sizes[0];
        let here = block.words.len() as u64;
        for (number, &pages) in self.plan.sizes.iter().enumerate() {
            if pages > here {
                // The end of memory cuts it.
                if pages <= super::READ_PAGES {
                    let rest = joined(&parts, parts.len());
                    self.count(number, block.start, &rest[0]);
                }
                continue;
            }
            parts = joined(&parts, (pages / size) as usize);
            size = pages;
            for (at, contents) in parts.iter().enumerate() {
                let start = block.start.plus(at as u64 * size);
                self.count(number, start, contents);
                if number == self.plan.pmd && contents.unmovable > 0 {
                    self.blame(block, start, contents);
                }
            }
        }
        let whole = joined(&parts, parts.len());
        self.reads.push((block.start, whole[0]));
    }

    fn smallest(&self, block: &Block<'_>) -> Vec<Contents> {
        let size = self.plan.sizes[0] as usize;
        let pieces = block.words.chunks(size).zip(block.classes.chunks(size));
        let contents = |(words, keys): (&[PageFlags], &[Key])| {
            let mut pages = [0u32; 5];
            for key in keys {
                pages[self.plan.mobilities[usize::from(key.0)] as usize] += 1;
            }
            let is_tail = |word: &PageFlags| u32::from(word.has(PageFlags::COMPOUND_TAIL));
            Contents {
                free: pages[Mobility::Free as usize],
                movable: pages[Mobility::Movable as usize],
                unmovable: pages[Mobility::Unmovable as usize],
                unmarked: pages[Mobility::Unmarked as usize],
                hole: pages[Mobility::Hole as usize],
                tails: words.iter().map(is_tail).sum(),
                begins_with_head: words[0].has(PageFlags::COMPOUND_HEAD),
            }
        };
        pieces.map(contents).collect()
    }

    /// Counts a block of one of the sizes where it lies.
    pub(super) fn count(&mut self, size: usize, start: Pfn, contents: &Contents) {
        if contents.pages() == contents.hole {
            return;
        }
        let pages = self.plan.sizes[size];
        let range = PfnRange::new(start.0, start.0 + pages);
        match self.plan.zone_of(range) {
            Some(zone) => self.zones[zone].blocks[size].add(contents, pages as u32),
            None => {
                if let Some(zone) = self.plan.zone_at(range) {
                    self.zones[zone].blocks[size].states[State::Partial as usize] += 1;
                }
            }
        }
    }

    fn blame(&mut self, block: &Block<'_>, start: Pfn, contents: &Contents) {
        let pages = self.plan.sizes[self.plan.pmd];
        let range = PfnRange::new(start.0, start.0 + pages);
        let is_whole = u64::from(contents.pages()) == pages && contents.hole == 0;
        if !is_whole || self.plan.zone_of(range).is_none() {
            return;
        }
        let mut classes = [0u32; Class::ALL.len()];
        for key in block.part(range).classes {
            classes[self.plan.classes[usize::from(key.0)] as usize] += 1;
        }
        self.blame.add(start, contents, classes);
    }

    /// Adds what another worker saw, but for samples and cells.
    pub(super) fn merge(&mut self, other: Self) {
        for (zone, more) in self.zones.iter_mut().zip(&other.zones) {
            zone.merge(more);
        }
        self.all.merge(&other.all);
        self.orders.merge(&other.orders);
        self.blame.merge(other.blame);
        self.edges.0.extend(other.edges.0);
        self.reads.extend(other.reads);
        self.end = self.end.max(other.end);
    }
}

/// What stands in `ratio` blocks each, put together.
fn joined(parts: &[Contents], ratio: usize) -> Vec<Contents> {
    let join = |parts: &[Contents]| {
        let mut sum = Contents::default();
        parts.iter().for_each(|part| sum.append(part));
        sum
    };
    parts.chunks(ratio.max(1)).map(join).collect()
}

impl ZoneSurvey {
    fn take(&mut self, part: &Block<'_>, classes: &[Class; CLASS_KEYS]) {
        self.keys.add(part.classes);
        let unclean = PageFlags::DIRTY.with(PageFlags::WRITEBACK);
        for (&flags, key) in part.words.iter().zip(part.classes) {
            let class = classes[usize::from(key.0)];
            if flags.has(PageFlags::UNEVICTABLE) && Mobility::of(class) == Mobility::Movable {
                self.unevictable += 1;
            } else if matches!(class, Class::File | Class::FileLarge) && !flags.has(unclean) {
                self.clean_file += 1;
            }
        }
    }

    /// Adds another zone, or what another worker saw of this one.
    pub fn merge(&mut self, other: &Self) {
        self.keys.merge(&other.keys);
        self.blocks.resize(
            self.blocks.len().max(other.blocks.len()),
            BlockCounts::default(),
        );
        let blocks = self.blocks.iter_mut().zip(&other.blocks);
        blocks.for_each(|(sum, more)| sum.merge(more));
        self.runs.merge(&other.runs);
        self.clean_file += other.clean_file;
        self.unevictable += other.unevictable;
    }

    /// Pages by class.
    pub fn classes(&self, ksm: KsmVerdict) -> ClassCounts {
        ClassCounts::settle(&self.keys, ksm)
    }

    /// Pages of a class; all anonymous memory answers for KSM, too.
    pub fn pages_of(&self, mobility: Mobility) -> u64 {
        let is_so = |key: &Key| Mobility::of(settle(*key, KsmVerdict::Doubted)) == mobility;
        let keys = self.keys.keys().filter(is_so);
        keys.map(|key| self.keys.of(key)).sum()
    }

    /// Pages that exist.
    pub fn pages(&self) -> u64 {
        self.keys.total() - self.keys.of(Key::HOLE)
    }

    /// Pages of slab.
    pub fn slab(&self) -> u64 {
        self.keys.of(Key(Class::Slab as u8))
    }
}
