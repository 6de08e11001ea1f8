//! Who uses memory, resolved.

use std::path::PathBuf;
use std::time::Duration;

use super::args::{GroupByArg, PssArgs, UnitArg};
use super::processes::table_format;
use super::record::LONGEST;
use super::workers::threads;
use crate::facts::Unit;
use crate::output::TableFormat;
use crate::usage::{GroupBy, Question, Selection, Threshold};

/// The shortest time between two readings.
const SHORTEST: f64 = 0.05;

/// Who uses memory.
#[derive(Debug)]
pub struct PssRequest {
    /// What is asked.
    pub question: Question,
    /// Time from one reading to the next, where there are several.
    pub every: Option<Duration>,
    /// Groups up to this per cent of all are shown.
    pub top: f64,
    /// What sizes are told in.
    pub unit: Unit,
    /// Whether the kernel's sum has a column.
    pub with_pss: bool,
    /// Whether columns are explained.
    pub explains: bool,
    /// The format.
    pub format: TableFormat,
    /// Workers.
    pub threads: usize,
    /// No remarks.
    pub quiet: bool,
}

pub(super) fn pss(args: PssArgs) -> Result<PssRequest, String> {
    if !(args.top > 0.0 && args.top <= 100.0) {
        return Err(format!(
            "-t {} is no share from above 0 to 100 per cent",
            args.top
        ));
    }
    let every = args.every.map(|seconds| {
        let is_one = (SHORTEST..=LONGEST.as_secs_f64()).contains(&seconds);
        is_one
            .then(|| Duration::from_secs_f64(seconds))
            .ok_or_else(|| {
                format!("-l {seconds} is no time in seconds ({SHORTEST} is the shortest)")
            })
    });
    let every = every.transpose()?;
    let mut selection = Selection::default();
    for who in args.who {
        match who.parse() {
            Ok(pid) => selection.pids.push(pid),
            Err(_) => selection.names.push(who),
        }
    }
    let usual = if args.units == UnitArg::Kib {
        100
    } else {
        1000
    };
    let least = args.least_change.unwrap_or(usual);
    let bytes = least.unsigned_abs().saturating_mul(1024);
    Ok(PssRequest {
        question: Question {
            root: args.sysroot.unwrap_or_else(|| PathBuf::from("/")),
            selection,
            group_by: match args.group_by {
                GroupByArg::Exe => GroupBy::Exe,
                GroupByArg::Cmd => {
                    GroupBy::Command(usize::try_from(args.command_letters).unwrap_or(usize::MAX))
                }
                GroupByArg::Pid => GroupBy::Process,
                GroupByArg::Cgroup => GroupBy::Cgroup,
                GroupByArg::User => GroupBy::User,
            },
            threshold: match least > 0 {
                true => Threshold::Growth(bytes),
                false => Threshold::Change(bytes),
            },
            every,
        },
        every,
        top: args.top,
        unit: match args.units {
            UnitArg::Mib => Unit::Mib,
            UnitArg::Million => Unit::Million,
            UnitArg::Kib => Unit::Kib,
            UnitArg::Human => Unit::Human,
        },
        with_pss: args.pss,
        explains: args.verbose,
        format: table_format(args.format),
        threads: threads(&args.work),
        quiet: args.work.quiet,
    })
}
