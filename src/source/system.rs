//! The files of one system: the running one at `/`, a captured one or a mounted host below another
//! root, or nothing but a raw dump of its flags.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;

use super::machine::{Machine, PageSize, USUAL_PAGE_BYTES};
use super::text::read_text;
use super::{Clock, FlagsFile, Overrides, Source};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn};
use crate::recording::Plane;

/// The flags of one system, and what describes the machine.
#[derive(Debug)]
pub struct System {
    flags: FlagsFile,
    machine: Machine,
    time: Option<Timestamp>,
    /// A dump has none.
    root: Option<PathBuf>,
    counts: Lazy,
    cgroups: Lazy,
}

/// A file that is opened when it is asked for: reading it doubles what a scan costs.
#[derive(Debug, Default)]
struct Lazy {
    file: OnceLock<FlagsFile>,
}

impl Lazy {
    fn open(&self, root: &Path, name: &str) -> Result<&FlagsFile> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let path = root.join("proc").join(name);
        let packed = path.with_extension("zst");
        let file = match FlagsFile::open_plane(&path, name) {
            Err(Error::NoPageFlags { .. }) if packed.exists() => {
                FlagsFile::open_plane(&packed, name)?
            }
            opened => opened?,
        };
        Ok(self.file.get_or_init(|| file))
    }
}

impl System {
    /// Opens the running kernel.
    ///
    /// # Errors
    /// No permission, or no such file.
    pub fn open_live(overrides: Overrides) -> Result<Self> {
        Self::open(Path::new("/"), overrides)
    }

    /// Opens the system below `root`: `proc/kpageflags`, or `proc/kpageflags.zst` of a packed capture.
    ///
    /// # Errors
    /// As [`FlagsFile::open`].
    pub fn open(root: &Path, overrides: Overrides) -> Result<Self> {
        let path = root.join("proc/kpageflags");
        let flags = match FlagsFile::open(&path) {
            Err(Error::NoPageFlags { .. }) if path.with_extension("zst").exists() => {
                FlagsFile::open(&path.with_extension("zst"))?
            }
            opened => opened?,
        };
        // A file of this kernel has this kernel's page size, whatever the root.
        let page_size = page_size(&flags, overrides)?;
        let mut machine = Machine::read(root, page_size);
        machine.extent = flags.extent(machine.expected_end);
        Ok(Self {
            flags,
            machine,
            time: overrides.time,
            root: Some(root.to_owned()),
            counts: Lazy::default(),
            cgroups: Lazy::default(),
        })
    }

    /// Opens a raw copy of kpageflags, what `page-types -F` reads. Zones, RAM and names are unknown,
    /// and so is the page size unless given.
    ///
    /// # Errors
    /// As [`FlagsFile::open`].
    pub fn open_dump(path: &Path, overrides: Overrides) -> Result<Self> {
        let flags = FlagsFile::open(path)?;
        // Named as a file, the kernel's own still has this kernel's pages and end.
        let end = match flags.is_kernel() {
            true => Machine::read(Path::new("/"), page_size(&flags, overrides)?).expected_end,
            false => Pfn(0),
        };
        let page_size = page_size(&flags, overrides)?;
        let page_size = page_size.unwrap_or(PageSize::Assumed(USUAL_PAGE_BYTES));
        let machine = Machine::unknown(page_size, flags.extent(end));
        Ok(Self {
            flags,
            machine,
            time: overrides.time,
            root: None,
            counts: Lazy::default(),
            cgroups: Lazy::default(),
        })
    }
}

/// What is known of the page size before anything else is read.
fn page_size(flags: &FlagsFile, overrides: Overrides) -> Result<Option<PageSize>> {
    let own = flags.is_kernel().then(|| rustix::param::page_size() as u64);
    match (overrides.page_bytes, own) {
        (Some(asked), Some(own)) if asked != own => Err(Error::PageSize { asked, own }),
        (asked, own) => Ok(asked.or(own).map(PageSize::Known)),
    }
}

impl Source for System {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.flags.read(start, into)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        let file = match (plane, &self.root) {
            (Plane::Flags, _) => return self.flags.read_words(start, into),
            (Plane::Counts, Some(root)) => self.counts.open(root, "kpagecount")?,
            (Plane::Cgroups, Some(root)) => self.cgroups.open(root, "kpagecgroup")?,
            (Plane::Counts | Plane::Cgroups, None) => {
                return Err(Error::NoPlane {
                    path: self.flags.path().to_owned(),
                    plane: plane.name(),
                });
            }
        };
        file.read_words(start, into)
    }

    fn time(&self) -> Timestamp {
        self.time.unwrap_or_else(|| self.flags.time())
    }

    fn path(&self) -> &Path {
        self.flags.path()
    }

    fn clock(&self) -> Clock {
        if self.flags.is_kernel() {
            Clock::Now
        } else {
            Clock::FileDate
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        read_text(self.root.as_ref()?, path)
    }
}
