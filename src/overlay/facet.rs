//! What pages can be coloured by beside their class: where they are, and how many share them.

use crate::classify::{Class, Key};
use crate::compare::{CHURN_STEPS, OVERLAYS};
use crate::error::Result;
use crate::kernel::{PfnRange, Zone, ZoneMap};
use crate::recording::Plane;
use crate::scan::Block;
use crate::source::Source;

/// Zones that can be told apart; the rest is one more.
const TOLD: usize = OVERLAYS - 1;

/// Where zones, or nodes, lie: no page in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// What they are called, in order.
    pub(super) names: Vec<String>,
    /// Ascending, each with the number of its name.
    runs: Vec<(PfnRange, usize)>,
}

impl Regions {
    /// Of zones: `Node 0 Normal`.
    pub fn of_zones(zones: &ZoneMap) -> Self {
        Self::new(zones, |zone| format!("Node {} {}", zone.node, zone.name))
    }

    /// Of nodes: `Node 0`.
    pub fn of_nodes(zones: &ZoneMap) -> Self {
        Self::new(zones, |zone| format!("Node {}", zone.node))
    }

    fn new(zones: &ZoneMap, name: impl Fn(&Zone) -> String) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut number = |zone: &Zone| {
            let name = name(zone);
            names
                .iter()
                .position(|known| *known == name)
                .unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
        };
        let numbers: Vec<usize> = zones.zones().iter().map(&mut number).collect();
        let run = |&(run, zone): &(PfnRange, usize)| (run, numbers[zone].min(TOLD));
        let runs = zones.runs().iter().map(run).collect();
        if names.len() > TOLD + 1 {
            let more = format!("{} more", names.len() - TOLD);
            names.truncate(TOLD);
            names.push(more);
        }
        Self { names, runs }
    }

    /// The number of each page's region, where it is used.
    pub(super) fn numbers(&self, block: &Block<'_>, keys: &[Key]) -> Vec<Option<usize>> {
        let mut numbers = vec![None; keys.len()];
        let pages = PfnRange::new(block.start.0, block.start.0 + keys.len() as u64);
        for &(run, number) in &self.runs {
            let run = run.intersect(pages);
            for at in run.start.0..run.end.0 {
                let at = (at - block.start.0) as usize;
                numbers[at] = is_used(keys[at]).then_some(number);
            }
        }
        numbers
    }
}

fn is_used(key: Key) -> bool {
    !matches!(Class::ALL[usize::from(key.0)], Class::Hole | Class::Free)
}

/// What pages that are mapped so often are called; the steps are those of churn.
pub(super) const SHARED: [&str; CHURN_STEPS.len()] = [
    "mapped once",
    "mapped 2 to 3 times",
    "mapped 4 to 7 times",
    "mapped 8 to 15 times",
    "mapped 16 times or more",
];

/// How often each page is mapped, in steps; nothing for one that is not.
pub(super) fn shared(
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
) -> Result<Vec<Option<usize>>> {
    let mut counts = vec![0u64; keys.len()];
    source.read_plane(Plane::Counts, block.start, &mut counts)?;
    let step = |(&count, &key): (&u64, &Key)| {
        let steps = CHURN_STEPS.partition_point(|&from| u64::from(from) <= count);
        steps.checked_sub(1).filter(|_| is_used(key))
    };
    Ok(counts.iter().zip(keys).map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_nodes_than_colours_share_the_last() {
        let zone = |node: u32| Zone {
            node,
            name: "Normal".into(),
            span: PfnRange::new(u64::from(node) * 10, u64::from(node) * 10 + 10),
        };
        let regions = Regions::of_nodes(&ZoneMap::new((0..12).map(zone).collect()));
        assert_eq!(regions.names.len(), OVERLAYS);
        let (run, number) = regions.runs[11];
        assert_eq!(run, PfnRange::new(110, 120));
        assert_eq!(regions.names[number], "4 more");
    }
}
