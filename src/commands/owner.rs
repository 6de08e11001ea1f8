//! `pagemap-viz owner`: who holds a page.

use std::collections::BTreeSet;

use super::asking::Asking;
use crate::classify::{Class, CompoundSize, KsmVerdict, judge, settle};
use crate::cli::OwnerRequest;
use crate::error::{Error, Result};
use crate::facts::{OWNER_COLUMNS, OwnedPage, owner_rows, owner_text};
use crate::inventory::ksm_verdict;
use crate::kernel::{PageFlags, Pfn, PfnRange};
use crate::mappings::{folio_of, holders};
use crate::output::{TableFormat, Target, write_table};
use crate::recording::Plane;
use crate::source::{Overrides, Source, System, processes};
use crate::terminal::Terminal;

/// Says of each page what it is, and which processes map it where.
pub(super) fn tell(request: &OwnerRequest, terminal: &Terminal) -> Result<()> {
    let source = System::open(&request.root, Overrides::default())?;
    let page_bytes = source.machine().page_size.bytes();
    let pfns: Vec<Pfn> = request
        .pages
        .iter()
        .map(|page| page.pfn(page_bytes))
        .collect();
    terminal.take_signals();
    let ksm = ksm_verdict(&source, request.threads, terminal)?;
    let mut pages = Vec::new();
    for &pfn in &pfns {
        pages.push(page(&source, pfn, ksm)?);
    }
    let wanted: BTreeSet<Pfn> = pfns.iter().copied().collect();
    let pids = processes(&request.root)?;
    let question = |process, name: String| holders(&process, &name, &wanted);
    let asking = Asking {
        root: &request.root,
        page_bytes,
        threads: request.threads,
        is_named: false,
        quiet: request.quiet,
    };
    let holders: Vec<_> = asking
        .ask(&pids, terminal, question)?
        .into_iter()
        .flatten()
        .collect();
    let mut out = Target::Stdout.begin()?;
    match request.format {
        TableFormat::Aligned => out.write_text(&owner_text(&pages, &holders, page_bytes))?,
        format => {
            let rows = owner_rows(&pages, &holders, page_bytes);
            write_table(format, &OWNER_COLUMNS, &rows, &mut out)?;
        }
    }
    out.finish()
}

fn page(source: &System, pfn: Pfn, ksm: KsmVerdict) -> Result<OwnedPage> {
    let mut word = [PageFlags::NONE];
    if source.read_flags(pfn, &mut word)? == 0 {
        return Err(Error::NoSuchPage {
            pfn: pfn.0,
            path: source.path().to_owned(),
        });
    }
    let (head, folio_pages) = folio_of(source, pfn)?;
    let mut head_word = [PageFlags::NONE];
    source.read_flags(head, &mut head_word)?;
    let size = CompoundSize::of(folio_pages, source.machine().pmd_pages);
    let of_folio = word[0].with(head_word[0].without(PageFlags::COMPOUND_HEAD));
    let here = PfnRange::new(pfn.0, pfn.0 + 1);
    let class = match source.machine().outside_ram(here).is_empty() {
        true => settle(judge(of_folio, size), ksm),
        false => Class::Hole,
    };
    // These files may be missing from a captured system.
    let plane = |plane| {
        let mut words = [0];
        source
            .read_plane(plane, pfn, &mut words)
            .ok()
            .map(|_| words[0])
    };
    Ok(OwnedPage {
        pfn,
        class,
        flags: word[0],
        folio_pages,
        mapped: plane(Plane::Counts),
        cgroup: plane(Plane::Cgroups),
    })
}
