//! The page tables of one process: its mappings, and what is behind each page of them.
//!
//! Of a running kernel, or of a captured system, which carries the entries of each mapping in
//! `pagemap.bin` and where they are in `pagemap.idx`.

mod captured;
mod gauge;
mod identity;
mod list;
mod own;
mod pagemap_scan;
mod smaps;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use smaps::{MappingProperties, smaps};

pub use gauge::{Gauge, Moved, allow_many_files};
pub use identity::{
    MemoryInfo, ProcessStat, anonymous, cgroup_of, command_line, memory_info, parts, process_stat,
    rollup, user_of,
};
pub use list::{process_is_gone, process_is_refused, process_name, processes, processes_named};
pub use own::{cpu_time, ignores, peak_memory};

use self::captured::Captured;
use self::pagemap_scan::Region;
use crate::error::{Error, Result};
use crate::kernel::{Mapping, PageSpan, PagemapEntry, Pfn, parse_maps};
use crate::source::text::{open_regular, read_regular};

/// Entries of one read: 512 KiB.
const BATCH_PAGES: u64 = 1 << 16;

/// Mappings up to this size are read at once: asking first where something is gains nothing there.
const SPARSE_BYTES: u64 = 64 << 20;

/// Regions nearer to each other than this are read as one.
const GAP_PAGES: u64 = 64;

/// Addresses of the kernel's half belong to no page table of a process; vsyscall is there.
const KERNEL_HALF: u64 = 1 << 63;

/// One process, its page tables open.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    root: PathBuf,
    directory: PathBuf,
    page_bytes: u64,
    pagemap: Pagemap,
    needs_page_numbers: bool,
    /// Whether a mapped page had no entry.
    was_cut: AtomicBool,
}

#[derive(Debug)]
enum Pagemap {
    Kernel(File),
    Captured(Captured),
}

/// Takes the entries of consecutive pages, from a page of the address space on.
pub type TakeEntries<'a> = dyn FnMut(u64, &[PagemapEntry]) -> Result<()> + 'a;

impl Process {
    /// Opens process `pid` of the system below `root`.
    ///
    /// # Errors
    /// There is none, or it is not for this user.
    pub fn open(root: &Path, pid: u32, page_bytes: u64) -> Result<Self> {
        Self::open_in(root, &pid.to_string(), pid, page_bytes)
    }

    /// Opens our own process, whatever number it has in the name space of `/proc`.
    ///
    /// # Errors
    /// As [`Process::open`].
    pub fn own(page_bytes: u64) -> Result<Self> {
        Self::open_in(Path::new("/"), "self", std::process::id(), page_bytes)
    }

    fn open_in(root: &Path, name: &str, pid: u32, page_bytes: u64) -> Result<Self> {
        let directory = root.join("proc").join(name);
        let failed = |cause| failed(pid, cause);
        let index = directory.join("pagemap.idx");
        let pagemap = if index.exists() {
            Pagemap::Captured(Captured::open(&directory).map_err(failed)?)
        } else {
            Pagemap::Kernel(open_regular(&directory.join("pagemap")).map_err(failed)?)
        };
        Ok(Self {
            pid,
            root: root.to_owned(),
            directory,
            page_bytes,
            pagemap,
            needs_page_numbers: true,
            was_cut: AtomicBool::new(false),
        })
    }

    /// Whether what was read is all of it.
    ///
    /// # Errors
    /// It ended while it was read, or that cannot be told.
    pub fn check_whole(&self) -> Result<()> {
        if !self.was_cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.mappings()?.is_empty() {
            true => Err(self.is_gone()),
            false => Ok(()),
        }
    }

    /// What reading a process says when it has ended.
    pub fn is_gone(&self) -> Error {
        failed(self.pid, rustix::io::Errno::SRCH.into())
    }

