//! How much memory changed while it was read, by a sample that is read twice.

use crate::classify::Noise;
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn};
use crate::scan::Block;
use crate::source::Source;

/// Pages of a sample that follow each other.
const RUN: usize = 512;

/// Runs of a sample at most, whatever the size of the machine.
const MOST_RUNS: u64 = 256;

/// Of pages that were read twice how many had become something else; what flags say of state rather than kind is left
/// out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Pages that were read twice.
    pub sampled: u64,
    /// Pages that had changed.
    pub changed: u64,
}

/// Pages that are read again in the end.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Of so many blocks one is kept.
    every: u64,
    runs: Vec<(Pfn, Vec<PageFlags>)>,
}

impl Sample {
    /// Of memory of so many pages, read in blocks of so many.
    pub(super) fn new(pages: u64, block_pages: u64) -> Self {
        Self {
            every: (pages / block_pages.max(1)).div_ceil(MOST_RUNS).max(1),
            runs: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, block: &Block<'_>) {
        let number = block.start.0 / block.words.len().max(1) as u64;
        let is_there = block.words.len() >= RUN && number.is_multiple_of(self.every);
        if is_there && block.words.iter().any(|&word| word != PageFlags::NONE) {
            // Not always the same place of a block: blocks begin with what was made at boot.
            let at = (number as usize * 37 * RUN) % (block.words.len() - RUN + 1);
            self.runs.push((
                block.start.plus(at as u64),
                block.words[at..at + RUN].to_vec(),
            ));
        }
    }

    pub(super) fn compare(&self, source: &dyn Source, drift: &mut Drift) -> Result<()> {
        let noise = Noise::default();
        let mut now = [PageFlags::NONE; RUN];
        for (start, before) in &self.runs {
            let there = source.read_flags(*start, &mut now)?;
            let pairs = before.iter().zip(&now[..there]);
            let changed = pairs.filter(|(before, now)| noise.strip(**before) != noise.strip(**now));
            drift.sampled += there as u64;
            drift.changed += changed.count() as u64;
        }
        Ok(())
    }
}
