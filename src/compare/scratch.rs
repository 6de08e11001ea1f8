//! Bytes of every page in a scratch file, because a large machine has more pages than memory should hold.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};

/// A file without a name. What was never written is zero.
#[derive(Debug)]
pub(super) struct Scratch {
    file: File,
    what: &'static str,
}

impl Scratch {
    /// Empty. `what` it holds is for messages.
    pub(super) fn new(what: &'static str) -> Result<Self> {
        let file = tempfile::tempfile().map_err(|cause| failed(what, cause))?;
        Ok(Self { file, what })
    }

    /// Where nothing was written the file has a hole, or ends.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> Result<()> {
        into.fill(0);
        let mut done = 0;
        while done < into.len() {
            match self.file.read_at(&mut into[done..], at + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(failed(self.what, cause)),
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|cause| failed(self.what, cause))
    }

    pub(super) fn clear(&self) -> Result<()> {
        let cut = self.file.set_len(0);
        cut.map_err(|cause| failed(self.what, cause))
    }
}

fn failed(what: &'static str, cause: io::Error) -> Error {
    Error::Scratch {
        what,
        scratch: std::env::temp_dir(),
        cause,
    }
}
