//! Pages one after the other, with what is known of each.

use std::path::{Path, PathBuf};

use super::Sight;
use super::lookup::Lookup;
use crate::classify::Key;
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, PageSpan, PagemapEntry, Pfn};
use crate::recording::Plane;
use crate::scan::{Block, Reach, Watcher, read_in_order};
use crate::source::{CachedFiles, Process, Source, files_below};

/// Which pages.
#[derive(Debug)]
pub enum Place {
    /// Those of memory.
    Memory,
    /// Those of a process, by address.
    Process(Process),
    /// Those that hold a file, or the files below a directory, by page of the file.
    File(PathBuf),
}

/// What is asked beside flags, which costs another read each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Only pages that are charged to this cgroup.
    pub cgroup: Option<u64>,
    /// The cgroup of each page.
    pub cgroups: bool,
    /// How often each page is mapped.
    pub counts: bool,
}

/// One page, or one that is in swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its page of the address space or of the file.
    pub place: u64,
    /// Its number; of one that is in swap, its place there.
    pub offset: u64,
    /// What is seen of its flags.
    pub flags: PageFlags,
    /// Its key of the class lens; `None` for one that is in swap.
    pub class: Option<Key>,
    /// What the process's page table says.
    pub entry: PagemapEntry,
    /// Inode of its cgroup; 0 for none, or not asked.
    pub cgroup: u64,
    /// Mappings; 0 for none, or not asked.
    pub map_count: u64,
}

impl Page {
    /// The same without what page-types does not look at.
    #[must_use]
    pub fn as_page_types_sees_it(&self) -> Self {
        Self {
            class: None,
            entry: PagemapEntry::NONE,
            ..*self
        }
    }
}

/// In whose manner pages are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Only what exists.
    Own,
    /// Everything that the kernel's file has an answer for, and a new run every 65,536 pages, because
    /// page-types counts places anew with each read.
    PageTypes,
}

/// Pages of one read of page-types.
const PAGE_TYPES_BATCH: u64 = 1 << 16;

impl Manner {
    /// Which pages are read.
    pub fn reach(self) -> Reach {
        match self {
            Self::Own => Reach::Existing,
            Self::PageTypes => Reach::Everything,
        }
    }

    /// What a page of memory's place is taken for.
    fn place(self, page: u64, span: PageSpan) -> u64 {
        match self {
            Self::Own => page,
            Self::PageTypes => span.start + (page - span.start) % PAGE_TYPES_BATCH,
        }
    }
}

/// Everything that says which pages are walked and what is seen of them.
pub struct Walk<'a> {
    /// Where flags come from.
    pub source: &'a dyn Source,
    /// How they are seen.
    pub sight: &'a Sight,
    /// Which pages.
    pub place: &'a Place,
    /// Parts of it, in this order; all of it where there is none.
    pub spans: &'a [PageSpan],
    /// What else is asked.
    pub wanted: Wanted,
    /// In whose manner.
    pub manner: Manner,
    /// Who watches.
    pub watcher: &'a dyn Watcher,
}

/// Takes one page.
type TakePage<'a> = dyn FnMut(&Page) -> Result<()> + 'a;

