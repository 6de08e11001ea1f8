//! Which chunk is next, and what the finished ones add up to.
//!
//! Chunks finish in any order and are taken in order. Numbers are handed out only while they are
//! near the one being taken, or one worker that the machine leaves aside would let all others pile
//! up results (134 chunks were seen). Beyond what the machine expects, a chunk is handed out only
//! when all before it were full: nobody reads beyond an end.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Known, Watcher};
use crate::classify::{FlagSet, Key, KsmVerdict, OpenCompound, SetKeys};
use crate::error::{Error, Result};
use crate::grid::{Grid, Strip};
use crate::kernel::{Pfn, PfnRange};
use crate::source::Extent;
use crate::tally::{ClassMatrix, Tally};

/// Finished chunks that may wait for an earlier one, per worker.
const WINDOW_PER_WORKER: u64 = 4;

/// What one chunk came to.
#[derive(Debug, Default)]
pub(super) struct ChunkResult {
    pub(super) strips: Vec<Strip>,
    pub(super) classes: Tally,
    pub(super) keys: Tally,
    pub(super) matrix: ClassMatrix,
    /// The first page that does not exist, if the source ended here.
    pub(super) end: Option<Pfn>,
    /// The compounds that the chunk ends within.
    pub(super) open: Open,
}

/// The compound that a chunk ends within, in the source and in the one that it is compared with.
pub(super) type Open = [Option<OpenCompound>; 2];

/// Shared by all workers of one scan.
pub(super) struct Queue<'a> {
    extent: Extent,
    chunk_pages: u64,
    window: u64,
    watcher: &'a dyn Watcher,
    state: Mutex<State>,
    changed: Condvar,
}

/// What all chunks came to.
#[derive(Default)]
pub(super) struct Finished {
    pub(super) grid: Grid,
    pub(super) classes: Tally,
    pub(super) keys: Tally,
    pub(super) matrix: ClassMatrix,
    pub(super) sets: Vec<FlagSet>,
    pub(super) met: Vec<u64>,
    pub(super) ksm: KsmVerdict,
    pub(super) end: Pfn,
}

/// What an overlay met, in the order of memory.
#[derive(Default)]
struct Met {
    things: Vec<u64>,
    numbers: HashMap<u64, usize>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Chunks taken in order; the number of the one being waited for.
    taken: u64,
    waiting: BTreeMap<u64, ChunkResult>,
    /// The compounds that finished chunks end within, for the chunk after.
    open: BTreeMap<u64, Open>,
    sets: SetKeys,
    met: Met,
    sum: Finished,
    ended: bool,
    failed: Option<Error>,
}

impl Met {
    fn add(&mut self, thing: u64) -> usize {
        let number = self.things.len();
        self.things.push(thing);
        self.numbers.insert(thing, number);
        number
    }
}

