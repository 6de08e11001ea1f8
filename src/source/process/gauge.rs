//! Whether a process moved since it was looked at last, for the price of one read.
//!
//! `/proc/PID/statm` is a handful of counters; `smaps_rollup` walks all page tables, which costs fifty times as
//! much. The open file belongs to the process and not to its number, so that a number that is used again is not
//! taken for it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Longer than seven numbers are.
const MAX_BYTES: usize = 160;

/// Files that are left for everything else.
const LEFT_OPEN: u64 = 256;

/// The counters of one process.
#[derive(Debug)]
pub struct Gauge {
    file: File,
    last: Vec<u8>,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Its counters are as they were.
    No,
    /// They are not.
    Yes,
    /// It ended.
    Ended,
}

impl Gauge {
    /// Of process `pid` below `root`; `None` when it is gone, or nearly as many files are open as may be.
    pub fn open(root: &Path, pid: u32, limit: u64) -> Option<Self> {
        let path = root.join("proc").join(pid.to_string()).join("statm");
        let file = File::open(path).ok()?;
        let number = u64::try_from(file.as_raw_fd()).ok()?;
        if number + LEFT_OPEN > limit {
            return None;
        }
        let mut gauge = Self {
            file,
            last: Vec::new(),
        };
        gauge.read();
        Some(gauge)
    }

    /// Reads the counters and compares them with the last time.
    pub fn read(&mut self) -> Moved {
        let mut counters = [0; MAX_BYTES];
        match self.file.read_at(&mut counters, 0) {
            Ok(0) => Moved::Ended,
            Ok(bytes) if counters[..bytes] == self.last => Moved::No,
            Ok(bytes) => {
                self.last = counters[..bytes].to_vec();
                Moved::Yes
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Moved::Yes,
            Err(_) => Moved::Ended,
        }
    }
}

/// Lets as many files be open as may be, and says how many: a gauge is one for each process.
pub fn allow_many_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Where it is refused there are fewer gauges, and processes are read the long way.
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    let current = if raised.is_ok() { maximum } else { current };
    current.unwrap_or(u64::MAX)
}
