//! Streams that cannot be read at a position, laid out in an unnamed scratch file.
//!
//! On disk, not in memory: a dump of 1 TiB of RAM is 2 GiB. Blocks of zeros, such as large holes
//! on kernels since 6.16, are left as holes of the file.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};

const BLOCK_BYTES: usize = 128 * 1024;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The contents of a file or a pipe, packed by zstd or not, as a file that can be read anywhere.
pub(super) fn readable_anywhere(file: File, is_regular: bool, path: &Path) -> Result<File> {
    let failed = |cause| Error::Unpack {
        path: path.to_owned(),
        scratch: std::env::temp_dir(),
        cause,
    };
    let mut file = if is_regular {
        file
    } else {
        scratch(file).map_err(failed)?
    };
    file.rewind().map_err(failed)?;
    if !is_zstd(&file).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })? {
        return Ok(file);
    }
    zstd::Decoder::new(file).and_then(scratch).map_err(failed)
}

fn is_zstd(file: &File) -> io::Result<bool> {
    let mut magic = [0; ZSTD_MAGIC.len()];
    Ok(file.read_at(&mut magic, 0)? == magic.len() && magic == ZSTD_MAGIC)
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
