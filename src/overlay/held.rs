//! Pages of processes put together: each page once, with who has it.

use std::collections::{BTreeMap, BTreeSet};

use super::MAX_PROCESSES;
use crate::error::{Error, Result};
use crate::kernel::{Pfn, PfnRange};
use crate::recording::ProcessPages;

/// How processes are told apart. One picture, or all of a series, have the same groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The group of each process.
    members: BTreeMap<u32, usize>,
    names: Vec<String>,
}

impl Groups {
    /// Of these processes, by number and name: each by itself, or, where there are too many of them, all of a name
    /// together.
    ///
    /// # Errors
    /// There are more of them, and more names, than can be told apart.
    pub fn new(processes: &BTreeMap<u32, String>) -> Result<Self> {
        let names: BTreeSet<&String> = processes.values().collect();
        if processes.len() <= MAX_PROCESSES {
            let shown =
                |(pid, name): (&u32, &String)| format!("{pid} {name}").trim_end().to_owned();
            return Ok(Self {
                members: processes.keys().copied().zip(0..).collect(),
                names: processes.iter().map(shown).collect(),
            });
        }
        if names.len() > MAX_PROCESSES {
            return Err(Error::TooManyProcesses {
                asked: names.len(),
                limit: MAX_PROCESSES,
            });
        }
        let shown = |name: &&String| {
            let count = processes.values().filter(|of| of == name).count();
            match name.as_str() {
                "" => format!("{count} processes"),
                name => format!("{count} × {name}"),
            }
        };
        let number = |name: &String| names.iter().position(|known| *known == name);
        let member = |(&pid, name): (&u32, &String)| Some((pid, number(name)?));
        Ok(Self {
            members: processes.iter().filter_map(member).collect(),
            names: names.iter().map(shown).collect(),
        })
    }

    /// What they are called, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// True when there is one group, whose pages are told apart by what they are to it.
    pub fn is_alone(&self) -> bool {
        self.names.len() == 1
    }

    /// For a title.
    pub fn title(&self) -> String {
        match (self.names.as_slice(), self.members.len()) {
            ([one], 1) => format!("process {one}"),
            ([one], _) => one.clone(),
            (_, several) => format!("{several} processes"),
        }
    }

    fn number(&self, process: &ProcessPages) -> Option<usize> {
        self.members.get(&process.pid).copied()
    }
}

/// Pages that one or several processes hold.
#[derive(Clone, Debug)]
pub struct Held {
    pub(super) groups: Groups,
    /// Ascending, each page once: of one group with the [`Area`](crate::kernel::Area), of several
    /// with the number of the group, or the number after the last for a page that several hold.
    pub(super) runs: Vec<(PfnRange, u8)>,
}

impl Held {
    /// What these processes hold.
    pub fn new(processes: &[ProcessPages], groups: &Groups) -> Self {
        let mut runs = Vec::new();
        for process in processes {
            let Some(number) = groups.number(process) else {
                continue;
            };
            let mark = |area| match groups.is_alone() {
                true => area as u8,
                false => number as u8,
            };
            runs.extend(process.runs.iter().map(|&(run, area)| (run, mark(area))));
        }
        let shared = (!groups.is_alone()).then_some(groups.names.len() as u8);
        Self {
            groups: groups.clone(),
            runs: each_page_once(&runs, shared),
        }
    }

    /// Who they are.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How many pages.
    pub fn pages(&self) -> u64 {
        let pages = self.runs.iter().map(|(run, _)| run.pages());
        pages.fold(0, u64::saturating_add)
    }

    /// The marked runs inside `pages`, ascending.
    pub(super) fn inside(&self, pages: PfnRange) -> impl Iterator<Item = (PfnRange, u8)> + '_ {
        let first = self.runs.partition_point(|(run, _)| run.end <= pages.start);
        let begins = move |(run, _): &&(PfnRange, u8)| run.start < pages.end;
        let cut = move |&(run, mark): &(PfnRange, u8)| (run.intersect(pages), mark);
        self.runs[first..].iter().take_while(begins).map(cut)
    }
}

/// Marks there can be.
const MARKS: usize = MAX_PROCESSES + 1;

