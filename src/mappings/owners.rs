//! Who holds a page.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::kernel::{PageFlags, PageSpan, Pfn};
use crate::source::{Process, Source};

/// The largest folio that is looked for: 1 GiB of 4 KiB pages.
const MAX_FOLIO_PAGES: u64 = 1 << 18;

/// Words that are read at a time when a folio's end is looked for.
const STEP_PAGES: usize = 512;

/// One place where a page is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The page.
    pub pfn: Pfn,
    /// The process.
    pub pid: u32,
    /// Its name.
    pub process: String,
    /// The address.
    pub address: u64,
    /// What the mapping is called; nothing for an anonymous one.
    pub mapping: String,
}

/// Where a process maps any of these pages.
///
/// # Errors
/// It cannot be read, or the kernel withholds page numbers.
pub fn holders(process: &Process, name: &str, wanted: &BTreeSet<Pfn>) -> Result<Vec<Holder>> {
    let mut holders = Vec::new();
    for mapping in process.mappings()? {
        process.walk_mapping(&mapping, PageSpan::ALL, &mut |first, entries| {
            for (place, entry) in (first..).zip(entries) {
                if let Some(pfn) = entry.pfn().filter(|pfn| wanted.contains(pfn)) {
                    holders.push(Holder {
                        pfn,
                        pid: process.pid(),
                        process: name.to_owned(),
                        address: place * process.page_bytes(),
                        mapping: mapping.shown_name(),
                    });
                }
            }
            Ok(())
        })?;
    }
    Ok(holders)
}

/// The first page and the number of pages of the folio that a page is part of. A page that is part of none
/// is one by itself.
///
/// # Errors
/// The source cannot be read.
pub fn folio_of(source: &dyn Source, pfn: Pfn) -> Result<(Pfn, u64)> {
    let flags = |pfn: Pfn| {
        let mut word = [PageFlags::NONE];
        source.read_flags(pfn, &mut word)?;
        Ok(word[0])
    };
    // A folio is aligned to its size, so its head is at one of few places.
    let mut size = 1;
    let head = loop {
        let candidate = Pfn(pfn.0 - pfn.0 % size);
        let found = flags(candidate)?;
        if found.has(PageFlags::COMPOUND_HEAD) {
            break candidate;
        }
        if !found.has(PageFlags::COMPOUND_TAIL) || size == MAX_FOLIO_PAGES {
            return Ok((pfn, 1));
        }
        size *= 2;
    };
    let mut pages = 1;
    let mut words = [PageFlags::NONE; STEP_PAGES];
    while pages < MAX_FOLIO_PAGES {
        let got = source.read_flags(head.plus(pages), &mut words)?;
        let is_tail = |word: &&PageFlags| word.has(PageFlags::COMPOUND_TAIL);
        let tails = words[..got].iter().take_while(is_tail).count();
        pages += tails as u64;
        if tails < STEP_PAGES {
            break;
        }
    }
    match pfn.0 < head.0 + pages {
        true => Ok((head, pages)),
        false => Ok((pfn, 1)),
    }
}
