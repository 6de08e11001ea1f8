//! Which processes there are, and what they are called.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Error, Result, printable};
use crate::source::text::read_regular;

/// Letters of a name that are kept: the kernel's names have 15.
const MAX_NAME: usize = 64;

/// Numbers of the processes of the system below `root`, ascending.
///
/// # Errors
/// There is no `proc`.
pub fn processes(root: &Path) -> Result<Vec<u32>> {
    let path = root.join("proc");
    let entries = fs::read_dir(&path).map_err(|cause| Error::Read { path, cause })?;
    let numbers = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.parse().ok()
    });
    let mut pids: Vec<u32> = numbers.collect();
    pids.sort_unstable();
    Ok(pids)
}

/// The name that the kernel has of a process; control characters in it are escaped. `None` when it
/// is gone, or not for this user.
///
/// # Errors
/// It cannot be read for any other reason.
pub fn process_name(root: &Path, pid: u32) -> Result<Option<String>> {
    let path = root.join("proc").join(pid.to_string()).join("comm");
    let Some(bytes) = there(pid, read_regular(&path))? else {
        return Ok(None);
    };
    let name = String::from_utf8_lossy(&bytes);
    let name: String = name.trim_end().chars().take(MAX_NAME).collect();
    Ok(Some(printable(&name)))
}

/// What was read of a process; nothing of one that is gone or not for this user.
pub(super) fn there<T>(pid: u32, read: std::io::Result<T>) -> Result<Option<T>> {
    match read.map_err(|cause| super::failed(pid, cause)) {
        Ok(read) => Ok(Some(read)),
        Err(error) if process_is_gone(&error) || process_is_refused(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The processes of that name, which may be none.
///
/// # Errors
/// There is no `proc`, or a process cannot be read.
pub fn processes_named(root: &Path, name: &str) -> Result<Vec<u32>> {
    let mut named = Vec::new();
    for pid in processes(root)? {
        if process_name(root, pid)?.is_some_and(|known| known == name) {
            named.push(pid);
        }
    }
    Ok(named)
}

/// True for what reading a process says when it has ended.
pub fn process_is_gone(error: &Error) -> bool {
    let gone = Errno::SRCH.raw_os_error();
    matches!(error, Error::Process { cause, .. }
        if cause.kind() == ErrorKind::NotFound || cause.raw_os_error() == Some(gone))
}

/// True for what reading a process says that is not for this user.
pub fn process_is_refused(error: &Error) -> bool {
    matches!(error, Error::Process { cause, .. } if cause.kind() == ErrorKind::PermissionDenied)
}
