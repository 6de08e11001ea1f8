//! Where bits come from. The only module that reads `/proc`, `/sys` or files of flags.
//!
//! The running kernel, a directory with copies of its files and a raw dump are one trait. Nothing
//! here judges a page.

mod access;
mod cached_file;
mod cgroup;
mod example;
mod flags_file;
mod machine;
mod privilege;
mod process;
mod recording;
mod selection;
mod system;
mod text;
mod unpack;

pub use access::{Access, access, chosen, confinement, file, is_systems_link, lockdown};
pub use cached_file::{CachedFiles, FileState, files_below};
pub use cgroup::{cgroup_directories, cgroup_inode, cgroup_name, processes_of_cgroup};
pub use example::EXAMPLE;
pub use flags_file::FlagsFile;
pub use machine::{Extent, Machine, MemorySpan, PageSize, SelectedPages, is_page_size};
pub use privilege::{
    as_user, asks_as_root, become_caller, caller, fence, gain_none, give_up, keep_what_is_needed,
};
pub use process::{
    Gauge, MappingProperties, MemoryInfo, Moved, Process, ProcessStat, TakeEntries,
    allow_many_files, anonymous, cgroup_of, command_line, cpu_time, ignores, memory_info, parts,
    peak_memory, process_is_gone, process_is_refused, process_name, process_stat, processes,
    processes_named, rollup, smaps, user_of,
};
pub use recording::{RecordedFrame, Recording};
pub use selection::{MemoryRange, Selection};
pub use system::System;
pub use text::read_users_text;

use std::path::Path;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::kernel::{FreeBlocks, PageFlags, Pfn, ZoneMap, parse_free_blocks, parse_zones};
use crate::recording::{Plane, ProcessTable};

/// Something that gives the flags of every page of one machine.
///
/// Reads are positioned, so that workers share a source without a lock.
pub trait Source: Sync {
    /// What is known of the machine beside its pages.
    fn machine(&self) -> &Machine;

    /// Reads the flags of consecutive pages from `start` and returns how many there were: fewer
    /// than asked only at the end. Nobody may read from beyond an end that was seen, because
    /// kernels up to 5.5 answer there for ever.
    ///
    /// # Errors
    /// What the system said, with the file's name.
    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize>;

    /// As [`Source::read_flags`], for any plane: kpageflags, kpagecount or kpagecgroup.
    ///
    /// # Errors
    /// What the system said; or the source does not have the plane.
    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize>;

    /// Pages of processes that were kept together with the flags; `None` where none were chosen.
    ///
    /// # Errors
    /// They cannot be read.
    fn processes(&self) -> Result<Option<ProcessTable>> {
        Ok(None)
    }

    /// When the reading of what is read now began: the clock for a running kernel, the file's date
    /// for a copy.
    fn time(&self) -> Timestamp;

    /// When it ended.
    fn end_time(&self) -> Timestamp {
        self.time()
    }

    /// What these times are.
    fn clock(&self) -> Clock;

    /// A file of the machine by its path below the root, such as `proc/buddyinfo`; `None` when it is
    /// missing, unreadable, or was not kept.
    fn text(&self, path: &str) -> Option<String>;

    /// The file that the flags are read from, for messages.
    fn path(&self) -> &Path;
}

/// Files that describe a machine once.
pub const FILES_ONCE: [&str; 4] = [
    file::IOMEM,
    "proc/version",
    "proc/cmdline",
    file::THP_ENABLED,
];

/// Of these, files that may name the machine: a host on a boot line, a builder in a version.
pub const FILES_THAT_NAME: [&str; 2] = ["proc/version", "proc/cmdline"];

/// Files that tell the state of a machine's memory at a time.
pub const FILES_EACH: [&str; 5] = [
    file::BUDDYINFO,
    file::ZONEINFO,
    file::MEMINFO,
    file::VMSTAT,
    file::PAGETYPEINFO,
];

/// The zones of a source's machine, where it says.
pub fn zones(source: &dyn Source) -> ZoneMap {
    let text = source.text(file::ZONEINFO);
    text.map_or_else(ZoneMap::default, |text| ZoneMap::new(parse_zones(&text)))
}

/// The free blocks that the kernel counts, zone by zone, where it says.
pub fn free_blocks(source: &dyn Source) -> Vec<FreeBlocks> {
    let text = source.text(file::BUDDYINFO);
    text.map_or_else(Vec::new, |text| parse_free_blocks(&text))
}

/// The highest order of the allocator: what the kernel counts, or else what kernels with such pages have.
pub fn highest_order(source: &dyn Source) -> u32 {
    const USUAL: u32 = 10;
    let counted = free_blocks(source)
        .first()
        .map(|zone| zone.blocks.len() as u32 - 1);
    counted.unwrap_or_else(|| USUAL.max(source.machine().pmd_pages.ilog2()))
}

/// The machine below `root`, by its files. The running one's page size is the kernel's.
pub fn machine_of(root: &Path) -> Machine {
    let is_running = root == Path::new("/");
    let own = is_running.then(|| PageSize::Known(rustix::param::page_size() as u64));
    Machine::read(root, own)
}

/// Which frames of a recording are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// The last.
    Last,
    /// This one, counted from 0.
    Number(u64),
    /// All of them.
    All,
}

/// Opens what a file holds: a frame of a recording, or a raw copy of kpageflags.
///
/// # Errors
/// As [`Recording::open`] and [`System::open_dump`]; a dump has no frames to choose from.
pub fn open_file(path: &Path, frames: Frames, overrides: Overrides) -> Result<Box<dyn Source>> {
    let number = match frames {
        Frames::Number(number) => Some(number),
        Frames::Last | Frames::All => None,
    };
    match (Recording::is_one(path), frames) {
        (true, _) => Ok(Box::new(Recording::open(path)?.frame(number)?)),
        (false, Frames::Last) => Ok(Box::new(System::open_dump(path, overrides)?)),
        (false, _) => Err(Error::NoFrames {
            path: path.to_owned(),
        }),
    }
}

/// What a source's times are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// A kernel answers now; its memory changes while it is read.
    Now,
    /// A kernel answered then; its memory changed while it was read.
    Then,
    /// The date of a copy. When its contents were read is not known.
    FileDate,
}

impl Clock {
    /// The word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Now => "clock",
            Self::Then => "recording",
            Self::FileDate => "file date",
        }
    }
}

/// What a source is opened with when the machine does not say, or should not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// Page size in bytes.
    pub page_bytes: Option<u64>,
    /// The time to give instead of a clock's or a file's.
    pub time: Option<Timestamp>,
}
