//! Reading less than everything, and still exact: a source whose words lead to the classes that all of the
//! kernel's words lead to.
//!
//! The kernel takes some 100 ns to say the flags of a page. Two proofs make most of its answers needless
//! where memory is huge or free. *Huge pages by alignment*: a compound is naturally aligned, so where the
//! first page of a PMD-sized block is part of a compound and the page in its middle is a tail, one compound
//! covers the block. *Free memory by counting*: see [`FreeProof`]. A poisoned page inside a huge page would be
//! overlooked, so where the kernel counts any, every page is read.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::Watcher;
use super::free_proof::FreeProof;
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn, parse_meminfo_bytes};
use crate::recording::{Plane, ProcessTable};
use crate::source::{Clock, Machine, Source, file};

/// PMD-sized blocks that are read at once where none of them was huge lately. One that begins among them
/// is seen at their end.
const MOST_BLOCKS: u64 = 2;

/// How much of memory is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Every page.
    #[default]
    EveryPage,
    /// Pages whose class nothing else proves.
    Proofs,
}

/// How many entries of the kernel's file were read, and what was proved instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Entries that were read.
    pub entries: u64,
    /// Pages of huge pages that were not.
    pub huge: u64,
    /// Pages of free blocks that were not.
    pub free: u64,
}

/// A source that reads less of another.
pub(super) struct Thrift<'a> {
    source: &'a dyn Source,
    effort: Effort,
    free: FreeProof,
    entries: AtomicU64,
    proved_huge: AtomicU64,
    proved_free: AtomicU64,
}

impl<'a> Thrift<'a> {
    /// Finds what can be proved, where that is wanted and `source` can tell.
    ///
    /// # Errors
    /// The source cannot be read, or the watcher said stop.
    pub(super) fn new(
        source: &'a dyn Source,
        effort: Effort,
        pool: &rayon::ThreadPool,
        watcher: &dyn Watcher,
    ) -> Result<Self> {
        let effort = match has_poisoned_pages(source) {
            true => Effort::EveryPage,
            false => effort,
        };
        let free = match effort {
            Effort::EveryPage => FreeProof::default(),
            Effort::Proofs => FreeProof::find(source, pool, watcher)?,
        };
        Ok(Self {
            source,
            effort,
            entries: AtomicU64::new(free.probes),
            free,
            proved_huge: AtomicU64::new(0),
            proved_free: AtomicU64::new(0),
        })
    }

    /// What it came to.
    pub(super) fn spent(&self) -> Spent {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Spent {
            entries: get(&self.entries),
            huge: get(&self.proved_huge),
            free: get(&self.proved_free),
        }
    }

    fn read(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let got = self.source.read_flags(start, into)?;
        self.entries.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }

    /// Reads as [`Source::read_flags`] does, from one piece to the next.
    fn read_less(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let pmd_pages = self.source.machine().pmd_pages;
        let end = start.plus(into.len() as u64);
        let mut at = start;
        let mut may_be_huge = true;
        let mut blocks = 1;
        while at < end {
            let here = (at.0 - start.0) as usize;
            let free = self.free.free_until(at).min(end);
            if free > at {
                into[here..(free.0 - start.0) as usize].fill(PageFlags::BUDDY);
                self.proved_free.fetch_add(free.0 - at.0, Ordering::Relaxed);
                (at, may_be_huge) = (free, false);
                continue;
            }
            let stop = self.free.next_free(at, end);
            let is_aligned = at.0.is_multiple_of(pmd_pages) && at.0 + pmd_pages <= stop.0;
            if may_be_huge && is_aligned {
                let block = &mut into[here..here + pmd_pages as usize];
                if self.is_huge(at, block)? {
                    (at, blocks) = (at.plus(pmd_pages), 1);
                    continue;
                }
            }
            let aligned = at.0 - at.0 % pmd_pages;
            let next = Pfn(stop.0.min(aligned + blocks * pmd_pages));
            let piece = &mut into[here..(next.0 - start.0) as usize];
            let got = self.read(at, piece)?;
            if got < piece.len() {
                return Ok(here + got);
            }
            may_be_huge = next.0.is_multiple_of(pmd_pages) && ends_huge(piece, pmd_pages as usize);
            (at, blocks) = (next, MOST_BLOCKS.min(2 * blocks));
        }
        Ok(into.len())
    }

    /// Asks two pages of an aligned block whether one compound covers it, and fills it then.
    fn is_huge(&self, at: Pfn, block: &mut [PageFlags]) -> Result<bool> {
        let mut words = [PageFlags::NONE; 2];
        let middle = block.len() / 2;
        let (first, second) = words.split_at_mut(1);
        let is_huge = self.read(at, first)? == 1
            && first[0].has(PageFlags::COMPOUND)
            && self.read(at.plus(middle as u64), second)? == 1
            && second[0].has(PageFlags::COMPOUND_TAIL);
        if is_huge {
            block[0] = words[0];
            block[1..].fill(words[1]);
            let unread = block.len() as u64 - 2;
            self.proved_huge.fetch_add(unread, Ordering::Relaxed);
        }
        Ok(is_huge)
    }
}

/// Whether the last block of what was read looks like part of a compound.
fn ends_huge(words: &[PageFlags], pmd_pages: usize) -> bool {
    let Some(block) = words.len().checked_sub(pmd_pages).map(|at| &words[at..]) else {
        return false;
    };
    let tails = [pmd_pages / 2, pmd_pages - 1];
    let is_tail = |&at: &usize| block[at].has(PageFlags::COMPOUND_TAIL);
    block[0].has(PageFlags::COMPOUND) && tails.iter().all(is_tail)
}

/// Unknown is as good as yes.
fn has_poisoned_pages(source: &dyn Source) -> bool {
    let text = source.text(file::MEMINFO);
    // A kernel that cannot handle poisoned pages does not count them.
    let counts_any = |text: String| {
        let bytes = parse_meminfo_bytes(&text, "HardwareCorrupted");
        bytes.is_some_and(|bytes| bytes > 0)
    };
    text.is_none_or(counts_any)
}

impl Source for Thrift<'_> {
    fn machine(&self) -> &Machine {
        self.source.machine()
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let is_worth_it = into.len() as u64 >= self.source.machine().pmd_pages.max(4);
        match self.effort {
            Effort::Proofs if is_worth_it => self.read_less(start, into),
            _ => self.read(start, into),
        }
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        self.source.read_plane(plane, start, into)
    }

    fn processes(&self) -> Result<Option<ProcessTable>> {
        self.source.processes()
    }

    fn time(&self) -> Timestamp {
        self.source.time()
    }

    fn end_time(&self) -> Timestamp {
        self.source.end_time()
    }

    fn clock(&self) -> Clock {
        self.source.clock()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.source.text(path)
    }

    fn path(&self) -> &Path {
        self.source.path()
    }
}
