//! Packed strips in a scratch file that stays in memory while it is small.

use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use super::Packed;
use crate::error::{Error, Result};

/// A bounded picture packs to less; a larger one goes to disk.
const IN_MEMORY_BYTES: usize = 2 << 20;

/// Where a strip lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    at: u64,
    bytes: u64,
    adler: u32,
    length: u64,
}

/// Strips one after the other.
#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    end: u64,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY_BYTES),
            end: 0,
        }
    }

    pub(super) fn store(&mut self, packed: &Packed) -> Result<Stored> {
        let at = self.end;
        self.file.seek(SeekFrom::Start(at)).map_err(failed)?;
        self.file.write_all(&packed.bytes).map_err(failed)?;
        let bytes = packed.bytes.len() as u64;
        self.end += bytes;
        Ok(Stored {
            at,
            bytes,
            adler: packed.adler,
            length: packed.length,
        })
    }

    pub(super) fn load(&mut self, stored: Stored) -> Result<Packed> {
        let mut bytes = vec![0; stored.bytes as usize];
        self.file.seek(SeekFrom::Start(stored.at)).map_err(failed)?;
        self.file.read_exact(&mut bytes).map_err(failed)?;
        Ok(Packed {
            bytes,
            adler: stored.adler,
            length: stored.length,
        })
    }
}

fn failed(cause: io::Error) -> Error {
    Error::Scratch {
        what: "the picture's rows",
        scratch: std::env::temp_dir(),
        cause,
    }
}
