//! Free memory: blocks by order, the kernel's indices of them, and runs.

use serde::Serialize;

use super::scope::{Members, Scope};
use crate::kernel::ZonePages;
use crate::survey::{FreeRuns, Indices, LENGTHS, Survey, ZoneSurvey, node_score};

/// Free memory of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FreeMemory {
    /// What it is of.
    #[serde(flatten)]
    pub scope: Scope,
    /// Free pages in the buddy allocator.
    pub free_pages: u64,
    /// Blocks of 2^n pages.
    pub free_blocks: Vec<u64>,
    /// `unusable_free_index` of each order, in 1/1000.
    pub unusable_index: Vec<u64>,
    /// `__fragmentation_index` of each order, in 1/1000; −1000 where a request succeeds.
    pub fragmentation_index: Vec<i64>,
    /// `extfrag_for_order` of a huge page, in per cent.
    pub external_fragmentation: u64,
    /// `fragmentation_score_node`, of nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_score: Option<u64>,
    /// The order of the largest free block of the allocator.
    pub largest_order: Option<usize>,
    /// Pages of the longest run of free pages.
    pub longest_run_pages: u64,
    /// Its first page.
    pub longest_run_pfn: u64,
    /// The order of the largest aligned block in it, which may be above what the allocator keeps.
    pub longest_run_order: Option<u32>,
    /// Sum of the zones' high watermarks, in pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_high: Option<u64>,
    /// Of free memory the share in runs of at least 2^n pages, in 1/10,000.
    pub coverage: Vec<u64>,
}

/// Blocks of 2^n pages of a scope, up to the highest order of the allocator.
fn blocks_of(members: &Members, survey: &Survey, highest: usize) -> Vec<u64> {
    let of_order = |order: usize| {
        let zones = members.zones.iter();
        zones
            .map(|&zone| survey.orders.free[zone].blocks[order])
            .sum()
    };
    (0..=highest).map(of_order).collect()
}

pub(super) fn free_memory(
    members: &Members,
    sum: &ZoneSurvey,
    survey: &Survey,
    highest: usize,
) -> FreeMemory {
    let blocks = blocks_of(members, survey, highest);
    let indices = Indices { blocks: &blocks };
    let pmd_order = pmd_order(survey).min(highest);
    let whole_node = members.scope.zone.is_none()
        && members
            .scope
            .node
            .is_some_and(|node| is_whole(node, survey));
    // Of part of a zone the kernel counts nothing.
    let figures: Vec<_> = members.figures(survey).collect();
    let has_figures = !figures.is_empty() && figures.len() == members.zones.len();
    let score = whole_node.then(|| {
        let zones: Vec<(u64, u64)> = members
            .zones
            .iter()
            .filter_map(|&zone| {
                let own = survey.map.zones().get(zone)?;
                let row = ZonePages::of(&survey.figures, own)?;
                let alone = Members {
                    scope: members.scope.clone(),
                    zones: vec![zone],
                };
                let blocks = blocks_of(&alone, survey, highest);
                let percent = Indices { blocks: &blocks }.external_fragmentation(pmd_order);
                Some((row.present, percent))
            })
            .collect();
        node_score(&zones)
    });
    FreeMemory {
        scope: members.scope.clone(),
        free_pages: indices.free_pages(),
        unusable_index: (0..=highest)
            .map(|order| indices.unusable_index(order))
            .collect(),
        fragmentation_index: (0..=highest)
            .map(|order| indices.fragmentation_index(order))
            .collect(),
        external_fragmentation: indices.external_fragmentation(pmd_order),
        node_score: score.filter(|_| has_figures),
        largest_order: indices.largest(),
        longest_run_pages: sum.runs.longest.pages(),
        longest_run_pfn: sum.runs.longest.start.0,
        longest_run_order: sum.runs.largest_aligned().map(|(_, order)| order),
        watermark_high: has_figures.then(|| {
            let high = figures.iter().map(|row| row.high);
            high.fold(0, u64::saturating_add)
        }),
        coverage: coverage(&sum.runs),
        free_blocks: blocks,
    }
}

/// Whether all zones of a node that have pages are meant: its score is that of all of them.
fn is_whole(node: u32, survey: &Survey) -> bool {
    let zones = survey.map.zones().iter().zip(&survey.zones);
    let mut own = zones.filter(|(zone, _)| zone.node == node);
    own.all(|(zone, seen)| {
        let counted = ZonePages::of(&survey.figures, zone);
        seen.pages() > 0 || counted.is_some_and(|row| row.present == 0)
    })
}

/// Up to the longest run.
fn coverage(runs: &FreeRuns) -> Vec<u64> {
    let all = runs.at_least(0);
    let lengths = (0..LENGTHS).map(|k| runs.at_least(k));
    let there = lengths.take_while(|&pages| pages > 0);
    there
        .map(|pages| (u128::from(pages) * 10_000 / u128::from(all.max(1))) as u64)
        .collect()
}

/// The order of a PMD-sized block.
pub(super) fn pmd_order(survey: &Survey) -> usize {
    survey.sizes[survey.pmd].ilog2() as usize
}
