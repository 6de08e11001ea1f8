//! How free memory is spread: reads a system through the library and prints its longest free runs.
//!
//! `cargo run --example free_runs` reads the captured machine that is shipped beside this file;
//! `cargo run --example free_runs -- /` the running one, as root.

use std::path::Path;

use pagemap_viz::classify::{Class, Classifier, Key, KsmVerdict, settle};
use pagemap_viz::error::Result;
use pagemap_viz::kernel::{PageFlags, Pfn, PfnRange};
use pagemap_viz::render::size;
use pagemap_viz::source::{Overrides, Source, System};

const BLOCK_PAGES: usize = 1 << 15;

fn main() -> Result<()> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fragmented").to_owned();
    let root = std::env::args().nth(1).unwrap_or(shipped);
    let system = System::open(Path::new(&root), Overrides::default())?;
    let mut runs = free_runs(&system)?;
    runs.sort_by_key(|run| std::cmp::Reverse(run.pages()));

    let page_bytes = system.machine().page_size.bytes();
    let free: u64 = runs.iter().map(|run| run.pages()).sum();
    println!(
        "{} free in {} runs; the longest:",
        size(free * page_bytes),
        runs.len()
    );
    for run in runs.iter().take(10) {
        println!(
            "  PFN {:#x}  {}",
            run.start.0,
            size(run.pages() * page_bytes)
        );
    }
    Ok(())
}

/// Maximal runs of free pages, block by block: memory does not grow with the machine's.
fn free_runs(system: &System) -> Result<Vec<PfnRange>> {
    let mut classifier = Classifier::new(system.machine().pmd_pages);
    let mut words = vec![PageFlags::NONE; BLOCK_PAGES];
    let mut keys = vec![Key::default(); BLOCK_PAGES];
    let mut runs: Vec<PfnRange> = Vec::new();
    let mut at = Pfn(0);
    loop {
        let pages = system.read_flags(at, &mut words)?;
        if pages == 0 {
            return Ok(runs);
        }
        // Whether a page is free does not depend on its compound, so blocks need not be joined.
        classifier.classify(&words[..pages], None, &[], &mut keys[..pages]);
        for (offset, &key) in keys[..pages].iter().enumerate() {
            if settle(key, KsmVerdict::Doubted) == Class::Free {
                extend(&mut runs, Pfn(at.0 + offset as u64));
            }
        }
        at = Pfn(at.0 + pages as u64);
    }
}

fn extend(runs: &mut Vec<PfnRange>, page: Pfn) {
    match runs.last_mut() {
        Some(run) if run.end == page => run.end = Pfn(page.0 + 1),
        _ => runs.push(PfnRange::new(page.0, page.0 + 1)),
    }
}
