//! The strip below the map of a series: shares of the classes over time, and where now is.
//!
//! Each reading holds until the next: nothing is known of the time between.

use std::time::Duration;

use super::canvas::{Canvas, Ink, LINE, TEXT};
use super::entries::{Counted, Entry};
use super::numbers::span_of_time;
use super::series::Series;
use super::typeface::SMALL;
use crate::classify::{Class, Key};
use crate::compare::faded;
use crate::kernel::PageFlags;

const MARGIN: i64 = 10;
const CHART_Y: i64 = 12;
const CHART_HEIGHT: i64 = 72;
const HEIGHT: usize = 106;

/// Ends of the chart, in per cent: of these the least that holds all used memory.
const ENDS: [u64; 7] = [1, 2, 5, 10, 20, 50, 100];

/// Draws the strip with its cursor at `now`.
pub(super) fn strip(series: &Series, now: usize, width: usize) -> Canvas {
    let entries = &series.entries;
    let mut canvas = Canvas::new(width, HEIGHT);
    let room = width as i64 - 2 * MARGIN;
    let edges = edges(series, room);
    let most_used = entries.iter().map(|entries| used_permille(entries)).max();
    let end = ENDS
        .into_iter()
        .find(|end| end * 10 >= most_used.unwrap_or(0));
    let end = end.unwrap_or(100);
    for (number, entries) in entries.iter().enumerate() {
        let (left, right) = (MARGIN + edges[number], MARGIN + edges[number + 1]);
        draw_reading(&mut canvas, entries, end, left, right);
    }
    for y in [CHART_Y - 1, CHART_Y + CHART_HEIGHT] {
        canvas.fill(MARGIN, y, room, 1, LINE);
    }
    draw_cursor(&mut canvas, MARGIN + edges[now]);
    draw_labels(&mut canvas, series, end, width as i64);
    canvas
}

fn exists(entry: &&Entry) -> bool {
    entry.counted == Counted::Once
}

fn is_free(entry: &Entry) -> bool {
    let free = [Key(Class::Free as u8), faded(Class::Free)];
    let by_class = || entry.keys.iter().any(|key| free.contains(key));
    entry
        .flags
        .map_or_else(by_class, |flags| flags.has(PageFlags::BUDDY))
}

/// Rounded up, so that nothing used is cut off.
fn used_permille(entries: &[Entry]) -> u64 {
    let pages = |of: &dyn Fn(&&Entry) -> bool| -> u64 {
        let entries = entries.iter().filter(exists).filter(of);
        entries.map(|entry| entry.pages).sum()
    };
    let (whole, used) = (pages(&|_| true), pages(&|entry| !is_free(entry)));
    (u128::from(used) * 1000).div_ceil(u128::from(whole.max(1))) as u64
}

/// Where each reading begins, and where the last ends, of `room` pixels: by time, or alike where
/// times are not known.
fn edges(series: &Series, room: i64) -> Vec<i64> {
    let count = series.len() as i64;
    let Some(whole) = whole_time(series) else {
        return (0..=count).map(|at| at * room / count).collect();
    };
    let share = |time: Duration| room as f64 * time.as_secs_f64() / whole.as_secs_f64();
    let times = (0..series.len()).filter_map(|number| series.elapsed(number));
    times.map(|time| share(time) as i64).chain([room]).collect()
}

/// From the first reading to the end of the last, which holds as long as the others do on average; `None`
/// where times are not known, or do not ascend.
fn whole_time(series: &Series) -> Option<Duration> {
    let times = (0..series.len()).map(|number| series.elapsed(number));
    let times = times.collect::<Option<Vec<Duration>>>()?;
    let last = *times.last()?;
    let pairs = u32::try_from(times.len() - 1)
        .ok()
        .filter(|&pairs| pairs > 0)?;
    let ascend = times.windows(2).all(|pair| pair[0] < pair[1]);
    ascend.then(|| last + last / pairs)
}

/// From the ground up, in the legend's order from its end; free memory above all, so that what is
/// used shows as a silhouette.
fn draw_reading(canvas: &mut Canvas, entries: &[Entry], end: u64, left: i64, right: i64) {
    let whole: u64 = entries.iter().filter(exists).map(|entry| entry.pages).sum();
    let limit = u128::from(whole.max(1)) * u128::from(end) / 100;
    let height = |pages: u64| {
        let height = u128::from(pages) * CHART_HEIGHT as u128 / limit.max(1);
        height.min(CHART_HEIGHT as u128) as i64
    };
    let existing = || entries.iter().rev().filter(exists);
    let used = existing().filter(|entry| !is_free(entry));
    let mut pages = 0;
    for entry in used.chain(existing().filter(|entry| is_free(entry))) {
        let bottom = CHART_Y + CHART_HEIGHT - height(pages);
        pages += entry.pages;
        let top = CHART_Y + CHART_HEIGHT - height(pages);
        canvas.fill(left, top, right - left, bottom - top, entry.swatch);
    }
}

/// A line through the chart with a notch above it.
fn draw_cursor(canvas: &mut Canvas, x: i64) {
    canvas.fill(x, CHART_Y - 4, 1, CHART_HEIGHT + 7, TEXT);
    for half in 0..4 {
        canvas.fill(x - half, CHART_Y - 4 - half, 2 * half + 1, 1, TEXT);
    }
}

fn draw_labels(canvas: &mut Canvas, series: &Series, end: u64, width: i64) {
    let y = CHART_Y + CHART_HEIGHT + 16;
    let [first, last] = match whole_time(series) {
        Some(time) => [Duration::ZERO, time].map(|at| span_of_time(at, time)),
        None => [0, series.len() - 1].map(|number| format!("frame {number}")),
    };
    let middle = match end {
        100 => "shares of memory over time".to_owned(),
        end => format!("shares of memory over time, from 0 to {end} %"),
    };
    let middle = middle.as_str();
    canvas.write(MARGIN, y, &first, SMALL, Ink::Muted);
    canvas.write(
        (width - SMALL.width(middle)) / 2,
        y,
        middle,
        SMALL,
        Ink::Muted,
    );
    canvas.write_left_of(width - MARGIN, y, &last, SMALL, Ink::Muted);
}