impl<'a> Queue<'a> {
    pub(super) fn new(
        extent: Extent,
        chunk_pages: u64,
        workers: usize,
        known: &Known,
        watcher: &'a dyn Watcher,
    ) -> Self {
        let window = WINDOW_PER_WORKER * workers as u64;
        let mut state = State {
            sets: SetKeys::starting_with(&known.sets),
            ..State::default()
        };
        known.met.iter().for_each(|&thing| {
            state.met.add(thing);
        });
        state.sum.ksm = known.ksm;
        Self {
            extent,
            chunk_pages,
            window,
            watcher,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The next chunk to work on; `None` when there is none left.
    pub(super) fn next(&self) -> Option<(u64, PfnRange)> {
        let mut state = self.lock();
        loop {
            if state.ended || state.failed.is_some() {
                return None;
            }
            let start = state.next * self.chunk_pages;
            let is_sure = match self.extent {
                Extent::Exact(end) if start >= end.0 => return None,
                Extent::Exact(_) => true,
                Extent::Expected(end) => start < end.0,
            };
            let near = state.next < state.taken + self.window;
            if near && (is_sure || state.taken == state.next) {
                state.next += 1;
                return Some((state.next - 1, self.pages_of(start)));
            }
            state = self.wait(state);
        }
    }

    fn pages_of(&self, start: u64) -> PfnRange {
        let end = start + self.chunk_pages;
        match self.extent {
            Extent::Exact(limit) => PfnRange::new(start, end.min(limit.0)),
            Extent::Expected(_) => PfnRange::new(start, end),
        }
    }

    /// Who watches.
    pub(super) fn watcher(&self) -> &'a dyn Watcher {
        self.watcher
    }

    /// The compounds that the chunk before `chunk` ends within. Waits for that chunk.
    pub(super) fn open_before(&self, chunk: u64) -> Open {
        let Some(before) = chunk.checked_sub(1) else {
            return Open::default();
        };
        let mut state = self.lock();
        loop {
            if let Some(open) = state.open.get(&before) {
                return *open;
            }
            if state.failed.is_some() || state.ended {
                return Open::default();
            }
            state = self.wait(state);
        }
    }

    /// The key of a set of flags.
    pub(super) fn key_of(&self, set: FlagSet, chunk: u64) -> Key {
        let find = |state: &State| state.sets.find(set);
        self.in_order(chunk, find, |state| state.sets.add(set))
    }

    /// How many other things were met in memory before this one.
    pub(super) fn number_of(&self, thing: u64, chunk: u64) -> usize {
        let find = |state: &State| state.met.numbers.get(&thing).copied();
        self.in_order(chunk, find, |state| state.met.add(thing))
    }

    /// What is known already, or is added. Something new waits until all chunks before `chunk` are taken, so
    /// that numbers follow memory and not threads.
    fn in_order<T>(
        &self,
        chunk: u64,
        find: impl Fn(&State) -> Option<T>,
        add: impl FnOnce(&mut State) -> T,
    ) -> T {
        let mut state = self.lock();
        loop {
            if let Some(known) = find(&state) {
                return known;
            }
            if state.taken == chunk || state.failed.is_some() || state.ended {
                return add(&mut state);
            }
            state = self.wait(state);
        }
    }

    /// True once some page proved that the KSM bit is worth something.
    pub(super) fn believes_ksm(&self) -> bool {
        self.lock().sum.ksm == KsmVerdict::Believed
    }

    pub(super) fn believe_ksm(&self) {
        self.lock().sum.ksm = KsmVerdict::Believed;
    }

    /// Nobody needs any more chunks.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Hands in a chunk.
    pub(super) fn done(&self, chunk: u64, result: Result<ChunkResult>) {
        let mut state = self.lock();
        match result {
            Ok(result) => {
                state.open.insert(chunk, result.open);
                state.waiting.insert(chunk, result);
                if let Err(error) = self.take_finished(&mut state) {
                    state.failed.get_or_insert(error);
                }
            }
            Err(error) => {
                state.failed.get_or_insert(error);
            }
        }
        self.changed.notify_all();
    }

    fn take_finished(&self, state: &mut State) -> Result<()> {
        while !state.ended {
            let number = state.taken;
            let Some(result) = state.waiting.remove(&number) else {
                break;
            };
            state.open.remove(&number.wrapping_sub(2));
            let end = result
                .end
                .unwrap_or(self.pages_of(number * self.chunk_pages).end);
            state.ended = result.end.is_some();
            state.sum.grid.push(result.strips)?;
            state.sum.classes.merge(&result.classes);
            state.sum.keys.merge(&result.keys);
            state.sum.matrix.merge(&result.matrix);
            state.sum.end = end;
            state.taken += 1;
            let expected = match self.extent {
                Extent::Exact(end) | Extent::Expected(end) => end.0.max(state.sum.end.0),
            };
            self.watcher.on_pages(state.sum.end.0, expected);
        }
        Ok(())
    }

    /// Held by a worker: should it panic, the others do not wait for its chunk for ever, so that the
    /// pool can pass the panic on.
    pub(super) fn release_others_on_panic(&self) -> impl Drop + use<'_, 'a> {
        ReleaseOnPanic { queue: self }
    }

    /// Everything, once all workers are gone.
    pub(super) fn finish(self) -> Result<Finished> {
        let state = self
            .state
            .into_inner()
            .expect("no worker panicked, or the pool had passed it on");
        match state.failed {
            Some(error) => Err(error),
            None => Ok(Finished {
                sets: state.sets.sets().to_vec(),
                met: state.met.things,
                ..state.sum
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no worker panics while it holds the lock")
    }

    fn wait<'b>(&self, state: MutexGuard<'b, State>) -> MutexGuard<'b, State> {
        self.changed
            .wait(state)
            .expect("no worker panics while it holds the lock")
    }
}

struct ReleaseOnPanic<'q, 'a> {
    queue: &'q Queue<'a>,
}

impl Drop for ReleaseOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queue
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .ended = true;
            self.queue.changed.notify_all();
        }
    }
}
