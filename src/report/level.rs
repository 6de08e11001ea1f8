//! How easily huge pages are had, in a word and in sentences, and what stands in the way.

use serde::{Serialize, Serializer};

use super::Report;
use super::contiguity::Contiguity;
use super::obstacles::Culprit;
use crate::classify::Class;
use crate::render::{counted, grouped, size};

/// Free blocks of the PMD size that count as enough: one in so many.
const ENOUGH: u64 = 20;

/// How easily huge pages are had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Enough are free.
    Free,
    /// Compaction makes enough.
    Compaction,
    /// Dropping clean cache and compaction make enough.
    Reclaim,
    /// Nothing of that does.
    Short,
    /// No block is whole.
    Unknown,
}

impl Level {
    pub(super) fn of(row: &Contiguity) -> Self {
        let is_enough = |blocks: u64| blocks > 0 && blocks.saturating_mul(ENOUGH) >= row.blocks;
        match row {
            _ if row.blocks == 0 => Self::Unknown,
            _ if is_enough(row.free) => Self::Free,
            _ if is_enough(row.after_compaction) => Self::Compaction,
            _ if is_enough(row.after_reclaim) => Self::Reclaim,
            _ => Self::Short,
        }
    }

    /// As the page's style and the JSON have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Compaction => "compaction",
            Self::Reclaim => "reclaim",
            Self::Short => "short",
            Self::Unknown => "unknown",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Free => "are free",
            Self::Compaction => "need compaction first",
            Self::Reclaim => "need clean cache dropped and compaction first",
            Self::Short => "can hardly be had",
            Self::Unknown => "are not told of: there is no whole block of that size",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The answer in words: how easily huge pages are had, where not, and what stands in the way most.
pub(super) fn verdict(report: &Report) -> (Level, String) {
    let size = size(report.pmd_size);
    let rows = report.machine_rows();
    let pmd = rows.iter().find(|row| row.size == report.pmd_size);
    let Some(machine) = pmd else {
        let level = Level::Unknown;
        return (level, format!("Huge pages of {size} {}.", level.words()));
    };
    let level = Level::of(machine);
    let mut sentences = vec![format!("Huge pages of {size} {}.", level.words())];
    let worse = nodes(report).filter(|row| Level::of(row) > level && row.blocks > 0);
    sentences.extend(worse.map(|row| {
        let level = Level::of(row);
        format!(
            "On {} they {}.",
            row.scope.name().to_lowercase(),
            level.words()
        )
    }));
    if let Some(culprit) = culprit(report) {
        sentences.push(format!(
            "Most in the way: {}, in {} of {}.",
            culprit.class.name(),
            grouped(culprit.blocks),
            counted(machine.blocks, "block")
        ));
    }
    (level, sentences.join(" "))
}

/// PMD-sized blocks of each node, where there are several.
pub(super) fn nodes(report: &Report) -> impl Iterator<Item = &Contiguity> {
    let rows = report.contiguity.iter();
    let is_node = |row: &&Contiguity| row.scope.scope == "node" && row.size == report.pmd_size;
    let nodes: Vec<&Contiguity> = rows.filter(is_node).collect();
    let several = nodes.len() > 1;
    nodes.into_iter().filter(move |_| several)
}

/// What stands in most blocks, of what moves nowhere. What was reserved at boot, or is broken, is not to be had apart.
pub(crate) fn culprit(report: &Report) -> Option<&Culprit> {
    let is_had = |culprit: &&Culprit| {
        !matches!(
            culprit.class,
            Class::Reserved | Class::Offline | Class::Hwpoison | Class::Zero
        )
    };
    let culprits = report.obstacles.classes.iter().filter(is_had);
    culprits.max_by_key(|culprit| (culprit.blocks, culprit.pages))
}
