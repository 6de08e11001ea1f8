//! Who uses memory: processes in groups, each shared page divided by those who map it, and what changes.
//!
//! The kernel walks a process's page tables to sum them up, so a loop asks only for the sums of processes whose counters
//! moved, of those whose like came or went (what was shared is shared otherwise then), and of the others in
//! turn, so that nothing is older than half a minute. Mappings are read of processes that moved, in groups that
//! moved or by as much themselves; elsewhere what is known of them is carried on by the sums.

mod known;
mod names;
mod question;
mod rows;

pub use question::{GroupBy, Question, Selection, Threshold};
pub use rows::{Kind, Reading, Row, keep_top};

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::known::{Known, Look, Seen, Shown, sort};
use crate::error::{Error, Result, printable};
use crate::kernel::{Parts, Rollup};
use crate::scan::Watcher;
use crate::source::{
    Gauge, Moved, ProcessStat, allow_many_files, cgroup_of, command_line, memory_info, parts,
    process_is_gone, process_is_refused, process_stat, processes, rollup, user_of,
};

/// Reads the memory of processes again and again.
#[derive(Debug)]
pub struct Monitor {
    question: Question,
    workers: rayon::ThreadPool,
    /// In so many readings every process is asked.
    turns: usize,
    /// How many files may be open.
    files: u64,
    known: BTreeMap<u32, Known>,
    groups: BTreeMap<String, Shown>,
    readings: usize,
}

/// What the kernel answers for who has none: ESRCH.
const NO_ADDRESS_SPACE: i32 = 3;

/// Processes that a worker takes at a time: one costs little more than handing it over.
const BATCH: usize = 32;

/// In so many readings at most the sums of every process are asked for once,
const MOST_TURNS: f64 = 16.0;

/// and in so many seconds.
const OLDEST: f64 = 30.0;

impl Monitor {
    /// Ready to read with so many workers.
    ///
    /// # Errors
    /// They cannot be started.
    pub fn new(question: Question, threads: usize) -> Result<Self> {
        let workers = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let workers = workers.map_err(|cause| Error::Threads {
            threads,
            cause: cause.to_string(),
        })?;
        let turns = question
            .every
            .map_or(1.0, |every| OLDEST / every.as_secs_f64());
        let files = question.every.map_or(0, |_| allow_many_files());
        Ok(Self {
            question,
            turns: turns.clamp(1.0, MOST_TURNS) as usize,
            files,
            workers,
            known: BTreeMap::new(),
            groups: BTreeMap::new(),
            readings: 0,
        })
    }

    /// Reads all processes once.
    ///
    /// # Errors
    /// There is no `proc`, somebody who was named by number is not there or not for this user at the first reading,
    /// or the watcher said stop.
    pub fn read(&mut self, watcher: &dyn Watcher) -> Result<Reading> {
        let memory = memory_info(&self.question.root);
        let pids = processes(&self.question.root)?;
        let mut before = std::mem::take(&mut self.known);
        let each: Vec<(u32, Option<Known>)> =
            pids.iter().map(|&pid| (pid, before.remove(&pid))).collect();
        let (done, all) = (AtomicUsize::new(0), each.len());
        let look = |(pid, known): (u32, Option<Known>)| {
            watcher.stop().map_or(Ok(()), Err)?;
            watcher.on_processes(done.fetch_add(1, Ordering::Relaxed), all);
            self.look(pid, known).map(|seen| (pid, seen))
        };
        let looks: Result<Vec<(u32, Seen)>> = self
            .workers
            .install(|| each.into_par_iter().with_min_len(BATCH).map(look).collect());
        let mut reading = Reading::new(memory);
        let gone = before.into_values().map(|known| known.name);
        self.known = self.take(looks?, gone.collect(), &mut reading)?;
        if self.readings == 0 {
            self.check_named()?;
        }
        self.look_closer(&mut reading, watcher)?;
        self.put_rows(&mut reading);
        self.readings += 1;
        Ok(reading)
    }