/// Cuts runs where others begin or end. A page that several marks claim has `shared`, or without it the
/// least of them.
fn each_page_once(runs: &[(PfnRange, u8)], shared: Option<u8>) -> Vec<(PfnRange, u8)> {
    let mut ends: Vec<(Pfn, bool, u8)> = Vec::with_capacity(2 * runs.len());
    for &(run, mark) in runs {
        ends.push((run.start, true, mark));
        ends.push((run.end, false, mark));
    }
    ends.sort_unstable();
    let mut open = [0u32; MARKS];
    let mut found: Vec<(PfnRange, u8)> = Vec::new();
    let mut from = Pfn(0);
    for (at, begins, mark) in ends {
        if let Some(mark) = claimed(&open, shared).filter(|_| from < at) {
            match found.last_mut() {
                Some((run, last)) if run.end == from && *last == mark => run.end = at,
                _ => found.push((PfnRange::new(from.0, at.0), mark)),
            }
        }
        let count = &mut open[usize::from(mark)];
        *count = if begins { *count + 1 } else { *count - 1 };
        from = at;
    }
    found
}

fn claimed(open: &[u32; MARKS], shared: Option<u8>) -> Option<u8> {
    let mut claims = (0u8..).zip(open).filter(|(_, count)| **count > 0);
    let (first, _) = claims.next()?;
    Some(match claims.next() {
        Some(_) => shared.unwrap_or(first),
        None => first,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(runs: &[(u64, u64, u8)], shared: Option<u8>) -> Vec<(u64, u64, u8)> {
        let runs: Vec<_> = runs
            .iter()
            .map(|&(start, end, mark)| (PfnRange::new(start, end), mark))
            .collect();
        each_page_once(&runs, shared)
            .iter()
            .map(|&(run, mark)| (run.start.0, run.end.0, mark))
            .collect()
    }

    #[test]
    fn who_has_a_page_alone_and_who_shares_it() {
        let runs = [(0, 10, 0), (5, 15, 1), (5, 6, 0), (20, 21, 1)];
        let alone = [(0, 10, 0), (10, 15, 1), (20, 21, 1)];
        assert_eq!(cut(&runs, None), alone);
        let several = [(0, 5, 0), (5, 10, 2), (10, 15, 1), (20, 21, 1)];
        assert_eq!(cut(&runs, Some(2)), several);
    }

    #[test]
    fn many_processes_of_one_name_are_one() {
        let of = |count: u32, name: &'static str| (0..count).map(move |pid| (pid, name.to_owned()));
        let few: BTreeMap<_, _> = of(3, "sh").collect();
        let groups = Groups::new(&few).expect("few");
        assert_eq!(
            (groups.names().len(), groups.title()),
            (3, "3 processes".into())
        );
        let many: BTreeMap<_, _> = of(40, "cc1").collect();
        let groups = Groups::new(&many).expect("one name");
        assert!(groups.is_alone());
        assert_eq!(groups.title(), "40 × cc1");
        let names: BTreeMap<_, _> = (0..9).map(|pid| (pid, format!("p{pid}"))).collect();
        assert!(Groups::new(&names).is_err());
    }

    proptest! {
        #[test]
        fn every_page_is_as_its_runs_say(runs in prop::collection::vec((0u64..60, 1u64..20, 0u8..3), 0..12)) {
            let runs: Vec<_> = runs.iter().map(|&(start, pages, mark)| (start, start + pages, mark)).collect();
            let found = cut(&runs, Some(3));
            for page in 0..80 {
                let mut marks: Vec<u8> = runs.iter().filter(|r| r.0 <= page && page < r.1).map(|r| r.2).collect();
                marks.sort_unstable();
                marks.dedup();
                let expected = match marks.as_slice() {
                    [] => None,
                    [one] => Some(*one),
                    _ => Some(3),
                };
                let here: Vec<u8> = found.iter().filter(|r| r.0 <= page && page < r.1).map(|r| r.2).collect();
                prop_assert!(here.len() <= 1);
                prop_assert_eq!(here.first().copied(), expected);
            }
        }
    }
}
