//! How many threads read.

use std::num::NonZero;

use super::args::WorkArgs;

/// Threads: one a processor when nobody says how many.
pub(super) fn threads(args: &WorkArgs) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    args.threads.map_or_else(processors, usize::from)
}
