//! How many threads read.

use std::num::NonZero;

use super::args::RunArgs;

/// Threads: one a processor when nobody says how many.
pub(super) fn threads(args: &RunArgs) -> usize {
    threads_or_all(args.threads)
}

/// The same, of the option alone.
pub(super) fn threads_or_all(threads: Option<u16>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    threads.map_or_else(processors, usize::from)
}
