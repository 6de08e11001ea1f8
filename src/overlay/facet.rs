//! What pages can be coloured by beside their class: where they are, and how many share them.

use crate::classify::{Class, Key};
use crate::compare::{CHURN_STEPS, OVERLAYS};
use crate::error::Result;
use crate::kernel::{Pfn, PfnRange, Zone};
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
    pub fn of_zones(zones: &[Zone]) -> Self {
        Self::new(zones, |zone| format!("Node {} {}", zone.node, zone.name))
    }

    /// Of nodes: `Node 0`.
    pub fn of_nodes(zones: &[Zone]) -> Self {
        Self::new(zones, |zone| format!("Node {}", zone.node))
    }

    fn new(zones: &[Zone], name: impl Fn(&Zone) -> String) -> Self {
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
        let numbered: Vec<(&Zone, usize)> = zones.iter().map(|zone| (zone, number(zone))).collect();
        let mut ends: Vec<Pfn> = zones
            .iter()
            .flat_map(|zone| [zone.span.start, zone.span.end])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let mut runs: Vec<(PfnRange, usize)> = Vec::new();
        for pair in ends.windows(2) {
            let run = PfnRange::new(pair[0].0, pair[1].0);
            // A zone's span may hold pages of another node, whose zone is the narrower one there.
            let holds = |zone: &Zone| zone.span.intersect(run) == run;
            let here = numbered.iter().filter(|(zone, _)| holds(zone));
            if let Some(&(_, number)) = here.min_by_key(|(zone, _)| zone.span.pages()) {
                runs.push((run, number.min(TOLD)));
            }
        }
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

    fn zone(node: u32, name: &str, start: u64, end: u64) -> Zone {
        Zone {
            node,
            name: name.into(),
            span: PfnRange::new(start, end),
        }
    }

    fn told(regions: &Regions) -> Vec<(u64, u64, &str)> {
        let run = |&(run, number): &(PfnRange, usize)| {
            (run.start.0, run.end.0, regions.names[number].as_str())
        };
        regions.runs.iter().map(run).collect()
    }

    #[test]
    fn the_narrower_zone_has_the_pages_that_two_spans_claim() {
        let zones = [
            zone(0, "DMA", 1, 100),
            zone(0, "Normal", 100, 1000),
            zone(1, "Normal", 400, 600),
        ];
        let expected = [
            (1, 100, "Node 0 DMA"),
            (100, 400, "Node 0 Normal"),
            (400, 600, "Node 1 Normal"),
            (600, 1000, "Node 0 Normal"),
        ];
        assert_eq!(told(&Regions::of_zones(&zones)), expected);
        let nodes = Regions::of_nodes(&zones);
        assert_eq!(nodes.names, ["Node 0", "Node 1"]);
        let many: Vec<Zone> = (0..12)
            .map(|node| {
                zone(
                    node,
                    "Normal",
                    u64::from(node) * 10,
                    u64::from(node) * 10 + 10,
                )
            })
            .collect();
        let many = Regions::of_nodes(&many);
        assert_eq!(many.names.len(), OVERLAYS);
        assert_eq!(told(&many)[11], (110, 120, "4 more"));
    }
}
