//! Pages that are looked for, resolved.

use std::path::PathBuf;

use super::args::SoughtArgs;
use super::flags::{Cgroup, cgroup};
use crate::inventory::Sight;
use crate::kernel::{BitFilter, Edition, Folding};

/// Pages that are looked for.
#[derive(Clone, Debug)]
pub enum SoughtRequest {
    /// Those of processes of the system below a root.
    Processes {
        /// Where `proc` is.
        root: PathBuf,
        /// By number.
        pids: Vec<u32>,
        /// By name.
        names: Vec<String>,
    },
    /// Those that are charged to a cgroup.
    Cgroup(Cgroup, String),
    /// Those whose flags meet a condition, and how it was typed.
    Flags(Sight, String),
}

pub(super) fn sought(
    args: SoughtArgs,
    sysroot: Option<&PathBuf>,
) -> Result<Option<SoughtRequest>, String> {
    if let Some(path) = &args.cgroup {
        let shown = path.display().to_string();
        return Ok(Some(SoughtRequest::Cgroup(cgroup(path)?, shown)));
    }
    if let Some(text) = args.highlight {
        let (filter, _) = BitFilter::parse(&text, Edition::V6_12)
            .map_err(|reason| format!("--highlight {text}: {reason}"))?;
        let sight = Sight {
            edition: Edition::V6_12,
            folding: Folding::Raw,
            filters: vec![filter],
        };
        return Ok(Some(SoughtRequest::Flags(sight, text)));
    }
    if args.pid.is_empty() && args.comm.is_empty() {
        return Ok(None);
    }
    let pid = |text: &String| match text.as_str() {
        "self" => Ok(std::process::id()),
        text => text
            .parse()
            .map_err(|_| format!("--pid {text} is no process (a number, or self)")),
    };
    Ok(Some(SoughtRequest::Processes {
        root: sysroot.cloned().unwrap_or_else(|| "/".into()),
        pids: args.pid.iter().map(pid).collect::<Result<_, String>>()?,
        names: args.comm,
    }))
}
