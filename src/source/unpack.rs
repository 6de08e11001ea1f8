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

/// zstd's limit. A block of the window's size is allocated only when the stream asks for it.
const WINDOW_LOG_MAX: u32 = 31;

/// The contents of a file or a pipe, packed by zstd or not, as a file that can be read anywhere.
pub(super) fn readable_anywhere(file: File, is_regular: bool, path: &Path) -> Result<File> {
    let unpack = |cause| Error::Unpack {
        path: path.to_owned(),
        cause,
    };
    let mut file = if is_regular {
        file
    } else {
        scratch(file, unpack)?
    };
    file.rewind().map_err(unpack)?;
    if !is_zstd(&file).map_err(unpack)? {
        return Ok(file);
    }
    let mut decoder = zstd::Decoder::new(file).map_err(unpack)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(unpack)?;
    scratch(decoder, unpack)
}

fn is_zstd(file: &File) -> io::Result<bool> {
    let mut magic = [0; ZSTD_MAGIC.len()];
    // Reads again what a signal interrupts.
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(magic == ZSTD_MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn scratch(mut from: impl Read, unpack: impl Fn(io::Error) -> Error) -> Result<File> {
    let full = |cause| Error::Scratch {
        what: "the unpacked flags",
        scratch: std::env::temp_dir(),
        cause,
    };
    let file = tempfile::tempfile().map_err(full)?;
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    loop {
        let count = fill(&mut from, &mut block).map_err(&unpack)?;
        if block[..count].iter().any(|&byte| byte != 0) {
            file.write_all_at(&block[..count], at).map_err(full)?;
        }
        at += count as u64;
        if count < block.len() {
            file.set_len(at).map_err(full)?;
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
