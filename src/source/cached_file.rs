//! Which pages of memory hold a file: those of the page cache, found by mapping it and asking our own page
//! table. One of two files with unsafe code: no crate asks mincore.
//!
//! Nothing is read from disk, and the mapping is never looked into: a file that is cut meanwhile cannot
//! hurt.
#![allow(unsafe_code, reason = "mmap and mincore of a file")]

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use memmap2::{Advice, Mmap, MmapOptions};

use super::Process;
use crate::error::{Error, Result};
use crate::kernel::{PageSpan, PagemapEntry};

/// Pages that are mapped at a time.
const BATCH_PAGES: u64 = 1 << 16;

/// Hands over the page table entries of the cached pages of `span` of a file, ascending, by page of the
/// file. Pages that are not in memory have none.
///
/// # Errors
/// The file cannot be opened or mapped, our page table cannot be read, or `take` failed.
pub fn walk_cached_file(
    path: &Path,
    span: PageSpan,
    page_bytes: u64,
    take: &mut dyn FnMut(u64, &[PagemapEntry]) -> Result<()>,
) -> Result<()> {
    let failed = |cause| Error::Read {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let pages = span.within(0, bytes.div_ceil(page_bytes));
    let own = Process::open(Path::new("/"), std::process::id(), page_bytes)?;
    let memory = File::open("/proc/self/mem").map_err(failed)?;
    let mut at = pages.start;
    while at < pages.end {
        let count = BATCH_PAGES.min(pages.end - at);
        let mapped = map(&file, at * page_bytes, count * page_bytes).map_err(failed)?;
        populate(&mapped, &memory, page_bytes).map_err(failed)?;
        let first = mapped.as_ptr() as u64 / page_bytes;
        let here = PageSpan {
            start: first,
            end: first + count,
        };
        own.walk(here, &mut |page, entries| {
            take(at + (page - first), entries)
        })?;
        // Leaves no trace in the file's reference bits.
        let _ = mapped.advise(Advice::Sequential);
        at += count;
    }
    Ok(())
}

/// A file, or the regular files below a directory, on its file system and not through links.
///
/// # Errors
/// It cannot be looked at, or is neither.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = metadata(path)?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !metadata.is_dir() {
        return Err(Error::NoPageCache {
            path: path.to_owned(),
        });
    }
    let tree = walkdir::WalkDir::new(path).same_file_system(true);
    // What may not be looked into is passed over, as other users' directories are everywhere.
    let entries = tree.into_iter().flatten();
    let regular = entries.filter(|entry| entry.file_type().is_file());
    Ok(regular.map(walkdir::DirEntry::into_path).collect())
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
    std::fs::metadata(path).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })
}

/// The number that the kernel gives for pages charged to a cgroup: the inode of its directory.
///
/// # Errors
/// It is no directory.
pub fn cgroup_inode(path: &Path) -> Result<u64> {
    match metadata(path)? {
        metadata if metadata.is_dir() => Ok(metadata.ino()),
        _ => Err(Error::NotACgroup {
            path: path.to_owned(),
        }),
    }
}

fn map(file: &File, offset: u64, bytes: u64) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    options.offset(offset).len(bytes as usize);
    // SAFETY: nobody looks into the mapping, so that it is of no matter whether the file changes.
    unsafe { options.map(file) }
}

/// Puts the cached pages into our page table: through `/proc/self/mem`, which answers with an error where
/// a look would be a SIGBUS.
fn populate(mapped: &Mmap, memory: &File, page_bytes: u64) -> io::Result<()> {
    let mut byte = [0];
    for (page, is_cached) in (0u64..).zip(cached(mapped, page_bytes)?) {
        if is_cached {
            // A page that went away since is not in memory.
            let _ = memory.read_at(&mut byte, mapped.as_ptr() as u64 + page * page_bytes);
        }
    }
    Ok(())
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
