//! Memory cgroups, by their directories.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use walkdir::WalkDir;

use super::as_user;
use crate::error::{Error, Result};

/// What every cgroup has: its processes.
const MEMBERS: &str = "cgroup.procs";

/// The number that the kernel gives for pages charged to a cgroup: the inode of its directory.
///
/// # Errors
/// It is no cgroup's directory.
pub fn cgroup_inode(path: &Path) -> Result<u64> {
    let metadata = as_user(|| fs::metadata(path)).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })?;
    match as_user(|| path.join(MEMBERS).exists()) {
        true => Ok(metadata.ino()),
        false => Err(Error::NotACgroup {
            path: path.to_owned(),
        }),
    }
}

/// The directories of all cgroups below `root` that memory is charged to, and their inodes. None where no
/// hierarchy is mounted there: directories of a copy have other inodes.
pub fn cgroup_directories(root: &Path) -> BTreeMap<String, u64> {
    let mounts = ["sys/fs/cgroup", "sys/fs/cgroup/memory"].map(|path| root.join(path));
    let mut inodes = BTreeMap::new();
    for mount in mounts.iter().filter(|mount| is_hierarchy(mount)) {
        let directories = WalkDir::new(mount).into_iter().flatten();
        for directory in directories.filter(|entry| entry.file_type().is_dir()) {
            if let Ok(metadata) = directory.metadata() {
                inodes.insert(directory.path().display().to_string(), metadata.ino());
            }
        }
    }
    inodes
}

/// A cgroup's directory without where hierarchies are mounted.
pub fn cgroup_name(directory: &str) -> &str {
    let below = directory
        .strip_prefix("/sys/fs/cgroup")
        .unwrap_or(directory);
    let below = below.strip_prefix("/memory").unwrap_or(below);
    if below.is_empty() { "/" } else { below }
}

/// Magic numbers of the file systems of both versions.
const HIERARCHIES: [u64; 2] = [0x0027_e0eb, 0x6367_7270];

fn is_hierarchy(path: &Path) -> bool {
    let stat = rustix::fs::statfs(path);
    stat.is_ok_and(|stat| HIERARCHIES.contains(&(stat.f_type as u64)))
}

/// Numbers of the processes of a cgroup and of those below it, ascending, from `cgroup.procs` of version 1 or 2.
///
/// # Errors
/// It is no cgroup, or not for this user. Cgroups below it that vanish, or have no processes of their own to tell
/// (threaded ones), are passed over.
pub fn processes_of_cgroup(path: &Path) -> Result<Vec<u32>> {
    as_user(|| members(path))
}

fn members(path: &Path) -> Result<Vec<u32>> {
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
