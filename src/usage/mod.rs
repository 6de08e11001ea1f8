//! Who uses memory: processes in groups, each shared page divided by those who map it, and what changes.
//!
//! The kernel walks a process's page tables to sum them up, so a loop asks only for the sums of processes whose counters
//! moved, of those whose like came or went (what was shared is shared otherwise then), and of the others in
//! turn, so that nothing is older than half a minute. Mappings are read of processes that moved, in groups that
//! moved or by as much themselves; elsewhere what is known of them is carried on by the sums.

mod names;
mod rows;

pub use rows::{Kind, Reading, Row, keep_top};

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::prelude::*;

use crate::error::{Error, Result, printable};
use crate::kernel::{Parts, Rollup};
use crate::scan::Watcher;
use crate::source::{
    Gauge, Moved, ProcessStat, allow_many_files, cgroup_of, command_line, memory_info, parts,
    process_is_gone, process_stat, processes, rollup, user_of,
};

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

    fn holds(&self, pid: u32, name: &str) -> bool {
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
    fn bytes(self) -> u64 {
        match self {
            Self::Growth(bytes) | Self::Change(bytes) => bytes,
        }
    }

    fn is_reached(self, change: i64) -> bool {
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

/// What is known of a process.
#[derive(Debug)]
struct Known {
    stat: ProcessStat,
    gauge: Option<Gauge>,
    /// What its command is called: processes of one name share memory.
    name: String,
    key: String,
    is_meant: bool,
    now: Rollup,
    detail: Option<(Rollup, Parts)>,
}

/// What was shown of a group last.
#[derive(Clone, Debug, Default)]
struct Shown {
    processes: usize,
    pid: Option<u32>,
    /// Memory and swap, by which it is decided whether to look closer.
    sums: u64,
    /// What the change that is shown refers to.
    total: u64,
}

/// What the kernel answers for who has none: ESRCH.
const NO_ADDRESS_SPACE: i32 = 3;

/// Processes that a worker takes at a time: one costs little more than handing it over.
const BATCH: usize = 32;

/// In so many readings at most the sums of every process are asked for once,
const MOST_TURNS: f64 = 16.0;

/// and in so many seconds.
const OLDEST: f64 = 30.0;

/// What came of looking at a process.
enum Look {
    Read(Box<Known>),
    /// Not asked for its sums: its counters did not move.
    Unmoved(Box<Known>),
    NotMeant(Box<Known>),
    NoMemory,
    Refused,
    Vanished,
}

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
        self.known = self.take(looks?, gone.collect(), &mut reading);
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
                    (true, true) => self.ask(pid, known)?,
                };
                return Ok(Seen { look, changed });
            }
            (before, _) => before,
        };
        let stat = process_stat(&self.question.root, pid);
        let look = match (stat, before) {
            (Some(stat), Some(known)) if stat == known.stat && stat.has_memory => {
                self.ask(pid, known)?
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
    fn ask(&self, pid: u32, known: Known) -> Result<Look> {
        // Command lines are rewritten, users and cgroups change.
        let mut known = match self.readings {
            0 => known,
            _ => self.identify_again(pid, known),
        };
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
            Err(Error::Process { pid, cause }) if cause.kind() == ErrorKind::PermissionDenied => {
                let is_named = self.question.selection.pids.contains(&pid);
                match is_named && self.readings == 0 {
                    true => Err(Error::Process { pid, cause }),
                    false => Ok(Look::Refused),
                }
            }
            Err(error) => Err(error),
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
    ) -> BTreeMap<u32, Known> {
        let mut changed = gone;
        for (_, seen) in &seen {
            changed.extend(seen.changed.iter().cloned());
        }
        let again = |(pid, seen): (u32, Seen)| match seen.look {
            Look::Unmoved(known) if changed.contains(&known.name) => {
                (pid, self.ask(pid, *known).unwrap_or(Look::Refused))
            }
            look => (pid, look),
        };
        let looks = self
            .workers
            .install(|| seen.into_par_iter().map(again).collect());
        sort(looks, reading)
    }

    /// Whoever was named has to be there once.
    fn check_named(&self) -> Result<()> {
        for &pid in &self.question.selection.pids {
            if !self.known.contains_key(&pid) {
                let cause = match process_stat(&self.question.root, pid) {
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
            Ok((pid, parts(root, pid).ok()))
        };
        let found: Result<Vec<(u32, Option<Parts>)>> = self
            .workers
            .install(|| stale.par_iter().map(closer).collect());
        for (pid, parts) in found? {
            match (parts, self.known.get_mut(&pid)) {
                (Some(parts), Some(known)) => known.detail = Some((known.now, parts)),
                // It ended between the two files.
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
            let sums = row.pss.saturating_add(row.swap);
            let total = row.parts.total();
            let (processes, pid) = (row.processes, row.pid);
            let shown = match before.get(group) {
                None => {
                    row.kind = Kind::Added;
                    (sums, total)
                }
                Some(shown) => {
                    let change = difference(total, shown.total);
                    let threshold = self.question.threshold;
                    if threshold.is_reached(change) {
                        row.kind = Kind::Changed(change);
                        (sums, total)
                    } else if threshold.is_reached(difference(sums, shown.sums)) {
                        // It was looked at and found to have swapped, or to have moved a little.
                        (sums, shown.total)
                    } else if matches!(threshold, Threshold::Growth(_)) && change < 0 {
                        // What grows after it shrank has grown.
                        (sums, total)
                    } else {
                        (shown.sums, shown.total)
                    }
                }
            };
            let (sums, total) = shown;
            self.groups.insert(
                group.clone(),
                Shown {
                    processes,
                    pid,
                    sums,
                    total,
                },
            );
        }
        let gone = before
            .iter()
            .filter(|(group, _)| !rows.contains_key(*group));
        let gone: Vec<Row> = gone
            .map(|(group, shown)| Row {
                kind: Kind::Gone,
                key: match shown.pid {
                    Some(_) if self.question.group_by == GroupBy::Process => {
                        group[8..].trim_start().to_owned()
                    }
                    _ => group.clone(),
                },
                processes: shown.processes,
                pid: shown.pid,
                ..Row::default()
            })
            .collect();
        reading.put(rows.into_values().collect(), gone);
    }
}

/// What was seen of a process, and the names of commands whose processes came or went with it.
struct Seen {
    look: Look,
    changed: Vec<String>,
}

/// Sorts what was seen, and counts it.
fn sort(looks: Vec<(u32, Look)>, reading: &mut Reading) -> BTreeMap<u32, Known> {
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
    fn has_moved(&self) -> bool {
        self.detail.is_some_and(|(then, _)| then != self.now)
    }

    /// Whether its mappings have to be read, whatever its group did: they never were, it moved by that much
    /// itself, or more is gone than the part has that the sums speak of.
    fn is_stale(&self, least: u64) -> bool {
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
    fn parts(&self) -> Parts {
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

fn difference(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(i64::MAX)
}
