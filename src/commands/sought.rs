//! From what is asked for to pages that are looked for, and what the legend says of them.

use crate::classify::Key;
use crate::cli::{Cgroup, SoughtRequest};
use crate::compare::FIRST_OVERLAY;
use crate::error::{Error, Result};
use crate::kernel::{PfnRange, PfnSet, Zone};
use crate::overlay::{Held, MAX_PROCESSES, Overlay, Sought, gather};
use crate::render::{SoughtLines, grouped, share, size};
use crate::scan::Scan;
use crate::source::{Process, Source, cgroup_inode, process_name, processes_named, zones};
use crate::terminal::Terminal;

/// Finds what is looked for, and the end of the picture's title.
pub(super) fn find(
    request: &SoughtRequest,
    source: &dyn Source,
    terminal: &Terminal,
) -> Result<(Overlay, String)> {
    let (sought, title) = match request {
        SoughtRequest::Processes { root, pids, names } => {
            let mut meant = pids.clone();
            for name in names {
                meant.extend(processes_named(root, name)?);
            }
            meant.sort_unstable();
            meant.dedup();
            if meant.len() > MAX_PROCESSES {
                return Err(Error::TooManyProcesses {
                    asked: meant.len(),
                    limit: MAX_PROCESSES,
                });
            }
            let page_bytes = source.machine().page_size.bytes();
            let open = |pid: u32| {
                let name = process_name(root, pid).unwrap_or_default();
                let process = Process::open(root, pid, page_bytes)?;
                Ok((process, format!("{pid} {name}").trim_end().to_owned()))
            };
            let open = meant.into_iter().map(open).collect::<Result<Vec<_>>>()?;
            let held = gather(&open, terminal)?;
            let title = match held.processes.as_slice() {
                [one] => format!("process {one}"),
                several => format!("{} processes", several.len()),
            };
            (Sought::Held(held), title)
        }
        SoughtRequest::Cgroup(cgroup, shown) => {
            let inode = match cgroup {
                Cgroup::Inode(inode) => *inode,
                Cgroup::Directory(path) => cgroup_inode(path)?,
            };
            (Sought::Cgroup(inode), format!("cgroup {shown}"))
        }
        SoughtRequest::Flags(sight, text) => (Sought::Flags(sight.clone()), text.clone()),
    };
    Ok((Overlay::new(sought, &title), title))
}

/// What the legend says, now that the pages were seen.
pub(super) fn lines(
    overlay: &Overlay,
    title: String,
    scan: &Scan,
    source: &dyn Source,
) -> SoughtLines {
    let kinds = overlay.kinds().iter().map(|kind| {
        let (pages, large) = (scan.keys.of(kind.key), overlay.large_pages(kind));
        let name = match large {
            0 => kind.name.clone(),
            large => format!("{}, {} large", kind.name, share(large, pages)),
        };
        (name, kind.key, kind.like)
    });
    let page_bytes = source.machine().page_size.bytes();
    let mut notes: Vec<String> = overlay
        .held()
        .map(|held| held_line(held, page_bytes, &zones(source)))
        .into_iter()
        .collect();
    let found = (FIRST_OVERLAY.0..u8::MAX)
        .map(Key)
        .any(|key| scan.keys.of(key) > 0);
    if !found {
        notes.push("No such page was found.".to_owned());
    }
    SoughtLines {
        title,
        kinds: kinds.collect(),
        notes,
    }
}

/// How the pages of processes lie.
fn held_line(held: &Held, page_bytes: u64, zones: &[Zone]) -> String {
    let runs = held.runs();
    let longest = runs.ranges().iter().max_by_key(|run| run.pages());
    let longest = longest.copied().unwrap_or(PfnRange::new(0, 0));
    let nodes = nodes(&runs, zones);
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
        grouped(held.pages()),
        grouped(runs.ranges().len() as u64),
        size(longest.pages() * page_bytes),
        longest.start.0,
    )
}

fn nodes(runs: &PfnSet, zones: &[Zone]) -> Vec<u32> {
    let is_in = |zone: &&Zone| runs.inside(zone.span).next().is_some();
    let mut nodes: Vec<u32> = zones.iter().filter(is_in).map(|zone| zone.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