    /// Looks at a process, of which something may be known.
    fn look(&self, pid: u32, mut known: Option<Known>) -> Result<Seen> {
        let gauge = known.as_mut().and_then(|known| known.gauge.as_mut());
        let moved = gauge.map(Gauge::read);
        let is_due = (pid as usize + self.readings).is_multiple_of(self.turns);
        let mut changed = Vec::new();
        let before = match (known, moved) {
            // The gauge is that of this very process.
            (Some(known), Some(Moved::No)) => {
                let look = match (known.is_meant, is_due) {
                    (false, _) => Look::NotMeant(Box::new(known)),
                    (true, false) => Look::Unmoved(Box::new(known)),
                    (true, true) => self.ask(pid, self.identify_again(pid, known))?,
                };
                return Ok(Seen { look, changed });
            }
            (before, _) => before,
        };
        let stat = process_stat(&self.question.root, pid)?;
        let look = match (stat, before) {
            (Some(stat), Some(known)) if stat == known.stat && stat.has_memory => {
                self.ask(pid, self.identify_again(pid, known))?
            }
            (stat, before) => {
                changed.extend(before.map(|known| known.name));
                match stat {
                    None => Look::Vanished,
                    Some(stat) if !stat.has_memory => Look::NoMemory,
                    Some(stat) => {
                        let known = self.identify(pid, stat);
                        changed.push(known.name.clone());
                        self.ask(pid, known)?
                    }
                }
            }
        };
        Ok(Seen { look, changed })
    }

    /// Asks for the sums of a process.
    fn ask(&self, pid: u32, mut known: Known) -> Result<Look> {
        if !known.is_meant {
            return Ok(Look::NotMeant(Box::new(known)));
        }
        match rollup(&self.question.root, pid) {
            Ok(Some(now)) => {
                known.now = now;
                Ok(Look::Read(Box::new(known)))
            }
            Ok(None) => Ok(Look::Vanished),
            Err(error) if process_is_gone(&error) => Ok(Look::Vanished),
            Err(error) => {
                let is_named = self.question.selection.pids.contains(&pid);
                match process_is_refused(&error) && !(is_named && self.readings == 0) {
                    true => Ok(Look::Refused),
                    false => Err(error),
                }
            }
        }
    }

    fn identify(&self, pid: u32, stat: ProcessStat) -> Known {
        let repeats = self.question.every.is_some();
        let gauge = repeats.then(|| Gauge::open(&self.question.root, pid, self.files));
        let (name, key, is_meant) = self.identity(pid, &stat);
        Known {
            gauge: gauge.flatten(),
            is_meant,
            stat,
            name,
            key,
            now: Rollup::default(),
            detail: None,
        }
    }

    /// Command lines are rewritten, users and cgroups change.
    fn identify_again(&self, pid: u32, known: Known) -> Known {
        let (name, key, is_meant) = self.identity(pid, &known.stat);
        Known {
            name,
            key,
            is_meant,
            ..known
        }
    }

    /// What its command is called, its group, and whether it is meant.
    fn identity(&self, pid: u32, stat: &ProcessStat) -> (String, String, bool) {
        let Question {
            root,
            selection,
            group_by,
            ..
        } = &self.question;
        let words = command_line(root, pid);
        let comm = printable(&String::from_utf8_lossy(&stat.comm));
        // A command line may be empty, or rewritten to nothing.
        let name = names::command_name(&words).unwrap_or_else(|| format!("[{comm}]"));
        let key = match group_by {
            GroupBy::Exe | GroupBy::Process => name.clone(),
            GroupBy::Command(letters) => {
                names::command_start(&words, *letters).unwrap_or_else(|| name.clone())
            }
            GroupBy::Cgroup => cgroup_of(root, pid).unwrap_or_else(|| "(no cgroup)".to_owned()),
            GroupBy::User => user_of(root, pid).unwrap_or_else(|| "(no user)".to_owned()),
        };
        let is_meant = selection.holds(pid, &name) || selection.holds(pid, &comm);
        (name, key, is_meant)
    }

    /// Takes what was seen. Those who were not asked, and whose like came or went, are asked now.
    fn take(
        &self,
        seen: Vec<(u32, Seen)>,
        gone: BTreeSet<String>,
        reading: &mut Reading,
    ) -> Result<BTreeMap<u32, Known>> {
        let mut changed = gone;
        for (_, seen) in &seen {
            changed.extend(seen.changed.iter().cloned());
        }
        let again = |(pid, seen): (u32, Seen)| match seen.look {
            Look::Unmoved(known) if changed.contains(&known.name) => {
                let known = self.identify_again(pid, *known);
                self.ask(pid, known).map(|look| (pid, look))
            }
            look => Ok((pid, look)),
        };
        let looks: Result<Vec<(u32, Look)>> = self
            .workers
            .install(|| seen.into_par_iter().map(again).collect());
        Ok(sort(looks?, reading))
    }

