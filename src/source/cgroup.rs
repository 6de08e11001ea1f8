//! Memory cgroups, by their directories.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use walkdir::WalkDir;

use crate::error::{Error, Result};

/// What every cgroup has: its processes.
const MEMBERS: &str = "cgroup.procs";

/// The number that the kernel gives for pages charged to a cgroup: the inode of its directory.
///
/// # Errors
/// It is no cgroup's directory.
pub fn cgroup_inode(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })?;
    match path.join(MEMBERS).exists() {
        true => Ok(metadata.ino()),
        false => Err(Error::NotACgroup {
            path: path.to_owned(),
        }),
    }
}

/// Numbers of the processes of a cgroup and of those below it, ascending, from `cgroup.procs` of version 1 or 2.
///
/// # Errors
/// It is no cgroup, or not for this user. Cgroups below it that vanish, or have no processes of their own to tell
/// (threaded ones), are passed over.
pub fn processes_of_cgroup(path: &Path) -> Result<Vec<u32>> {
    cgroup_inode(path)?;
    let top = path.join(MEMBERS);
    let mut text = fs::read_to_string(&top).map_err(|cause| Error::Read { path: top, cause })?;
    let directories = WalkDir::new(path).min_depth(1).into_iter().flatten();
    for directory in directories.filter(|entry| entry.file_type().is_dir()) {
        let file = directory.path().join(MEMBERS);
        text += &fs::read_to_string(file).unwrap_or_default();
    }
    let mut pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}
