//! Segments of a process as pagestat prints them, and as rows.

use super::{Cell, Column};
use crate::mappings::{Unit, UnitRun, unit_runs, unit_sizes};
use crate::render::size;

/// One segment: its line of `maps`, its properties, and the units of its pages.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The line that `smaps` begins it with; control characters escaped.
    pub line: String,
    /// Name and value of each property of `smaps`, sizes in bytes.
    pub properties: Vec<(String, String)>,
    /// What its pages are.
    pub units: Vec<Unit>,
}

/// Columns of page sizes.
pub const SIZE_COLUMNS: [Column; 5] = [
    Column::word("segment", 0),
    Column::number("num_pages", 0),
    Column::number("page_size", 0),
    Column::number("total_usage", 0),
    Column::number("page_size_percent", 0),
];

/// Columns of physical ranges.
pub const RANGE_COLUMNS: [Column; 5] = [
    Column::word("segment", 0),
    Column::number("phys_addr", 0),
    Column::number("phys_length", 0),
    Column::number("page_size", 0),
    Column::number("page_count", 0),
];

impl Segment {
    fn pages(&self) -> u64 {
        self.units.iter().map(|unit| unit.pages).sum()
    }

    fn address(&self) -> String {
        self.line.split(' ').next().unwrap_or_default().to_owned()
    }
}

/// Page sizes of segments.
pub fn size_rows(segments: &[Segment], page_bytes: u64) -> Vec<Vec<Cell>> {
    let of = |segment: &Segment| {
        let row = |(pages, count): (u64, u64)| {
            vec![
                Cell::Text(segment.address()),
                Cell::Count(count),
                Cell::Bytes(pages * page_bytes),
                Cell::Bytes(pages * count * page_bytes),
                Cell::Share(pages * count, segment.pages()),
            ]
        };
        unit_sizes(&segment.units)
            .into_iter()
            .map(row)
            .collect::<Vec<_>>()
    };
    segments.iter().flat_map(of).collect()
}

/// Physical ranges of segments.
pub fn range_rows(segments: &[Segment], page_bytes: u64) -> Vec<Vec<Cell>> {
    let of = |segment: &Segment| {
        let runs = unit_runs(&segment.units).into_iter();
        let row = |run: UnitRun| {
            vec![
                Cell::Text(segment.address()),
                Cell::Hex(run.start.0 * page_bytes),
                Cell::Bytes(run.units * run.unit_pages * page_bytes),
                Cell::Bytes(run.unit_pages * page_bytes),
                Cell::Count(run.units),
            ]
        };
        runs.map(row).collect::<Vec<_>>()
    };
    segments.iter().flat_map(of).collect()
}

/// Segments for people, in the layout of pagestat.py.
pub fn segments_text(segments: &[Segment], with_ranges: bool, page_bytes: u64) -> String {
    let mut text = String::new();
    for segment in segments {
        text += &format!(
            "SEGMENT: {}\n\n  SMAPS PROPERTY                  VALUE\n",
            segment.line
        );
        for (name, value) in &segment.properties {
            text += &format!("    {name:<29}   {value}\n");
        }
        text += "\n  NUM_PAGES       PAGE_SIZE       TOTAL_USAGE     PAGE_SIZE_PERCENT\n";
        for (pages, count) in unit_sizes(&segment.units) {
            let share = 100.0 * (pages * count) as f64 / segment.pages().max(1) as f64;
            let [unit, all] = [pages, pages * count].map(|pages| size(pages * page_bytes));
            text += &format!("    {count:<13}   {unit:<13}   {all:<13}   {share:.1} %\n");
        }
        if with_ranges {
            text += "\n  PHYS_ADDR       PHYS_LENGTH     PAGE_SIZE       PAGE_COUNT\n";
            for run in unit_runs(&segment.units) {
                let [unit, all] = [run.unit_pages, run.unit_pages * run.units]
                    .map(|pages| size(pages * page_bytes));
                let address = run.start.0 * page_bytes;
                text += &format!(
                    "    {address:<13X}   {all:<13}   {unit:<13}   {}\n",
                    run.units
                );
            }
        }
        text += "\n";
    }
    text
}
