//! What is known of a picture, for programs: the JSON beside it, and the same inside it.
//!
//! With it any pixel can be traced back to its page without the source: find the entry of `picture.rows` that
//! is drawn there, `row.x` up to `map_width` pixels on; then `first_pfn + cell * pages_per_pixel`, where cell
//! is `(y - row.y) * map_width + x - row.x` in rows, and in tiles of `hilbert` the place along the curve,
//! 2^18 cells further for each 512 rows.

mod checks;
mod columns;
mod doctor;
mod free_blocks;
mod matrix;
mod metrics;
mod orders;
mod owner;
mod pagetable;
mod segments;
mod series;
mod sets;
mod table;
mod thp;
mod usage;
mod want;

pub use checks::{
    About, Anonymous, Assertion, Limit, Measure, Relation, Verdict, checks_json, checks_nagios,
    checks_tap, checks_text,
};
pub use columns::{Field, Kind, Origin, Rows};
pub use doctor::{Answer, FINDING_COLUMNS, Finding, finding_rows, findings_text};
use free_blocks::agreements_json;
pub use free_blocks::{agreement_lines, reading_line, system_columns, system_rows};
pub use matrix::matrix_text;
pub use metrics::{ScanCost, metrics_text};
pub use orders::{Omitted, mem_hist_text, order_columns, order_rows};
pub use owner::{OWNER_COLUMNS, OwnedPage, owner_rows, owner_text};
pub use pagetable::{PAGETABLE_COLUMNS, area_line, page_line, pagetable_row, unmapped_line};
pub use segments::{RANGE_COLUMNS, SIZE_COLUMNS, Segment, range_rows, segments_text, size_rows};
pub use series::{Reading, SeriesFacts, count_columns, count_rows};
pub use sets::{
    Beside, ListColumns, ListPlace, SET_COLUMNS, described, file_text, page_types_summary, set_rows,
};
pub use table::{Cell, Column};
pub use thp::{thp_columns, thp_rows, thp_sum_rows, thpmaps_sum_text, thpmaps_text};
pub use usage::{
    Unit, leader, usage_columns, usage_explained, usage_header, usage_json, usage_line, usage_rows,
};
pub use want::{WANT_COLUMNS, want_rows};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::classify::{Class, KsmVerdict};
use crate::layout::ROW_CELLS;
use crate::orders::Agreement;
use crate::render::{Colour, Counted, Entry, MapRows, Palette, Picture, Subject, share};
use crate::scan::Lens;
use crate::source::{Clock, PageSize, SelectedPages};
use crate::tally::ClassCounts;

/// Everything that is said of a picture.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    tool: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    kernel: Option<String>,
    capture: Capture,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<ReadFacts>,
    page_size: u64,
    page_size_assumed: bool,
    pfns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionFacts>,
    /// How cells follow each other: `rows`, or `hilbert` in tiles of 512 × 512.
    layout: &'static str,
    ram_pages: Option<u64>,
    lens: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<Vec<String>>,
    pages_per_pixel: u64,
    reducer: String,
    palette: String,
    ksm_believed: bool,
    classes: Map<String, Value>,
    /// Pages by class before and class after.
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<Map<String, Value>>,
    /// Free blocks by zone beside what the kernel counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_blocks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<series::PlaceFacts>,
    picture: PictureFacts,
}

/// When, in RFC 3339, UTC.
#[derive(Clone, Debug, Serialize)]
struct Capture {
    /// Of a comparison, when the first reading began.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    start: String,
    end: String,
    live: bool,
    /// What the times are: `clock`, `recording`, or `file date` for a copy.
    clock: &'static str,
}

/// What the kernel was asked for.
#[derive(Clone, Debug, Serialize)]
struct ReadFacts {
    entries: u64,
    /// Pages of huge pages and of free blocks that were proved by other entries.
    proved_huge: u64,
    proved_free: u64,
}

/// The part of memory that was meant.
#[derive(Clone, Debug, Serialize)]
struct SelectionFacts {
    name: String,
    pages: u64,
    /// From the first page up to but not including the last number.
    ranges: Vec<[u64; 2]>,
}

