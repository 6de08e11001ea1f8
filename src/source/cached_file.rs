//! Which pages of memory hold a file: those of the page cache, found by mapping it and asking our own page
//! table. One of two files with unsafe code: no crate asks mincore.
//!
//! Nothing is read from disk and nothing is changed: not the time of the last access, not what the kernel
//! knows of how often a page is used. The mapping is never looked into by us: a file that is cut
//! meanwhile cannot hurt.
#![allow(unsafe_code, reason = "mmap and mincore of a file")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use memmap2::{Advice, Mmap, MmapOptions};
use rustix::fs::{MemfdFlags, memfd_create};

use super::{Process, as_user};
use crate::error::{Error, Result};
use crate::kernel::{PageSpan, PagemapEntry};

/// Pages that are mapped at a time.
const BATCH_PAGES: u64 = 1 << 16;

/// Finds the cached pages of files, one file after the other.
#[derive(Debug)]
pub struct CachedFiles {
    page_bytes: u64,
    own: Process,
    /// Takes a byte of each page, so that the kernel looks at it and not we.
    sink: OwnedFd,
}

impl CachedFiles {
    /// Ready to look.
    ///
    /// # Errors
    /// Our own page table cannot be read.
    pub fn new(page_bytes: u64) -> Result<Self> {
        let own = Process::own(page_bytes)?;
        let sink = memfd_create("pagemap-viz", MemfdFlags::CLOEXEC);
        let sink = sink.map_err(|errno| Error::Scratch {
            what: "a byte of each page",
            scratch: "memory".into(),
            cause: errno.into(),
        })?;
        Ok(Self {
            page_bytes,
            own,
            sink,
        })
    }

    /// Hands over the page table entries of the cached pages of `span` of a file, ascending, by page of
    /// the file. Pages that are not in memory have none. The file is not mapped any more then, so that it
    /// has no mark of us.
    ///
    /// # Errors
    /// The file cannot be opened or mapped, our page table cannot be read, or `take` failed.
    pub fn walk(
        &self,
        path: &Path,
        span: PageSpan,
        take: &mut dyn FnMut(u64, &[PagemapEntry]) -> Result<()>,
    ) -> Result<()> {
        let failed = |cause| Error::Read {
            path: path.to_owned(),
            cause,
        };
        let file = open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let pages = span.within(0, bytes.div_ceil(self.page_bytes));
        let mut at = pages.start;
        while at < pages.end {
            let count = BATCH_PAGES.min(pages.end - at);
            let (offset, length) = (at * self.page_bytes, count * self.page_bytes);
            let mapped = map(&file, offset, length).map_err(failed)?;
            self.populate(&mapped).map_err(failed)?;
            let first = mapped.as_ptr() as u64 / self.page_bytes;
            let here = PageSpan {
                start: first,
                end: first + count,
            };
            let mut entries = Vec::with_capacity(count as usize);
            self.own.read(here, &mut |_, found| {
                entries.extend_from_slice(found);
                Ok(())
            })?;
            // Accesses through a sequential mapping are not taken for use when it goes.
            let _ = mapped.advise(Advice::Sequential);
            drop(mapped);
            take(at, &entries)?;
            at += count;
        }
        Ok(())
    }

    /// Puts the cached pages into our page table.
    fn populate(&self, mapped: &Mmap) -> io::Result<()> {
        // No reading ahead of a page that goes away between the question and the look.
        mapped.advise(Advice::Random)?;
        for (page, is_cached) in (0u64..).zip(cached(mapped, self.page_bytes)?) {
            if is_cached {
                let at = (page * self.page_bytes) as usize;
                // The kernel copies the byte; of a page that is gone it says EFAULT, where a look of
                // ours would be a SIGBUS. Then the page is not in memory.
                let _ = rustix::io::pwrite(&self.sink, &mapped[at..=at], 0);
            }
        }
        Ok(())
    }
}

/// Without a trace in the time of the last access, where the file is ours or we are root.
fn open(path: &Path) -> io::Result<File> {
    as_user(|| open_quietly(path))
}

fn open_quietly(path: &Path) -> io::Result<File> {
    let quietly = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOATIME)
        .open(path);
    match quietly {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => File::open(path),
        opened => opened,
    }
}

/// The file, or the regular files below a directory, on its file system and not through links; and whether
/// it is a directory.
///
/// # Errors
/// It cannot be looked at, or is neither.
pub fn files_below(path: &Path) -> Result<(impl Iterator<Item = PathBuf> + use<>, bool)> {
    let metadata = metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(Error::NoPageCache {
            path: path.to_owned(),
        });
    }
    let tree = walkdir::WalkDir::new(path)
        .follow_root_links(true)
        .same_file_system(true);
    let mut tree = tree.into_iter();
    let entries = std::iter::from_fn(move || as_user(|| tree.next())).flatten();
    let is_file = |path: &Path| as_user(|| path.symlink_metadata()).is_ok_and(|m| m.is_file());
    let regular = entries.filter(move |entry| is_file(entry.path()));
    let named = metadata.is_file().then(|| path.to_owned());
    let below = regular.map(walkdir::DirEntry::into_path);
    let is_file = metadata.is_file();
    Ok((
        named.into_iter().chain(below.filter(move |_| !is_file)),
        !is_file,
    ))
}

/// What is known of a file beside its pages.
#[derive(Clone, Debug)]
pub struct FileState {
    /// Its name.
    pub path: PathBuf,
    /// Its inode.
    pub inode: u64,
    /// Its length.
    pub bytes: u64,
    /// When it was written last, in local time, and how long ago in seconds.
    pub modified: (Zoned, i64),
    /// When it was read last, likewise.
    pub accessed: (Zoned, i64),
}

impl FileState {
    /// Of this file.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(path: &Path) -> Result<Self> {
        let metadata = metadata(path)?;
        let now = Timestamp::now().as_second();
        let time = |seconds: i64| {
            let time = Timestamp::from_second(seconds).unwrap_or_default();
            (time.to_zoned(TimeZone::system()), now - seconds)
        };
        Ok(Self {
            path: path.to_owned(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: time(metadata.mtime()),
            accessed: time(metadata.atime()),
        })
    }
}

fn metadata(path: &Path) -> Result<std::fs::Metadata> {
    as_user(|| std::fs::metadata(path)).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })
}

fn map(file: &File, offset: u64, bytes: u64) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    options.offset(offset).len(bytes as usize);
    // SAFETY: nobody looks into the mapping, so that it is of no matter whether the file changes.
    unsafe { options.map(file) }
}

fn cached(mapped: &Mmap, page_bytes: u64) -> io::Result<Vec<bool>> {
    let pages = (mapped.len() as u64).div_ceil(page_bytes) as usize;
    let mut residency = vec![0u8; pages];
    let start = mapped.as_ptr().cast_mut().cast();
    // SAFETY: the range is one mapping of ours, begins on a page, and there is a byte for each page.
    let answer = unsafe { libc::mincore(start, mapped.len(), residency.as_mut_ptr()) };
    match answer {
        0 => Ok(residency.into_iter().map(|byte| byte & 1 == 1).collect()),
        _ => Err(io::Error::last_os_error()),
    }
}
