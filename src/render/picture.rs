//! Caption, map and legend put together, top to bottom.
//!
//! A picture is a list of parts that a writer asks for one by one, because a full-resolution map of
//! a large machine is larger than memory should be.

use std::time::Duration;

use jiff::Timestamp;

use super::axis::{AXIS_WIDTH, Run, axis};
use super::canvas::{BACKGROUND, Canvas, surface_colours};
use super::caption::{caption, title};
use super::entries::{Entry, entries};
use super::gap::{GAP_HEIGHT, gap};
use super::legend::{legend, wanted_width};
use super::palette::{Colour, Palette};
use crate::classify::{Key, KsmVerdict};
use crate::error::{Error, Result};
use crate::grid::{Grid, Packed, Piece, unpack};
use crate::kernel::{Pfn, PfnRange};
use crate::layout::{Layout, ROW_CELLS, Reducer};
use crate::scan::Scan;
use crate::source::{PageSize, Source};

/// PNG keeps a picture's height in 31 bits.
const MAX_HEIGHT: u64 = (1 << 31) - 1;

/// Where the legend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegendPlace {
    /// Below the map; the picture is as wide as the map.
    Below,
    /// Right of the map, with an axis of page numbers on its left.
    Right,
    /// Nowhere, and no caption: the bare map.
    None,
}

/// How a picture looks.
#[derive(Clone, Debug)]
pub struct Style {
    /// Its colours.
    pub palette: Palette,
    /// Where its legend stands.
    pub legend: LegendPlace,
}

/// What a picture shows, in words and numbers.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Host name, unless unknown or withheld.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// When reading began, or a copy's date.
    pub time: Timestamp,
    /// When reading ended.
    pub end_time: Timestamp,
    /// Whether a kernel answered.
    pub is_live: bool,
    /// How long that took.
    pub duration: Option<Duration>,
    /// Base page size.
    pub page_size: PageSize,
    /// Pages of RAM, where that is known.
    pub ram_pages: Option<u64>,
    /// Page numbers.
    pub pages: u64,
    /// Whether the KSM bit was believed.
    pub ksm: KsmVerdict,
    /// What a cell of several pages shows, as the user named it.
    pub reducer_name: String,
    /// Pages that say KSM.
    pub doubted_pages: u64,
}

impl Subject {
    /// What `scan` of `source` came to. `host` is withheld by passing `None`.
    pub fn new(
        source: &dyn Source,
        scan: &Scan,
        host: Option<String>,
        reducer_name: String,
    ) -> Self {
        let machine = source.machine();
        let doubted = (0..=255)
            .map(Key)
            .filter(|&key| crate::classify::depends_on_ksm(key));
        let doubted = if scan.sets.is_empty() {
            doubted.map(|key| scan.keys.of(key)).sum()
        } else {
            0
        };
        Self {
            host,
            kernel: machine.kernel.clone(),
            time: scan.start_time,
            end_time: scan.end_time,
            is_live: source.is_live(),
            duration: scan.duration,
            page_size: machine.page_size,
            ram_pages: machine.ram.as_ref().map(crate::kernel::PfnSet::pages),
            pages: scan.end.0,
            ksm: scan.ksm,
            reducer_name,
            doubted_pages: doubted,
        }
    }

    /// The picture's title.
    pub fn title(&self) -> String {
        title(self)
    }

    /// The lines at the foot of the legend.
    fn notes(&self, layout: &Layout) -> Vec<String> {
        let mut notes = Vec::new();
        if layout.pages_per_cell > 1 {
            notes.push(match layout.reducer {
                Reducer::Proportional => "Reducer proportional: along a row, a colour's share of pixels is its share of pages.".to_owned(),
                Reducer::Dominant => "Reducer dominant: a pixel shows what most of its pages are; rare things vanish.".to_owned(),
                Reducer::Any(_) => format!("Reducer {}: one such page of a pixel's is enough to show it.", self.reducer_name),
            });
        }
        if self.ksm == KsmVerdict::Doubted && self.doubted_pages > 0 {
            notes.push(
                "This kernel marks every anonymous page as KSM; the mark is not believed."
                    .to_owned(),
            );
        }
        let tool = concat!("pagemap-viz ", env!("CARGO_PKG_VERSION"));
        notes.push(match self.duration {
            Some(time) => format!(
                "Not atomic: read in {:.2} s while memory went on changing · {tool}",
                time.as_secs_f64()
            ),
            None => tool.to_owned(),
        });
        notes
    }
}

