//! Free memory by counting: free blocks of the highest order that need not be read page by page.
//!
//! Every page of a free block is BUDDY, so an aligned block inside a zone with a probed page that is not
//! can be none. What is left are candidates, among them every true block. Where there are exactly as many
//! as the kernel counts, before and after, all of them are true.

use rayon::prelude::*;

use super::Watcher;
use crate::error::Result;
use crate::kernel::{FreeBlocks, PageFlags, Pfn, PfnRange, ZoneMap};
use crate::source::{Source, free_blocks, zones};

/// Where more than this part of what is free lies in smaller blocks, some block is free but for a page or two:
/// four probes take it for a candidate, and the count comes out wrong.
const MOST_IN_SMALLER: u64 = 16;

/// Blocks that a worker probes at a time: 1 GiB of 4 MiB blocks, and four words of bits.
const PIECE_BLOCKS: u64 = 256;

/// The pages of a block that are probed, in parts of 1/1024: the ends, and where a block that is not free
/// as a whole most likely begins or ends a smaller one. Eight found no zone more than these.
const PROBED: [u64; 4] = [0, 512, 1023, 256];

/// The blocks that are proved to be free.
#[derive(Debug, Default)]
pub(super) struct FreeProof {
    order: u32,
    /// Ascending.
    pieces: Vec<Piece>,
    /// Entries that were read.
    pub(super) probes: u64,
}

/// Consecutive blocks of one zone.
#[derive(Clone, Debug)]
struct Piece {
    zone: usize,
    /// Number of the first block: its first page divided by the pages of a block.
    first: u64,
    blocks: u64,
    candidates: [u64; PIECE_BLOCKS.div_ceil(64) as usize],
    probes: u64,
}

impl FreeProof {
    /// Probes the zones of `source` and keeps the blocks of those whose candidates are as many as counted.
    ///
    /// # Errors
    /// The source cannot be read, or the watcher said stop.
    pub(super) fn find(
        source: &dyn Source,
        pool: &rayon::ThreadPool,
        watcher: &dyn Watcher,
    ) -> Result<Self> {
        // What the kernel counts is all of a zone, so of a part nothing is proved.
        if source.machine().selected.is_some() {
            return Ok(Self::default());
        }
        let (zones, before) = (zones(source), free_blocks(source));
        let Some(highest) = before
            .first()
            .and_then(|zone| zone.blocks.len().checked_sub(1))
        else {
            return Ok(Self::default());
        };
        let order = highest as u32;
        let mut pieces = pieces(&zones, order);
        let is_calm = |piece: &Piece| {
            let zone = &zones.zones()[piece.zone];
            FreeBlocks::of(&before, zone).is_some_and(is_calm)
        };
        pieces.retain(is_calm);
        let probed = pool.install(|| {
            let probe = |piece: &mut Piece| {
                watcher.stop().map_or(Ok(()), Err)?;
                piece.probe(source, order)
            };
            pieces.par_iter_mut().try_for_each(probe)
        });
        probed?;
        let after = free_blocks(source);
        let probes = pieces.iter().map(|piece| piece.probes).sum();
        for number in 0..zones.zones().len() {
            let of_zone = pieces.iter().filter(|piece| piece.zone == number);
            let candidates = of_zone.map(Piece::count).sum::<u64>();
            let zone = &zones.zones()[number];
            let counted =
                |table: &Vec<_>| FreeBlocks::of(table, zone)?.blocks.get(highest).copied();
            if [&before, &after].map(counted) != [Some(candidates); 2] {
                pieces.retain(|piece| piece.zone != number);
            }
        }
        pieces.retain(|piece| piece.count() > 0);
        Ok(Self {
            order,
            pieces,
            probes,
        })
    }

    /// The end of the run of free pages that begins with `at`, as far as it is proved; `at` where it is not.
    pub(super) fn free_until(&self, at: Pfn) -> Pfn {
        let mut block = at.0 >> self.order;
        let mut end = at;
        while self.has(block) {
            block += 1;
            end = Pfn(block << self.order);
        }
        end
    }

    /// The first page from `at` on, up to `end`, that is proved to be free; `end` where there is none.
    pub(super) fn next_free(&self, at: Pfn, end: Pfn) -> Pfn {
        if self.pieces.is_empty() {
            return end;
        }
        let blocks = (at.0 >> self.order)..=(end.0 >> self.order);
        let first = blocks.into_iter().find(|&block| self.has(block));
        first.map_or(end, |block| Pfn((block << self.order).clamp(at.0, end.0)))
    }

    fn has(&self, block: u64) -> bool {
        let after = self.pieces.partition_point(|piece| piece.first <= block);
        let piece = after.checked_sub(1).map(|number| &self.pieces[number]);
        piece.is_some_and(|piece| piece.has(block))
    }
}

/// The aligned blocks that lie inside zones.
fn pieces(zones: &ZoneMap, order: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for &(run, zone) in zones.runs() {
        let blocks = run.start.0.div_ceil(1 << order)..run.end.0 >> order;
        for first in blocks.clone().step_by(PIECE_BLOCKS as usize) {
            pieces.push(Piece {
                zone,
                first,
                blocks: PIECE_BLOCKS.min(blocks.end - first),
                candidates: Default::default(),
                probes: 0,
            });
        }
    }
    pieces
}

/// Whether nearly all that is free lies in blocks of the highest order, so that it is worth a try.
fn is_calm(zone: &FreeBlocks) -> bool {
    let pages = |(order, &blocks): (usize, &u64)| blocks.saturating_mul(1 << order);
    let blocks = zone.blocks.iter().enumerate();
    let all = blocks.map(pages).fold(0, u64::saturating_add);
    let largest = zone.blocks.iter().enumerate().next_back().map_or(0, pages);
    largest > 0 && (all - largest) < all / MOST_IN_SMALLER
}

impl Piece {
    fn probe(&mut self, source: &dyn Source, order: u32) -> Result<()> {
        let pages = PfnRange::new(self.first << order, (self.first + self.blocks) << order);
        for range in source.machine().readable(pages) {
            let blocks = range.start.0.div_ceil(1 << order)..range.end.0 >> order;
            for block in blocks {
                if self.is_candidate(source, block, order)? {
                    let at = block - self.first;
                    self.candidates[(at / 64) as usize] |= 1 << (at % 64);
                }
            }
        }
        Ok(())
    }

    fn is_candidate(&mut self, source: &dyn Source, block: u64, order: u32) -> Result<bool> {
        for part in PROBED {
            let mut word = [PageFlags::NONE];
            let page = (block << order) + ((part << order) >> 10);
            self.probes += 1;
            if source.read_flags(Pfn(page), &mut word)? == 0 || !word[0].has(PageFlags::BUDDY) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has(&self, block: u64) -> bool {
        let at = block.checked_sub(self.first).filter(|&at| at < self.blocks);
        at.is_some_and(|at| self.candidates[(at / 64) as usize] >> (at % 64) & 1 == 1)
    }

    fn count(&self) -> u64 {
        let ones = self
            .candidates
            .iter()
            .map(|word| u64::from(word.count_ones()));
        ones.sum()
    }
}
