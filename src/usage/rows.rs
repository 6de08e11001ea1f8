//! A reading as rows: one of all, then one of each group, the largest first.

use crate::kernel::{Parts, Rollup};
use crate::source::MemoryInfo;

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// All together.
    Total,
    /// A group that was not there before.
    Added,
    /// Small groups together.
    Overflow,
    /// A group whose memory changed by so many bytes since it was shown.
    Changed(i64),
    /// A group that is not there any more.
    Gone,
    /// A group as it was.
    #[default]
    Same,
}

/// One row; sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it stands for.
    pub kind: Kind,
    /// What the group is called.
    pub key: String,
    /// How many processes.
    pub processes: usize,
    /// The only one's number.
    pub pid: Option<u32>,
    /// Proportional swap.
    pub swap: u64,
    /// Proportional memory by use.
    pub parts: Parts,
    /// Proportional memory as the kernel sums it up.
    pub pss: u64,
}

impl Row {
    pub(super) fn add(&mut self, pid: u32, now: Rollup, parts: Parts) {
        self.pid = (self.processes == 0).then_some(pid);
        self.processes += 1;
        self.swap = self.swap.saturating_add(now.swap);
        self.pss = self.pss.saturating_add(now.pss);
        self.parts += parts;
    }

    fn merge(&mut self, other: &Self) {
        self.pid = None;
        self.processes += other.processes;
        self.swap = self.swap.saturating_add(other.swap);
        self.pss = self.pss.saturating_add(other.pss);
        self.parts += other.parts;
    }
}

/// One reading.
#[derive(Clone, Debug)]
pub struct Reading {
    /// All memory, and the time.
    pub memory: MemoryInfo,
    /// Processes whose memory is in the rows.
    pub read: usize,
    /// Processes that have memory: those that are not meant and those that are not for this user, too.
    pub all: usize,
    /// Those that are not for this user.
    pub refused: usize,
    /// Those that ended while they were read.
    pub vanished: usize,
    /// All together first, then group by group, the largest first; those that are gone at the end.
    pub rows: Vec<Row>,
}

impl Reading {
    pub(super) fn new(memory: MemoryInfo) -> Self {
        Self {
            memory,
            read: 0,
            all: 0,
            refused: 0,
            vanished: 0,
            rows: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, mut groups: Vec<Row>, gone: Vec<Row>) {
        let mut total = Row {
            kind: Kind::Total,
            ..Row::default()
        };
        groups.iter().for_each(|row| total.merge(row));
        groups.sort_by(|one, other| {
            let size = |row: &Row| std::cmp::Reverse(row.parts.total());
            (size(one), &one.key, one.pid).cmp(&(size(other), &other.key, other.pid))
        });
        self.rows = std::iter::once(total).chain(groups).chain(gone).collect();
    }
}

/// The groups that make up so many per cent of all; the others as one. Those that are gone stay at the end.
pub fn keep_top(rows: &[Row], percent: f64) -> Vec<Row> {
    let Some((total, groups)) = rows.split_first() else {
        return Vec::new();
    };
    let (groups, gone): (Vec<&Row>, Vec<&Row>) =
        groups.iter().partition(|row| row.kind != Kind::Gone);
    let enough = total.parts.total() as f64 * percent / 100.0;
    let mut sum = 0.0;
    let is_kept = |row: &&&Row| {
        let wanted = sum < enough || percent >= 100.0;
        sum += row.parts.total() as f64;
        wanted
    };
    let kept = groups.iter().take_while(is_kept).count();
    let (kept, small) = groups.split_at(kept);
    let kept = std::iter::once(&total).chain(kept).copied().cloned();
    let rest = rest(small);
    kept.chain(rest).chain(gone.into_iter().cloned()).collect()
}

/// Small groups as one.
fn rest(small: &[&Row]) -> Option<Row> {
    let mut overflow = Row {
        kind: Kind::Overflow,
        key: format!("{} more", small.len()),
        ..Row::default()
    };
    small.iter().for_each(|row| overflow.merge(row));
    (!small.is_empty()).then_some(overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(key: &str, data: u64) -> Row {
        let parts = Parts {
            data,
            ..Parts::default()
        };
        Row {
            key: key.into(),
            processes: 2,
            parts,
            ..Row::default()
        }
    }

    #[test]
    fn what_is_small_is_put_together() {
        let rows = [
            group("", 100),
            group("a", 60),
            group("b", 30),
            group("c", 10),
        ];
        let keys = |percent| {
            let kept = keep_top(&rows, percent);
            let of = |row: &Row| (row.key.clone(), row.parts.data);
            kept[1..].iter().map(of).collect::<Vec<_>>()
        };
        let a = ("a".to_owned(), 60);
        assert_eq!(keys(50.0), [a.clone(), ("2 more".into(), 40)]);
        assert_eq!(keys(80.0).len(), 3);
        assert_eq!(keys(100.0)[2], ("c".into(), 10));
        assert_eq!(keep_top(&rows, 50.0)[2].kind, Kind::Overflow);
    }
}