/// Rows of the map that follow each other, and where they are in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRows {
    /// Pixels above the first row.
    pub y: u64,
    /// Rows, one pixel high each; for a break, the pixels it takes.
    pub height: u64,
    /// The pages behind them. The last row may go on beyond the last page.
    pub pages: PfnRange,
    /// False for a break, which stands for its pages without drawing them.
    pub is_drawn: bool,
}

/// One part of a picture, over its whole width.
#[derive(Debug)]
pub enum Part {
    /// Rows as they were packed in the scan.
    Packed(Packed),
    /// Rows of palette indices.
    Pixels(Vec<u8>),
}

/// A picture that is ready to be written.
#[derive(Debug)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: u64,
    /// The colour of each palette index.
    pub colours: Vec<Colour>,
    /// The legend's lines.
    pub entries: Vec<Entry>,
    /// Pixels left of the map.
    pub map_x: usize,
    /// Which pages are behind which rows.
    pub map_rows: Vec<MapRows>,
    top: Option<Canvas>,
    bottom: Option<Canvas>,
    side: Option<Canvas>,
    pieces: Vec<(Piece, MapRows)>,
    layout: Layout,
    page_bytes: u64,
    grid: Grid,
    ksm: KsmVerdict,
}

/// Puts a picture together.
///
/// # Errors
/// It would be higher than PNG allows.
pub fn picture(scan: Scan, subject: &Subject, layout: Layout, style: &Style) -> Result<Picture> {
    let page_bytes = subject.page_size.bytes();
    let entries = entries(
        &scan.classes,
        &scan.keys,
        &scan.sets,
        scan.ksm,
        &style.palette,
    );
    let notes = subject.notes(&layout);
    let side_width = if style.legend == LegendPlace::Right {
        wanted_width(&entries, page_bytes).clamp(240, 460)
    } else {
        0
    };
    let map_x = if style.legend == LegendPlace::Right {
        AXIS_WIDTH
    } else {
        0
    };
    let width = map_x + ROW_CELLS + side_width;
    let top = (style.legend != LegendPlace::None).then(|| caption(subject, &layout, width));
    let side = (side_width > 0).then(|| legend(&entries, page_bytes, &notes, side_width));
    let bottom =
        (style.legend == LegendPlace::Below).then(|| legend(&entries, page_bytes, &notes, width));
    let mut y = top.as_ref().map_or(0, Canvas::height) as u64;
    let map_y = y;
    let mut pieces = Vec::new();
    let mut row = 0;
    for piece in scan.grid.pieces() {
        let is_drawn = !matches!(piece, Piece::Cut { .. });
        let height = if is_drawn {
            piece.rows()
        } else {
            GAP_HEIGHT as u64
        };
        let pages = PfnRange::new(
            row * layout.row_pages(),
            ((row + piece.rows()) * layout.row_pages()).min(scan.end.0),
        );
        pieces.push((
            piece,
            MapRows {
                y,
                height,
                pages,
                is_drawn,
            },
        ));
        row += piece.rows();
        y += height;
    }
    let map_height = y - map_y;
    let side_height = side.as_ref().map_or(0, Canvas::height) as u64;
    let height =
        map_y + map_height.max(side_height) + bottom.as_ref().map_or(0, Canvas::height) as u64;
    if height > MAX_HEIGHT {
        return Err(Error::TooManyRows {
            rows: height,
            limit: MAX_HEIGHT,
        });
    }
    Ok(Picture {
        width,
        height,
        colours: colours(&entries, &style.palette),
        map_rows: joined(&pieces),
        entries,
        map_x,
        top,
        bottom,
        side,
        pieces,
        layout,
        page_bytes,
        grid: scan.grid,
        ksm: scan.ksm,
    })
}

