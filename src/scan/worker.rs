//! What one worker does with one chunk.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::judge::{BLOCK_PAGES, Judge};
use super::queue::{ChunkResult, Queue};
use super::sweep::Reach;
use super::{Against, Lens, Rekey, View};
use crate::classify::{CLASS_KEYS, Key, KsmVerdict, Noise, depends_on_ksm, is_uniform, settle};
use crate::error::Result;
use crate::grid::{Packer, strips};
use crate::kernel::{PageFlags, Pfn, PfnRange};
use crate::layout::{Layout, RowReducer, Rows};
use crate::source::Source;

/// Reads, judges and packs chunks until the queue has none left.
pub(super) struct Worker<'a> {
    source: &'a dyn Source,
    view: View<'a>,
    queue: &'a Queue<'a>,
    judge: Judge<'a>,
    /// For the source that is compared with.
    judge_before: Option<Judge<'a>>,
    packer: Packer,
    keys: Vec<Key>,
    set_cache: Vec<(PageFlags, Option<Key>)>,
    /// What an overlay met, and its numbers.
    met: HashMap<u64, usize>,
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
    pub(super) fn new(source: &'a dyn Source, view: View<'a>, queue: &'a Queue<'a>) -> Self {
        Self {
            source,
            view,
            queue,
            judge: Judge::new(source, Reach::Existing),
            judge_before: view
                .against
                .map(|against| Judge::new(against.source, Reach::Existing)),
            packer: Packer::new(),
            keys: vec![Key::HOLE; BLOCK_PAGES as usize],
            set_cache: vec![(PageFlags::NONE, None); 1 << SET_CACHE_BITS],
            met: HashMap::new(),
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
        let mut chunk = Chunk {
            number,
            rows: Drawing::new(self.view.layout, pages.start),
            result: ChunkResult::default(),
        };
        let mut at = pages.start.0;
        self.judge.open = None;
        while at < pages.end.0 && chunk.result.end.is_none() {
            let block = PfnRange::new(at, pages.end.0.min(at + BLOCK_PAGES));
            match self.view.against {
                None => self.one(&mut chunk, block, at == pages.start.0)?,
                Some(against) => self.two(&mut chunk, block, at == pages.start.0, against)?,
            }
            at = block.end.0;
        }
        Ok(self.finish(chunk))
    }

    fn finish(&mut self, mut chunk: Chunk) -> ChunkResult {
        let has_own_keys = self.view.against.is_some() || self.view.overlay.is_some();
        if !matches!(self.view.lens, Lens::Flags(_)) && !has_own_keys {
            // One key a class: counted twice, this took a tenth of a large bounded picture.
            chunk.result.keys = chunk.result.classes.clone();
        }
        let open_before = self.judge_before.as_ref().and_then(|judge| judge.open);
        chunk.result.open = [self.judge.open, open_before];
        let order = self.view.layout.order;
        let (believed, doubted) = chunk.rows.finish();
        let believed = believed.in_order(order);
        let doubted = doubted.map(|rows| rows.in_order(order));
        chunk.result.strips = strips(&mut self.packer, &believed, doubted.as_ref());
        chunk.result
    }

    /// A block of the one source.
    fn one(&mut self, chunk: &mut Chunk, block: PfnRange, begins_chunk: bool) -> Result<()> {
        let (queue, number) = (self.queue, chunk.number);
        // A chunk that begins with a tail needs what the chunk before knows of its head.
        let ask = || queue.open_before(number)[0];
        let ask: Option<&dyn Fn() -> _> = if begins_chunk { Some(&ask) } else { None };
        let judged = self.judge.judge(block, queue.watcher(), ask)?;
        if judged.pages < block.pages() as usize {
            chunk.result.end = Some(block.start.plus(judged.pages as u64));
        }
        if !judged.was_read {
            chunk.skip(block.pages());
            return Ok(());
        }
        if self.judge.saw_proof_of_ksm() && !queue.believes_ksm() {
            queue.believe_ksm();
        }
        if let Some(overlay) = self.view.overlay {
            return self.look_for(chunk, block.start, judged.pages, overlay);
        }
        let classes = &mut self.judge.classes()[..judged.pages];
        chunk.result.classes.add(classes);
        match self.view.lens {
            Lens::Flags(noise) => {
                self.number_sets(noise, judged.pages, chunk.number);
                chunk.result.keys.add(&self.keys[..judged.pages]);
                chunk.rows.believed.push(&self.keys[..judged.pages]);
            }
            _ => chunk.rows.push(classes, self.view.layout, queue),
        }
        Ok(())
    }

    /// A block that was judged, with what is looked for in it.
    fn look_for(
        &mut self,
        chunk: &mut Chunk,
        start: Pfn,
        pages: usize,
        overlay: &dyn Rekey,
    ) -> Result<()> {
        let keys = &mut self.keys[..pages];
        let pieces = self.judge.classes()[..pages].chunks(PIECE);
        for (keys, classes) in keys.chunks_mut(PIECE).zip(pieces) {
            if is_uniform(classes) {
                keys.fill(settled(classes[0], self.view.known.ksm));
                continue;
            }
            for (key, &class) in keys.iter_mut().zip(classes) {
                *key = settled(class, self.view.known.ksm);
            }
        }
        chunk.result.classes.add(keys);
        let (queue, met) = (self.queue, &mut self.met);
        let mut number = |thing| {
            let ask = || queue.number_of(thing, chunk.number);
            *met.entry(thing).or_insert_with(ask)
        };
        let block = self.judge.block(start, pages);
        overlay.rekey(self.source, &block, keys, &mut number)?;
        chunk.result.keys.add(keys);
        chunk.rows.believed.push(keys);
        Ok(())
    }

    /// A block of both sources, compared.
    fn two(
        &mut self,
        chunk: &mut Chunk,
        block: PfnRange,
        begins_chunk: bool,
        against: Against<'_>,
    ) -> Result<()> {
        let (queue, number) = (self.queue, chunk.number);
        let pages = block.pages() as usize;
        let judge_before = self.judge_before.as_mut();
        let judge_before = judge_before.expect("whoever compares has a second judge");
        let sides = [
            (&mut self.judge, self.view.known.ksm),
            (judge_before, against.ksm),
        ];
        for (side, (judge, ksm)) in sides.into_iter().enumerate() {
            let ask = || queue.open_before(number)[side];
            let ask: Option<&dyn Fn() -> _> = if begins_chunk { Some(&ask) } else { None };
            if begins_chunk {
                judge.open = None;
            }
            judge.judge(block, queue.watcher(), ask)?;
            for key in &mut judge.classes()[..pages] {
                *key = settled(*key, ksm);
            }
        }
        let before = self.judge_before.as_mut().map(Judge::classes);
        let before = &before.expect("it was there above")[..pages];
        let after = &self.judge.classes()[..pages];
        chunk.result.classes.add(after);
        chunk.result.matrix.add(before, after);
        let keys = &mut self.keys[..pages];
        keys.copy_from_slice(after);
        against.marks.mark(block.start, before, keys)?;
        chunk.result.keys.add(keys);
        chunk.rows.believed.push(keys);
        Ok(())
    }

    fn number_sets(&mut self, noise: Noise, pages: usize, chunk: u64) {
        let pieces = (0..pages).step_by(PIECE);
        for piece in pieces.map(|at| at..pages.min(at + PIECE)) {
            let keys = &mut self.keys[piece.clone()];
            keys.copy_from_slice(&self.judge.classes()[piece.clone()]);
            let words = &self.judge.words()[piece];
            // Calm memory says one thing, and is all hole or has none.
            let is_calm = words.iter().all(|word| *word == words[0]) && is_uniform(keys);
            let singles = if is_calm { 1 } else { words.len() };
            for (&word, key) in words[..singles].iter().zip(&mut *keys) {
                let slot = &mut self.set_cache
                    [(word.0.wrapping_mul(SPREAD) >> (64 - SET_CACHE_BITS)) as usize];
                *key = match *slot {
                    _ if *key == Key::HOLE => Key::HOLE,
                    (cached, Some(known)) if cached == word => known,
                    _ => {
                        let known = self.queue.key_of(noise.strip(word), chunk);
                        *slot = (word, Some(known));
                        known
                    }
                };
            }
            if is_calm {
                keys.fill(keys[0]);
            }
        }
    }
}

/// Pages that are looked at at once, because they may all be alike.
const PIECE: usize = 128;

const SET_CACHE_BITS: u32 = 10;
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chunk {
    /// Pages that are not there to be read.
    fn skip(&mut self, pages: u64) {
        self.result.classes.add_run(Key::HOLE, pages);
        self.result.keys.add_run(Key::HOLE, pages);
        self.rows.push_hole(pages);
    }
}

impl Drawing {
    fn new(layout: Layout, start: Pfn) -> Self {
        Self {
            believed: RowReducer::new(layout.reducer, layout.pages_per_cell, start),
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

/// What each key of the class lens stands for under a verdict.
static SETTLED: LazyLock<[[Key; CLASS_KEYS]; 2]> = LazyLock::new(|| {
    let under = |verdict| std::array::from_fn(|key| Key(settle(Key(key as u8), verdict) as u8));
    [KsmVerdict::Believed, KsmVerdict::Doubted].map(under)
});

fn settled(key: Key, verdict: KsmVerdict) -> Key {
    SETTLED[usize::from(verdict == KsmVerdict::Doubted)][usize::from(key.0)]
}
