//! One parallel pass over all pages: read, classify, count, reduce, pack; then forget the chunk.
//!
//! Chunks are aligned and handed out one by one, because kinds of pages differ threefold in what
//! the kernel takes for them; fixed halves lose a quarter of the speed. Peak memory is a few chunks
//! whatever the size of the machine.

mod enclosing;
mod free_proof;
mod judge;
mod queue;
mod sweep;
mod thrift;
mod worker;

pub use enclosing::{Enclosing, enclosing, is_tail, order_from};
pub use sweep::{Block, Reach, find_proof_of_ksm, read_in_order, sweep};
pub use thrift::{Effort, Spent};

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::classify::{FlagSet, Key, KsmVerdict, Noise};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::kernel::{Pfn, PfnRange};
use crate::layout::Layout;
use crate::source::{Clock, Extent, Source};
use crate::tally::{ClassCounts, ClassMatrix, Tally};

use queue::{Finished, Queue};
use thrift::Thrift;
use worker::Worker;

/// What pages are coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lens {
    /// The class of the page.
    Class,
    /// The set of its flags that remains without the noise.
    Flags(Noise),
    /// The class, pages that had another before marked.
    Changes,
    /// What happened to it since another reading.
    Difference,
    /// How often its class changed in a series.
    Churn,
    /// What is looked for, over the rest.
    Overlay,
    /// The NUMA node of used pages.
    Node,
    /// The zone of used pages.
    Zone,
    /// How often used pages are mapped.
    Sharing,
    /// The cgroup that used pages are charged to.
    Cgroup,
    /// The size of the folio that used pages are part of, by family.
    FolioOrder,
    /// The size of the block that free pages are part of.
    FreeOrder,
    /// How long ago the class changed in a series.
    Age,
}

impl Lens {
    /// The word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Flags(_) => "flags",
            Self::Changes => "changes",
            Self::Difference => "difference",
            Self::Churn => "churn",
            Self::Overlay => "overlay",
            Self::Node => "node",
            Self::Zone => "zone",
            Self::Sharing => "sharing",
            Self::Cgroup => "cgroup",
            Self::FolioOrder => "folio-order",
            Self::FreeOrder => "free-order",
            Self::Age => "age",
        }
    }
}

/// What a scan makes of the pages that it reads.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What pages are coloured by.
    pub lens: Lens,
    /// Where they go.
    pub layout: Layout,
    /// What other readings found out.
    pub known: &'a Known,
    /// The reading to compare with, which changes, difference and churn need and the others do not have.
    pub against: Option<Against<'a>>,
    /// What is looked for, which the overlay needs; then it is known whether the KSM bit is believed.
    pub overlay: Option<&'a dyn Rekey>,
    /// How much is read. Less than everything gives the same classes, not the same flags.
    pub effort: Effort,
}

impl<'a> View<'a> {
    /// Of one source by itself, of which nothing is known before.
    pub fn alone(lens: Lens, layout: Layout, known: &'a Known) -> Self {
        Self {
            lens,
            layout,
            known,
            against: None,
            overlay: None,
            effort: Effort::EveryPage,
        }
    }
}

/// Makes other keys of classes.
pub trait Rekey: Sync {
    /// Re-keys the pages of a block of `source`. `keys` are their classes, the KSM question settled. Called
    /// once for each page, in any order. `number` says of a thing how many others were met in memory before it,
    /// whatever threads read it.
    ///
    /// # Errors
    /// Something else that is known of pages cannot be read.
    fn rekey(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &mut [Key],
        number: &mut dyn FnMut(u64) -> usize,
    ) -> Result<()>;
}

/// What one reading of a machine finds out that holds for the others too.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether the KSM bit is believed.
    pub ksm: KsmVerdict,
    /// What the keys of the flags lens stand for.
    pub sets: Vec<FlagSet>,
    /// What an overlay met.
    pub met: Vec<u64>,
}

/// Another reading, and what to make of the differences.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// A copy of the same machine's flags.
    pub source: &'a dyn Source,
    /// Pages up to this one are compared; those that one of both does not have are holes of it.
    pub end: Pfn,
    /// Whether its KSM bit is believed; that of the source itself is known then, too.
    pub ksm: KsmVerdict,
    /// Who judges.
    pub marks: &'a dyn Marks,
}

