//! What is asked: who, in which groups, and what counts as a change.

use std::path::PathBuf;
use std::time::Duration;

/// What puts processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The name of the command, or of the script.
    Exe,
    /// So many letters of the command line.
    Command(usize),
    /// Nothing: each is alone.
    Process,
    /// The memory cgroup.
    Cgroup,
    /// The user.
    User,
}

/// Which processes are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By number.
    pub pids: Vec<u32>,
    /// By name of the command.
    pub names: Vec<String>,
}

impl Selection {
    fn is_all(&self) -> bool {
        self.pids.is_empty() && self.names.is_empty()
    }

    pub(super) fn holds(&self, pid: u32, name: &str) -> bool {
        self.is_all() || self.pids.contains(&pid) || self.names.iter().any(|known| known == name)
    }
}

/// How much a group has to change before it is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Grow by so many bytes.
    Growth(u64),
    /// Change by so many bytes, and at all.
    Change(u64),
}

impl Threshold {
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Growth(bytes) | Self::Change(bytes) => bytes,
        }
    }

    pub(super) fn is_reached(self, change: i64) -> bool {
        match self {
            Self::Growth(bytes) => change > 0 && change.unsigned_abs() >= bytes,
            Self::Change(bytes) => change != 0 && change.unsigned_abs() >= bytes,
        }
    }
}

/// What is asked again and again.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where `proc` is.
    pub root: PathBuf,
    /// Who is meant.
    pub selection: Selection,
    /// What puts them together.
    pub group_by: GroupBy,
    /// What is a change.
    pub threshold: Threshold,
    /// Time from one reading to the next, where there is more than one.
    pub every: Option<Duration>,
}
