//! Small texts: what the kernel says beside its pages, of a running system or of a copy, and what a user wrote.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Bytes of a text at most. Those of the kernel have some KiB; a zone's part of zoneinfo has some 100 bytes a processor.
const MOST_BYTES: u64 = 32 << 20;

/// Opens a file of a system: what waits for a writer, or has no end, is none.
///
/// # Errors
/// What the system said, or it is no regular file.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file",
        )),
    }
}

/// The contents of a file of a process, which may be long.
///
/// # Errors
/// As [`open_regular`], or what the system said.
pub(super) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(READ_BYTES);
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of a read: the smaps of a small process. The kernel makes its text anew for each, and says a size of 0.
const READ_BYTES: usize = 32 << 10;

/// A text of a system below `root`. `None` when it is missing, unreadable, or no text of such a system.
pub(super) fn read_text(root: &Path, path: &str) -> Option<String> {
    let bytes = open_regular(&root.join(path)).and_then(read_small).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that a user names, from a file or a pipe.
///
/// # Errors
/// What the system said, it is too long, or no UTF-8.
pub fn read_users_text(path: &Path) -> io::Result<String> {
    let bytes = read_small(File::open(path)?)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

fn read_small(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "it is longer than 32 MiB",
        )),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_no_text() {
        assert_eq!(read_text(Path::new("/"), "dev/zero"), None);
        assert_eq!(read_text(Path::new("/"), "proc"), None);
        assert!(
            read_text(Path::new("/"), "proc/version").is_some_and(|text| text.contains("Linux"))
        );
        let endless = read_users_text(Path::new("/dev/zero"));
        assert!(endless.is_err_and(|error| error.kind() == ErrorKind::FileTooLarge));
        let directory = tempfile::tempdir().expect("a directory");
        let long = directory.path().join("long");
        let file = File::create(&long).expect("a file");
        file.set_len(4 << 30).expect("a file with holes");
        assert_eq!(read_text(directory.path(), "long"), None);
    }
}
