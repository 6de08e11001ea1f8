//! The lines above the map: what this is a picture of, and what one pixel is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::canvas::{Canvas, Ink};
use super::numbers::{grouped, size};
use super::subject::Subject;
use super::typeface::{BODY, TITLE, Type};
use crate::layout::{Layout, ROW_CELLS};
use crate::source::{Clock, PageSize};

const MARGIN: i64 = 10;
const LINE_PITCH: i64 = 18;

/// Draws the caption. When what one pixel is does not fit beside the machine, it has its own line.
pub(super) fn caption(subject: &Subject, layout: &Layout, width: usize) -> Canvas {
    let room = width as i64 - 2 * MARGIN;
    let (machine, scale) = (machine_line(subject), scale_line(subject, layout));
    let machine_width = BODY.width(&machine);
    let fits = machine_width + BODY.width(&scale) + 2 * MARGIN <= room;
    let lines = if fits { 1 } else { 2 };
    let mut canvas = Canvas::new(width, (34 + LINE_PITCH * lines + 6) as usize);
    let write = |canvas: &mut Canvas, y, text: &str, cut: Type, ink| {
        canvas.write(MARGIN, y, &cut.fit(text, room), cut, ink);
    };
    write(&mut canvas, 22, &subject.title(), TITLE, Ink::Text);
    write(&mut canvas, 43, &machine, BODY, Ink::Muted);
    if fits {
        canvas.write_left_of(width as i64 - MARGIN, 43, &scale, BODY, Ink::Muted);
    } else {
        write(&mut canvas, 43 + LINE_PITCH, &scale, BODY, Ink::Muted);
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
    let date = match subject.clock {
        Clock::Now | Clock::Then => time(subject.time),
        Clock::FileDate => format!("file of {}", time(subject.time)),
    };
    kernel
        .into_iter()
        .chain([pages, date])
        .collect::<Vec<_>>()
        .join(" · ")
}

fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

fn scale_line(subject: &Subject, layout: &Layout) -> String {
    let pages = layout.pages_per_cell;
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
    format!(
        "1 px = {} {plural} ({}{assumed}), 1 row = {row}",
        grouped(pages),
        size(pages.saturating_mul(page_bytes))
    )
}
