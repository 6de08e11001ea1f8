//! What every page is, block by block, for who counts or lists: in parallel, or in order.

use super::judge::{BLOCK_PAGES, Judge};
use super::queue::{ChunkResult, Queue};
use super::{Known, Watcher};
use crate::classify::{Key, KsmVerdict};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, PageSpan, Pfn, PfnRange};
use crate::source::{Extent, Source};

/// Pages that a worker takes at a time.
const CHUNK_PAGES: u64 = 1 << 17;

/// Consecutive pages that were read.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The first.
    pub start: Pfn,
    /// Their flags; none for a page that was not worth reading.
    pub words: &'a [PageFlags],
    /// Their keys of the class lens, the KSM question open.
    pub classes: &'a [Key],
}

/// Which pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of memory blocks that exist.
    Existing,
    /// All that the source has an answer for, as page-types does.
    Everything,
}

/// Reads all memory with `threads` workers; each gives its blocks to a collector of its own.
///
/// # Errors
/// The source failed, there is no page, the watcher said stop, or `take` did.
pub fn sweep<S: Send>(
    source: &dyn Source,
    reach: Reach,
    threads: usize,
    watcher: &dyn Watcher,
    new: impl Fn() -> S + Sync,
    take: impl Fn(&mut S, &Block<'_>) -> Result<()> + Sync,
) -> Result<(Vec<S>, KsmVerdict)> {
    let pool = super::pool(threads)?;
    let extent = source.machine().extent;
    let queue = Queue::new(extent, CHUNK_PAGES, threads, &Known::default(), watcher);
    let collected = pool.broadcast(|_| {
        let _release = queue.release_others_on_panic();
        let (mut collector, mut judge) = (new(), Judge::new(source, reach));
        while let Some((number, pages)) = queue.next() {
            let done = chunk(&mut judge, &queue, number, pages, &mut |block| {
                take(&mut collector, block)
            });
            queue.done(number, done);
        }
        collector
    });
    let finished = queue.finish()?;
    match finished.end {
        Pfn(0) => Err(Error::Empty {
            path: source.path().to_owned(),
        }),
        _ => Ok((collected, finished.ksm)),
    }
}

/// Whether the KSM bit of `source` is to be believed: reads until a page proves it, or all.
///
/// # Errors
/// The source failed, or the watcher said stop.
pub fn find_proof_of_ksm(
    source: &dyn Source,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<KsmVerdict> {
    let pool = super::pool(threads)?;
    let extent = source.machine().extent;
    let queue = Queue::new(extent, CHUNK_PAGES, threads, &Known::default(), watcher);
    pool.broadcast(|_| {
        let _release = queue.release_others_on_panic();
        let mut judge = Judge::new(source, Reach::Existing);
        while let Some((number, pages)) = queue.next() {
            let done = chunk(&mut judge, &queue, number, pages, &mut |_| Ok(()));
            queue.done(number, done);
            if queue.believes_ksm() {
                queue.end();
            }
        }
    });
    Ok(queue.finish()?.ksm)
}

fn chunk(
    judge: &mut Judge<'_>,
    queue: &Queue<'_>,
    number: u64,
    pages: PfnRange,
    take: &mut dyn FnMut(&Block<'_>) -> Result<()>,
) -> Result<ChunkResult> {
    let mut result = ChunkResult::default();
    let mut at = pages.start.0;
    judge.open = None;
    while at < pages.end.0 && result.end.is_none() {
        let block = PfnRange::new(at, pages.end.0.min(at + BLOCK_PAGES));
        let ask = || queue.open_before(number)[0];
        let ask: Option<&dyn Fn() -> _> = if at == pages.start.0 {
            Some(&ask)
        } else {
            None
        };
        let judged = judge.judge(block, queue.watcher(), ask)?;
        if judged.pages < block.pages() as usize {
            result.end = Some(block.start.plus(judged.pages as u64));
        }
        take(&judge.block(block.start, judged.pages))?;
        at = block.end.0;
    }
    if judge.saw_proof_of_ksm() && !queue.believes_ksm() {
        queue.believe_ksm();
    }
    result.open = [judge.open, None];
    Ok(result)
}

/// Reads the pages of `span` from the first to the last.
///
/// # Errors
/// The source failed, the watcher said stop, or `take` did.
pub fn read_in_order(
    source: &dyn Source,
    reach: Reach,
    span: PageSpan,
    watcher: &dyn Watcher,
    take: &mut dyn FnMut(&Block<'_>) -> Result<()>,
) -> Result<()> {
    let mut judge = Judge::new(source, reach);
    let (end, expected) = match source.machine().extent {
        Extent::Exact(end) => (span.end.min(end.0), end.0),
        Extent::Expected(end) => (span.end, end.0),
    };
    // From the beginning of a huge page, because tails take after their head.
    let mut at = span.start - span.start % source.machine().pmd_pages;
    while at < end {
        let wanted = PfnRange::new(at, end.min(at.saturating_add(BLOCK_PAGES)));
        let judged = judge.judge(wanted, watcher, None)?;
        let block = judge.block(wanted.start, judged.pages);
        let wanted_part = block.pages().intersect(PfnRange::new(span.start, u64::MAX));
        if !wanted_part.is_empty() {
            take(&block.part(wanted_part))?;
        }
        at = wanted.end.0;
        watcher.on_pages(at.min(expected), expected.min(end));
        if judged.pages < wanted.pages() as usize {
            break;
        }
    }
    Ok(())
}

impl Block<'_> {
    /// Its pages.
    pub fn pages(&self) -> PfnRange {
        PfnRange::new(self.start.0, self.start.0 + self.words.len() as u64)
    }

    /// Those of `pages`, which are part of it.
    ///
    /// # Panics
    /// When they are not.
    #[must_use]
    pub fn part(&self, pages: PfnRange) -> Self {
        let skipped = (pages.start.0 - self.start.0) as usize;
        let end = skipped + pages.pages() as usize;
        Self {
            start: pages.start,
            words: &self.words[skipped..end],
            classes: &self.classes[skipped..end],
        }
    }
}
