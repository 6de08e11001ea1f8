//! From what is asked for to pages that are looked for, and what the legend says of them.

use std::collections::BTreeMap;

use super::chosen::{Chooser, carried, check_all_found};
use crate::classify::Key;
use crate::cli::{Cgroup, SoughtRequest};
use crate::compare::FIRST_OVERLAY;
use crate::error::{Error, Result};
use crate::kernel::{PfnRange, PfnSet, ZoneMap};
use crate::orders::FreeOrders;
use crate::overlay::{Groups, Held, Overlay, Regions, Sought};
use crate::recording::ProcessPages;
use crate::render::{SoughtLines, grouped, share, size};
use crate::scan::Scan;
use crate::source::{
    Recording, Source, cgroup_directories, cgroup_inode, cgroup_name, highest_order, zones,
};
use crate::terminal::Terminal;

/// Finds what is looked for in one picture, or in every picture of a series.
#[derive(Debug)]
pub(super) struct Seeker<'a> {
    request: &'a SoughtRequest,
    /// Of a series the processes of all readings, so that a colour stays the same one's.
    groups: Option<Groups>,
    /// What cgroups are called, by inode; of a series those of all readings.
    cgroups: BTreeMap<u64, String>,
    /// How the titles end.
    title: String,
}

impl<'a> Seeker<'a> {
    /// In one picture.
    pub(super) fn find(
        request: &'a SoughtRequest,
        root: Option<&std::path::Path>,
        source: &dyn Source,
        redact: bool,
        terminal: &Terminal,
    ) -> Result<(Self, Overlay)> {
        let mut processes = Vec::new();
        if let SoughtRequest::Processes(chosen) = request {
            processes = Chooser::new(chosen, terminal).pages(root, source)?;
            check_all_found(chosen, &processes, source)?;
        }
        let mut seeker = Self::new(request, identities(&processes), redact)?;
        if matches!(request, SoughtRequest::Cgroups) && !redact {
            seeker.name_cgroups(match root {
                Some(root) => cgroup_directories(root),
                None => source.processes()?.unwrap_or_default().cgroups,
            });
        }
        let overlay = seeker.overlay_of(&processes, source)?;
        Ok((seeker, overlay))
    }

    /// In all readings of a recording.
    pub(super) fn in_series(
        request: &'a SoughtRequest,
        recording: &Recording,
        redact: bool,
    ) -> Result<Self> {
        let mut all = BTreeMap::new();
        if let SoughtRequest::Processes(chosen) = request {
            for number in 0..recording.frames() as u64 {
                let source = recording.frame(Some(number))?;
                all.extend(identities(&processes_in(request, &source)?));
            }
            if all.is_empty() {
                let last = recording.frame(None)?;
                check_all_found(chosen, &carried(chosen, &last)?, &last)?;
            }
        }
        let mut seeker = Self::new(request, all, redact)?;
        if matches!(request, SoughtRequest::Cgroups) && !redact {
            for number in 0..recording.frames() as u64 {
                let source = recording.frame(Some(number))?;
                seeker.name_cgroups(source.processes()?.unwrap_or_default().cgroups);
            }
        }
        Ok(seeker)
    }

    fn name_cgroups(&mut self, directories: BTreeMap<String, u64>) {
        let named = directories.into_iter();
        let name = |(directory, inode): (String, u64)| (inode, cgroup_name(&directory).to_owned());
        self.cgroups.extend(named.map(name));
    }

    fn new(
        request: &'a SoughtRequest,
        mut processes: BTreeMap<u32, String>,
        redact: bool,
    ) -> Result<Self> {
        if redact {
            processes.values_mut().for_each(String::clear);
        }
        let processes = &processes;
        let (groups, title) = match request {
            SoughtRequest::Processes(_) => {
                let groups = Groups::new(processes)?;
                let title = groups.title();
                (Some(groups), title)
            }
            SoughtRequest::Cgroup(..) if redact => (None, "a cgroup".to_owned()),
            SoughtRequest::Cgroup(_, shown) => (None, format!("cgroup {shown}")),
            SoughtRequest::Flags(_, text) => (None, text.clone()),
            SoughtRequest::Nodes => (None, "by node".to_owned()),
            SoughtRequest::Zones => (None, "by zone".to_owned()),
            SoughtRequest::Shared => (None, "by sharing".to_owned()),
            SoughtRequest::Cgroups => (None, "by cgroup".to_owned()),
            SoughtRequest::Folios => (None, "by size of folio".to_owned()),
            SoughtRequest::Free => (None, "free blocks by size".to_owned()),
        };
        Ok(Self {
            request,
            groups,
            cgroups: BTreeMap::new(),
            title,
        })
    }

    /// In one reading of a series.
    pub(super) fn overlay(&self, source: &dyn Source) -> Result<Overlay> {
        let processes = processes_in(self.request, source)?;
        self.overlay_of(&processes, source)
    }

