//! What one worker does with one chunk.

use super::Lens;
use super::queue::{ChunkResult, Queue};
use crate::classify::{Classifier, Key, KsmVerdict, Noise, OpenCompound, depends_on_ksm, settle};
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
        while let Some((number, pages)) = self.queue.next() {
            let result = self.work(number, pages);
            self.queue.done(number, result);
        }
    }

    fn work(&mut self, number: u64, pages: PfnRange) -> Result<ChunkResult> {
        let rows = Drawing::new(self.layout);
        let mut chunk = Chunk {
            number,
            rows,
            result: ChunkResult::default(),
        };
        let mut at = pages.start;
        for span in self.source.machine().readable(pages) {
            chunk.skip(PfnRange {
                start: at,
                end: span.start,
            });
            at = self.read_span(&mut chunk, span, at == pages.start)?;
            if at < span.end {
                chunk.result.end = Some(at);
                break;
            }
        }
        if chunk.result.end.is_none() {
            chunk.skip(PfnRange {
                start: at,
                end: pages.end,
            });
        }
        if self.lens == Lens::Class {
            // One key a class: counted twice, this took a tenth of a large bounded picture.
            chunk.result.keys = chunk.result.classes.clone();
        }
        let (believed, doubted) = chunk.rows.finish();
        chunk.result.strips = strips(&mut self.packer, &believed, doubted.as_ref());
        Ok(chunk.result)
    }

    /// Returns the first page that was not read: the end of the span, or of memory.
    fn read_span(&mut self, chunk: &mut Chunk, span: PfnRange, leads: bool) -> Result<Pfn> {
        let mut at = span.start;
        while at < span.end {
            self.queue.check()?;
            let wanted = BLOCK_PAGES.min(span.end.0 - at.0) as usize;
            let got = self.source.read_flags(at, &mut self.words[..wanted])?;
            let block = PfnRange::new(at.0, at.0 + got as u64);
            if got > 0 {
                // A chunk that begins with a tail needs what the chunk before knows of its head.
                let open = match leads
                    && at == span.start
                    && self.words[0].has(PageFlags::COMPOUND_TAIL)
                {
                    true => self.queue.open_before(chunk.number),
                    false => chunk.result.open,
                };
                self.judge_block(chunk, block, open, got == wanted)?;
            }
            at = block.end;
            if got < wanted {
                break;
            }
        }
        Ok(at)
    }

    fn judge_block(
        &mut self,
        chunk: &mut Chunk,
        block: PfnRange,
        open: Option<OpenCompound>,
        goes_on: bool,
    ) -> Result<()> {
        let pages = block.pages() as usize;
        self.after.clear();
        if goes_on {
            self.read_after(block)?;
        }
        let words = &self.words[..pages];
        let classes = &mut self.classes[..pages];
        chunk.result.open = self.classifier.classify(words, open, &self.after, classes);
        let holes = self.source.machine().outside_ram(block);
        mark(&holes, block, classes);
        if self.classifier.saw_proof_of_ksm() && !self.queue.believes_ksm() {
            self.queue.believe_ksm();
        }
        chunk.result.classes.add(classes);
        match self.lens {
            Lens::Class => {
                chunk.rows.push(classes, self.layout, self.queue);
            }
            Lens::Flags(noise) => {
                self.number_sets(noise, pages, chunk.number);
                mark(&holes, block, &mut self.sets[..pages]);
                chunk.result.keys.add(&self.sets[..pages]);
                chunk.rows.believed.push(&self.sets[..pages]);
            }
        }
        Ok(())
    }

    /// Reads on behind a block that ends within a compound, until its size is known.
    fn read_after(&mut self, block: PfnRange) -> Result<()> {
        let Some(wanted) = self
            .classifier
            .pages_wanted_after(&self.words[..block.pages() as usize])
        else {
            return Ok(());
        };
        // Nearly always the next page answers, so reads begin small.
        let mut step = 8;
        while (self.after.len() as u64) < wanted {
            let known = self.after.len();
            let more = step.min(wanted as usize - known);
            self.after.resize(known + more, PageFlags::NONE);
            let from = Pfn(block.end.0 + known as u64);
            let got = self.source.read_flags(from, &mut self.after[known..])?;
            self.after.truncate(known + got);
            if got < more
                || self.after[known..]
                    .iter()
                    .any(|word| !word.has(PageFlags::COMPOUND_TAIL))
            {
                break;
            }
            step *= 4;
        }
        Ok(())
    }

    fn number_sets(&mut self, noise: Noise, pages: usize, chunk: u64) {
        for (&word, key) in self.words[..pages].iter().zip(&mut self.sets) {
            let slot = &mut self.set_cache
                [(word.0.wrapping_mul(SPREAD) >> (64 - SET_CACHE_BITS)) as usize];
            *key = match *slot {
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

/// Pages outside RAM are holes, whatever their flags say.
fn mark(holes: &[PfnRange], block: PfnRange, keys: &mut [Key]) {
    for hole in holes {
        let start = (hole.start.0 - block.start.0) as usize;
        keys[start..start + hole.pages() as usize].fill(Key::HOLE);
    }
}
