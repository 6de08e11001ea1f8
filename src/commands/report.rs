//! `pagemap-viz report`: is memory fragmented, by what, and what would help.

use std::collections::BTreeMap;

use crate::cli::{ReportFormat, ReportRequest};
use crate::error::{Error, Result};
use crate::facts::{WANT_COLUMNS, want_rows};
use crate::output::{TableFormat, Target, write_table, write_text};
use crate::report::{Inputs, Moment, Report, counters, small_anonymous};
use crate::scan::{Part, Watcher};
use crate::source::{Recording, Source};
use crate::survey::{Cells, Survey, survey};
use crate::terminal::Terminal;

/// Readings of a series that are told at most, evenly chosen.
const MOST_READINGS: usize = 60;

/// What was read.
struct Read {
    source: Box<dyn Source>,
    survey: Survey,
    moments: Vec<Moment>,
    counters_before: Option<BTreeMap<String, u64>>,
    /// Every page, reading by reading.
    maps: Vec<Cells>,
}

/// Reads, reckons and writes.
pub(super) fn tell(request: &ReportRequest, terminal: &Terminal) -> Result<()> {
    if let Some((target, format)) = &request.report {
        match format {
            ReportFormat::Html => target.check_binary()?,
            ReportFormat::Markdown | ReportFormat::Json => target.check()?,
        }
    }
    terminal.take_signals();
    let read = read(request, terminal)?;
    let processes = match request.source.root() {
        Some(root) => small_anonymous(root, request.redact).ok(),
        None => None,
    };
    terminal.clear();
    let report = Report::new(Inputs {
        source: read.source.as_ref(),
        survey: &read.survey,
        processes,
        trend: read.moments,
        counters_before: read.counters_before,
        wishes: &request.wishes,
        redact: request.redact,
    });
    match &request.report {
        Some((target, ReportFormat::Json)) => write_text(target, &report.to_json())?.finish()?,
        Some((target, _)) => write_text(target, &report.to_json())?.finish()?,
        None => {
            let mut out = Target::Stdout.begin()?;
            let rows = want_rows(&report);
            write_table(TableFormat::Aligned, &WANT_COLUMNS, &rows, &mut out)?;
            out.finish()?;
        }
    }
    Ok(())
}

fn read(request: &ReportRequest, terminal: &Terminal) -> Result<Read> {
    let frames = frames(request)?;
    let with_map = matches!(&request.report, Some((_, ReportFormat::Html)));
    let mut read: Option<Read> = None;
    for (number, &frame) in frames.iter().enumerate() {
        let source = match frame {
            None => request.source.open()?,
            Some(frame) => request.source.open_frame(frame)?,
        };
        let more = sizes(request, source.as_ref())?;
        let part = Part {
            watcher: terminal as &dyn Watcher,
            number,
            parts: frames.len(),
        };
        let mut survey = survey(source.as_ref(), &more, with_map, request.threads, &part)?;
        let map = survey.cells.take();
        let (mut moments, mut maps, before) = match read {
            Some(read) => (read.moments, read.maps, read.counters_before),
            None if frames.len() > 1 => (Vec::new(), Vec::new(), Some(counters(source.as_ref()))),
            None => (Vec::new(), Vec::new(), None),
        };
        if let (Some(frame), true) = (frame, frames.len() > 1) {
            moments.push(Moment::new(source.as_ref(), &survey, frame));
        }
        maps.extend(map);
        read = Some(Read {
            source,
            survey,
            moments,
            counters_before: before,
            maps,
        });
    }
    Ok(read.expect("there is one reading at least"))
}

/// The frames that are told; none where there are no frames to choose from.
fn frames(request: &ReportRequest) -> Result<Vec<Option<u64>>> {
    let Some(path) = request.source.recording() else {
        return Ok(vec![None]);
    };
    let count = Recording::open(path)?.frames();
    let told = count.clamp(1, MOST_READINGS);
    let last = (told - 1).max(1);
    let chosen = |number: usize| (number * count.saturating_sub(1) / last) as u64;
    Ok(match told {
        1 => vec![Some(count.saturating_sub(1) as u64)],
        _ => (0..told).map(|number| Some(chosen(number))).collect(),
    })
}

/// Sizes that are wanted, in pages.
fn sizes(request: &ReportRequest, source: &dyn Source) -> Result<Vec<u64>> {
    let page_bytes = source.machine().page_size.bytes();
    let pages = |wish: &crate::report::Wish| match wish.size / page_bytes {
        0 => Err(Error::BelowPage {
            size: wish.size,
            page_bytes,
        }),
        pages => Ok(pages),
    };
    request.wishes.iter().map(pages).collect()
}
