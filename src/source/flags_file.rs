//! Positioned reads of 8-byte words from one open file, the kernel's or a copy.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::machine::Extent;
use super::unpack;
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn};

const WORD_BYTES: u64 = 8;
const PROC_MAGIC: u64 = 0x9fa0;
/// What `st_blocks` counts.
const DISK_BLOCK_BYTES: u64 = 512;

/// An open `kpageflags`.
#[derive(Debug)]
pub struct FlagsFile {
    file: File,
    path: PathBuf,
    /// `None` for the kernel's own file, which has no length.
    pages: Option<u64>,
    date: Timestamp,
    /// Whether parts of it were never written, as in a copy of a machine with holes of terabytes.
    is_sparse: bool,
}

impl FlagsFile {
    /// Opens the kernel's file, a raw copy, a copy under zstd, or a pipe that brings one.
    ///
    /// A compressed or piped copy is laid out in an unnamed scratch file first, because workers
    /// read at positions of their own.
    ///
    /// # Errors
    /// Not there, not permitted, a directory, empty, or not whole words.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_plane(path, "kpageflags")
    }

    /// The same, for the kernel's file of that name.
    pub(super) fn open_plane(path: &Path, wanted: &str) -> Result<Self> {
        let file = File::open(path).map_err(|cause| failed_open(path, cause))?;
        let read_error = |cause| Error::Read {
            path: path.to_owned(),
            cause,
        };
        let metadata = file.metadata().map_err(read_error)?;
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| Timestamp::try_from(time).ok());
        let date = modified.unwrap_or(Timestamp::UNIX_EPOCH);
        let path_owned = path.to_owned();
        if metadata.is_dir() {
            return Err(Error::IsDirectory { path: path_owned });
        }
        if is_procfs(&file) {
            refuse_other_kernel_files(path, wanted)?;
            return Ok(Self {
                file,
                path: path_owned,
                pages: None,
                date,
                is_sparse: false,
            });
        }
        let file = unpack::readable_anywhere(file, metadata.is_file(), path)?;
        let metadata = file.metadata().map_err(read_error)?;
        let bytes = metadata.len();
        if bytes == 0 {
            return Err(Error::Empty { path: path_owned });
        }
        if bytes % WORD_BYTES != 0 {
            return Err(Error::UnevenLength {
                path: path_owned,
                bytes,
            });
        }
        Ok(Self {
            file,
            path: path_owned,
            pages: Some(bytes / WORD_BYTES),
            date,
            is_sparse: metadata.blocks().saturating_mul(DISK_BLOCK_BYTES) < bytes,
        })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True for the file of a running kernel.
    pub fn is_kernel(&self) -> bool {
        self.pages.is_none()
    }

    /// The end of a copy; for the kernel's file, `expected`.
    pub fn extent(&self, expected: Pfn) -> Extent {
        self.pages.map_or(Extent::Expected(expected), |pages| {
            Extent::Exact(Pfn(pages))
        })
    }

    /// The clock for the kernel's file, the last change for a copy.
    pub fn time(&self) -> Timestamp {
        if self.is_kernel() {
            Timestamp::now()
        } else {
            self.date
        }
    }

    /// See [`Source::read_flags`](super::Source::read_flags).
    ///
    /// # Errors
    /// What the system said.
    pub fn read(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.read_words(start, bytemuck::cast_slice_mut(into))
    }

    /// The same, for words of any meaning.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_words(&self, start: Pfn, into: &mut [u64]) -> Result<usize> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(into);
        let mut done = match self.is_sparse {
            true => self.zeros(start.0 * WORD_BYTES, bytes),
            false => 0,
        };
        while done < bytes.len() {
            let at = start.0 * WORD_BYTES + done as u64;
            match self.file.read_at(&mut bytes[done..], at) {
                // Offset and count must stay multiples of 8, so a broken word is read again.
                Ok(count) if count < WORD_BYTES as usize => break,
                Ok(count) => done += count - count % WORD_BYTES as usize,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    return Err(Error::Read {
                        path: self.path.clone(),
                        cause,
                    });
                }
            }
        }
        let pages = done / WORD_BYTES as usize;
        self.refuse_shrinking(start, pages, into.len())?;
        Ok(pages)
    }

    /// Fills what was never written from byte `at` on, which the system would fill page by page; gives how much.
    fn zeros(&self, at: u64, bytes: &mut [u8]) -> usize {
        let end = self.pages.map_or(0, |pages| pages * WORD_BYTES);
        let room = (bytes.len() as u64).min(end.saturating_sub(at));
        let data = match seek(&self.file, SeekFrom::Data(at)) {
            Ok(data) => data.clamp(at, at + room),
            // No data up to the end, if that is still where it was.
            Err(Errno::NXIO) if self.has_length(end) => at + room,
            // Not every file system tells.
            Err(_) => at,
        };
        let zeros = (data - at) / WORD_BYTES * WORD_BYTES;
        bytes[..zeros as usize].fill(0);
        zeros as usize
    }

    fn has_length(&self, bytes: u64) -> bool {
        let metadata = self.file.metadata();
        metadata.is_ok_and(|metadata| metadata.len() >= bytes)
    }

    fn refuse_shrinking(&self, start: Pfn, got: usize, asked: usize) -> Result<()> {
        let Some(expected) = self.pages else {
            return Ok(());
        };
        let at = start.0 + got as u64;
        if got < asked && at < expected {
            return Err(Error::Shrunk {
                path: self.path.clone(),
                at,
                expected,
            });
        }
        Ok(())
    }
}

fn failed_open(path: &Path, cause: io::Error) -> Error {
    let path = path.to_owned();
    let kernels = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("kpage"));
    match cause.kind() {
        io::ErrorKind::PermissionDenied if kernels => Error::NotPermitted { path },
        io::ErrorKind::NotFound if kernels => Error::NoPageFlags {
            why: why_missing(&path),
            path,
        },
        _ => Error::Read { path, cause },
    }
}

/// Why one of the kernel's files of pages may be missing.
fn why_missing(path: &Path) -> String {
    let option = match path.ends_with("kpagecgroup") {
        true => "CONFIG_MEMCG",
        false => "CONFIG_PROC_PAGE_MONITOR",
    };
    match path.starts_with("/proc") {
        true => format!(
            "the kernel lacks {option}, or a container hides the file; mount the host's root into it and name it with --sysroot"
        ),
        false => format!("it was not captured, or the kernel there lacks {option}"),
    }
}

/// Every file of procfs looks alike but for its name. Links are followed first.
fn refuse_other_kernel_files(path: &Path, wanted: &str) -> Result<()> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match real.file_name() {
        Some(name) if name == wanted => Ok(()),
        _ => Err(Error::NotPageFlags {
            path: path.to_owned(),
        }),
    }
}

pub(super) fn is_procfs(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|stat| stat.f_type as u64 == PROC_MAGIC)
}
