//! Part of a machine: the pages of nodes, of zones, or of ranges, and of the rest nothing.

use std::path::Path;

use jiff::Timestamp;

use super::machine::{Extent, Machine, SelectedPages};
use super::{Clock, Source, zones};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn, PfnRange, PfnSet, ZoneMap};
use crate::recording::{Plane, ProcessTable};

/// Which pages are meant: those of any of the nodes, in any of the zones, in any of the ranges; of what is
/// empty all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Nodes by number.
    pub nodes: Vec<u32>,
    /// Zones by name, in any case of letters.
    pub zones: Vec<String>,
    /// Ranges of memory.
    pub ranges: Vec<MemoryRange>,
    /// How it was typed, for titles: `node 1, zone Normal`.
    pub name: String,
}

/// Consecutive pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryRange {
    /// By physical addresses from the first up to but not including the other; pages in part are meant, too.
    Bytes(u64, u64),
    /// By page numbers.
    Pages(PfnRange),
}

impl MemoryRange {
    fn pages(self, page_bytes: u64) -> PfnRange {
        match self {
            Self::Bytes(start, end) => PfnRange::new(start / page_bytes, end.div_ceil(page_bytes)),
            Self::Pages(pages) => pages,
        }
    }
}

impl Selection {
    /// True when all of memory is meant.
    pub fn is_all(&self) -> bool {
        self.nodes.is_empty() && self.zones.is_empty() && self.ranges.is_empty()
    }

    /// The part of `source` that is meant.
    ///
    /// # Errors
    /// There is no such node or zone, or no page in it; or nothing says where zones are.
    pub fn of<'a>(&self, source: Box<dyn Source + 'a>) -> Result<Box<dyn Source + 'a>> {
        if self.is_all() {
            return Ok(source);
        }
        let pages = self.pages(source.as_ref())?;
        let machine = part_of(source.machine(), pages, &self.name);
        Ok(Box::new(Selected { source, machine }))
    }

    /// The same pages of every one of `sources`: those that are meant in any of them, so that what another zone has
    /// later is not taken for what is gone.
    ///
    /// # Errors
    /// They cannot be opened, or none of them has what is meant.
    pub fn in_all<'a>(
        &self,
        sources: impl Iterator<Item = Result<Box<dyn Source + 'a>>>,
    ) -> Result<Self> {
        if self.is_all() {
            return Ok(self.clone());
        }
        let mut ranges = Vec::new();
        let mut missing = None;
        for source in sources {
            match self.pages(source?.as_ref()) {
                Ok(pages) => ranges.extend(pages.ranges().iter().copied()),
                Err(error) => missing = Some(error),
            }
        }
        let all: PfnSet = ranges.into_iter().collect();
        match missing {
            Some(error) if all.pages() == 0 => Err(error),
            _ => Ok(Self {
                ranges: all
                    .ranges()
                    .iter()
                    .map(|&range| MemoryRange::Pages(range))
                    .collect(),
                name: self.name.clone(),
                ..Self::default()
            }),
        }
    }

    /// The pages that are meant.
    fn pages(&self, source: &dyn Source) -> Result<PfnSet> {
        let machine = source.machine();
        let mut pages: PfnSet = [PfnRange::new(0, machine.end().0)].into_iter().collect();
        if !self.nodes.is_empty() || !self.zones.is_empty() {
            pages = pages.intersect(&self.in_zones(source)?);
        }
        if !self.ranges.is_empty() {
            let page_bytes = machine.page_size.bytes();
            let ranges = self.ranges.iter().map(|range| range.pages(page_bytes));
            pages = pages.intersect(&ranges.collect());
        }
        if pages.pages() == 0 {
            return Err(Error::NothingSelected {
                path: source.path().to_owned(),
                selection: self.name.clone(),
            });
        }
        Ok(pages)
    }

    fn in_zones(&self, source: &dyn Source) -> Result<PfnSet> {
        let zones = zones(source);
        if zones.is_empty() {
            return Err(Error::NoZones {
                path: source.path().to_owned(),
            });
        }
        for node in &self.nodes {
            if !zones.zones().iter().any(|zone| zone.node == *node) {
                return Err(missing(format!("node {node}"), &zones));
            }
        }
        for name in &self.zones {
            let is_it = |zone: &&str| zone.eq_ignore_ascii_case(name);
            if !zones.zones().iter().any(|zone| is_it(&zone.name.as_str())) {
                return Err(missing(format!("zone {name}"), &zones));
            }
        }
        Ok(zones.pages_of(|zone| {
            let is_named = |name: &String| zone.name.eq_ignore_ascii_case(name);
            (self.nodes.is_empty() || self.nodes.contains(&zone.node))
                && (self.zones.is_empty() || self.zones.iter().any(is_named))
        }))
    }
}