    /// Whether the kernel tells which pages are behind its addresses; of a page that is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn tells_page_numbers(&self) -> Result<bool> {
        let mut tells = true;
        for mapping in self.mappings()? {
            let seen = self.walk_mapping(&mapping, PageSpan::ALL, &mut |_, _| Ok(()));
            match seen {
                Err(Error::PfnsWithheld { .. }) => tells = false,
                seen => seen?,
            }
        }
        Ok(tells)
    }

    /// Whether this kernel says where in large mappings something is (PAGEMAP_SCAN, 6.7).
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has_scan(&self) -> Result<bool> {
        match &self.pagemap {
            Pagemap::Captured(_) => Ok(false),
            Pagemap::Kernel(file) => {
                let page = PageSpan { start: 1, end: 2 };
                Ok(self.populated(file, page)?.is_some())
            }
        }
    }

    /// The same; page numbers may be withheld, which anybody's own processes are read with.
    #[must_use]
    pub fn without_page_numbers(self) -> Self {
        Self {
            needs_page_numbers: false,
            ..self
        }
    }

    /// Where the `proc` is that it is in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Bytes of one page.
    pub fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// Its mappings, ascending.
    ///
    /// # Errors
    /// It ended, or is not for this user.
    pub fn mappings(&self) -> Result<Vec<Mapping>> {
        let maps = read_regular(&self.directory.join("maps"));
        Ok(parse_maps(&maps.map_err(|cause| failed(self.pid, cause))?))
    }

    /// Hands over the entries of all mapped pages of `span`, ascending; those of large empty stretches
    /// are left out. Pages are those of addresses, counted from 0.
    ///
    /// # Errors
    /// It cannot be read, the kernel withholds page numbers, or `take` failed.
    pub fn walk(&self, span: PageSpan, take: &mut TakeEntries<'_>) -> Result<()> {
        for mapping in self.mappings()? {
            self.walk_mapping(&mapping, span, take)?;
        }
        Ok(())
    }

    /// The same, of one mapping.
    ///
    /// # Errors
    /// As [`Process::walk`].
    pub fn walk_mapping(
        &self,
        mapping: &Mapping,
        span: PageSpan,
        take: &mut TakeEntries<'_>,
    ) -> Result<()> {
        let (start, end) = (mapping.start, mapping.end);
        let pages = span.within(start / self.page_bytes, end / self.page_bytes);
        if pages.start >= pages.end || start >= KERNEL_HALF {
            return Ok(());
        }
        let mut seen = Seen {
            decided: !self.needs_page_numbers,
        };
        self.walk_pages(pages, &mut |at, entries| {
            seen.look(self.pid, entries)?;
            take(at, entries)
        })
    }

    fn walk_pages(&self, pages: PageSpan, take: &mut TakeEntries<'_>) -> Result<()> {
        let is_sparse = (pages.end - pages.start) * self.page_bytes > SPARSE_BYTES;
        match &self.pagemap {
            Pagemap::Kernel(file) if is_sparse => match self.populated(file, pages)? {
                Some(spans) => spans.into_iter().try_for_each(|span| self.read(span, take)),
                None => self.read(pages, take),
            },
            _ => self.read(pages, take),
        }
    }

    /// Where something is; `None` when this kernel does not say.
    fn populated(&self, file: &File, pages: PageSpan) -> Result<Option<Vec<PageSpan>>> {
        let bytes = self.page_bytes;
        let scanned = pagemap_scan::populated(file, pages.start * bytes, pages.end * bytes);
        let regions = match scanned {
            // Before 6.7, or another file system in its place.
            Err(rustix::io::Errno::NOTTY | rustix::io::Errno::INVAL) => return Ok(None),
            scanned => scanned.map_err(|errno| failed(self.pid, errno.into()))?,
        };
        let mut spans: Vec<PageSpan> = Vec::new();
        for Region { start, end } in regions {
            let (start, end) = (start / bytes, end / bytes);
            match spans.last_mut() {
                Some(last) if start <= last.end + GAP_PAGES => last.end = last.end.max(end),
                _ => spans.push(PageSpan { start, end }),
            }
        }
        Ok(Some(spans))
    }

    /// Hands over the entries of these pages, mapped or not.
    ///
    /// # Errors
    /// It cannot be read, or `take` failed.
    pub fn read(&self, pages: PageSpan, take: &mut TakeEntries<'_>) -> Result<()> {
        let batch = BATCH_PAGES.min(pages.end - pages.start) as usize;
        let mut entries = vec![PagemapEntry::NONE; batch];
        let mut at = pages.start;
        while at < pages.end {
            let wanted = BATCH_PAGES.min(pages.end - at) as usize;
            let got = self.read_entries(at, &mut entries[..wanted])?;
            take(at, &entries[..got])?;
            at += got as u64;
            // It ended, or unmapped this since its mappings were read.
            if got < wanted {
                self.was_cut.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(())
    }

    fn read_entries(&self, at: u64, into: &mut [PagemapEntry]) -> Result<usize> {
        let file = match &self.pagemap {
            Pagemap::Kernel(file) => file,
            Pagemap::Captured(captured) => {
                return captured
                    .read(at * self.page_bytes, self.page_bytes, into)
                    .map_err(|cause| failed(self.pid, cause));
            }
        };
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(into);
        let mut done = 0;
        while done < bytes.len() {
            match file.read_at(&mut bytes[done..], at * 8 + done as u64) {
                Ok(count) if count < 8 => break,
                Ok(count) => done += count - count % 8,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(failed(self.pid, cause)),
            }
        }
        Ok(done / 8)
    }
}

/// Whether the kernel tells page numbers. Page 0 is never in a process, so a present page 0 is one that
/// is withheld; the first of them decides.
struct Seen {
    decided: bool,
}

impl Seen {
    fn look(&mut self, pid: u32, entries: &[PagemapEntry]) -> Result<()> {
        if self.decided {
            return Ok(());
        }
        match entries.iter().find_map(|entry| entry.pfn()) {
            Some(Pfn(0)) => Err(Error::PfnsWithheld { pid }),
            first => {
                self.decided = first.is_some();
                Ok(())
            }
        }
    }
}

fn failed(pid: u32, cause: io::Error) -> Error {
    Error::Process { pid, cause }
}
