//! Pages that are looked for, resolved.

use super::args::{ProcessArgs, SoughtArgs};
use super::flags::{Cgroup, cgroup};
use crate::inventory::Sight;
use crate::kernel::{BitFilter, Edition, Folding};
use crate::recording::ProcessPages;
use crate::scan::Lens;

/// Pages that are looked for.
#[derive(Clone, Debug)]
pub enum SoughtRequest {
    /// Those of processes.
    Processes(Chosen),
    /// Those that are charged to a cgroup, and how it was typed.
    Cgroup(Cgroup, String),
    /// Those whose flags meet a condition, and how it was typed.
    Flags(Sight, String),
    /// Used pages by node.
    Nodes,
    /// Used pages by zone.
    Zones,
    /// Pages by how often they are mapped.
    Shared,
    /// Pages by the cgroup that they are charged to.
    Cgroups,
    /// Used pages by the size of their folio.
    Folios,
    /// Free pages by the size of their block.
    Free,
}

impl SoughtRequest {
    /// What a lens looks for by itself.
    pub(super) fn of(lens: Lens) -> Option<Self> {
        match lens {
            Lens::Node => Some(Self::Nodes),
            Lens::Zone => Some(Self::Zones),
            Lens::Sharing => Some(Self::Shared),
            Lens::Cgroup => Some(Self::Cgroups),
            Lens::FolioOrder => Some(Self::Folios),
            Lens::FreeOrder => Some(Self::Free),
            _ => None,
        }
    }
}

/// Processes that are meant.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// By number.
    pub pids: Vec<u32>,
    /// By name.
    pub names: Vec<String>,
}

impl Chosen {
    /// True for a process of that number and name.
    pub fn is_meant(&self, pid: u32, name: &str) -> bool {
        self.pids.contains(&pid) || self.names.iter().any(|known| known == name)
    }

    /// Those of `processes` that are meant.
    pub fn among(&self, mut processes: Vec<ProcessPages>) -> Vec<ProcessPages> {
        processes.retain(|process| self.is_meant(process.pid, &process.name));
        processes
    }
}

pub(super) fn sought(
    args: SoughtArgs,
    reducer: Option<&String>,
) -> Result<Option<SoughtRequest>, String> {
    let sought = match (args.cgroup, args.highlight) {
        (Some(path), _) => {
            let shown = path.display().to_string();
            Some(SoughtRequest::Cgroup(cgroup(&path)?, shown))
        }
        (None, Some(text)) => Some(highlight(text)?),
        (None, None) => chosen(args.processes)?.map(SoughtRequest::Processes),
    };
    match (&sought, reducer) {
        (Some(_), Some(_)) => Err(
            "--reducer does not go with pages that are looked for: one of them is enough to show in a pixel"
                .to_owned(),
        ),
        _ => Ok(sought),
    }
}

fn highlight(text: String) -> Result<SoughtRequest, String> {
    let (filter, _) = BitFilter::parse(&text, Edition::V6_12)
        .map_err(|reason| format!("--highlight {text}: {reason}"))?;
    let sight = Sight {
        edition: Edition::V6_12,
        folding: Folding::Raw,
        filters: vec![filter],
    };
    Ok(SoughtRequest::Flags(sight, text))
}

/// The processes that were typed, if any.
pub(super) fn chosen(args: ProcessArgs) -> Result<Option<Chosen>, String> {
    if args.pid.is_empty() && args.comm.is_empty() {
        return Ok(None);
    }
    let pid = |text: &String| match text.as_str() {
        "self" => Ok(std::process::id()),
        text => text
            .parse()
            .map_err(|_| format!("--pid {text} is no process (a number, or self)")),
    };
    Ok(Some(Chosen {
        pids: args.pid.iter().map(pid).collect::<Result<_, String>>()?,
        names: args.comm,
    }))
}
