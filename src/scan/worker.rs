//! What one worker does with one chunk.

use super::Lens;
use super::queue::{ChunkResult, Queue};
use crate::classify::{Classifier, Key, KsmVerdict, Noise, depends_on_ksm, settle};
use crate::error::Result;
use crate::grid::{Packer, strips};
use crate::kernel::{PageFlags, Pfn, PfnRange};
use crate::layout::{Layout, RowReducer, Rows};
use crate::source::Source;

/// Pages of one read: 256 KiB of flags, which with their keys stay in a core's cache. The kernel
/// gains nothing from more (4 KiB to 50 MiB differ by 2 %), and does not stop in the middle of one.
const BLOCK_PAGES: u64 = 1 << 15;

/// Reads, judges and packs chunks until the queue has none left.
pub(super) struct Worker<'a> {
    source: &'a dyn Source,
    lens: Lens,
    layout: Layout,
    queue: &'a Queue<'a>,
    classifier: Classifier,
    packer: Packer,
    words: Vec<PageFlags>,
    after: Vec<PageFlags>,
    classes: Vec<Key>,
    sets: Vec<Key>,
    set_cache: Vec<(PageFlags, Option<Key>)>,
}

/// A chunk in work.
struct Chunk {
    number: u64,
    rows: Drawing,
    result: ChunkResult,
}

/// The rows of a chunk, twice as long as it is open whether the KSM bit is worth something.
///
/// With one page a cell a key is a cell, and the picture's palette says in the end what it means.
/// With several, who wins a cell depends on the answer.
struct Drawing {
    believed: RowReducer,
    doubted: Option<RowReducer>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        lens: Lens,
        layout: Layout,
        queue: &'a Queue<'a>,
    ) -> Self {
        Self {
            source,
            lens,
            layout,
            queue,
            classifier: Classifier::new(source.machine().pmd_pages),
            packer: Packer::new(),
            words: vec![PageFlags::NONE; BLOCK_PAGES as usize],
            after: Vec::new(),
            classes: vec![Key::HOLE; BLOCK_PAGES as usize],
            sets: vec![Key::HOLE; BLOCK_PAGES as usize],
            set_cache: vec![(PageFlags::NONE, None); 1 << SET_CACHE_BITS],
        }
    }

    pub(super) fn run(mut self) {
        let _release = self.queue.release_others_on_panic();
        while let Some((number, pages)) = self.queue.next() {
            let result = self.work(number, pages);
            self.queue.done(number, result);
        }
    }

    fn work(&mut self, number: u64, pages: PfnRange) -> Result<ChunkResult> {
        let mut chunk = Chunk::new(number, self.layout);
        let mut at = pages.start;
        for span in self.source.machine().readable(pages) {
            chunk.skip(PfnRange::new(at.0, span.start.0));
            let begins_chunk = span.start == pages.start;
            at = self.read_span(&mut chunk, span, begins_chunk)?;
            if at < span.end {
                chunk.result.end = Some(at);
                return Ok(self.finish(chunk));
            }
        }
        chunk.skip(PfnRange::new(at.0, pages.end.0));
        Ok(self.finish(chunk))
    }

    fn finish(&mut self, mut chunk: Chunk) -> ChunkResult {
        if self.lens == Lens::Class {
            // One key a class: counted twice, this took a tenth of a large bounded picture.
            chunk.result.keys = chunk.result.classes.clone();
        }
        let (believed, doubted) = chunk.rows.finish();
        chunk.result.strips = strips(&mut self.packer, &believed, doubted.as_ref());
        chunk.result
    }

    /// Returns the first page that was not read: the end of the span, or of memory.
    fn read_span(&mut self, chunk: &mut Chunk, span: PfnRange, begins_chunk: bool) -> Result<Pfn> {
        let mut at = span.start;
        while at < span.end {
            self.queue.check()?;
            let wanted = BLOCK_PAGES.min(span.end.0 - at.0) as usize;
            let got = self.source.read_flags(at, &mut self.words[..wanted])?;
            let block = PfnRange::new(at.0, at.0 + got as u64);
            // A chunk that begins with a tail needs what the chunk before knows of its head.
            let is_tail = got > 0 && self.words[0].has(PageFlags::COMPOUND_TAIL);
            if begins_chunk && at == span.start && is_tail {
                chunk.result.open = self.queue.open_before(chunk.number);
            }
            self.read_after(block, got == wanted)?;
            self.judge_block(chunk, got);
            self.draw_block(chunk, block);
            at = block.end;
            if got < wanted {
                break;
            }
        }
        Ok(at)
    }

    /// Reads on behind a block that ends within a compound, until its size is known. Where memory
    /// or the memory block ends, so does the compound.
    fn read_after(&mut self, block: PfnRange, goes_on: bool) -> Result<()> {
        self.after.clear();
        let words = &self.words[..block.pages() as usize];
        let wanted = self
            .classifier
            .pages_wanted_after(words)
            .filter(|_| goes_on);
        let behind = PfnRange::new(block.end.0, block.end.0 + wanted.unwrap_or(0));
        let readable = self.source.machine().readable(behind);
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

    fn judge_block(&mut self, chunk: &mut Chunk, pages: usize) {
        let words = &self.words[..pages];
        let classes = &mut self.classes[..pages];
        chunk.result.open =
            self.classifier
                .classify(words, chunk.result.open, &self.after, classes);
        if self.classifier.saw_proof_of_ksm() && !self.queue.believes_ksm() {
            self.queue.believe_ksm();
        }
    }

    fn draw_block(&mut self, chunk: &mut Chunk, block: PfnRange) {
        let pages = block.pages() as usize;
        // Pages outside RAM are holes, whatever their flags say.
        for hole in self.source.machine().outside_ram(block) {
            let start = (hole.start.0 - block.start.0) as usize;
            self.classes[start..start + hole.pages() as usize].fill(Key::HOLE);
        }
        chunk.result.classes.add(&self.classes[..pages]);
        match self.lens {
            Lens::Class => chunk
                .rows
                .push(&mut self.classes[..pages], self.layout, self.queue),
            Lens::Flags(noise) => {
                self.number_sets(noise, pages, chunk.number);
                chunk.result.keys.add(&self.sets[..pages]);
                chunk.rows.believed.push(&self.sets[..pages]);
            }
        }
    }

    fn number_sets(&mut self, noise: Noise, pages: usize, chunk: u64) {
        let pages = self.words[..pages].iter().zip(&self.classes);
        for ((&word, &class), key) in pages.zip(&mut self.sets) {
            let slot = &mut self.set_cache
                [(word.0.wrapping_mul(SPREAD) >> (64 - SET_CACHE_BITS)) as usize];
            *key = match *slot {
                _ if class == Key::HOLE => Key::HOLE,
                (cached, Some(key)) if cached == word => key,
                _ => {
                    let key = self.queue.key_of(noise.strip(word), chunk);
                    *slot = (word, Some(key));
                    key
                }
            };
        }
    }
}

