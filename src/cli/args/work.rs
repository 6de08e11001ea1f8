//! What is typed to say how the work is done.

use clap::Args as ClapArgs;

/// What every verb that reads takes.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct WorkArgs {
    /// Threads that read; default: one a processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(in crate::cli) threads: Option<u16>,

    /// No progress and no remarks on standard error
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,
}
