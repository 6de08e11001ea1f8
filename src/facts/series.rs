//! What is known of a series, for programs: `index.json` and `counts.csv` beside its pictures.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Cell, Column, Facts, classes};
use crate::classify::Class;
use crate::render::{Palette, Picture, Subject};
use crate::tally::ClassCounts;

/// One reading of a series.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The picture's file.
    pub file: String,
    /// What it shows.
    pub subject: Subject,
    /// Pages per class.
    pub counts: ClassCounts,
    /// Pages of what is looked for, by name.
    pub found: Vec<(String, u64)>,
    /// Time since the first reading, where that is known.
    pub elapsed: Option<Duration>,
}

/// Everything that is said of a series.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesFacts {
    tool: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    kernel: Option<String>,
    page_size: u64,
    lens: &'static str,
    pages_per_pixel: u64,
    reducer: String,
    palette: String,
    width: usize,
    height: u64,
    readings: Vec<ReadingFacts>,
}

#[derive(Clone, Debug, Serialize)]
struct ReadingFacts {
    file: String,
    start: String,
    elapsed_seconds: Option<f64>,
    read_seconds: Option<f64>,
    clock: &'static str,
    classes: Map<String, Value>,
    /// Pages of what is looked for.
    #[serde(skip_serializing_if = "Map::is_empty")]
    found: Map<String, Value>,
}

impl SeriesFacts {
    /// Of these readings, whose pictures look like `last`.
    pub fn new(readings: &[Reading], last: &Picture, palette: &Palette) -> Option<Self> {
        let subject = &readings.last()?.subject;
        let page_bytes = subject.page_size.bytes();
        let of = |reading: &Reading| ReadingFacts {
            file: reading.file.clone(),
            start: reading.subject.time.to_string(),
            elapsed_seconds: reading.elapsed.map(|time| time.as_secs_f64()),
            read_seconds: reading.subject.duration.map(|time| time.as_secs_f64()),
            clock: reading.subject.clock.name(),
            classes: classes(&reading.counts, page_bytes),
            found: found(&reading.found),
        };
        Some(Self {
            tool: "pagemap-viz",
            version: env!("CARGO_PKG_VERSION"),
            host: subject.host.clone(),
            kernel: subject.kernel.clone(),
            page_size: page_bytes,
            lens: subject.lens.name(),
            pages_per_pixel: subject.layout.pages_per_cell,
            reducer: subject.reducer_name.clone(),
            palette: palette.name.clone(),
            width: last.width,
            height: last.height,
            readings: readings.iter().map(of).collect(),
        })
    }

    /// Indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always serialise") + "\n"
    }
}

fn found(kinds: &[(String, u64)]) -> Map<String, Value> {
    let pages = |(name, pages): &(String, u64)| (name.clone(), Value::from(*pages));
    kinds.iter().map(pages).collect()
}

/// The columns of `counts.csv`: pages per class after number and times.
pub fn count_columns() -> Vec<Column> {
    let classes = Class::in_legend_order().into_iter().map(Class::name);
    let names = ["reading", "start", "elapsed_seconds"]
        .into_iter()
        .chain(classes);
    names.map(|name| Column::word(name, 0)).collect()
}

/// Its rows; an unknown time is empty.
pub fn count_rows(readings: &[Reading]) -> Vec<Vec<Cell>> {
    let row = |(number, reading): (u64, &Reading)| {
        let seconds = |time: Duration| Cell::Text(time.as_secs_f64().to_string());
        let times = [
            Cell::Count(number),
            Cell::Text(reading.subject.time.to_string()),
            reading.elapsed.map_or(Cell::Empty, seconds),
        ];
        let classes = Class::in_legend_order().into_iter();
        let pages = classes.map(|class| Cell::Count(reading.counts.of(class)));
        times.into_iter().chain(pages).collect()
    };
    (0..).zip(readings).map(row).collect()
}

/// A picture's place in its series.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PlaceFacts {
    number: usize,
    readings: usize,
    elapsed_seconds: Option<f64>,
}

impl Facts {
    /// The same, of picture `number` of `readings`.
    #[must_use]
    pub fn in_series(mut self, number: usize, readings: usize, elapsed: Option<Duration>) -> Self {
        self.series = Some(PlaceFacts {
            number,
            readings,
            elapsed_seconds: elapsed.map(|time| time.as_secs_f64()),
        });
        self
    }
}
