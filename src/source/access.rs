//! What may be read here, and what stands in the way.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::text::{open_regular, read_text};

/// Files of the kernel, by their paths below the root.
pub mod file {
    /// `/proc/kpageflags`.
    pub const KPAGEFLAGS: &str = "proc/kpageflags";
    /// `/proc/kpagecount`.
    pub const KPAGECOUNT: &str = "proc/kpagecount";
    /// `/proc/kpagecgroup`.
    pub const KPAGECGROUP: &str = "proc/kpagecgroup";
    /// `/proc/zoneinfo`.
    pub const ZONEINFO: &str = "proc/zoneinfo";
    /// `/proc/buddyinfo`.
    pub const BUDDYINFO: &str = "proc/buddyinfo";
    /// `/proc/pagetypeinfo`.
    pub const PAGETYPEINFO: &str = "proc/pagetypeinfo";
    /// `/proc/iomem`.
    pub const IOMEM: &str = "proc/iomem";
    /// `/proc/meminfo`.
    pub const MEMINFO: &str = "proc/meminfo";
    /// `/proc/vmstat`.
    pub const VMSTAT: &str = "proc/vmstat";
    /// When anonymous memory takes huge pages by itself.
    pub const THP_ENABLED: &str = "sys/kernel/mm/transparent_hugepage/enabled";
    /// How eagerly the kernel compacts before anybody asks, 0 to 100.
    pub const PROACTIVENESS: &str = "proc/sys/vm/compaction_proactiveness";
}

/// Whether a file of the kernel answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does.
    Readable,
    /// It is there, and not for this user.
    Refused,
    /// It is not there.
    Missing,
    /// Something else, in the system's words.
    Failed(String),
}

/// Opens a file below `root` and reads its first word, as some files refuse only then. A copy may be packed.
pub fn access(root: &Path, path: &str) -> Access {
    if root.join(format!("{path}.zst")).exists() {
        return Access::Readable;
    }
    let mut word = [0; 8];
    let read = open_regular(&root.join(path)).and_then(|mut file| file.read(&mut word));
    match read {
        Ok(_) => Access::Readable,
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Access::Missing,
            ErrorKind::PermissionDenied => Access::Refused,
            _ => Access::Failed(error.to_string()),
        },
    }
}

/// How far the kernel is locked down, where it says; debugfs is closed then, kpageflags is not.
pub fn lockdown(root: &Path) -> Option<String> {
    let text = read_text(root, "sys/kernel/security/lockdown")?;
    chosen(&text).map(str::to_owned)
}

/// What is chosen of the words of a setting: `always [madvise] never`.
pub fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

/// True for `/dev/stdout` and the like, which may lead to a file: who replaced it would replace the link.
pub fn is_systems_link(path: &Path) -> bool {
    let is_theirs = |place: &Path| place.starts_with("/proc") || place.starts_with("/dev");
    let directory = path.parent().and_then(|above| above.canonicalize().ok());
    let is_in_theirs = directory.is_some_and(|directory| is_theirs(&directory));
    fs::read_link(path).is_ok_and(|target| is_theirs(&target) || is_in_theirs)
}

/// What confines this process: a container, or a name space of users.
pub fn confinement(root: &Path) -> Option<&'static str> {
    let exists = |path: &str| root.join(path).exists();
    if exists(".dockerenv") || exists("run/.containerenv") || exists("run/systemd/container") {
        return Some("a container");
    }
    let map = read_text(root, "proc/self/uid_map")?;
    let numbers: Vec<&str> = map.split_whitespace().collect();
    let is_whole = numbers.first() == Some(&"0") && numbers.get(1) == Some(&"0");
    (!is_whole).then_some("a name space of users")
}
