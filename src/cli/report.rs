//! A report as asked for, resolved.

use std::path::Path;

use super::args::{ReportArgs, ReportFormatArg};
use super::selection::selection;
use super::source::{SourceRequest, size};
use super::workers::threads;
use crate::output::Target;
use crate::report::Wish;

/// Whether memory is fragmented, by what, and what would help.
#[derive(Debug)]
pub struct ReportRequest {
    /// Where the flags come from.
    pub source: SourceRequest,
    /// Where the report goes, and what it is; nothing where only wishes are answered.
    pub report: Option<(Target, ReportFormat)>,
    /// What is wanted.
    pub wishes: Vec<Wish>,
    /// Leave the host and the names of processes out.
    pub redact: bool,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// One page with everything in it.
    Html,
    /// A text with pictures beside it.
    Markdown,
    /// The numbers.
    Json,
}

pub(super) fn report(args: ReportArgs) -> Result<ReportRequest, String> {
    let report = args
        .report
        .as_deref()
        .map(|path| Ok::<_, String>((Target::new(path), format(path, args.format)?)));
    if args.format.is_some() && report.is_none() {
        return Err("--format is for a report, and none is named".to_owned());
    }
    Ok(ReportRequest {
        report: report.transpose()?,
        wishes: args
            .want
            .iter()
            .map(|text| wish(text))
            .collect::<Result<_, _>>()?,
        source: SourceRequest::one(args.source)?.only(selection(args.selection)?),
        redact: args.run.redact,
        threads: threads(&args.run.work),
        quiet: args.run.work.quiet,
    })
}

fn format(path: &Path, said: Option<ReportFormatArg>) -> Result<ReportFormat, String> {
    match said {
        Some(ReportFormatArg::Html) => return Ok(ReportFormat::Html),
        Some(ReportFormatArg::Json) => return Ok(ReportFormat::Json),
        None => {}
    }
    if path.as_os_str() == "-" {
        return Err("a report on standard output needs --format html or json".to_owned());
    }
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("html" | "htm") => Ok(ReportFormat::Html),
        Some("md" | "markdown") => Ok(ReportFormat::Markdown),
        Some("json") => Ok(ReportFormat::Json),
        _ => Err(format!(
            "unknown format of the report {} (one of .html, .md, .json)",
            path.display()
        )),
    }
}

/// The largest block that can be asked for: 1 TiB.
const LARGEST: u64 = 1 << 40;

fn wish(text: &str) -> Result<Wish, String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(bytes, blocks)| Some((size(bytes)?, blocks.parse().ok()?)));
    let is_size = |bytes: u64| bytes.is_power_of_two() && bytes <= LARGEST;
    match parts {
        Some((size, blocks)) if is_size(size) && blocks > 0 => Ok(Wish { size, blocks }),
        _ => Err(format!(
            "--want {text} is no size and number of blocks (2M=1000, 1G=4; sizes are powers of two)"
        )),
    }
}
