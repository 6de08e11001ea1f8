//! A raw copy of kpageflags, what `page-types -F` reads: words, and nothing about the machine.

use std::path::Path;

use jiff::Timestamp;

use super::machine::{Machine, PageSize, USUAL_PAGE_BYTES};
use super::{FlagsFile, Overrides, Source};
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn};

/// An open raw dump. Zones, RAM and names are unknown, and so is the page size unless given.
#[derive(Debug)]
pub struct RawDump {
    flags: FlagsFile,
    machine: Machine,
    time: Option<Timestamp>,
}

impl RawDump {
    /// Opens a dump, packed by zstd or not.
    ///
    /// # Errors
    /// As [`FlagsFile::open`].
    pub fn open(path: &Path, overrides: Overrides) -> Result<Self> {
        let flags = FlagsFile::open(path)?;
        // Named as a file, the kernel's own still has this kernel's pages.
        let own = flags
            .is_kernel()
            .then(|| Machine::of_this_kernel(overrides.page_bytes));
        let (assumed, end) = own.map_or_else(
            || (PageSize::Assumed(USUAL_PAGE_BYTES), Pfn(0)),
            |kernel| (kernel.page_size, kernel.expected_end),
        );
        let page_size = overrides.page_bytes.map_or(assumed, PageSize::Known);
        let machine = Machine::unknown(page_size, flags.extent(end));
        Ok(Self {
            flags,
            machine,
            time: overrides.time,
        })
    }
}

impl Source for RawDump {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.flags.read(start, into)
    }

    fn time(&self) -> Timestamp {
        self.time.unwrap_or_else(|| self.flags.time())
    }

    fn path(&self) -> &Path {
        self.flags.path()
    }

    fn is_live(&self) -> bool {
        self.flags.is_kernel()
    }
}
