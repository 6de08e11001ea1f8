//! Can so many blocks of a size be had now, and at what cost: node by node.

use serde::Serialize;

use super::contiguity::{Contiguity, reachable};
use super::scope::Members;
use crate::survey::Survey;

/// Blocks that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Bytes of a block.
    pub size: u64,
    /// How many.
    pub blocks: u64,
}

/// What it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They are free.
    Now,
    /// Pages have to be moved.
    AfterCompaction,
    /// Clean cache has to be dropped, and pages moved.
    AfterReclaim,
    /// More is in the way, or in use.
    No,
}

impl Verdict {
    /// The answer in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Now => "yes, they are free",
            Self::AfterCompaction => "yes, after compaction",
            Self::AfterReclaim => "yes, when clean cache is dropped and memory compacted",
            Self::No => "no",
        }
    }
}

/// The answer of one scope to a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// `machine`, or a node's name.
    pub scope: String,
    /// Bytes of a block.
    pub size: u64,
    /// Blocks that are wanted.
    pub wanted: u64,
    /// What it takes.
    pub verdict: Verdict,
    /// Blocks that are free.
    pub free: u64,
    /// After compaction.
    pub after_compaction: u64,
    /// After dropping clean cache and compaction.
    pub after_reclaim: u64,
    /// Pages to migrate for those that are wanted, at most: clean cache that is dropped before counts, too.
    pub pages_to_migrate: Option<u64>,
}

/// The answer of a scope.
pub(super) fn answer(
    wish: Wish,
    row: &Contiguity,
    members: &Members,
    survey: &Survey,
    number: usize,
) -> Answer {
    let verdict = match wish.blocks {
        wanted if wanted <= row.free => Verdict::Now,
        wanted if wanted <= row.after_compaction => Verdict::AfterCompaction,
        wanted if wanted <= row.after_reclaim => Verdict::AfterReclaim,
        _ => Verdict::No,
    };
    let [compacted, reclaimed] = reachable(members, number, survey);
    let missing = wish.blocks.saturating_sub(row.free);
    let cost = match verdict {
        Verdict::AfterReclaim => reclaimed.cost(missing),
        _ => compacted.cost(missing),
    };
    Answer {
        scope: members.scope.name(),
        size: wish.size,
        wanted: wish.blocks,
        verdict,
        free: row.free,
        after_compaction: row.after_compaction,
        after_reclaim: row.after_reclaim,
        pages_to_migrate: cost,
    }
}
