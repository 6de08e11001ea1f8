//! Who a process is: its command, its user, its cgroup; and what `smaps` sums up of it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Result, printable};
use crate::kernel::{
    Parts, Rollup, parse_anonymous, parse_meminfo_bytes, parse_parts, parse_rollup,
};
use crate::source::flags_file::is_procfs;
use crate::source::text;

/// Bytes of a command line that are looked at.
const MAX_COMMAND: usize = 4096;

/// The flag of kernel threads in field 9 of `stat` (PF_KTHREAD).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What `/proc/PID/stat` says of a process as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// When it began, in clock ticks since boot: with it, a number that is used again is known.
    pub start: u64,
    /// Its name, as the kernel has it; exec gives another.
    pub comm: Vec<u8>,
    /// Whether it has memory of its own: kernel threads and zombies have none.
    pub has_memory: bool,
}

/// `None` when it is gone, or not for this user.
///
/// # Errors
/// It cannot be read for any other reason.
pub fn process_stat(root: &Path, pid: u32) -> Result<Option<ProcessStat>> {
    let bytes = super::list::there(pid, text::read_regular(&path(root, pid, "stat")))?;
    Ok(bytes.and_then(|bytes| parse_stat(&bytes)))
}

fn parse_stat(bytes: &[u8]) -> Option<ProcessStat> {
    // The name is in brackets and may hold anything.
    let from = bytes.iter().position(|&byte| byte == b'(')? + 1;
    let to = bytes.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(bytes.get(to + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_whitespace().take(20).collect();
    // Behind the name field 3 comes first.
    let flags: u64 = fields.get(6)?.parse().ok()?;
    let is_dead = matches!(*fields.first()?, "Z" | "X");
    Some(ProcessStat {
        start: fields.get(19)?.parse().ok()?,
        comm: bytes.get(from..to)?.to_vec(),
        has_memory: flags & KERNEL_THREAD == 0 && !is_dead,
    })
}

/// The words of its command line, control characters escaped; none when it has none, or is gone.
pub fn command_line(root: &Path, pid: u32) -> Vec<String> {
    let mut bytes = text::read_regular(&path(root, pid, "cmdline")).unwrap_or_default();
    bytes.truncate(MAX_COMMAND);
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Vec::new();
    }
    let word = |word: &[u8]| printable(&String::from_utf8_lossy(word));
    bytes.split(|&byte| byte == 0).map(word).collect()
}

/// The cgroup that its memory is charged to: of version 2, or of the memory controller of version 1.
pub fn cgroup_of(root: &Path, pid: u32) -> Option<String> {
    let text = read_text(&path(root, pid, "cgroup"))?;
    let of = |controller: &str| {
        text.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let mut controllers = fields.next()?.split(',');
            controllers.any(|known| known == controller).then_some(())?;
            fields.next().map(printable)
        })
    };
    of("memory").or_else(|| of(""))
}

/// The user that it runs as: a name on the running system, where the name is known, else the number.
pub fn user_of(root: &Path, pid: u32) -> Option<String> {
    let text = read_text(&path(root, pid, "status"))?;
    let ids = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let id: u32 = ids.split_whitespace().next()?.parse().ok()?;
    let user = (root == Path::new("/")).then(|| uzers::get_user_by_uid(id));
    Some(match user.flatten() {
        Some(user) => printable(&user.name().to_string_lossy()),
        None => id.to_string(),
    })
}

/// Sums of a process; `None` when it has no memory any more.
///
/// # Errors
/// It cannot be read.
pub fn rollup(root: &Path, pid: u32) -> Result<Option<Rollup>> {
    let bytes = text::read_regular(&path(root, pid, "smaps_rollup"));
    Ok(parse_rollup(
        &bytes.map_err(|cause| super::failed(pid, cause))?,
    ))
}

/// Anonymous memory that it maps, and how much of it by a PMD each, in bytes; `None` when it is ending.
///
/// # Errors
/// It cannot be read.
pub fn anonymous(root: &Path, pid: u32) -> Result<Option<(u64, u64)>> {
    let bytes = text::read_regular(&path(root, pid, "smaps_rollup"));
    let bytes = bytes.map_err(|cause| super::failed(pid, cause))?;
    Ok(parse_anonymous(&bytes))
}

/// What its memory is used for.
///
/// # Errors
/// It cannot be read.
pub fn parts(root: &Path, pid: u32) -> Result<Parts> {
    let bytes = text::read_regular(&path(root, pid, "smaps"));
    Ok(parse_parts(
        &bytes.map_err(|cause| super::failed(pid, cause))?,
    ))
}

/// What is known of all memory, in bytes, and when.
#[derive(Clone, Copy, Debug)]
pub struct MemoryInfo {
    /// The clock of the running system, the date of a copy.
    pub time: Timestamp,
    /// All of it.
    pub total: Option<u64>,
    /// What could be had without swapping.
    pub available: Option<u64>,
    /// What waits to be written.
    pub dirty: Option<u64>,
}

/// Of the system below `root`.
pub fn memory_info(root: &Path) -> MemoryInfo {
    let path = root.join("proc/meminfo");
    let text = text::read_text(root, "proc/meminfo").unwrap_or_default();
    let written = || fs::metadata(&path).ok()?.modified().ok();
    let date = || Timestamp::try_from(written()?).ok();
    let now = Timestamp::now();
    // A host's root that is mounted into a container runs, too.
    let is_running = text::open_regular(&path).is_ok_and(|file| is_procfs(&file));
    let of = |name| parse_meminfo_bytes(&text, name);
    MemoryInfo {
        time: if is_running {
            now
        } else {
            date().unwrap_or(now)
        },
        total: of("MemTotal"),
        available: of("MemAvailable"),
        dirty: of("Dirty"),
    }
}

/// Names in it may be no UTF-8.
fn read_text(path: &Path) -> Option<String> {
    let bytes = text::read_regular(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn path(root: &Path, pid: u32, file: &str) -> PathBuf {
    root.join("proc").join(pid.to_string()).join(file)
}
