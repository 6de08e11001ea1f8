//! Parts of a machine that numbers are told of: zones, nodes, and all of it.

use serde::Serialize;

use crate::kernel::{Zone, ZonePages};
use crate::survey::{Survey, ZoneSurvey};

/// What a row of numbers is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// `machine`, `node` or `zone`.
    pub scope: &'static str,
    /// The NUMA node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// The kernel's name of the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Scope {
    /// What a reader calls it.
    pub fn name(&self) -> String {
        match (self.node, &self.zone) {
            (Some(node), Some(zone)) => format!("Node {node} {zone}"),
            (Some(node), None) => format!("Node {node}"),
            (None, _) => "machine".to_owned(),
        }
    }
}

/// A scope and the zones that it is made of, by their numbers.
#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) scope: Scope,
    pub(super) zones: Vec<usize>,
}

/// All memory, then each node and each zone of which a page is there.
pub(super) fn scopes(survey: &Survey) -> Vec<Members> {
    let all: Vec<usize> = (0..survey.zones.len()).collect();
    let mut scopes = vec![Members {
        scope: Scope {
            scope: "machine",
            node: None,
            zone: None,
        },
        zones: all,
    }];
    let zones = survey.map.zones().iter().zip(&survey.zones);
    let zones = zones.enumerate().filter(|(_, (_, seen))| seen.pages() > 0);
    let zones: Vec<(usize, &Zone)> = zones.map(|(number, (zone, _))| (number, zone)).collect();
    let mut nodes: Vec<u32> = zones.iter().map(|(_, zone)| zone.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let own = zones.iter().filter(|(_, zone)| zone.node == node);
        scopes.push(Members {
            scope: Scope {
                scope: "node",
                node: Some(node),
                zone: None,
            },
            zones: own.map(|&(number, _)| number).collect(),
        });
    }
    for &(number, zone) in &zones {
        scopes.push(Members {
            scope: Scope {
                scope: "zone",
                node: Some(zone.node),
                zone: Some(zone.name.clone()),
            },
            zones: vec![number],
        });
    }
    scopes
}

impl Members {
    /// What was seen in it, summed up.
    pub(super) fn sum(&self, survey: &Survey) -> ZoneSurvey {
        let mut sum = ZoneSurvey::default();
        self.zones
            .iter()
            .for_each(|&zone| sum.merge(&survey.zones[zone]));
        sum
    }

    /// Its zones, where something says where zones are.
    pub(super) fn zones<'a>(&'a self, survey: &'a Survey) -> impl Iterator<Item = &'a Zone> + 'a {
        self.zones
            .iter()
            .filter_map(|&zone| survey.map.zones().get(zone))
    }

    /// What the kernel counts in its zones.
    pub(super) fn figures<'a>(
        &'a self,
        survey: &'a Survey,
    ) -> impl Iterator<Item = &'a ZonePages> + 'a {
        self.zones(survey)
            .filter_map(|zone| ZonePages::of(&survey.figures, zone))
    }
}
