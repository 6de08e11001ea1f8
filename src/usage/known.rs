//! What is known of a process, and what came of looking at it.

use std::collections::BTreeMap;

use super::question::Threshold;
use super::rows::{Kind, Reading, Row};
use crate::kernel::{Parts, Rollup};
use crate::source::{Gauge, ProcessStat};

/// What is known of a process.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) stat: ProcessStat,
    pub(super) gauge: Option<Gauge>,
    /// What its command is called: processes of one name share memory.
    pub(super) name: String,
    pub(super) key: String,
    pub(super) is_meant: bool,
    pub(super) now: Rollup,
    pub(super) detail: Option<(Rollup, Parts)>,
}

/// What came of looking at a process.
pub(super) enum Look {
    Read(Box<Known>),
    /// Not asked for its sums: its counters did not move.
    Unmoved(Box<Known>),
    NotMeant(Box<Known>),
    NoMemory,
    Refused,
    Vanished,
}

/// What was seen of a process, and the names of commands whose processes came or went with it.
pub(super) struct Seen {
    pub(super) look: Look,
    pub(super) changed: Vec<String>,
}

/// Sorts what was seen, and counts it.
pub(super) fn sort(looks: Vec<(u32, Look)>, reading: &mut Reading) -> BTreeMap<u32, Known> {
    let mut all = BTreeMap::new();
    for (pid, look) in looks {
        match look {
            Look::Read(known) | Look::Unmoved(known) => {
                reading.read += 1;
                reading.all += 1;
                all.insert(pid, *known);
            }
            Look::NotMeant(known) => {
                reading.all += 1;
                all.insert(pid, *known);
            }
            Look::Refused => {
                reading.refused += 1;
                reading.all += 1;
            }
            Look::Vanished => reading.vanished += 1,
            Look::NoMemory => {}
        }
    }
    all
}

impl Known {
    /// Whether its sums are not those that its mappings were read with.
    pub(super) fn has_moved(&self) -> bool {
        self.detail.is_some_and(|(then, _)| then != self.now)
    }

    /// Whether its mappings have to be read, whatever its group did: they never were, it moved by that much
    /// itself, or more is gone than the part has that the sums speak of.
    pub(super) fn is_stale(&self, least: u64) -> bool {
        let Some((then, parts)) = self.detail else {
            return true;
        };
        let sums = |rollup: Rollup| rollup.pss.saturating_add(rollup.swap);
        let gone = |then: u64, now: u64| then.saturating_sub(now);
        sums(then).abs_diff(sums(self.now)) >= least
            || gone(then.anon, self.now.anon) > parts.data
            || gone(then.file, self.now.file) > parts.text
            || gone(then.shmem, self.now.shmem) > parts.shared
    }

    /// What its memory is used for now: as it was read, carried on by the sums.
    pub(super) fn parts(&self) -> Parts {
        let Some((then, parts)) = self.detail else {
            return Parts::default();
        };
        let carry = |part: u64, then: u64, now: u64| part.saturating_add(now).saturating_sub(then);
        let (now, has_kinds) = (self.now, self.now.anon + self.now.file + self.now.shmem > 0);
        if !has_kinds {
            // Before 5.4 there is but one sum.
            return Parts {
                data: carry(parts.data, then.pss, now.pss),
                ..parts
            };
        }
        Parts {
            data: carry(parts.data, then.anon, now.anon),
            text: carry(parts.text, then.file, now.file),
            shared: carry(parts.shared, then.shmem, now.shmem),
            ..parts
        }
    }
}

/// What was shown of a group last.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) key: String,
    pub(super) processes: usize,
    pub(super) pid: Option<u32>,
    /// Memory and swap, by which it is decided whether to look closer.
    pub(super) sums: u64,
    /// What the change that is shown refers to.
    pub(super) total: u64,
}

impl Shown {
    /// What a group's row is after what was shown of it before, and what is remembered of it now.
    pub(super) fn after(before: Option<&Self>, row: &Row, threshold: Threshold) -> (Kind, Self) {
        let now = Self {
            key: row.key.clone(),
            processes: row.processes,
            pid: row.pid,
            sums: row.pss.saturating_add(row.swap),
            total: row.parts.total(),
        };
        let Some(before) = before else {
            return (Kind::Added, now);
        };
        let change = difference(now.total, before.total);
        if threshold.is_reached(change) {
            return (Kind::Changed(change), now);
        }
        // What grows after it shrank has grown.
        if matches!(threshold, Threshold::Growth(_)) && change < 0 {
            return (Kind::Same, now);
        }
        // It was looked at and found to have swapped, or to have moved a little.
        let was_read = threshold.is_reached(difference(now.sums, before.sums));
        let sums = if was_read { now.sums } else { before.sums };
        let total = before.total;
        (Kind::Same, Self { sums, total, ..now })
    }
}

fn difference(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(i64::MAX)
}