#[derive(Clone, Debug, Serialize)]
struct PictureFacts {
    width: usize,
    height: u64,
    map_x: usize,
    map_width: usize,
    rows: Vec<RowFacts>,
    legend: Vec<EntryFacts>,
    notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct RowFacts {
    x: usize,
    y: u64,
    height: u64,
    first_pfn: u64,
    end_pfn: u64,
    drawn: bool,
}

#[derive(Clone, Debug, Serialize)]
struct EntryFacts {
    name: String,
    index: Vec<u8>,
    colour: Colour,
    pages: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<String>,
    #[serde(skip)]
    is_memory: bool,
}

impl Facts {
    /// What is known of `picture`.
    pub fn new(
        picture: &Picture,
        subject: &Subject,
        counts: &ClassCounts,
        palette: &Palette,
    ) -> Self {
        let page_bytes = subject.page_size.bytes();
        let noise = match subject.lens {
            Lens::Flags(noise) => Some(noise.0.names()),
            _ => None,
        };
        Self {
            tool: "pagemap-viz",
            version: env!("CARGO_PKG_VERSION"),
            host: subject.host.clone(),
            kernel: subject.kernel.clone(),
            capture: Capture {
                since: subject.since.as_ref().map(|since| since.time.to_string()),
                start: subject.time.to_string(),
                end: subject.end_time.to_string(),
                live: subject.clock != Clock::FileDate,
                clock: subject.clock.name(),
            },
            read: read_facts(subject),
            page_size: page_bytes,
            page_size_assumed: matches!(subject.page_size, PageSize::Assumed(_)),
            pfns: subject.end.0,
            selection: subject.selected.as_ref().map(SelectionFacts::new),
            layout: subject.layout.order.name(),
            ram_pages: subject.ram_pages,
            lens: subject.lens.name(),
            noise,
            pages_per_pixel: subject.layout.pages_per_cell,
            reducer: subject.reducer_name.clone(),
            palette: palette.name.clone(),
            ksm_believed: subject.ksm == KsmVerdict::Believed,
            classes: classes(counts, page_bytes),
            matrix: None,
            free_blocks: None,
            series: None,
            picture: PictureFacts {
                width: picture.width,
                height: picture.height,
                map_x: picture.map_x,
                map_width: ROW_CELLS,
                rows: picture.map_rows.iter().map(RowFacts::new).collect(),
                legend: picture
                    .entries
                    .iter()
                    .map(|entry| EntryFacts::new(entry, page_bytes))
                    .collect(),
                notes: picture.notes.clone(),
            },
        }
    }

    /// With the check of free blocks.
    #[must_use]
    pub fn checked(mut self, agreements: Option<&[Agreement]>) -> Self {
        self.free_blocks = agreements.map(agreements_json);
        self
    }

    /// For a file: indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always serialise") + "\n"
    }

    /// For a text chunk: one line.
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }

    /// When reading began, RFC 3339.
    pub fn created(&self) -> &str {
        &self.capture.start
    }

    /// One sentence for who cannot see the picture.
    pub fn description(&self) -> String {
        let legend = self.picture.legend.iter().filter(|entry| entry.is_memory);
        let mut largest: Vec<_> = legend.collect();
        largest.sort_by_key(|entry| std::cmp::Reverse(entry.pages));
        let all = largest.iter().map(|entry| entry.pages).sum();
        if largest.is_empty() {
            return "A map of physical memory without a page in it.".to_owned();
        }
        let parts: Vec<_> = largest
            .iter()
            .take(5)
            .map(|e| format!("{} {}", e.name, share(e.pages, all)))
            .collect();
        format!(
            "Every page of physical memory, coloured by {}. Largest shares: {}.",
            self.lens,
            parts.join(", ")
        )
    }
}

/// Of a kernel that was asked now.
fn read_facts(subject: &Subject) -> Option<ReadFacts> {
    let spent = subject.spent;
    (subject.clock == Clock::Now).then_some(ReadFacts {
        entries: spent.entries,
        proved_huge: spent.huge,
        proved_free: spent.free,
    })
}

/// Every class, those without pages too, so that programs need not ask.
fn classes(counts: &ClassCounts, page_bytes: u64) -> Map<String, Value> {
    let value = |class: Class| {
        let pages = counts.of(class);
        json!({ "pages": pages, "bytes": pages.saturating_mul(page_bytes) })
    };
    Class::in_legend_order()
        .into_iter()
        .map(|class| (class.name().to_owned(), value(class)))
        .collect()
}

impl SelectionFacts {
    fn new(selected: &SelectedPages) -> Self {
        let ranges = selected.pages.ranges().iter();
        Self {
            name: selected.name.clone(),
            pages: selected.pages.pages(),
            ranges: ranges.map(|range| [range.start.0, range.end.0]).collect(),
        }
    }
}

impl RowFacts {
    fn new(rows: &MapRows) -> Self {
        Self {
            x: rows.x,
            y: rows.y,
            height: rows.height,
            first_pfn: rows.pages.start.0,
            end_pfn: rows.pages.end.0,
            drawn: rows.is_drawn,
        }
    }
}

impl EntryFacts {
    fn new(entry: &Entry, page_bytes: u64) -> Self {
        Self {
            name: entry.name.clone(),
            index: entry.keys.iter().map(|key| key.0).collect(),
            colour: entry.colour,
            pages: entry.pages,
            bytes: entry.pages.saturating_mul(page_bytes),
            flags: entry.flags.map(|flags| format!("{:#018x}", flags.0)),
            is_memory: entry.counted == Counted::Once,
        }
    }
}
