//! The lines above the map: what this is a picture of, and what one pixel is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::canvas::{Canvas, Ink};
use super::numbers::{grouped, size, span_of_time};
use super::series::Series;
use super::subject::Subject;
use super::typeface::{BODY, TITLE};
use crate::layout::{CellOrder, ROW_CELLS};
use crate::source::{Clock, PageSize};

const MARGIN: i64 = 10;
const LINE_PITCH: i64 = 18;

/// Draws the caption. When what one pixel is does not fit beside the machine, it has its own line.
pub(super) fn caption(subject: &Subject, width: usize) -> Canvas {
    let room = width as i64 - 2 * MARGIN;
    let (machine, scale) = (machine_line(subject), scale_line(subject));
    let fits = BODY.width(&machine) + BODY.width(&scale) + 2 * MARGIN <= room;
    let lines = if fits {
        vec![(machine, scale)]
    } else {
        vec![(machine, String::new()), (scale, String::new())]
    };
    draw(&subject.title(), "", &lines, width)
}

/// Draws the caption of one picture of a series: time since the start, and always the same lines.
pub(super) fn moment_caption(
    subject: &Subject,
    series: &Series,
    number: usize,
    width: usize,
) -> Canvas {
    let last = series.len() - 1;
    let since = series.elapsed(number).zip(series.elapsed(last));
    let since = since.map(|(now, all)| format!("+ {}", span_of_time(now, all)));
    let place = format!("frame {number} of 0 to {last}");
    let lines = [
        (machine_line(subject), String::new()),
        (scale_line(subject), place),
    ];
    draw(&subject.title(), &since.unwrap_or_default(), &lines, width)
}

/// A title and lines, each with something at its right end.
fn draw(title: &str, beside: &str, lines: &[(String, String)], width: usize) -> Canvas {
    let room = width as i64 - 2 * MARGIN;
    let right = width as i64 - MARGIN;
    let mut canvas = Canvas::new(width, 34 + LINE_PITCH as usize * lines.len() + 6);
    let title_room = room - TITLE.width(beside) - MARGIN;
    canvas.write(MARGIN, 22, &TITLE.fit(title, title_room), TITLE, Ink::Text);
    canvas.write_left_of(right, 22, beside, TITLE, Ink::Text);
    for (number, (left, beside)) in lines.iter().enumerate() {
        let y = 43 + LINE_PITCH * number as i64;
        let left_room = if beside.is_empty() {
            room
        } else {
            room - BODY.width(beside) - MARGIN
        };
        canvas.write(MARGIN, y, &BODY.fit(left, left_room), BODY, Ink::Muted);
        canvas.write_left_of(right, y, beside, BODY, Ink::Muted);
    }
    canvas
}

fn machine_line(subject: &Subject) -> String {
    let kernel = subject
        .kernel
        .as_ref()
        .map(|release| format!("Linux {release}"));
    let ram = subject.ram_pages.map(|pages| {
        format!(
            "{} RAM",
            size(pages.saturating_mul(subject.page_size.bytes()))
        )
    });
    let pages = ram.unwrap_or_else(|| format!("{} pages", grouped(subject.pages)));
    let date = match (&subject.since, subject.clock) {
        (Some(since), _) => times(since.time, subject.time),
        (None, Clock::Now | Clock::Then) => time(subject.time),
        (None, Clock::FileDate) => format!("file of {}", time(subject.time)),
    };
    kernel
        .into_iter()
        .chain([pages, date])
        .collect::<Vec<_>>()
        .join(" · ")
}

/// A time to the second: `2026-11-21 17:18:14 UTC`.
pub fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

/// The second time without what both have in common.
fn times(first: Timestamp, last: Timestamp) -> String {
    let (first, last) = (time(first), time(last));
    let (day, _) = first.split_at(DATE_LETTERS);
    let since = first.trim_end_matches(" UTC");
    format!(
        "{since} to {}",
        last.strip_prefix(day).unwrap_or(&last).trim_start()
    )
}

/// Letters of 2026-11-20.
const DATE_LETTERS: usize = 10;

fn scale_line(subject: &Subject) -> String {
    let pages = subject.layout.pages_per_cell;
    let page_bytes = subject.page_size.bytes();
    let assumed = if matches!(subject.page_size, PageSize::Assumed(_)) {
        ", page size assumed"
    } else {
        ""
    };
    let plural = if pages == 1 { "page" } else { "pages" };
    let row = size(
        pages
            .saturating_mul(page_bytes)
            .saturating_mul(ROW_CELLS as u64),
    );
    let extent = match subject.layout.order {
        CellOrder::Rows => format!("1 row = {row}"),
        CellOrder::Hilbert => {
            let tile = subject.layout.unit_pages().saturating_mul(page_bytes);
            format!("1 tile = {} along a Hilbert curve", size(tile))
        }
    };
    format!(
        "1 px = {} {plural} ({}{assumed}), {extent}",
        grouped(pages),
        size(pages.saturating_mul(page_bytes))
    )
}
