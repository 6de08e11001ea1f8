//! The legend: a table of swatch, name, pages, size and share, and the honest lines at its foot.

use super::canvas::{Canvas, Ink, LINE};
use super::entries::{Counted, Entry};
use super::numbers::{grouped, share, size};
use super::typeface::{BODY, SMALL};

const MARGIN: i64 = 10;
const PITCH: i64 = 20;
const SWATCH: i64 = 12;
const NAME_AT: i64 = SWATCH + 7;
const BETWEEN: i64 = 7;
const BETWEEN_COLUMNS: i64 = 14;
/// Room that a line must have left over before it shows its share as a bar.
const LEAST_BAR: i64 = 60;
const FOOT_PITCH: i64 = 16;

/// The table's cells as text, and how wide each column has to be.
struct Table {
    rows: Vec<[String; 4]>,
    swatches: Vec<u8>,
    widths: Widths,
    /// Share of each line in 1/1000; what does not exist has none.
    bars: Vec<Option<i64>>,
}

/// Least widths of a table's columns, so that nothing moves from picture to picture of a series.
pub(super) type Widths = [i64; 4];

/// What is alike in all pictures of a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fixed {
    pub(super) widths: Widths,
    /// How many notes differ from picture to picture; they stand first.
    pub(super) varying: usize,
    /// Lines that they take in every picture.
    pub(super) varying_lines: usize,
}

/// The widths that a table of these entries takes by itself.
pub(super) fn widths(entries: &[Entry], page_bytes: u64) -> Widths {
    Table::new(entries, page_bytes).widths
}

/// Draws a legend `width` pixels wide, in two columns of lines when they fit.
pub(super) fn legend(
    entries: &[Entry],
    page_bytes: u64,
    notes: &[String],
    fixed: Fixed,
    width: usize,
) -> Canvas {
    let room = width as i64 - 2 * MARGIN;
    let mut table = Table::new(entries, page_bytes);
    table.widen(fixed.widths);
    let columns = if 2 * table.width() + BETWEEN_COLUMNS <= room && entries.len() > 1 {
        2
    } else {
        1
    };
    let column_width = (room - (columns - 1) * BETWEEN_COLUMNS) / columns;
    table.squeeze_names(column_width);
    let lines = (entries.len() as i64 + columns - 1) / columns;
    let (varying, lasting) = notes.split_at(fixed.varying);
    let mut foot = wrapped(varying, room);
    foot.resize(fixed.varying_lines.max(foot.len()), String::new());
    foot.extend(wrapped(lasting, room));
    let foot_at = MARGIN + lines * PITCH + 6;
    let height = foot_at + foot.len() as i64 * FOOT_PITCH + MARGIN - 2;
    let mut canvas = Canvas::new(width, height as usize);
    for row in 0..entries.len() {
        let (column, line) = (row as i64 / lines, row as i64 % lines);
        let x = MARGIN + column * (column_width + BETWEEN_COLUMNS);
        table.draw_row(&mut canvas, row, x, MARGIN + line * PITCH, column_width);
    }
    for (line, text) in foot.iter().enumerate() {
        canvas.write(
            MARGIN,
            foot_at + 11 + line as i64 * FOOT_PITCH,
            text,
            SMALL,
            Ink::Muted,
        );
    }
    canvas
}

fn wrapped(notes: &[String], room: i64) -> Vec<String> {
    let lines = notes.iter().flat_map(|note| SMALL.wrap(note, room));
    lines.collect()
}

/// Lines that notes take in a legend so many pixels wide.
pub(super) fn note_lines(notes: &[String], width: usize) -> usize {
    wrapped(notes, width as i64 - 2 * MARGIN).len()
}

/// Width that a legend of one column wants.
pub(super) fn wanted_width(entries: &[Entry], page_bytes: u64, least: Widths) -> usize {
    let mut table = Table::new(entries, page_bytes);
    table.widen(least);
    (table.width() + 2 * MARGIN) as usize
}

impl Table {
    fn new(entries: &[Entry], page_bytes: u64) -> Self {
        let existing = entries
            .iter()
            .filter(|entry| entry.counted == Counted::Once)
            .map(|entry| entry.pages)
            .sum();
        let cells = |entry: &Entry| {
            // What does not exist has no share of memory.
            let share = if entry.counted == Counted::Hole {
                String::new()
            } else {
                share(entry.pages, existing)
            };
            [
                entry.name.clone(),
                grouped(entry.pages),
                size(entry.pages.saturating_mul(page_bytes)),
                share,
            ]
        };
        let rows: Vec<_> = entries.iter().map(cells).collect();
        let cuts = [BODY, SMALL, SMALL, SMALL];
        let width = |column: usize| {
            rows.iter()
                .map(|row| cuts[column].width(&row[column]))
                .max()
                .unwrap_or(0)
        };
        let exists = |entry: &Entry| entry.counted != Counted::Hole;
        let bar = |entry: &Entry| exists(entry).then(|| bar_length(entry.pages, existing));
        Self {
            widths: [0, 1, 2, 3].map(width),
            swatches: entries.iter().map(|entry| entry.swatch).collect(),
            bars: entries.iter().map(bar).collect(),
            rows,
        }
    }

    fn widen(&mut self, least: Widths) {
        let pairs = self.widths.iter_mut().zip(least);
        pairs.for_each(|(width, least)| *width = least.max(*width));
    }

    fn width(&self) -> i64 {
        NAME_AT + self.widths.iter().sum::<i64>() + 3 * BETWEEN
    }

    fn squeeze_names(&mut self, room: i64) {
        self.widths[0] -= (self.width() - room).max(0);
        for row in &mut self.rows {
            row[0] = BODY.fit(&row[0], self.widths[0]);
        }
    }

    fn draw_row(&self, canvas: &mut Canvas, row: usize, x: i64, y: i64, width: i64) {
        draw_swatch(canvas, x, y + 2, self.swatches[row]);
        let [name, pages, size, share] = &self.rows[row];
        let baseline = y + 12;
        canvas.write(x + NAME_AT, baseline, name, BODY, Ink::Text);
        let share_end = x + width;
        let size_end = share_end - self.widths[3] - BETWEEN;
        let pages_end = size_end - self.widths[2] - BETWEEN;
        canvas.write_left_of(share_end, baseline, share, SMALL, Ink::Muted);
        canvas.write_left_of(size_end, baseline, size, SMALL, Ink::Text);
        canvas.write_left_of(pages_end, baseline, pages, SMALL, Ink::Muted);
        let bar_at = x + NAME_AT + self.widths[0] + 2 * BETWEEN;
        let bar_room = pages_end - self.widths[1] - 2 * BETWEEN - bar_at;
        if let Some(length) = self.bars[row].filter(|_| bar_room >= LEAST_BAR) {
            canvas.fill(bar_at, y + 5, bar_room, 6, LINE);
            canvas.fill(
                bar_at,
                y + 5,
                bar_room * length / 1000,
                6,
                self.swatches[row],
            );
        }
    }
}

/// Share of the whole in 1/1000.
fn bar_length(pages: u64, whole: u64) -> i64 {
    (u128::from(pages) * 1000 / u128::from(whole.max(1))) as i64
}

/// A line round it, so that a colour near the background is seen.
fn draw_swatch(canvas: &mut Canvas, x: i64, y: i64, index: u8) {
    canvas.fill(x - 1, y - 1, SWATCH + 2, SWATCH + 2, LINE);
    canvas.fill(x, y, SWATCH, SWATCH, index);
}
