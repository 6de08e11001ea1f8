//! How many aligned blocks of a size can be had, and at what cost.
//!
//! Zone by zone, because the kernel compacts within a zone; nodes and the machine are sums of their zones.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scope::{Members, Scope};
use crate::kernel::ZonePages;
use crate::survey::{BlockCounts, Mobility, State, Survey, ZoneSurvey};

/// Aligned blocks of one size in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contiguity {
    /// What it is of.
    #[serde(flatten)]
    pub scope: Scope,
    /// Bytes of a block.
    pub size: u64,
    /// Blocks that are whole: all pages exist, all in one zone.
    pub blocks: u64,
    /// Of them free now.
    pub free: u64,
    /// That could be free after compaction, those that are free already included.
    pub after_compaction: u64,
    /// The same when clean page cache and reclaimable slab are dropped first.
    pub after_reclaim: u64,
    /// That something stands in that cannot be moved; pages without a mark do not count.
    pub blocked_strict: u64,
    /// The same with pages without a mark counted as unmovable.
    pub blocked_pessimistic: u64,
    /// Covered by one folio.
    pub huge: u64,
    /// In which everything can be moved.
    pub compactable: u64,
    /// Of the blocked: less than half unmovable.
    pub polluted: u64,
    /// Of the blocked: half or more.
    pub solid: u64,
    /// Without a mark on any page.
    pub unmarked: u64,
    /// Cut by a hole or by a zone's border; not among `blocks`.
    pub partial: u64,
    /// All free and movable pages of whole blocks, in blocks of this size.
    pub ideal: u64,
    /// Blocked blocks that perfect grouping of unmovable pages would give back.
    pub lost_to_pollution: u64,
    /// What the first blocks cost.
    pub cost: Vec<Cost>,
}

/// Pages that have to be moved for so many blocks, those that are free now included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Free blocks wanted.
    pub blocks: u64,
    /// Pages to migrate for them.
    pub pages_to_migrate: u64,
}

/// What bounds compaction in a zone, in pages.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    /// Free.
    free: u64,
    /// That have to stay free: the zone's high watermark.
    reserve: u64,
    /// That could be dropped.
    reclaimable: u64,
}

impl Bounds {
    fn of(zone: usize, survey: &Survey) -> Self {
        let seen = &survey.zones[zone];
        let figures = survey.map.zones().get(zone);
        let figures = figures.and_then(|zone| ZonePages::of(&survey.figures, zone));
        Self {
            free: seen.pages_of(Mobility::Free),
            reserve: figures.map_or(0, |figures| figures.high),
            reclaimable: seen
                .clean_file
                .saturating_add(reclaimable_slab(zone, survey)),
        }
    }

    /// Blocks of `size` pages that there is room for, when `more` becomes free.
    fn room(&self, more: u64, size: u64) -> u64 {
        self.free.saturating_add(more).saturating_sub(self.reserve) / size
    }
}

/// Of a node's reclaimable slab the part of a zone: as much as it has of the node's slab.
fn reclaimable_slab(zone: usize, survey: &Survey) -> u64 {
    let Some(own) = survey.map.zones().get(zone) else {
        return 0;
    };
    let is_of_node = |(_, other): &(usize, &crate::kernel::Zone)| other.node == own.node;
    let zones = survey.map.zones().iter().enumerate().filter(is_of_node);
    let slab: u64 = zones.map(|(number, _)| survey.zones[number].slab()).sum();
    let figures = survey.figures.iter().filter(|row| row.node == own.node);
    let reclaimable = figures.filter_map(|row| row.node_reclaimable_slab).next();
    let part = u128::from(reclaimable.unwrap_or(0)) * u128::from(survey.zones[zone].slab());
    (part / u128::from(slab.max(1))) as u64
}

/// Blocks of a scope that could be had, and what has to be moved for those that are not free.
#[derive(Clone, Debug, Default)]
pub(super) struct Reachable {
    /// Those that are free already included.
    pub(super) blocks: u64,
    /// Of the others the movable pages, and how many blocks have so many. In each zone the cheapest.
    to_move: BTreeMap<u32, u64>,
}

impl Reachable {
    /// Pages to move for so many blocks beside those that are free; `None` when there are not as many.
    pub(super) fn cost(&self, blocks: u64) -> Option<u64> {
        let (mut left, mut cost) = (blocks, 0);
        for (&pages, &there) in &self.to_move {
            let taken = left.min(there);
            cost += taken * u64::from(pages);
            left -= taken;
        }
        (left == 0).then_some(cost)
    }

    fn add(&mut self, zone: &BlockCounts, room: u64) {
        let free = zone.of(State::Free);
        let candidates = free + zone.of(State::Compactable);
        // What is free already needs no room to move anything to.
        let blocks = room.min(candidates).max(free);
        self.blocks += blocks;
        for (pages, blocks) in zone.cheapest(blocks - free) {
            *self.to_move.entry(pages).or_insert(0) += blocks;
        }
    }
}

/// What could be had of the size of that number: after compaction, and when clean cache is dropped before.
pub(super) fn reachable(members: &Members, number: usize, survey: &Survey) -> [Reachable; 2] {
    let size = survey.sizes[number];
    let mut sums = <[Reachable; 2]>::default();
    for &zone in &members.zones {
        let bounds = Bounds::of(zone, survey);
        let blocks = &survey.zones[zone].blocks[number];
        sums[0].add(blocks, bounds.room(0, size));
        sums[1].add(blocks, bounds.room(bounds.reclaimable, size));
    }
    sums
}

/// The row of a scope and a size, by its number.
pub(super) fn contiguity(
    members: &Members,
    sum: &ZoneSurvey,
    number: usize,
    survey: &Survey,
    page_bytes: u64,
) -> Contiguity {
    let size = survey.sizes[number];
    let blocks = &sum.blocks[number];
    let [compacted, reclaimed] = reachable(members, number, survey);
    let free = blocks.of(State::Free);
    Contiguity {
        scope: members.scope.clone(),
        size: size * page_bytes,
        blocks: blocks.whole(),
        free,
        after_compaction: compacted.blocks,
        after_reclaim: reclaimed.blocks,
        blocked_strict: blocks.blocked(),
        blocked_pessimistic: blocks.doubtful,
        huge: blocks.of(State::Huge),
        compactable: blocks.of(State::Compactable),
        polluted: blocks.of(State::Polluted),
        solid: blocks.of(State::Solid),
        unmarked: blocks.of(State::Unmarked),
        partial: blocks.of(State::Partial),
        ideal: blocks.movable / size,
        lost_to_pollution: blocks
            .blocked()
            .saturating_sub(blocks.unmovable.div_ceil(size)),
        cost: costs(&compacted, free),
    }
}

/// What 1, 10, 100, … blocks cost, and all that compaction can give.
fn costs(reachable: &Reachable, free: u64) -> Vec<Cost> {
    let steps = std::iter::successors(Some(1u64), |step| step.checked_mul(10));
    let mut wanted: Vec<u64> = steps.take_while(|&step| step < reachable.blocks).collect();
    wanted.extend((reachable.blocks > 0).then_some(reachable.blocks));
    let cost = |blocks: u64| {
        Some(Cost {
            blocks,
            pages_to_migrate: reachable.cost(blocks.saturating_sub(free))?,
        })
    };
    wanted.into_iter().filter_map(cost).collect()
}
