//! Another word of every page, counted by value.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Watcher;
use crate::error::Result;
use crate::kernel::{Pfn, PfnRange};
use crate::recording::Plane;
use crate::source::Source;

/// Pages of one read: their words stay in a core's nearest cache.
const BLOCK_PAGES: u64 = 1 << 12;

/// Pages that are looked at at once, because they may all be alike.
const PIECE: usize = 512;

/// Pages that a worker takes at a time.
const CHUNK_PAGES: u64 = 1 << 17;

/// Pages per value.
pub type WordCounts = BTreeMap<u64, u64>;

/// Counts the pages of each value that is not zero.
///
/// # Errors
/// The source cannot be read or does not have the plane, or the watcher said stop.
pub fn count_words(
    source: &dyn Source,
    plane: Plane,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<WordCounts> {
    let end = source.machine().end().0;
    let chunks = (0..end.div_ceil(CHUNK_PAGES)).into_par_iter();
    let count = |number: u64| {
        let start = number * CHUNK_PAGES;
        let chunk = PfnRange::new(start, end.min(start + CHUNK_PAGES));
        watcher.stop().map_or(Ok(()), Err)?;
        count_chunk(source, plane, chunk)
    };
    super::pool(threads)?.install(|| chunks.map(count).try_reduce(WordCounts::new, merge))
}

fn count_chunk(source: &dyn Source, plane: Plane, chunk: PfnRange) -> Result<WordCounts> {
    let mut counts = WordCounts::new();
    let mut words = [0; BLOCK_PAGES as usize];
    for readable in source.machine().readable(chunk) {
        for part in source.machine().selected_in(readable) {
            for start in (part.start.0..part.end.0).step_by(BLOCK_PAGES as usize) {
                let pages = BLOCK_PAGES.min(part.end.0 - start);
                let words = &mut words[..pages as usize];
                let got = source.read_plane(plane, Pfn(start), words)?;
                count_block(&words[..got], &mut counts);
            }
        }
    }
    Ok(counts)
}

fn count_block(words: &[u64], counts: &mut WordCounts) {
    for piece in words.chunks(PIECE) {
        if piece.iter().all(|word| *word == piece[0]) {
            count_run(piece, counts);
        } else {
            piece
                .chunk_by(|one, next| one == next)
                .for_each(|run| count_run(run, counts));
        }
    }
}

fn count_run(run: &[u64], counts: &mut WordCounts) {
    if run[0] != 0 {
        *counts.entry(run[0]).or_insert(0) += run.len() as u64;
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what reduces results gives a result"
)]
fn merge(mut sum: WordCounts, other: WordCounts) -> Result<WordCounts> {
    for (word, pages) in other {
        *sum.entry(word).or_insert(0) += pages;
    }
    Ok(sum)
}
