//! What a single page is, where pages are not read in a row; and whether the KSM bit is to be believed before
//! all pages were read.

use std::collections::HashMap;

use crate::classify::{Classifier, CompoundSize, Key, KsmVerdict, judge};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, PageSpan, Pfn, PfnRange};
use crate::scan::{Watcher, find_proof_of_ksm};
use crate::source::{Clock, Process, Source};

/// Windows that are kept: 2 MiB of keys.
const WINDOWS: usize = 4096;

/// Anonymous pages of our own that are asked. One would do, if none were merged.
const OWN_PAGES: usize = 64;

/// Flags and classes of single pages.
///
/// A page that is part of a compound has its class from the whole of it, so the PMD-sized window round it is
/// read, once.
pub(super) struct Lookup<'a> {
    source: &'a dyn Source,
    classifier: Classifier,
    windows: HashMap<u64, Vec<Key>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self {
            source,
            classifier: Classifier::new(source.machine().pmd_pages),
            windows: HashMap::new(),
        }
    }

    /// The flags of consecutive pages; fewer where memory ends.
    pub(super) fn flags(&self, start: Pfn, pages: usize) -> Result<Vec<PageFlags>> {
        let mut words = vec![PageFlags::NONE; pages];
        let got = self.source.read_flags(start, &mut words)?;
        words.truncate(got);
        Ok(words)
    }

    /// The key of the class lens of page `pfn` with these flags.
    pub(super) fn class(&mut self, pfn: Pfn, flags: PageFlags) -> Result<Key> {
        let here = PfnRange::new(pfn.0, pfn.0 + 1);
        if !self.source.machine().outside_ram(here).is_empty() {
            return Ok(Key::HOLE);
        }
        if !flags.has(PageFlags::COMPOUND) {
            return Ok(judge(flags, CompoundSize::Single));
        }
        let pmd_pages = self.source.machine().pmd_pages;
        let window = pfn.0 / pmd_pages;
        if !self.windows.contains_key(&window) {
            if self.windows.len() == WINDOWS {
                self.windows.clear();
            }
            let words = self.flags(Pfn(window * pmd_pages), pmd_pages as usize)?;
            let after = self.flags(Pfn((window + 1) * pmd_pages), 1)?;
            let mut keys = vec![Key::HOLE; words.len()];
            self.classifier.classify(&words, None, &after, &mut keys);
            self.windows.insert(window, keys);
        }
        let keys = &self.windows[&window];
        let key = keys.get((pfn.0 % pmd_pages) as usize);
        Ok(key.copied().unwrap_or(Key::HOLE))
    }
}

/// Whether the KSM bit of `source` is to be believed. Of a running kernel our own anonymous pages tell: some of
/// them are not merged, and where all say that they are, the bit means nothing. Of a copy all pages are read.
///
/// # Errors
/// The source cannot be read, or the watcher said stop.
pub fn ksm_verdict(
    source: &dyn Source,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<KsmVerdict> {
    let of_all = || find_proof_of_ksm(source, threads, watcher);
    if source.clock() != Clock::Now {
        return of_all();
    }
    match of_own_pages(source) {
        // Without the right to see page numbers there is no other way.
        Err(Error::PfnsWithheld { .. } | Error::Process { .. }) => of_all(),
        verdict => verdict,
    }
}

fn of_own_pages(source: &dyn Source) -> Result<KsmVerdict> {
    let page_bytes = source.machine().page_size.bytes();
    let mut verdict = KsmVerdict::Doubted;
    let mut asked = 0;
    let own = Process::own(page_bytes)?;
    own.walk(PageSpan::ALL, &mut |_, entries| {
        for pfn in entries
            .iter()
            .filter(|entry| !entry.is_file())
            .filter_map(|e| e.pfn())
        {
            if asked < OWN_PAGES && verdict == KsmVerdict::Doubted {
                asked += 1;
                let mut flags = [PageFlags::NONE];
                source.read_flags(pfn, &mut flags)?;
                if flags[0].has(PageFlags::ANON) && !flags[0].has(PageFlags::KSM) {
                    verdict = KsmVerdict::Believed;
                }
            }
        }
        Ok(())
    })?;
    Ok(verdict)
}
