//! The pages of one source, read and judged block by block.

use super::sweep::{Block, Reach};
use super::{Watcher, enclosing};
use crate::classify::{Classifier, Key, OpenCompound};
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn, PfnRange};
use crate::source::{Extent, Source};

/// Pages of one read: 256 KiB of flags, which with their keys stay in a core's cache. The kernel
/// gains nothing from more (4 KiB to 50 MiB differ by 2 %), and does not stop in the middle of one.
pub(super) const BLOCK_PAGES: u64 = 1 << 15;

/// Reads the pages of one source and judges them. One per worker and source.
pub(super) struct Judge<'a> {
    source: &'a dyn Source,
    reach: Reach,
    classifier: Classifier,
    words: Vec<PageFlags>,
    classes: Vec<Key>,
    /// Words from behind a block.
    after: Vec<PageFlags>,
    /// The compound that the pages judged last end within.
    pub(super) open: Option<OpenCompound>,
}

/// What a block came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// Pages of the block: fewer than asked for where a kernel says end.
    pub(super) pages: usize,
    /// False when no page of the block was worth reading.
    pub(super) was_read: bool,
}

impl<'a> Judge<'a> {
    pub(super) fn new(source: &'a dyn Source, reach: Reach) -> Self {
        Self {
            source,
            reach,
            classifier: Classifier::new(source.machine().pmd_pages),
            words: vec![PageFlags::NONE; BLOCK_PAGES as usize],
            classes: vec![Key::HOLE; BLOCK_PAGES as usize],
            after: Vec::new(),
            open: None,
        }
    }

    /// The flags of the block's pages; of pages that were not read, none.
    pub(super) fn words(&self) -> &[PageFlags] {
        &self.words
    }

    /// The first `pages` of the block that begins with `start`.
    pub(super) fn block(&self, start: Pfn, pages: usize) -> Block<'_> {
        Block {
            start,
            words: &self.words[..pages],
            classes: &self.classes[..pages],
        }
    }

    /// The keys of the block's pages, of the class lens.
    pub(super) fn classes(&mut self) -> &mut [Key] {
        &mut self.classes
    }

    /// True once a page was seen that proves the KSM bit.
    pub(super) fn saw_proof_of_ksm(&self) -> bool {
        self.classifier.saw_proof_of_ksm()
    }

    /// Judges a block of at most [`BLOCK_PAGES`]. Beyond the end of a copy there are holes.
    ///
    /// `open_before` is asked for the compound that the pages before end within, if the block begins
    /// with a tail and these pages are another worker's.
    pub(super) fn judge(
        &mut self,
        block: PfnRange,
        watcher: &dyn Watcher,
        open_before: Option<&dyn Fn() -> Option<OpenCompound>>,
    ) -> Result<Judged> {
        let there = match self.source.machine().extent {
            Extent::Exact(end) => block.intersect(PfnRange::new(0, end.0)),
            Extent::Expected(_) => block,
        };
        let machine = self.source.machine();
        let mut spans = match self.reach {
            Reach::Existing => machine.readable(there),
            Reach::Everything => machine.wanted(there),
        };
        if self.reach == Reach::Existing {
            // Holes whatever they say: those of terabytes are in copies.
            let is_expected = |span: &PfnRange| span.end <= machine.end();
            spans.retain(|span| !is_expected(span) || machine.outside_ram(*span) != [*span]);
        }
        let mut at = block.start;
        for &span in &spans {
            self.no_pages(block, PfnRange::new(at.0, span.start.0));
            watcher.stop().map_or(Ok(()), Err)?;
            let ask = open_before.filter(|_| span.start == block.start);
            at = self.judge_span(block, span, ask)?;
            if at < span.end {
                let pages = (at.0 - block.start.0) as usize;
                let was_read = true;
                return Ok(Judged { pages, was_read });
            }
        }
        self.no_pages(block, PfnRange::new(at.0, block.end.0));
        Ok(Judged {
            pages: block.pages() as usize,
            was_read: !spans.is_empty(),
        })
    }

    /// Pages that are not there to be read.
    fn no_pages(&mut self, block: PfnRange, pages: PfnRange) {
        if !pages.is_empty() {
            self.open = None;
            let start = (pages.start.0 - block.start.0) as usize;
            let end = start + pages.pages() as usize;
            self.classes[start..end].fill(Key::HOLE);
            self.words[start..end].fill(PageFlags::NONE);
        }
    }

    /// Returns the first page that was not read: the end of the span, or of memory.
    fn judge_span(
        &mut self,
        block: PfnRange,
        span: PfnRange,
        open_before: Option<&dyn Fn() -> Option<OpenCompound>>,
    ) -> Result<Pfn> {
        let start = (span.start.0 - block.start.0) as usize;
        let wanted = span.pages() as usize;
        let into = &mut self.words[start..start + wanted];
        let got = self.source.read_flags(span.start, into)?;
        let is_tail = got > 0 && self.words[start].has(PageFlags::COMPOUND_TAIL);
        if let (true, Some(ask)) = (is_tail, open_before) {
            self.open = ask();
        }
        // Of a part of memory what lies before was not read.
        let machine = self.source.machine();
        if is_tail && self.open.is_none() && machine.selected.is_some() {
            let found = enclosing(self.source, span.start)?;
            let pmd_pages = machine.pmd_pages;
            self.open =
                found.map(|found| OpenCompound::new(found.head, 1 << found.order, pmd_pages));
        }
        let read = PfnRange::new(span.start.0, span.start.0 + got as u64);
        self.read_after(start, read, got == wanted)?;
        let words = &self.words[start..start + got];
        let classes = &mut self.classes[start..start + got];
        self.open = self
            .classifier
            .classify(words, self.open, &self.after, classes);
        // Pages outside RAM are holes, whatever their flags say; so are those that nobody asked for.
        let machine = self.source.machine();
        let holes = machine.outside_ram(read).into_iter();
        for hole in holes.chain(machine.unselected(read)) {
            let start = (hole.start.0 - block.start.0) as usize;
            self.classes[start..start + hole.pages() as usize].fill(Key::HOLE);
        }
        Ok(read.end)
    }

    /// Reads on behind pages that end within a compound, until its size is known. Where memory
    /// or the memory block ends, so does the compound.
    fn read_after(&mut self, start: usize, read: PfnRange, goes_on: bool) -> Result<()> {
        self.after.clear();
        let words = &self.words[start..start + read.pages() as usize];
        let wanted = self
            .classifier
            .pages_wanted_after(words)
            .filter(|_| goes_on);
        let behind = PfnRange::new(read.end.0, read.end.0 + wanted.unwrap_or(0));
        let readable = self.source.machine().existing(behind);
        let there = readable.first().filter(|there| there.start == behind.start);
        let wanted = there.map_or(0, |there| there.pages() as usize);
        // Nearly always the next page answers, so reads begin small.
        let mut step = 8;
        while self.after.len() < wanted {
            let known = self.after.len();
            let more = step.min(wanted - known);
            self.after.resize(known + more, PageFlags::NONE);
            let from = Pfn(behind.start.0 + known as u64);
            let got = self.source.read_flags(from, &mut self.after[known..])?;
            self.after.truncate(known + got);
            let is_tail = |word: &PageFlags| word.has(PageFlags::COMPOUND_TAIL);
            if got < more || !self.after[known..].iter().all(is_tail) {
                break;
            }
            step *= 4;
        }
        Ok(())
    }
}