fn missing(what: String, zones: &ZoneMap) -> Error {
    const SHOWN: usize = 8;
    let name = |zone: &crate::kernel::Zone| format!("node {} {}", zone.node, zone.name);
    let mut there: Vec<String> = zones.zones().iter().take(SHOWN).map(name).collect();
    let more = zones.zones().len() - there.len();
    if more > 0 {
        there.push(format!("{more} more"));
    }
    let there = there.join(", ");
    Error::NoSuchZone { what, there }
}

/// The machine with nothing but these pages.
fn part_of(machine: &Machine, pages: PfnSet, name: &str) -> Machine {
    // Of a huge page that begins before, or ends after, all is read, because its size is its class.
    let end = pages.end().0.next_multiple_of(machine.pmd_pages);
    let within = |set: &PfnSet| set.intersect(&pages);
    Machine {
        ram: machine.ram.as_ref().map(within),
        extent: Extent::Exact(Pfn(end.min(machine.end().0))),
        selected: Some(SelectedPages {
            pages,
            name: name.to_owned(),
        }),
        ..machine.clone()
    }
}

impl Machine {
    /// The parts of `within` that have pages that are meant, or pages of the same huge pages.
    pub fn wanted(&self, within: PfnRange) -> Vec<PfnRange> {
        let Some(selected) = &self.selected else {
            return vec![within];
        };
        let pmd_pages = self.pmd_pages;
        let round = |range: PfnRange| {
            let start = range.start.0 - range.start.0 % pmd_pages;
            PfnRange::new(start, range.end.0.next_multiple_of(pmd_pages))
        };
        let near = round(within);
        let rounded: PfnSet = selected.pages.inside(near).map(round).collect();
        rounded.inside(within).collect()
    }

    /// The parts of `within` that are meant.
    pub fn selected_in(&self, within: PfnRange) -> Vec<PfnRange> {
        match &self.selected {
            Some(selected) => selected.pages.inside(within).collect(),
            None => vec![within],
        }
    }

    /// The parts of `within` that are not meant.
    pub fn unselected(&self, within: PfnRange) -> Vec<PfnRange> {
        let selected = self.selected.as_ref();
        selected.map_or_else(Vec::new, |selected| selected.pages.gaps(within))
    }

    /// True for a page that is meant.
    pub fn is_selected(&self, page: Pfn) -> bool {
        let here = PfnRange::new(page.0, page.0 + 1);
        let selected = self.selected.as_ref();
        selected.is_none_or(|selected| selected.pages.inside(here).next().is_some())
    }
}

struct Selected<'a> {
    source: Box<dyn Source + 'a>,
    machine: Machine,
}

impl Source for Selected<'_> {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.source.read_flags(start, into)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        self.source.read_plane(plane, start, into)
    }

    fn processes(&self) -> Result<Option<ProcessTable>> {
        self.source.processes()
    }

    fn time(&self) -> Timestamp {
        self.source.time()
    }

    fn end_time(&self) -> Timestamp {
        self.source.end_time()
    }

    fn clock(&self) -> Clock {
        self.source.clock()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.source.text(path)
    }

    fn path(&self) -> &Path {
        self.source.path()
    }
}
