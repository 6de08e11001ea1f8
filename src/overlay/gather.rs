//! Which pages processes hold: from their page tables, sorted by page number.

use crate::error::Result;
use crate::kernel::{Mapping, PageSpan, Pfn, PfnRange, PfnSet};
use crate::scan::Watcher;
use crate::source::Process;

/// Pages that one or several processes hold.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Their names, in order.
    pub processes: Vec<String>,
    /// Each page once, ascending: of one process the [`Area`], of several the number of the process,
    /// or the number after the last for a page that several hold.
    pub(super) pages: Vec<(Pfn, u8)>,
}

/// Part of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// What brk gave.
    Heap,
    /// The first thread's stack.
    Stack,
    /// A file that is executed.
    Program,
    /// Anything else.
    Other,
}

impl Area {
    /// Every area; its number is its place.
    pub const ALL: [Area; 4] = [Area::Heap, Area::Stack, Area::Program, Area::Other];

    fn of(mapping: &Mapping) -> Self {
        match mapping.name.as_slice() {
            b"[heap]" => Self::Heap,
            name if name.starts_with(b"[stack") => Self::Stack,
            _ if mapping.is_of_file() && mapping.is_executable() => Self::Program,
            _ => Self::Other,
        }
    }
}

/// Gathers the pages of processes, each with its name.
///
/// # Errors
/// One of them cannot be read, or the watcher said stop.
pub fn gather(processes: &[(Process, String)], watcher: &dyn Watcher) -> Result<Held> {
    let mut pages: Vec<(Pfn, u8)> = Vec::new();
    let shared = processes.len() as u8;
    for (number, (process, _)) in processes.iter().enumerate() {
        let page_bytes = process.page_bytes();
        for mapping in process.mappings()? {
            watcher.stop().map_or(Ok(()), Err)?;
            let mark = match processes.len() {
                1 => Area::of(&mapping) as u8,
                _ => number as u8,
            };
            let (start, end) = (mapping.start, mapping.end);
            let span = PageSpan {
                start: start / page_bytes,
                end: end / page_bytes,
            };
            process.walk_mapping(&mapping, span, &mut |_, entries| {
                let present = entries.iter().filter_map(|entry| entry.pfn());
                pages.extend(present.map(|pfn| (pfn, mark)));
                Ok(())
            })?;
        }
    }
    pages.sort_unstable();
    let is_several = processes.len() > 1;
    pages.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same && is_several && later.1 != first.1 {
            first.1 = shared;
        }
        same
    });
    let processes = processes.iter().map(|(_, name)| name.clone()).collect();
    Ok(Held { processes, pages })
}

impl Held {
    /// How many pages.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Runs of consecutive pages.
    pub fn runs(&self) -> PfnSet {
        let range = |&(pfn, _): &(Pfn, u8)| PfnRange::new(pfn.0, pfn.0 + 1);
        self.pages.iter().map(range).collect()
    }
}