impl Walk<'_> {
    /// Hands over every page that is wanted and seen, and says how many files of a directory could not be
    /// looked at.
    ///
    /// # Errors
    /// Something cannot be read, the watcher said stop, or `take` failed.
    pub fn run(&self, take: &mut TakePage<'_>) -> Result<u64> {
        let all = [PageSpan::ALL];
        let spans = if self.spans.is_empty() {
            &all
        } else {
            self.spans
        };
        match self.place {
            Place::Memory => {
                spans.iter().try_for_each(|&span| self.memory(span, take))?;
                Ok(0)
            }
            Place::Process(process) => {
                let mut lookup = Lookup::new(self.source);
                let mappings = process.mappings()?;
                for &span in spans {
                    for mapping in &mappings {
                        process.walk_mapping(mapping, span, &mut |at, entries| {
                            self.entries(&mut lookup, at, entries, take)
                        })?;
                    }
                }
                Ok(0)
            }
            Place::File(path) => self.files(path, spans, take),
        }
    }

    /// Of a directory, files that vanish or cannot be mapped are passed over.
    fn files(&self, path: &Path, spans: &[PageSpan], take: &mut TakePage<'_>) -> Result<u64> {
        let mut lookup = Lookup::new(self.source);
        let cached = CachedFiles::new(self.source.machine().page_size.bytes())?;
        let (files, is_tree) = files_below(path)?;
        let mut passed_over = 0;
        for file in files {
            for &span in spans {
                let walked = cached.walk(&file, span, &mut |at, entries| {
                    self.entries(&mut lookup, at, entries, take)
                });
                match walked {
                    Err(Error::Read { path, .. }) if is_tree && path == file => passed_over += 1,
                    walked => walked?,
                }
            }
        }
        Ok(passed_over)
    }

    fn memory(&self, span: PageSpan, take: &mut TakePage<'_>) -> Result<()> {
        let each = &mut |block: &Block<'_>| {
            let planes = self.planes(block.start, block.words.len())?;
            for (at, (&flags, &class)) in block.words.iter().zip(block.classes).enumerate() {
                let page = Page {
                    place: self.manner.place(block.start.0 + at as u64, span),
                    offset: block.start.0 + at as u64,
                    flags,
                    class: Some(class),
                    entry: PagemapEntry::NONE,
                    cgroup: planes.cgroup(at),
                    map_count: planes.map_count(at),
                };
                self.offer(page, take)?;
            }
            Ok(())
        };
        read_in_order(self.source, self.manner.reach(), span, self.watcher, each)
    }

    fn entries(
        &self,
        lookup: &mut Lookup<'_>,
        at: u64,
        entries: &[PagemapEntry],
        take: &mut TakePage<'_>,
    ) -> Result<()> {
        self.watcher.stop().map_or(Ok(()), Err)?;
        let mut done = 0;
        while done < entries.len() {
            let run = PagemapEntry::consecutive(&entries[done..]);
            let place = at + done as u64;
            match entries[done].pfn().filter(|&pfn| pfn != Pfn(0)) {
                Some(first) => {
                    self.run_of_pages(lookup, place, first, &entries[done..done + run], take)?;
                }
                None => self.swapped(place, entries[done], take)?,
            }
            done += run;
        }
        Ok(())
    }

    /// Consecutive pages of memory behind consecutive pages of a process: one read.
    fn run_of_pages(
        &self,
        lookup: &mut Lookup<'_>,
        place: u64,
        first: Pfn,
        entries: &[PagemapEntry],
        take: &mut TakePage<'_>,
    ) -> Result<()> {
        let words = lookup.flags(first, entries.len())?;
        let planes = self.planes(first, words.len())?;
        for (at, (&flags, &entry)) in words.iter().zip(entries).enumerate() {
            let pfn = first.plus(at as u64);
            let page = Page {
                place: place + at as u64,
                offset: pfn.0,
                flags,
                class: Some(lookup.class(pfn, flags)?),
                entry,
                cgroup: planes.cgroup(at),
                map_count: planes.map_count(at),
            };
            self.offer(page, take)?;
        }
        Ok(())
    }

    fn swapped(&self, place: u64, entry: PagemapEntry, take: &mut TakePage<'_>) -> Result<()> {
        let Some((_, offset)) = entry.swap() else {
            return Ok(());
        };
        let page = Page {
            place,
            offset,
            flags: PageFlags::NONE,
            class: None,
            entry,
            cgroup: 0,
            map_count: 0,
        };
        self.offer(page, take)
    }

    fn offer(&self, page: Page, take: &mut TakePage<'_>) -> Result<()> {
        let machine = self.source.machine();
        let is_selected = match page.class {
            Some(_) => machine.is_selected(Pfn(page.offset)),
            // What is in swap is nowhere in memory.
            None => machine.selected.is_none(),
        };
        let is_charged = self
            .wanted
            .cgroup
            .is_none_or(|cgroup| page.cgroup == cgroup);
        match self
            .sight
            .see(page.flags, page.entry)
            .filter(|_| is_charged && is_selected)
        {
            Some(flags) => take(&Page { flags, ..page }),
            None => Ok(()),
        }
    }

    fn planes(&self, start: Pfn, pages: usize) -> Result<Planes> {
        let read = |plane, wanted: bool| {
            if !wanted {
                return Ok(Vec::new());
            }
            let mut words = vec![0; pages];
            // What is missing at the end reads as none.
            self.source.read_plane(plane, start, &mut words)?;
            Ok::<_, Error>(words)
        };
        let cgroups = self.wanted.cgroups || self.wanted.cgroup.is_some();
        Ok(Planes {
            cgroups: read(Plane::Cgroups, cgroups)?,
            counts: read(Plane::Counts, self.wanted.counts)?,
        })
    }
}

struct Planes {
    cgroups: Vec<u64>,
    counts: Vec<u64>,
}

impl Planes {
    fn cgroup(&self, at: usize) -> u64 {
        self.cgroups.get(at).copied().unwrap_or(0)
    }

    fn map_count(&self, at: usize) -> u64 {
        self.counts.get(at).copied().unwrap_or(0)
    }
}

/// Consecutive pages that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub page: Page,
    /// How many.
    pub pages: u64,
}

/// Joins pages to runs.
#[derive(Debug, Default)]
pub struct Runs {
    open: Option<Run>,
}

impl Runs {
    /// Takes the next page; gives the run before it when it is whole.
    pub fn push(&mut self, page: &Page) -> Option<Run> {
        match &mut self.open {
            Some(run) if run.goes_on_with(page) => {
                run.pages += 1;
                None
            }
            open => open.replace(Run {
                page: *page,
                pages: 1,
            }),
        }
    }

    /// The last run.
    pub fn finish(self) -> Option<Run> {
        self.open
    }
}

impl Run {
    fn goes_on_with(&self, page: &Page) -> bool {
        // What is no page is a run with its like only.
        let kind = |page: &Page| (page.class, page.entry.is_guard(), page.entry.is_swap());
        let like = |page: &Page| (page.flags, kind(page), page.cgroup, page.map_count);
        like(&self.page) == like(page)
            && page.offset == self.page.offset + self.pages
            && page.place == self.page.place + self.pages
    }
}
