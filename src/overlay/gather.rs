//! Which pages processes hold: from their page tables, as runs of page numbers.

use crate::error::Result;
use crate::kernel::{Area, Pfn, PfnRange};
use crate::recording::ProcessPages;
use crate::scan::Watcher;
use crate::source::Process;

/// The runs of a process's pages.
///
/// # Errors
/// It cannot be read, the kernel withholds page numbers, or the watcher said stop.
pub fn gather(process: &Process, name: &str, watcher: &dyn Watcher) -> Result<ProcessPages> {
    let mut runs: Vec<(PfnRange, Area)> = Vec::new();
    for mapping in process.mappings()? {
        let area = Area::of(&mapping);
        let pages = crate::kernel::PageSpan::ALL;
        process.walk_mapping(&mapping, pages, &mut |_, entries| {
            watcher.stop().map_or(Ok(()), Err)?;
            for pfn in entries.iter().filter_map(|entry| entry.pfn()) {
                push(&mut runs, pfn, area);
            }
            Ok(())
        })?;
    }
    process.check_whole()?;
    runs.sort_unstable_by_key(|(run, area)| (run.start, run.end, *area as u8));
    // The page of zeros may be mapped a million times.
    runs.dedup();
    Ok(ProcessPages {
        pid: process.pid(),
        name: name.to_owned(),
        runs,
    })
}

fn push(runs: &mut Vec<(PfnRange, Area)>, pfn: Pfn, area: Area) {
    match runs.last_mut() {
        Some((run, of)) if run.end == pfn && *of == area => run.end = pfn.plus(1),
        // The page of zeros, again and again.
        Some((run, of)) if run.end == pfn.plus(1) && run.pages() == 1 && *of == area => {}
        _ => runs.push((PfnRange::new(pfn.0, pfn.0 + 1), area)),
    }
}
