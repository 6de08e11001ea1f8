//! How the memory of processes lies: by mapping, from page tables alone.

mod folios;
mod large;
mod orders;
mod owners;
mod units;

pub use folios::{MappingFolios, ProcessFolios, folios_of};
pub use large::{Backing, Count, Fit, LargeFolios};
pub use orders::{Blocks, Contiguity, MappingOrders, ProcessOrders, orders_of};
pub use owners::{Holder, folio_of, holders};
pub use units::{Unit, UnitRun, unit_runs, unit_sizes, units};

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::scan::Watcher;
use crate::source::{Process, process_is_gone, process_is_refused, process_name};

/// What was asked of several processes.
#[derive(Clone, Debug)]
pub struct Answers<T> {
    /// Of each that answered, in the order of their numbers.
    pub answers: Vec<T>,
    /// How many are not for this user.
    pub refused: usize,
}

/// Asks processes side by side. One that is not for this user is counted, and one that ended meanwhile or has no
/// address space, as kernel threads have none, is passed over; unless they `must_answer`.
///
/// # Errors
/// The watcher said stop, the threads cannot be started, one that must answer is not there or not for this user, or
/// any cannot be read for another reason: a wrong answer would look like a right one.
pub fn ask<T: Send>(
    root: &Path,
    pids: &[u32],
    page_bytes: u64,
    threads: usize,
    must_answer: bool,
    watcher: &dyn Watcher,
    question: impl Fn(Process, String) -> Result<T> + Sync,
) -> Result<Answers<T>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| Error::Threads {
        threads,
        cause: cause.to_string(),
    })?;
    let done = AtomicUsize::new(0);
    let one = |&pid: &u32| {
        watcher.stop().map_or(Ok(()), Err)?;
        watcher.on_processes(done.fetch_add(1, Ordering::Relaxed), pids.len());
        let process = Process::open(root, pid, page_bytes)?;
        question(process, process_name(root, pid)?.unwrap_or_default())
    };
    let asked: Vec<Result<T>> = pool.install(|| pids.par_iter().map(one).collect());
    let mut answers = Vec::with_capacity(asked.len());
    let mut refused = 0;
    for answer in asked {
        match answer {
            Ok(answer) => answers.push(answer),
            Err(error) if !must_answer && process_is_refused(&error) => refused += 1,
            Err(error) if !must_answer && process_is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Answers { answers, refused })
}
