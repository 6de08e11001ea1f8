//! A report as a page: one HTML file with everything in it, or Markdown with its pictures beside it.

mod atlas;
mod charts;
mod sections;

pub use atlas::{Atlas, AtlasInputs, AtlasReadings};

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;

use self::sections::{Cell, Head, Section, Table, sections};
use crate::render::{grouped, size, span_of_time, time};
use crate::report::{Moment, Report};

/// What the report was written by.
const TOOL: &str = concat!("pagemap-viz ", env!("CARGO_PKG_VERSION"));

/// One script in parts; the first opens what the last closes.
const VIEWER: &str = concat!(
    include_str!("viewer/state.js"),
    include_str!("viewer/data.js"),
    include_str!("viewer/layout.js"),
    include_str!("viewer/paint.js"),
    include_str!("viewer/move.js"),
    include_str!("viewer/words.js"),
    include_str!("viewer/search.js"),
    include_str!("viewer/time.js"),
    include_str!("viewer/save.js"),
    include_str!("viewer/input.js"),
);

#[derive(Template)]
#[template(path = "report.html", config = "src/page/askama.toml")]
struct Html<'a> {
    title: String,
    meta: String,
    level: &'static str,
    verdict: &'a str,
    status: &'a str,
    help: &'a str,
    sections: Vec<Section>,
    map_note: String,
    map_json: String,
    tool: &'static str,
    report_css: &'static str,
    viewer_css: &'static str,
    viewer_js: &'static str,
    map_html: &'static str,
}

#[derive(Template)]
#[template(path = "report.md", config = "src/page/askama.toml", escape = "none")]
struct Markdown {
    title: String,
    meta: String,
    verdict: String,
    status: String,
    help: String,
    sections: Vec<Section>,
    map_title: String,
    map_file: String,
    /// What the names of its pictures begin with.
    stem: String,
    tool: &'static str,
}

impl Table {
    /// A row's cells, each with its column.
    fn cells<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'a Head, &'a Cell)> {
        self.head.iter().zip(row)
    }
}

/// The report as one HTML file.
pub fn html(report: &Report, map: &Atlas) -> String {
    let page = Html {
        title: title(report),
        meta: meta(report),
        level: report.level.name(),
        verdict: &report.verdict,
        status: &report.status,
        help: help(report),
        sections: sections(report),
        map_note: map_note(report, map),
        map_json: map.to_json(),
        tool: TOOL,
        report_css: include_str!("report.css"),
        viewer_css: include_str!("viewer/viewer.css"),
        viewer_js: VIEWER,
        map_html: include_str!("viewer/map.html"),
    };
    page.render().expect("memory takes a page")
}

/// A text and the pictures that belong beside it, by their names.
#[derive(Clone, Debug)]
pub struct MarkdownReport {
    /// The text.
    pub text: String,
    /// Charts, as SVG.
    pub charts: Vec<(String, String)>,
}

/// The report as Markdown. Its pictures are called after `stem`, the map `map_file`.
pub fn markdown(report: &Report, stem: &str, map_file: &str) -> MarkdownReport {
    let mut sections = sections(report);
    let mut charts = Vec::new();
    for section in &mut sections {
        for chart in &section.charts {
            charts.push((format!("{stem}-{}.svg", chart.name), chart.file()));
        }
        section.text.iter_mut().for_each(|line| *line = plain(line));
        for table in &mut section.tables {
            let cells = table.rows.iter_mut().flatten();
            cells.for_each(|cell| cell.text = plain(&cell.text));
        }
    }
    let page = Markdown {
        title: plain(&title(report)),
        meta: plain(&meta(report)),
        verdict: plain(&report.verdict),
        status: report.status.clone(),
        help: plain(help(report)),
        sections,
        map_title: format!("The map of {}", plain(&title(report))),
        map_file: file_link(map_file),
        stem: file_link(stem),
        tool: TOOL,
    };
    MarkdownReport {
        text: page.render().expect("memory takes a page"),
        charts,
    }
}

/// Text that means nothing to Markdown.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => plain.push_str("&lt;"),
            // Nobody is called by a name, and no address becomes a link.
            '@' => plain.push_str("&#64;"),
            ':' if text.contains("://") => plain.push_str("&#58;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                plain.push('\\');
                plain.push(letter);
            }
            letter => plain.push(letter),
        }
    }
    plain
}

/// A file's name as a link takes it.
fn file_link(name: &str) -> String {
    let mut link = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => link.push(byte as char),
            byte => link.push_str(&format!("%{byte:02X}")),
        }
    }
    link
}

/// What would help most, if anything is to be done.
fn help(report: &Report) -> &str {
    let first = report.advice.first();
    first.map_or("", |advice| advice.text.as_str())
}

fn title(report: &Report) -> String {
    let host = report.host.as_ref();
    let host = host.map_or_else(String::new, |host| format!(" of {host}"));
    let part = report.selection.as_ref();
    let part = part.map_or_else(String::new, |part| format!(", {part}"));
    format!("Fragmentation of physical memory{host}{part}")
}

fn meta(report: &Report) -> String {
    let mut parts = Vec::new();
    parts.extend(
        report
            .kernel
            .as_ref()
            .map(|kernel| format!("Linux {kernel}")),
    );
    parts.extend(
        report
            .ram_pages
            .map(|pages| format!("{} of RAM", size(pages.saturating_mul(report.page_size)))),
    );
    parts.push(format!("pages of {}", size(report.page_size)));
    let time = match report.is_timed() {
        true => format!("read {}", shown(&report.start)),
        false => format!("file of {}", shown(&report.start)),
    };
    parts.push(time);
    if report.trend.len() > 1 {
        parts.push(format!("{} readings", report.trend.len()));
    }
    parts.join(" · ")
}

/// A time as people read it.
fn shown(rfc3339: &str) -> String {
    let parsed: Option<Timestamp> = rfc3339.parse().ok();
    parsed.map_or_else(|| rfc3339.to_owned(), time)
}

/// What readings are called, and the time since the first.
pub fn labels(report: &Report) -> Vec<(String, String)> {
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

fn map_note(report: &Report, map: &Atlas) -> String {
    let pages = map.pages_per_cell();
    let cell = match pages {
        1 => format!("One cell is one page of {}", size(report.page_size)),
        pages => format!(
            "One cell is {} pages ({}) and shows one of them",
            grouped(pages),
            size(pages * report.page_size)
        ),
    };
    let row = size(512 * pages * report.page_size);
    format!(
        "{cell}, a row of 512 cells is {row}. Drag and wheel move it; what every key does is behind “?”."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_nothing_to_markdown() {
        assert_eq!(
            plain("a|b<script>`*x*`"),
            "a\\|b&lt;script&gt;\\`\\*x\\*\\`"
        );
        assert_eq!(file_link("my report(1)"), "my%20report%281%29");
    }
}
