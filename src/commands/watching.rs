//! `pagemap-viz metrics` and `check`: numbers for who watches machines, and whether they are as they should be.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::report::in_pages;
use crate::cli::{CheckFormat, CheckRequest, MetricsRequest, SourceRequest, Statuses};
use crate::error::{Error, Result, printable};
use crate::facts::{
    About, Assertion, ScanCost, checks_json, checks_nagios, checks_tap, checks_text, metrics_text,
};
use crate::output::{print, write_text};
use crate::report::{Inputs, Report};
use crate::source::{Source, anonymous, cpu_time, peak_memory};
use crate::survey::{Survey, survey};
use crate::terminal::{Terminal, complain};

/// Counts and writes the metrics.
pub(super) fn metrics(request: &MetricsRequest, terminal: &Terminal) -> Result<()> {
    request.target.check()?;
    terminal.take_signals();
    let (survey, report) = surveyed(&request.source, &[], request.threads, terminal)?;
    terminal.clear();
    let cost = ScanCost {
        cpu: cpu_time(),
        memory: peak_memory(),
    };
    let text = metrics_text(&survey, &report, cost);
    write_text(&request.target, &text)?.finish()
}

/// Checks what is asserted and says so; the status is what a probe gives, whatever becomes of what is said.
pub(super) fn check(request: &CheckRequest, terminal: &Terminal) -> Result<ExitStatus> {
    let statuses = Statuses::of(request.format);
    let answer = match answers(request, terminal) {
        Err(error @ Error::Stopped { .. }) => return Err(error),
        answer => answer,
    };
    terminal.clear();
    let told = match answer {
        Ok((text, holds)) => {
            let status = if holds { 0 } else { statuses.fails };
            match print(&text) {
                Ok(()) | Err(Error::ClosedPipe) => return Ok(status_of(status)),
                Err(error) => error,
            }
        }
        Err(error) => {
            if request.format == CheckFormat::Nagios {
                // What cannot be said here is said on standard error.
                let _ = print(&format!(
                    "PAGEMAP UNKNOWN - {}\n",
                    printable(&error.to_string())
                ));
            }
            error
        }
    };
    complain(&told.to_string());
    Ok(status_of(statuses.unknown))
}

fn answers(request: &CheckRequest, terminal: &Terminal) -> Result<(String, bool)> {
    terminal.take_signals();
    let block = |about: &About| match about {
        About::FreeBlocks(bytes) | About::Contiguous(bytes) | About::Blocked(bytes) => Some(*bytes),
        About::Class(_) | About::Thp(_) => None,
    };
    let assertions = &request.assertions;
    let sizes: Vec<u64> = assertions
        .iter()
        .filter_map(|one| block(&one.about))
        .collect();
    // A process can be asked by who may not read memory.
    let is_of_memory = |one: &Assertion| !matches!(one.about, About::Thp(_));
    let report = match assertions.iter().any(is_of_memory) {
        true => Some(surveyed(&request.source, &sizes, request.threads, terminal)?.1),
        false => None,
    };
    let mut verdicts = Vec::new();
    for assertion in assertions {
        let anonymous = match assertion.about {
            About::Thp(pid) => Some(of_process(&request.source, pid)?),
            _ => None,
        };
        verdicts.push(assertion.verdict(report.as_ref(), anonymous));
    }
    let text = match request.format {
        CheckFormat::Text => checks_text(&verdicts),
        CheckFormat::Json => checks_json(&verdicts),
        CheckFormat::Tap => checks_tap(&verdicts),
        CheckFormat::Nagios => checks_nagios(&verdicts),
    };
    Ok((text, verdicts.iter().all(|verdict| verdict.ok)))
}

/// Anonymous memory of a process, and what of it huge pages hold; none of one that has none or is ending.
fn of_process(source: &SourceRequest, pid: u32) -> Result<(u64, u64)> {
    let root = source.root().expect("--pid is not for files");
    Ok(anonymous(root, pid)?.unwrap_or((0, 0)))
}

/// Surveys a source with blocks of these sizes, too, in bytes.
fn surveyed(
    request: &SourceRequest,
    sizes: &[u64],
    threads: usize,
    terminal: &Terminal,
) -> Result<(Survey, Report)> {
    let source = request.open()?;
    let source: &dyn Source = source.as_ref();
    let more = in_pages(sizes.iter().copied(), source)?;
    let survey = survey(source, &more, None, threads, terminal)?;
    let report = Report::new(Inputs {
        source,
        survey: &survey,
        processes: None,
        trend: Vec::new(),
        counters_before: None,
        wishes: &[],
        redact: false,
    });
    Ok((survey, report))
}

fn status_of(code: i32) -> ExitStatus {
    // As wait(2) gives it.
    ExitStatus::from_raw(code << 8)
}