/// Indices that no page has are the background's.
fn colours(entries: &[Entry], palette: &Palette) -> Vec<Colour> {
    let mut colours = vec![palette.surface.background; Key::LIMIT];
    // Rows end beyond the last page even where no page is a hole.
    colours[usize::from(Key::HOLE.0)] = palette.class(crate::classify::Class::Hole);
    for entry in entries {
        entry
            .keys
            .iter()
            .for_each(|key| colours[usize::from(key.0)] = entry.colour);
    }
    colours.extend(surface_colours(palette));
    colours
}

fn joined(pieces: &[(Piece, MapRows)]) -> Vec<MapRows> {
    let mut joined: Vec<MapRows> = Vec::new();
    for &(_, rows) in pieces {
        match joined.last_mut() {
            Some(last) if last.is_drawn && rows.is_drawn => {
                last.height += rows.height;
                last.pages.end = rows.pages.end;
            }
            _ => joined.push(rows),
        }
    }
    joined
}

impl Picture {
    /// How many parts there are.
    pub fn parts(&self) -> usize {
        2 + self.pieces.len()
    }

    /// One part, counted from the top. Some are empty.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn part(&mut self, number: usize) -> Result<Part> {
        let last = self.parts() - 1;
        match number {
            0 => Ok(Part::Pixels(
                self.top
                    .as_ref()
                    .map_or_else(Vec::new, |top| top.pixels().to_vec()),
            )),
            number if number == last => Ok(Part::Pixels(self.below())),
            number => self.map_part(number - 1),
        }
    }

    fn map_part(&mut self, number: usize) -> Result<Part> {
        let (piece, rows) = self.pieces[number];
        let pixels = match piece {
            Piece::Cells { strip, .. } => {
                let packed = self.grid.packed(strip, self.ksm)?;
                if self.side.is_none() {
                    return Ok(Part::Packed(packed));
                }
                unpack(&packed, ROW_CELLS)
            }
            Piece::Hole { rows } => vec![Key::HOLE.0; rows as usize * ROW_CELLS],
            Piece::Cut { .. } => gap(rows.pages, self.page_bytes).pixels().to_vec(),
        };
        Ok(Part::Pixels(if self.side.is_some() {
            self.with_sides(&pixels, rows)
        } else {
            pixels
        }))
    }

    /// Sets axis and legend left and right of rows of the map.
    fn with_sides(&self, map: &[u8], rows: MapRows) -> Vec<u8> {
        let row_pages = self.layout.row_pages();
        let run = self
            .map_rows
            .iter()
            .find(|run| run.y <= rows.y && rows.y < run.y + run.height);
        let run = run.expect("every piece is part of a run").pages;
        let run = Run {
            first: run.start.0 / row_pages,
            end: run.end.0.div_ceil(row_pages),
        };
        let axis = match rows.is_drawn {
            true => axis(
                rows.pages.start.0 / row_pages,
                rows.height,
                run,
                &self.layout,
            ),
            false => Canvas::new(AXIS_WIDTH, rows.height as usize),
        };
        let mut pixels = Vec::with_capacity(self.width * rows.height as usize);
        for (y, map) in map.chunks_exact(ROW_CELLS).enumerate() {
            pixels.extend(axis.row(y));
            pixels.extend_from_slice(map);
            pixels.extend(self.side_row(rows.y as usize + y));
        }
        pixels
    }

    fn side_row(&self, y: usize) -> Vec<u8> {
        let top = self.top.as_ref().map_or(0, Canvas::height);
        self.side
            .as_ref()
            .map_or_else(Vec::new, |side| side.row(y - top))
    }

    /// The legend below, or what is left of the one at the side when the map is short.
    fn below(&self) -> Vec<u8> {
        if let Some(bottom) = &self.bottom {
            return bottom.pixels().to_vec();
        }
        let map_end = self
            .pieces
            .last()
            .map_or(0, |(_, rows)| rows.y + rows.height);
        let map_end = map_end.max(self.top.as_ref().map_or(0, Canvas::height) as u64);
        let row = |y: u64| {
            let mut row = vec![BACKGROUND; self.map_x + ROW_CELLS];
            row.extend(self.side_row(y as usize));
            row
        };
        (map_end..self.height).flat_map(row).collect()
    }

    /// The page numbers of the map, holes included.
    pub fn pages(&self) -> PfnRange {
        PfnRange {
            start: Pfn(0),
            end: self.map_rows.last().map_or(Pfn(0), |rows| rows.pages.end),
        }
    }
}