    /// Whoever was named has to be there once.
    fn check_named(&self) -> Result<()> {
        for &pid in &self.question.selection.pids {
            if !self.known.contains_key(&pid) {
                let cause = match process_stat(&self.question.root, pid)? {
                    // A kernel thread, or a process that ended.
                    Some(_) => std::io::Error::from_raw_os_error(NO_ADDRESS_SPACE),
                    None => ErrorKind::NotFound.into(),
                };
                return Err(Error::Process { pid, cause });
            }
        }
        for name in &self.question.selection.names {
            let is_so_called = |known: &Known| {
                *name == known.name || name.as_bytes() == known.stat.comm.as_slice()
            };
            if !self.known.values().any(is_so_called) {
                return Err(Error::NoProcessNamed { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The key of a process's group; of one that is alone its number goes before it.
    fn group(&self, pid: u32, known: &Known) -> String {
        match self.question.group_by {
            // Numbers of seven digits sort like numbers.
            GroupBy::Process => format!("{pid:>8} {}", known.key),
            _ => known.key.clone(),
        }
    }

    /// Reads the mappings of those whose group moved, and that moved themselves.
    fn look_closer(&mut self, reading: &mut Reading, watcher: &dyn Watcher) -> Result<()> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for (&pid, known) in self.read_ones() {
            let sum = sums.entry(self.group(pid, known)).or_default();
            *sum = sum.saturating_add(known.now.pss.saturating_add(known.now.swap));
        }
        let least = self.question.threshold.bytes().max(1);
        let is_moved = |(key, sum): &(&String, &u64)| {
            let before = self.groups.get(*key);
            before.is_none_or(|shown| sum.abs_diff(shown.sums) >= least)
        };
        let moved: BTreeSet<&String> = sums.iter().filter(is_moved).map(|(key, _)| key).collect();
        let stale: Vec<u32> = self
            .read_ones()
            .filter(|(pid, known)| {
                let in_moved = || moved.contains(&self.group(**pid, known));
                known.is_stale(least) || known.has_moved() && in_moved()
            })
            .map(|(&pid, _)| pid)
            .collect();
        let root = &self.question.root;
        let closer = |&pid: &u32| {
            watcher.stop().map_or(Ok(()), Err)?;
            match parts(root, pid) {
                Ok(parts) => Ok((pid, Some(parts))),
                Err(error) if process_is_gone(&error) || process_is_refused(&error) => {
                    Ok((pid, None))
                }
                Err(error) => Err(error),
            }
        };
        let found: Result<Vec<(u32, Option<Parts>)>> = self
            .workers
            .install(|| stale.par_iter().map(closer).collect());
        for (pid, parts) in found? {
            match (parts, self.known.get_mut(&pid)) {
                (Some(parts), Some(known)) => known.detail = Some((known.now, parts)),
                // It ended, or became another user's, between the two files.
                _ => {
                    self.known.remove(&pid);
                    reading.read -= 1;
                    reading.vanished += 1;
                }
            }
        }
        Ok(())
    }

    fn read_ones(&self) -> impl Iterator<Item = (&u32, &Known)> {
        self.known.iter().filter(|(_, known)| known.is_meant)
    }

    /// A row for each group, and what changed since it was shown.
    fn put_rows(&mut self, reading: &mut Reading) {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for (&pid, known) in self.read_ones() {
            let row = rows.entry(self.group(pid, known)).or_insert_with(|| Row {
                key: known.key.clone(),
                ..Row::default()
            });
            row.add(pid, known.now, known.parts());
        }
        let before = std::mem::take(&mut self.groups);
        for (group, row) in &mut rows {
            let (kind, shown) = Shown::after(before.get(group), row, self.question.threshold);
            row.kind = kind;
            self.groups.insert(group.clone(), shown);
        }
        let gone = before
            .iter()
            .filter(|(group, _)| !rows.contains_key(*group));
        let gone: Vec<Row> = gone
            .map(|(_, shown)| Row {
                kind: Kind::Gone,
                key: shown.key.clone(),
                processes: shown.processes,
                pid: shown.pid,
                ..Row::default()
            })
            .collect();
        reading.put(rows.into_values().collect(), gone);
    }
}
