//! Streams that cannot be read at a position, laid out in an unnamed scratch file.
//!
//! On disk, not in memory: a dump of 1 TiB of RAM is 2 GiB. Blocks of zeros, such as large holes
//! on kernels since 6.16, are left as holes of the file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};

const BLOCK_BYTES: usize = 128 * 1024;

/// Unpacks a zstd stream.
pub(super) fn zstd(packed: &mut File, path: &Path) -> Result<File> {
    zstd::Decoder::new(packed)
        .and_then(scratch)
        .map_err(|cause| failed(path, cause))
}

/// Takes in a pipe, packed or not.
pub(super) fn pipe(pipe: File, path: &Path) -> Result<File> {
    let mut copy = scratch(pipe).map_err(|cause| failed(path, cause))?;
    io::Seek::rewind(&mut copy).map_err(|cause| failed(path, cause))?;
    super::flags_file::plain_or_packed(copy, path)
}

fn scratch(mut from: impl Read) -> io::Result<File> {
    let file = tempfile::tempfile()?;
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    loop {
        let count = fill(&mut from, &mut block)?;
        if block[..count].iter().any(|&byte| byte != 0) {
            file.write_all_at(&block[..count], at)?;
        }
        at += count as u64;
        if count < block.len() {
            file.set_len(at)?;
            return Ok(file);
        }
    }
}

fn fill(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < block.len() {
        match from.read(&mut block[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn failed(path: &Path, cause: io::Error) -> Error {
    Error::Unpack {
        path: path.to_owned(),
        scratch: std::env::temp_dir(),
        cause,
    }
}
