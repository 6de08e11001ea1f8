//! Whether the free blocks that were found are those that the kernel counts.

use super::Counts;
use crate::kernel::{FreeBlocks, Zone, ZoneMap};
use crate::source::Machine;

/// What was found in a zone beside what the kernel counted before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The zone.
    pub zone: Zone,
    /// Free blocks that were found, by order.
    pub found: Vec<u64>,
    /// Counted before memory was read.
    pub before: Vec<u64>,
    /// And after.
    pub after: Vec<u64>,
}

impl Agreement {
    /// Of each order how many blocks too many, or too few, were found: from what lies between the two counts.
    pub fn difference(&self) -> Vec<i64> {
        let counted = self.before.iter().zip(&self.after);
        let apart = |(&found, (&before, &after)): (&u64, (&u64, &u64))| {
            let nearest = found.clamp(before.min(after), before.max(after));
            let apart = i128::from(found) - i128::from(nearest);
            apart.clamp(i64::MIN.into(), i64::MAX.into()) as i64
        };
        self.found.iter().zip(counted).map(apart).collect()
    }
}

/// Compares the zones that the kernel counts, before and after, and that are meant as a whole.
pub fn agreements(
    machine: &Machine,
    zones: &ZoneMap,
    free: &[Counts],
    [before, after]: [&[FreeBlocks]; 2],
) -> Vec<Agreement> {
    let is_whole = |zone: &Zone| {
        let pages = zones.pages_of(|other| other == zone);
        let mut ranges = pages.ranges().iter();
        ranges.all(|range| machine.unselected(*range).is_empty())
    };
    let agreement = |(zone, counts): (&Zone, &Counts)| {
        let (before, after) = (
            FreeBlocks::of(before, zone)?.blocks.clone(),
            FreeBlocks::of(after, zone)?.blocks.clone(),
        );
        let orders = before.len().min(counts.blocks.len());
        Some(Agreement {
            zone: zone.clone(),
            found: counts.blocks[..orders].to_vec(),
            before,
            after,
        })
    };
    zones
        .zones()
        .iter()
        .zip(free)
        .filter(|(zone, _)| is_whole(zone))
        .filter_map(agreement)
        .collect()
}
