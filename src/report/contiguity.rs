//! How many aligned blocks of a size can be had, and at what cost.
//!
//! Zone by zone, because the kernel compacts within a zone; nodes and the machine are sums of their zones.

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

/// Blocks that could be had of one zone: after compaction, and when something is dropped before.
fn reachable(blocks: &BlockCounts, bounds: Bounds, size: u64) -> [u64; 2] {
    let free = blocks.of(State::Free);
    let candidates = free + blocks.of(State::Compactable);
    [0, bounds.reclaimable].map(|more| {
        // What is free already needs no room to move anything to.
        bounds.room(more, size).min(candidates).max(free)
    })
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
    let zones = members.zones.iter();
    let each = zones.map(|&zone| {
        let blocks = &survey.zones[zone].blocks[number];
        reachable(blocks, Bounds::of(zone, survey), size)
    });
    let [compacted, reclaimed] =
        each.fold([0, 0], |sum, zone| [sum[0] + zone[0], sum[1] + zone[1]]);
    let free = blocks.of(State::Free);
    Contiguity {
        scope: members.scope.clone(),
        size: size * page_bytes,
        blocks: blocks.whole(),
        free,
        after_compaction: compacted,
        after_reclaim: reclaimed,
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
        cost: costs(blocks, free, compacted),
    }
}

/// What 1, 10, 100, … blocks cost, and all that compaction can give.
fn costs(blocks: &BlockCounts, free: u64, reachable: u64) -> Vec<Cost> {
    let steps = std::iter::successors(Some(1u64), |step| step.checked_mul(10));
    let mut wanted: Vec<u64> = steps.take_while(|&step| step < reachable).collect();
    wanted.extend((reachable > 0).then_some(reachable));
    let cost = |blocks_wanted: u64| {
        Some(Cost {
            blocks: blocks_wanted,
            pages_to_migrate: blocks.cost(blocks_wanted.saturating_sub(free))?,
        })
    };
    wanted.into_iter().filter_map(cost).collect()
}
