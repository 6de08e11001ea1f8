//! Large folios behind mappings: which sizes, whether whole and aligned, as the kernel's `thpmaps` counts them.

use super::large::{Backing, Count, Fit, LargeFolios};
use crate::error::Result;
use crate::kernel::{PageFlags, PageSpan, PagemapEntry, Pfn};
use crate::source::{MappingProperties, Process, Source, smaps};

/// One mapping, and what it has of large folios.
#[derive(Clone, Debug)]
pub struct MappingFolios {
    /// Its line of `smaps`; control characters escaped.
    pub line: String,
    /// What is behind it.
    pub folios: LargeFolios,
}

/// One process.
#[derive(Clone, Debug)]
pub struct ProcessFolios {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its mappings, by address.
    pub mappings: Vec<MappingFolios>,
    /// All of them together.
    pub folios: LargeFolios,
}

/// Large folios of a process, by mapping; `blocks` are orders of blocks to be counted.
///
/// # Errors
/// It, or flags, cannot be read, or the kernel withholds page numbers.
pub fn folios_of(
    process: &Process,
    name: String,
    source: &dyn Source,
    blocks: &[u32],
) -> Result<ProcessFolios> {
    let mut all = LargeFolios::default();
    let mut mappings = Vec::new();
    for properties in smaps(process.root(), process.pid())? {
        let folios = folios_of_mapping(process, &properties, source, blocks)?;
        all.merge(&folios);
        let (_, line, _) = properties;
        mappings.push(MappingFolios { line, folios });
    }
    process.check_whole()?;
    Ok(ProcessFolios {
        pid: process.pid(),
        name,
        mappings,
        folios: all,
    })
}

fn folios_of_mapping(
    process: &Process,
    properties: &MappingProperties,
    source: &dyn Source,
    blocks: &[u32],
) -> Result<LargeFolios> {
    let Some(resident) = resident(properties, process.page_bytes()) else {
        return Ok(LargeFolios::default());
    };
    let mut walk = Walk::new(source, blocks);
    process.walk_mapping(&properties.0, PageSpan::ALL, &mut |place, entries| {
        walk.take(place, entries)
    })?;
    walk.close()?;
    let mut folios = walk.found;
    folios.resident = resident.pages;
    let pmd_order = source.machine().pmd_pages.ilog2();
    for (backing, pages) in resident.pmd_mapped {
        folios.set_pmd_mapped(backing, pages, pmd_order);
    }
    Ok(folios)
}

/// What `smaps` says of a mapping, in pages.
struct Resident {
    pages: [u64; Backing::ALL.len()],
    pmd_mapped: [(Backing, u64); 2],
}

/// `None` where nothing is resident, or nobody may look.
fn resident((mapping, _, properties): &MappingProperties, page_bytes: u64) -> Option<Resident> {
    let pages = |name: &str| {
        let found = properties.iter().find(|(known, _)| known == name);
        let bytes: u64 = found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        bytes / page_bytes
    };
    let (rss, anon) = (pages("Rss"), pages("Anonymous"));
    let hugetlb = pages("Shared_Hugetlb") + pages("Private_Hugetlb");
    let is_accessible = !mapping.permissions.starts_with("---");
    (is_accessible && rss + hugetlb > 0).then(|| Resident {
        pages: [anon, rss.saturating_sub(anon), hugetlb],
        pmd_mapped: [
            (Backing::Anon, pages("AnonHugePages")),
            (
                Backing::File,
                pages("ShmemPmdMapped") + pages("FilePmdMapped"),
            ),
        ],
    })
}

/// Consecutive pages of one folio at consecutive addresses.
struct Fragment {
    backing: Backing,
    place: u64,
    pfn: Pfn,
    pages: u64,
    has_head: bool,
}

/// Finds the fragments of folios in the entries of one mapping.
struct Walk<'a> {
    source: &'a dyn Source,
    blocks: &'a [u32],
    open: Option<Fragment>,
    found: LargeFolios,
}

impl<'a> Walk<'a> {
    fn new(source: &'a dyn Source, blocks: &'a [u32]) -> Self {
        Self {
            source,
            blocks,
            open: None,
            found: LargeFolios::default(),
        }
    }

    fn take(&mut self, first: u64, entries: &[PagemapEntry]) -> Result<()> {
        let mut done = 0;
        while done < entries.len() {
            let run = PagemapEntry::consecutive(&entries[done..]);
            if let Some(pfn) = entries[done].pfn() {
                let mut words = vec![PageFlags::NONE; run];
                let got = self.source.read_flags(pfn, &mut words)?;
                for (at, &flags) in (0..).zip(&words[..got]) {
                    self.page(first + done as u64 + at, pfn.plus(at), flags)?;
                }
            }
            done += run;
        }
        Ok(())
    }

    fn page(&mut self, place: u64, pfn: Pfn, flags: PageFlags) -> Result<()> {
        let backing = Backing::of(flags);
        let is_head = flags.has(PageFlags::COMPOUND_HEAD);
        if let (Some(open), Some(_), false) = (&mut self.open, backing, is_head)
            && place == open.place + open.pages
            && pfn == open.pfn.plus(open.pages)
        {
            open.pages += 1;
            return Ok(());
        }
        self.close()?;
        self.open = backing.map(|backing| Fragment {
            backing,
            place,
            pfn,
            pages: 1,
            has_head: is_head,
        });
        Ok(())
    }

    /// Counts the fragment that is open, which ends here.
    fn close(&mut self) -> Result<()> {
        let Some(fragment) = self.open.take() else {
            return Ok(());
        };
        let Fragment {
            backing,
            place,
            pfn,
            pages,
            has_head,
        } = fragment;
        let may_be_whole = has_head && pages.is_power_of_two();
        let (fit, order) = match may_be_whole && !self.is_tail(pfn.plus(pages))? {
            false => (Fit::Partial, None),
            true if place.is_multiple_of(pages) => (Fit::Aligned, Some(pages.ilog2())),
            true => (Fit::Unaligned, Some(pages.ilog2())),
        };
        self.found.add(Count {
            backing,
            fit,
            order,
            pages,
        });
        for &order in self.blocks {
            let size = 1u64 << order;
            let skipped = place.next_multiple_of(size) - place;
            let whole = pages.saturating_sub(skipped) / size * size;
            if place % size == pfn.0 % size && whole > 0 {
                self.found.add(Count {
                    backing,
                    fit: Fit::Block,
                    order: Some(order),
                    pages: whole,
                });
            }
        }
        Ok(())
    }

    fn is_tail(&self, pfn: Pfn) -> Result<bool> {
        let mut word = [PageFlags::NONE];
        let got = self.source.read_flags(pfn, &mut word)?;
        Ok(got == 1 && word[0].has(PageFlags::COMPOUND_TAIL))
    }
}