const SET_CACHE_BITS: u32 = 10;
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chunk {
    fn new(number: u64, layout: Layout) -> Self {
        Self {
            number,
            rows: Drawing::new(layout),
            result: ChunkResult::default(),
        }
    }

    /// Pages that are not there to be read.
    fn skip(&mut self, pages: PfnRange) {
        if !pages.is_empty() {
            self.result.open = None;
            self.result.classes.add_run(Key::HOLE, pages.pages());
            self.result.keys.add_run(Key::HOLE, pages.pages());
            self.rows.push_hole(pages.pages());
        }
    }
}

impl Drawing {
    fn new(layout: Layout) -> Self {
        Self {
            believed: RowReducer::new(layout.reducer, layout.pages_per_cell),
            doubted: None,
        }
    }

    fn push(&mut self, keys: &mut [Key], layout: Layout, queue: &Queue<'_>) {
        let open_question =
            layout.pages_per_cell > 1 && keys.iter().any(|&key| depends_on_ksm(key));
        if !open_question {
            self.believed.push(keys);
            if let Some(doubted) = &mut self.doubted {
                doubted.push(keys);
            }
            return;
        }
        if self.doubted.is_none() && !queue.believes_ksm() {
            self.doubted = Some(self.believed.clone());
        }
        if let Some(doubted) = &mut self.doubted {
            let settled: Vec<Key> = keys
                .iter()
                .map(|&key| settled(key, KsmVerdict::Doubted))
                .collect();
            doubted.push(&settled);
        }
        keys.iter_mut()
            .for_each(|key| *key = settled(*key, KsmVerdict::Believed));
        self.believed.push(keys);
    }

    fn push_hole(&mut self, pages: u64) {
        self.believed.push_run(Key::HOLE, pages);
        if let Some(doubted) = &mut self.doubted {
            doubted.push_run(Key::HOLE, pages);
        }
    }

    fn finish(self) -> (Rows, Option<Rows>) {
        (self.believed.finish(), self.doubted.map(RowReducer::finish))
    }
}

fn settled(key: Key, verdict: KsmVerdict) -> Key {
    Key(settle(key, verdict) as u8)
}
