//! `pagemap-viz report`: is memory fragmented, by what, and what would help.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::{ReportFormat, ReportRequest, open_palette};
use crate::error::{Error, Result};
use crate::facts::{Facts, WANT_COLUMNS, want_rows};
use crate::layout::{CellOrder, Layout, Reducer};
use crate::output::{
    Format, Pending, TableFormat, Target, finish_all, write_picture, write_table, write_text,
};
use crate::page::{Atlas, AtlasInputs, AtlasReadings, html, labels, markdown};
use crate::render::{LegendPlace, Style, Subject, picture};
use crate::report::{Inputs, Moment, Report, counters, evenly, small_anonymous};
use crate::scan::{Known, Lens, Part, View, Watcher, scan};
use crate::source::{Recording, Selection, Source, highest_order};
use crate::survey::{Cells, Survey, survey};
use crate::terminal::Terminal;

/// Readings of a series that are told at most, evenly chosen.
const MOST_READINGS: u64 = 60;

/// What was read.
struct Read {
    source: Box<dyn Source>,
    survey: Survey,
    moments: Vec<Moment>,
    counters_before: Option<BTreeMap<String, u64>>,
    /// Every page, reading by reading, where there is to be a map.
    map: Option<AtlasReadings>,
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
    let root = request.source.root();
    let processes = root.map(|root| small_anonymous(root, request.redact));
    let processes = processes.transpose()?;
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
            let map = atlas(source, &read.survey, readings, &report);
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

fn atlas(source: &dyn Source, survey: &Survey, readings: AtlasReadings, report: &Report) -> Atlas {
    let inputs = AtlasInputs {
        labels: &labels(report),
        zones: &survey.map,
        ksm: survey.ksm,
        page_bytes: report.page_size,
        pmd_pages: source.machine().pmd_pages,
        highest_order: highest_order(source),
        is_part: report.selection.is_some(),
    };
    Atlas::new(readings, &inputs)
}

/// The text, its charts, and the map as a picture, all of them or none.
fn write_markdown(
    request: &ReportRequest,
    target: &Target,
    source: &dyn Source,
    report: &Report,
    terminal: &Terminal,
) -> Result<()> {
    let stem = target.stem();
    let map_file = format!("{stem}-map.png");
    let page = markdown(report, &stem, &map_file);
    let mut pending = vec![map(request, &target.beside(&map_file), source, terminal)?];
    for (name, svg) in &page.charts {
        pending.push(write_text(&target.beside(name), svg)?);
    }
    pending.push(write_text(target, &page.text)?);
    finish_all(pending)
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
    let selection = request.source.selection_in_all(&frames)?;
    let has_map = matches!(&request.report, Some((_, ReportFormat::Html)));
    let pages = if has_map {
        pages(request, &frames, &selection)?
    } else {
        0
    };
    let pages_per_cell = Cells::pages_per_cell(pages);
    let mut map: Option<AtlasReadings> = None;
    let (mut moments, mut counters_before, mut last) = (Vec::new(), None, None);
    for (number, &frame) in frames.iter().enumerate() {
        let source = request.source.open_frame(frame, &selection)?;
        let wanted = request.wishes.iter().map(|wish| wish.size);
        let more = in_pages(wanted, source.as_ref())?;
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
            let readings = map.get_or_insert_with(|| AtlasReadings::new(all, pages_per_cell));
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

/// Page numbers of the longest reading, as far as they are known before they are read.
fn pages(request: &ReportRequest, frames: &[Option<u64>], selection: &Selection) -> Result<u64> {
    let mut most = 0;
    for &frame in frames {
        most = most.max(
            request
                .source
                .open_frame(frame, selection)?
                .machine()
                .end()
                .0,
        );
    }
    Ok(most)
}

/// The frames that are told; none where there are no frames to choose from.
fn frames(request: &ReportRequest) -> Result<Vec<Option<u64>>> {
    let Some(path) = request.source.recording() else {
        return Ok(vec![None]);
    };
    let count = Recording::open(path)?.frames();
    Ok(evenly(count as u64, MOST_READINGS)
        .into_iter()
        .map(Some)
        .collect())
}

/// Sizes of blocks, in pages of a source.
pub(super) fn in_pages(
    sizes: impl IntoIterator<Item = u64>,
    source: &dyn Source,
) -> Result<Vec<u64>> {
    let page_bytes = source.machine().page_size.bytes();
    let pages = |size: u64| match size / page_bytes {
        0 | 1 => Err(Error::BelowPage { size, page_bytes }),
        pages => Ok(pages),
    };
    sizes.into_iter().map(pages).collect()
}
