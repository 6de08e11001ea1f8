//! Processes that are looked for, or that a recording carries: whose pages are where at one moment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::Chosen;
use crate::error::{Error, Result};
use crate::overlay::gather;
use crate::recording::ProcessPages;
use crate::source::{
    Process, Source, process_is_gone, process_name, process_stat, processes_named,
};
use crate::terminal::Terminal;

/// Gathers processes again and again.
pub(super) struct Chooser<'a> {
    chosen: &'a Chosen,
    terminal: &'a Terminal,
    /// When those that were named by number began, of each system: a number may be used again.
    begun: BTreeMap<(PathBuf, u32), Option<u64>>,
    is_first: bool,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(chosen: &'a Chosen, terminal: &'a Terminal) -> Self {
        Self {
            chosen,
            terminal,
            begun: BTreeMap::new(),
            is_first: true,
        }
    }

    /// The chosen processes as they are now, of the system below `root`; or as `source` carries them.
    /// Those that ended since the first time are left out.
    pub(super) fn pages(
        &mut self,
        root: Option<&Path>,
        source: &dyn Source,
    ) -> Result<Vec<ProcessPages>> {
        match root {
            Some(root) => {
                let found = self.gather(root, source.machine().page_size.bytes());
                self.is_first = false;
                found
            }
            None => carried(self.chosen, source),
        }
    }

    fn gather(&mut self, root: &Path, page_bytes: u64) -> Result<Vec<ProcessPages>> {
        let mut found = Vec::new();
        for pid in self.meant(root)? {
            let name = process_name(root, pid)?.unwrap_or_default();
            let start = process_stat(root, pid)?.map(|stat| stat.start);
            let gathered = Process::open(root, pid, page_bytes).and_then(|process| {
                let pages = gather(&process, &name, self.terminal)?;
                // Its mappings are read by its number, which may be another's by now.
                match process_stat(root, pid)?.map(|stat| stat.start) == start {
                    true => Ok(pages),
                    false => Err(process.is_gone()),
                }
            });
            let is_asked_for = self.is_first && self.chosen.pids.contains(&pid);
            match gathered {
                Ok(pages) => found.push(pages),
                Err(error) if !is_asked_for && process_is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Fails where somebody who was named by number is not there, before anything is begun.
    pub(super) fn check_there(&self, root: Option<&Path>) -> Result<()> {
        let Some(root) = root else { return Ok(()) };
        for &pid in &self.chosen.pids {
            if process_name(root, pid)?.is_none() {
                let cause = std::io::ErrorKind::NotFound.into();
                return Err(Error::Process { pid, cause });
            }
        }
        Ok(())
    }

    fn meant(&mut self, root: &Path) -> Result<Vec<u32>> {
        let mut meant = Vec::new();
        for &pid in &self.chosen.pids {
            let start = process_stat(root, pid)?.map(|stat| stat.start);
            let key = (root.to_owned(), pid);
            // Not every copy says; one that is gone fails when it is opened.
            if *self.begun.entry(key).or_insert(start) == start {
                meant.push(pid);
            }
        }
        for name in &self.chosen.names {
            meant.extend(processes_named(root, name)?);
        }
        meant.sort_unstable();
        meant.dedup();
        Ok(meant)
    }
}

/// Those that a recording carries.
pub(super) fn carried(chosen: &Chosen, source: &dyn Source) -> Result<Vec<ProcessPages>> {
    let table = source.processes()?.ok_or_else(|| Error::NoProcesses {
        path: source.path().to_owned(),
    })?;
    Ok(chosen.among(table.processes))
}

/// Fails where somebody who was asked for is not among those who were found.
pub(super) fn check_all_found(
    chosen: &Chosen,
    found: &[ProcessPages],
    source: &dyn Source,
) -> Result<()> {
    for name in &chosen.names {
        if !found.iter().any(|process| process.name == *name) {
            return Err(Error::NoProcessNamed { name: name.clone() });
        }
    }
    for &pid in &chosen.pids {
        if !found.iter().any(|process| process.pid == pid) {
            return Err(Error::NotCarried {
                pid,
                path: source.path().to_owned(),
            });
        }
    }
    Ok(())
}
