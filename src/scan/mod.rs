//! One parallel pass over all pages: read, classify, count, reduce, pack; then forget the chunk.
//!
//! Chunks are aligned and handed out one by one, because kinds of pages differ threefold in what
//! the kernel takes for them; fixed halves lose a quarter of the speed. Peak memory is a few chunks
//! whatever the size of the machine.

mod queue;
mod worker;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::classify::{FlagSet, KsmVerdict, Noise};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::kernel::Pfn;
use crate::layout::Layout;
use crate::source::{Clock, Source};
use crate::tally::{ClassCounts, Tally};

use queue::Queue;
use worker::Worker;

/// What pages are coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lens {
    /// The class of the page.
    Class,
    /// The set of its flags that remains without the noise.
    Flags(Noise),
}

/// Everything that a picture is made of.
#[derive(Debug)]
pub struct Scan {
    /// Every row.
    pub grid: Grid,
    /// Pages per class.
    pub classes: ClassCounts,
    /// Pages per key of the lens.
    pub keys: Tally,
    /// What the keys of the flags lens stand for; empty for the class lens.
    pub sets: Vec<FlagSet>,
    /// Whether the KSM bit was believed.
    pub ksm: KsmVerdict,
    /// The first page number after the last.
    pub end: Pfn,
    /// When reading began.
    pub start_time: Timestamp,
    /// When reading ended.
    pub end_time: Timestamp,
    /// How long reading the kernel took; `None` for a copy, where that is not known.
    pub duration: Option<Duration>,
}

/// Somebody who wants to know how far a scan is, and may end it.
pub trait Watcher: Sync {
    /// `done` of about `expected` pages are read.
    fn on_pages(&self, done: u64, expected: u64);

    /// The reason to stop, if there is one. Asked between two reads, so at most some milliseconds
    /// pass.
    fn stop(&self) -> Option<Error>;
}

/// Reads all memory of `source` with `threads` workers.
///
/// # Errors
/// The source or the scratch file failed, there is no page, or the watcher said stop.
pub fn scan(
    source: &dyn Source,
    lens: Lens,
    layout: Layout,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Scan> {
    let start_time = source.time();
    let started = Instant::now();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| Error::Threads {
        threads,
        cause: cause.to_string(),
    })?;
    let queue = Queue::new(
        source.machine().extent,
        layout.chunk_pages(),
        threads,
        watcher,
    );
    pool.broadcast(|_| Worker::new(source, lens, layout, &queue).run());
    let finished = queue.finish()?;
    if finished.end == Pfn(0) {
        return Err(Error::Empty {
            path: source.path().to_owned(),
        });
    }
    Ok(Scan {
        classes: ClassCounts::settle(&finished.classes, finished.ksm),
        grid: finished.grid,
        keys: finished.keys,
        sets: if lens == Lens::Class {
            Vec::new()
        } else {
            finished.sets
        },
        ksm: finished.ksm,
        end: finished.end,
        start_time,
        end_time: source.end_time(),
        duration: duration(source, started),
    })
}

fn duration(source: &dyn Source, started: Instant) -> Option<Duration> {
    match source.clock() {
        Clock::Now => Some(started.elapsed()),
        Clock::Then => source
            .end_time()
            .duration_since(source.time())
            .try_into()
            .ok(),
        Clock::FileDate => None,
    }
}
