//! Where bits come from. The only module that reads `/proc`, `/sys` or files of flags.
//!
//! The running kernel, a directory with copies of its files and a raw dump are one trait. Nothing
//! here judges a page.

mod flags_file;
mod machine;
mod system;
mod unpack;

pub use flags_file::FlagsFile;
pub use machine::{Extent, Machine, PageSize};
pub use system::System;

use std::path::Path;

use jiff::Timestamp;

use crate::error::Result;
use crate::kernel::{PageFlags, Pfn};

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

    /// The time of what is read now: the clock for a running kernel, the file's date for a copy.
    fn time(&self) -> Timestamp;

    /// The file that the flags are read from, for messages.
    fn path(&self) -> &Path;

    /// True when a kernel answers, whose memory changes while it is read.
    fn is_live(&self) -> bool;
}

/// What a source is opened with when the machine does not say, or should not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// Page size in bytes.
    pub page_bytes: Option<u64>,
    /// The time to give instead of a clock's or a file's.
    pub time: Option<Timestamp>,
}