    fn overlay_of(&self, processes: &[ProcessPages], source: &dyn Source) -> Result<Overlay> {
        let sought = match (self.request, &self.groups) {
            (SoughtRequest::Cgroup(cgroup, _), _) => Sought::Cgroup(inode(cgroup, source)?),
            (SoughtRequest::Flags(sight, _), _) => Sought::Flags(sight.clone()),
            (SoughtRequest::Nodes, _) => Sought::Regions(Regions::of_nodes(&known_zones(source)?)),
            (SoughtRequest::Zones, _) => Sought::Regions(Regions::of_zones(&known_zones(source)?)),
            (SoughtRequest::Shared, _) => Sought::Shared,
            (SoughtRequest::Cgroups, _) => Sought::Cgroups(self.cgroups.clone()),
            (SoughtRequest::Folios, _) => Sought::Folios,
            (SoughtRequest::Free, _) => {
                Sought::Free(FreeOrders::new(zones(source), highest_order(source)))
            }
            (SoughtRequest::Processes(_), groups) => {
                let groups = groups.as_ref().expect("processes have groups");
                Sought::Held(Held::new(processes, groups))
            }
        };
        let page_bytes = source.machine().page_size.bytes();
        let of_order = |order: usize| size(page_bytes << order);
        Ok(Overlay::new(sought, &self.title, &of_order))
    }

    /// What the legend says, now that the pages were seen.
    pub(super) fn lines(&self, overlay: &Overlay, scan: &Scan, source: &dyn Source) -> SoughtLines {
        let kinds = overlay.kinds(&scan.met).into_iter().map(|kind| {
            let (pages, large) = (scan.keys.of(kind.key), overlay.large_pages(&kind));
            let name = match large {
                0 => kind.name,
                large => format!("{}, {} large", kind.name, share(large, pages)),
            };
            (name, kind.key, kind.shade)
        });
        let page_bytes = source.machine().page_size.bytes();
        let found = (FIRST_OVERLAY.0..u8::MAX).map(|key| scan.keys.of(Key(key)));
        let notes = match (overlay.held_runs(), found.sum::<u64>()) {
            _ if matches!(self.request, SoughtRequest::Free) && cuts_zones(source) => {
                vec!["Free blocks are cut where the selection ends.".to_owned()]
            }
            _ if matches!(self.request, SoughtRequest::Shared) => {
                vec!["Dim: what no process maps, by class.".to_owned()]
            }
            (_, 0) => vec!["No such page was found.".to_owned()],
            (Some(runs), _) => vec![held_line(&runs, page_bytes, &zones(source))],
            (None, _) => Vec::new(),
        };
        SoughtLines {
            title: self.title.clone(),
            kinds: kinds.collect(),
            notes,
        }
    }
}

/// Whether a zone is meant in part, so that free blocks may be, too.
fn cuts_zones(source: &dyn Source) -> bool {
    let machine = source.machine();
    let zones = zones(source);
    let is_cut = |run: &PfnRange| {
        let meant: u64 = machine
            .selected_in(*run)
            .iter()
            .map(|part| part.pages())
            .sum();
        meant > 0 && meant < run.pages()
    };
    let is_cut = zones.runs().is_empty() || zones.runs().iter().any(|(run, _)| is_cut(run));
    machine.selected.is_some() && is_cut
}

/// The processes that a reading of a series carries, if processes are looked for; none where it carries none.
fn processes_in(request: &SoughtRequest, source: &dyn Source) -> Result<Vec<ProcessPages>> {
    match request {
        SoughtRequest::Processes(chosen) => {
            Ok(chosen.among(source.processes()?.unwrap_or_default().processes))
        }
        _ => Ok(Vec::new()),
    }
}

fn identities(processes: &[ProcessPages]) -> BTreeMap<u32, String> {
    let identity = |process: &ProcessPages| (process.pid, process.name.clone());
    processes.iter().map(identity).collect()
}

/// The zones of a machine that says where they are.
pub(super) fn known_zones(source: &dyn Source) -> Result<ZoneMap> {
    let zones = zones(source);
    match zones.is_empty() {
        false => Ok(zones),
        true => Err(Error::NoZones {
            path: source.path().to_owned(),
        }),
    }
}

/// A recording knows the cgroup that was named when it was made; else it is looked for here.
pub(super) fn inode(cgroup: &Cgroup, source: &dyn Source) -> Result<u64> {
    let path = match cgroup {
        Cgroup::Inode(inode) => return Ok(*inode),
        Cgroup::Directory(path) => path,
    };
    let carried = source.processes()?.unwrap_or_default();
    let known = carried.cgroups.get(&path.display().to_string());
    known.map_or_else(|| cgroup_inode(path), |&inode| Ok(inode))
}

/// How the pages of processes lie.
fn held_line(runs: &PfnSet, page_bytes: u64, zones: &ZoneMap) -> String {
    let longest = runs.ranges().iter().max_by_key(|run| run.pages());
    let longest = longest.copied().unwrap_or(PfnRange::new(0, 0));
    let nodes = nodes(runs, zones);
    let nodes = match nodes.as_slice() {
        [] => String::new(),
        [one] => format!(", node {one}"),
        several => {
            let names: Vec<String> = several.iter().map(u32::to_string).collect();
            format!(", nodes {}", names.join(", "))
        }
    };
    format!(
        "{} pages in {} contiguous runs, the longest {} at PFN {:#x}{nodes}.",
        grouped(runs.pages()),
        grouped(runs.ranges().len() as u64),
        size(longest.pages() * page_bytes),
        longest.start.0,
    )
}

fn nodes(runs: &PfnSet, zones: &ZoneMap) -> Vec<u32> {
    let is_in = |&&(zone, _): &&(PfnRange, usize)| runs.inside(zone).next().is_some();
    let held = zones.runs().iter().filter(is_in);
    let mut nodes: Vec<u32> = held.map(|&(_, zone)| zones.zones()[zone].node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
