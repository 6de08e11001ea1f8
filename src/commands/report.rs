//! `pagemap-viz report`: is memory fragmented, by what, and what would help.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::{ReportFormat, ReportRequest, open_palette};
use crate::error::{Error, Result};
use crate::facts::{Facts, WANT_COLUMNS, want_rows};
use crate::layout::{CellOrder, Layout, Reducer};
use crate::output::{Format, Pending, TableFormat, Target, write_picture, write_table, write_text};
use crate::page::{MapData, MapInputs, MapReadings, html, markdown, shown};
use crate::render::{LegendPlace, Style, Subject, picture, span_of_time};
use crate::report::{Inputs, Moment, Report, Wish, counters, small_anonymous};
use crate::scan::{Known, Lens, Part, View, Watcher, scan};
use crate::source::{Recording, Source, highest_order};
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
    /// Every page, reading by reading, where there is to be a map.
    map: Option<MapReadings>,
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
        trend: read.moments.clone(),
        counters_before: read.counters_before.clone(),
        wishes: &request.wishes,
        redact: request.redact,
    });
    match &request.report {
        Some((target, ReportFormat::Json)) => write_text(target, &report.to_json())?.finish()?,
        Some((target, ReportFormat::Html)) => {
            let source = read.source.as_ref();
            let readings = read.map.expect("a page has a map");
            let map = map_data(source, &read.survey, readings, &report);
            write_text(target, &html(&report, &map))?.finish()?;
        }
        Some((target, ReportFormat::Markdown)) => {
            write_markdown(request, target, read.source.as_ref(), &report, terminal)?;
        }
        None => {
            let mut out = Target::Stdout.begin()?;
            let rows = want_rows(&report);
            write_table(TableFormat::Aligned, &WANT_COLUMNS, &rows, &mut out)?;
            out.finish()?;
        }
    }
    Ok(())
}

fn map_data(
    source: &dyn Source,
    survey: &Survey,
    readings: MapReadings,
    report: &Report,
) -> MapData {
    let inputs = MapInputs {
        labels: &labels(report),
        zones: &survey.map,
        ksm: survey.ksm,
        page_bytes: report.page_size,
        pmd_pages: source.machine().pmd_pages,
        highest_order: highest_order(source),
    };
    MapData::new(readings, &inputs)
}

/// What readings are called, and the time since the first.
fn labels(report: &Report) -> Vec<(String, String)> {
    if report.trend.is_empty() {
        return vec![(shown(&report.start), String::new())];
    }
    let times: Vec<Option<Timestamp>> = report
        .trend
        .iter()
        .map(|moment| moment.time.parse().ok())
        .collect();
    let since = |time: Timestamp| Duration::try_from(time.duration_since(times[0]?)).ok();
    let longest = times.last().copied().flatten().and_then(since);
    let label = |(moment, time): (&Moment, &Option<Timestamp>)| {
        let elapsed = time.and_then(since).zip(longest);
        let elapsed = elapsed.map(|(time, longest)| span_of_time(time, longest));
        (shown(&moment.time), elapsed.unwrap_or_default())
    };
    report.trend.iter().zip(&times).map(label).collect()
}

/// The text, its charts, and the map as a picture, all of them or none.
fn write_markdown(
    request: &ReportRequest,
    target: &Target,
    source: &dyn Source,
    report: &Report,
    terminal: &Terminal,
) -> Result<()> {
    let Target::File(path) = target else {
        return write_text(target, &report.to_json())?.finish();
    };
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let beside = |name: &str| Target::File(path.with_file_name(name));
    let map_file = format!("{stem}-map.png");
    let page = markdown(report, &stem, &map_file);
    let mut pending = vec![map(request, &beside(&map_file), source, terminal)?];
    for (name, svg) in &page.charts {
        pending.push(write_text(&beside(name), svg)?);
    }
    pending.push(write_text(target, &page.text)?);
    pending.into_iter().try_for_each(Pending::finish)
}

/// Rows of the map beside a text.
const MAP_ROWS: u64 = 1024;

fn map(
    request: &ReportRequest,
    target: &Target,
    source: &dyn Source,
    terminal: &Terminal,
) -> Result<Pending> {
    let machine = source.machine();
    let layout = Layout::fit(
        machine.end(),
        machine.ram.as_ref(),
        MAP_ROWS,
        Reducer::Proportional,
        CellOrder::Rows,
    );
    let known = Known::default();
    let view = View::alone(Lens::Class, layout, &known);
    let scan = scan(source, view, request.threads, terminal)?;
    terminal.clear();
    let mut subject = Subject::new(
        source,
        &scan,
        (Lens::Class, layout),
        "proportional".to_owned(),
    );
    subject.host = subject.host.filter(|_| !request.redact);
    let counts = scan.classes.clone();
    let style = Style {
        palette: open_palette(Path::new("light"))?,
        legend: LegendPlace::Below,
        columns: 1,
    };
    let mut picture = picture(scan, &subject, &style, None)?;
    let facts = Facts::new(&picture, &subject, &counts, &style.palette);
    let mut pending = target.begin()?;
    let (title, format) = (subject.title(), Format::Png);
    write_picture(&mut picture, &facts, &title, format, terminal, &mut pending)?;
    Ok(pending)
}

fn read(request: &ReportRequest, terminal: &Terminal) -> Result<Read> {
    let frames = frames(request)?;
    let has_map = matches!(&request.report, Some((_, ReportFormat::Html)));
    let pages = if has_map { pages(request, &frames)? } else { 0 };
    let pages_per_cell = Cells::pages_per_cell(pages);
    let mut map: Option<MapReadings> = None;
    let (mut moments, mut counters_before, mut last) = (Vec::new(), None, None);
    for (number, &frame) in frames.iter().enumerate() {
        let source = open(request, frame)?;
        let more = sizes(request, source.as_ref())?;
        let part = Part {
            watcher: terminal as &dyn Watcher,
            number,
            parts: frames.len(),
        };
        let cells = has_map.then_some(pages_per_cell);
        let mut survey = survey(source.as_ref(), &more, cells, request.threads, &part)?;
        if let Some(cells) = survey.cells.take() {
            // A running kernel says where it ends when it is read.
            let all = cells.len().max(pages.div_ceil(pages_per_cell));
            let readings = map.get_or_insert_with(|| MapReadings::new(all, pages_per_cell));
            readings.push(&cells);
        }
        if let (Some(frame), true) = (frame, frames.len() > 1) {
            moments.push(Moment::new(source.as_ref(), &survey, frame));
            counters_before.get_or_insert_with(|| counters(source.as_ref()));
        }
        last = Some((source, survey));
    }
    let (source, survey) = last.expect("there is one reading at least");
    Ok(Read {
        source,
        survey,
        moments,
        counters_before,
        map,
    })
}

fn open(request: &ReportRequest, frame: Option<u64>) -> Result<Box<dyn Source>> {
    match frame {
        None => request.source.open(),
        Some(frame) => request.source.open_frame(frame),
    }
}

/// Page numbers of the longest reading, as far as they are known before they are read.
fn pages(request: &ReportRequest, frames: &[Option<u64>]) -> Result<u64> {
    let mut most = 0;
    for &frame in frames {
        most = most.max(open(request, frame)?.machine().end().0);
    }
    Ok(most)
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
    let pages = |wish: &Wish| match wish.size / page_bytes {
        0 => Err(Error::BelowPage {
            size: wish.size,
            page_bytes,
        }),
        pages => Ok(pages),
    };
    request.wishes.iter().map(pages).collect()
}