/// Makes keys of what pages were and are.
pub trait Marks: Sync {
    /// Re-keys the pages from `start` on. `keys` are what they are, `before` what they were, both of
    /// the class lens, the KSM question settled. Called once for each page, in any order.
    ///
    /// # Errors
    /// Something cannot be kept.
    fn mark(&self, start: Pfn, before: &[Key], keys: &mut [Key]) -> Result<()>;
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
    /// What became of what, when two readings were compared.
    pub matrix: ClassMatrix,
    /// What the keys of the flags lens stand for; empty for the class lens.
    pub sets: Vec<FlagSet>,
    /// What the overlay met, each thing at its number.
    pub met: Vec<u64>,
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
    /// What was read and what was proved.
    pub spent: Spent,
}

/// Somebody who wants to know how far a scan is, and may end it.
pub trait Watcher: Sync {
    /// `done` of about `expected` pages are read.
    fn on_pages(&self, done: u64, expected: u64);

    /// `done` of `all` processes were asked.
    fn on_processes(&self, _done: usize, _all: usize) {}

    /// The reason to stop, if there is one. Asked between two reads, so at most some milliseconds
    /// pass.
    fn stop(&self) -> Option<Error>;
}

/// Nobody watches, and nothing stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Watcher for Nobody {
    fn on_pages(&self, _done: u64, _expected: u64) {}

    fn stop(&self) -> Option<Error> {
        None
    }
}

/// One of several scans that are one piece of work to who watches.
pub struct Part<'a> {
    /// Who watches.
    pub watcher: &'a dyn Watcher,
    /// Which scan it is, from 0.
    pub number: usize,
    /// How many there are.
    pub parts: usize,
}

impl Watcher for Part<'_> {
    fn on_pages(&self, done: u64, expected: u64) {
        let before = expected * self.number as u64;
        let all = expected * self.parts as u64;
        self.watcher.on_pages(before + done, all);
    }

    fn stop(&self) -> Option<Error> {
        self.watcher.stop()
    }
}

/// Reads all memory of `source` with `threads` workers.
///
/// # Errors
/// The source or the scratch file failed, there is no page, or the watcher said stop.
pub fn scan(
    source: &dyn Source,
    view: View<'_>,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Scan> {
    let start_time = source.time();
    let started = Instant::now();
    let pool = pool(threads)?;
    let thrift = Thrift::new(source, view.effort, &pool, watcher)?;
    let queue = Queue::new(
        extent(source, view.against),
        view.layout.chunk_pages(),
        threads,
        view.known,
        watcher,
    );
    pool.broadcast(|_| Worker::new(&thrift, view, &queue).run());
    let mut finished = queue.finish()?;
    if finished.end == Pfn(0) {
        return Err(Error::Empty {
            path: source.path().to_owned(),
        });
    }
    // Pages that nobody asked for were taken for holes.
    let all = PfnRange::new(0, finished.end.0);
    let unselected = source.machine().unselected(all);
    let pages = unselected.iter().map(|range| range.pages()).sum();
    finished.classes.take_back(Key::HOLE, pages);
    finished.keys.take_back(Key::HOLE, pages);
    finished.matrix.take_back_holes(pages);
    Ok(Scan {
        start_time,
        end_time: source.end_time(),
        duration: duration(source, started),
        spent: thrift.spent(),
        ..Scan::new(finished, view.lens)
    })
}

fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|cause| Error::Threads {
        threads,
        cause: cause.to_string(),
    })
}

fn extent(source: &dyn Source, against: Option<Against<'_>>) -> Extent {
    let own = source.machine().extent;
    against.map_or(own, |against| Extent::Exact(against.end))
}

impl Scan {
    /// What the workers found, without times.
    fn new(finished: Finished, lens: Lens) -> Self {
        let sets = match lens {
            Lens::Flags(_) => finished.sets,
            _ => Vec::new(),
        };
        Self {
            classes: ClassCounts::settle(&finished.classes, finished.ksm),
            grid: finished.grid,
            keys: finished.keys,
            matrix: finished.matrix,
            sets,
            met: finished.met,
            ksm: finished.ksm,
            end: finished.end,
            start_time: Timestamp::UNIX_EPOCH,
            end_time: Timestamp::UNIX_EPOCH,
            duration: None,
            spent: Spent::default(),
        }
    }

    /// What it found out for the scans after it.
    pub fn known(&self) -> Known {
        Known {
            ksm: self.ksm,
            sets: self.sets.clone(),
            met: self.met.clone(),
        }
    }
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
