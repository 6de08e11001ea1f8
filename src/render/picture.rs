//! Caption, map and legend put together, top to bottom.
//!
//! A picture is a list of parts that a writer asks for one by one, because a full-resolution map of
//! a large machine is larger than memory should be.

use super::canvas::{BACKGROUND, Canvas, surface_colours};
use super::caption::{caption, moment_caption};
use super::entries::{Entry, Meaning};
use super::legend::{Fixed, Widths, legend, wanted_width};
use super::map::{ItemPixels, Map, MapRows, Span};
use super::margins::Margins;
use super::palette::{Colour, Palette};
use super::series::Series;
use super::strip::strip;
use super::subject::Subject;
use crate::classify::{Class, Key};
use crate::error::{Error, Result};
use crate::grid::Packed;
use crate::layout::{CellOrder, Layout, ROW_CELLS};
use crate::scan::Scan;

/// PNG keeps a picture's height in 31 bits.
const MAX_HEIGHT: u64 = (1 << 31) - 1;

/// Pixels between two columns.
const GUTTER: usize = 16;

/// Pixel rows that are put together at once where columns or a legend stand side by side.
const BAND: u64 = 64;

/// Widths of a legend at the side: below the one it looks lost, above the other names are cut.
const SIDE_WIDTHS: (usize, usize) = (240, 460);

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
    /// In how many columns the map is set.
    pub columns: usize,
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
    /// The lines at its foot.
    pub notes: Vec<String>,
    /// Pixels left of the map.
    pub map_x: usize,
    /// Which pages are behind which rows.
    pub map_rows: Vec<MapRows>,
    surround: Surround,
    map: Map,
}

/// What is not map.
#[derive(Debug, Default)]
struct Surround {
    top: Option<Canvas>,
    /// Right of the map.
    side: Option<Canvas>,
    bottom: Option<Canvas>,
    /// Left and right of each column.
    margins: Option<Margins>,
}

/// A picture's place in a series.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// All pictures.
    pub series: &'a Series,
    /// Which of them, from 0.
    pub number: usize,
}

/// Puts a picture together.
///
/// # Errors
/// It would be higher than PNG allows.
pub fn picture(
    scan: Scan,
    subject: &Subject,
    style: &Style,
    place: Option<Place<'_>>,
) -> Result<Picture> {
    let (lens, layout) = (subject.lens, subject.layout);
    let alike = place.map(|place| place.series.alike(subject));
    let subject = alike.as_ref().unwrap_or(subject);
    let own = Meaning {
        lens,
        sets: &scan.sets,
        ksm: scan.ksm,
        all: &scan.keys,
        palette: &style.palette,
        sought: subject.sought.as_ref(),
    };
    let meaning = place.map_or(own, |place| {
        let sought = subject.sought.as_ref();
        place.series.meaning(lens, &style.palette, sought)
    });
    let entries = meaning.entries(&scan.keys);
    let colours = colours(&entries, &meaning.tints(), &style.palette);
    let (mut notes, varying) = place.map_or_else(
        || (subject.notes(), 0),
        |place| place.series.notes(subject.sought.as_ref()),
    );
    notes.splice(varying..varying, margin_note(subject, style.legend));
    let (end, holes) = place.map_or_else(
        || (scan.end, scan.grid.holes(layout.row_pages())),
        |place| (place.series.end, place.series.holes.clone()),
    );
    let span = Span::new(end, &holes, subject, has_headings(style.legend, &layout));
    let page_bytes = subject.page_size.bytes();
    let map = Map::new(
        scan.grid,
        scan.ksm,
        &span,
        &layout,
        page_bytes,
        style.columns,
    );
    let columns = map.columns();
    let surround = Surround::new(subject, &entries, (&notes, varying), style, columns, place);
    let map_y = height(surround.top.as_ref());
    let map_end = map_y + map.height().max(height(surround.side.as_ref()));
    let picture = Picture {
        width: surround.width(columns),
        height: map_end + height(surround.bottom.as_ref()),
        colours,
        entries,
        notes,
        map_x: surround.column_x(0),
        map_rows: map.map_rows(map_y, |column| surround.column_x(column)),
        surround,
        map,
    };
    if picture.height > MAX_HEIGHT {
        return Err(Error::TooManyRows {
            rows: picture.height,
            limit: MAX_HEIGHT,
        });
    }
    Ok(picture)
}

/// Beside the map strips say where zones are, but tiles have no rows that could be told apart.
fn has_headings(legend: LegendPlace, layout: &Layout) -> bool {
    match legend {
        LegendPlace::Below => true,
        LegendPlace::Right => layout.order == CellOrder::Hilbert,
        LegendPlace::None => false,
    }
}

/// What the strips beside the map are.
fn margin_note(subject: &Subject, legend: LegendPlace) -> Option<String> {
    let has_strips = legend == LegendPlace::Right && subject.layout.order == CellOrder::Rows;
    let strips = match (subject.blocks.0.is_some(), !subject.zones.is_empty()) {
        (true, true) => "Strips left of the map: memory blocks; right: node, zone.",
        (true, false) => "Strip left of the map: memory blocks.",
        (false, true) => "Strips right of the map: node, zone.",
        (false, false) => return None,
    };
    has_strips.then(|| strips.to_owned())
}

/// Indices that no page has are the background's.
fn colours(entries: &[Entry], tints: &[(Key, Colour)], palette: &Palette) -> Vec<Colour> {
    let mut colours = vec![palette.surface.background; Key::LIMIT];
    // Rows end beyond the last page even where no page is a hole.
    colours[usize::from(Key::HOLE.0)] = palette.class(Class::Hole);
    let own = |entry: &'_ Entry| {
        let colour = entry.colour;
        let keys = entry.keys.clone().into_iter();
        keys.map(move |key| (key, colour))
    };
    let own = entries.iter().flat_map(own);
    for (key, colour) in own.chain(tints.iter().copied()) {
        colours[usize::from(key.0)] = colour;
    }
    colours.extend(surface_colours(palette));
    colours
}

fn height(canvas: Option<&Canvas>) -> u64 {
    canvas.map_or(0, Canvas::height) as u64
}

impl Surround {
    fn new(
        subject: &Subject,
        entries: &[Entry],
        (notes, varying): (&[String], usize),
        style: &Style,
        columns: usize,
        place: Option<Place<'_>>,
    ) -> Self {
        let page_bytes = subject.page_size.bytes();
        let least = place.map_or_else(Widths::default, |place| place.series.widths);
        let (narrowest, widest) = SIDE_WIDTHS;
        let side_width = wanted_width(entries, page_bytes, least).clamp(narrowest, widest);
        let mut surround = Self::default();
        let width = match style.legend {
            LegendPlace::None => return surround,
            LegendPlace::Below => surround.map_width(columns),
            LegendPlace::Right => {
                surround.margins = Some(Margins::new(subject));
                surround.map_width(columns) + side_width
            }
        };
        let top = place.map_or_else(
            || caption(subject, width),
            |place| moment_caption(subject, place.series, place.number, width),
        );
        let chart = place.map(|place| strip(place.series, place.number, width));
        let fixed = |width| Fixed {
            widths: least,
            varying,
            varying_lines: place.map_or(0, |place| place.series.varying_lines(width)),
        };
        let legend = |width| legend(entries, page_bytes, notes, fixed(width), width);
        (surround.side, surround.bottom) = match style.legend {
            LegendPlace::Right => (Some(legend(side_width)), chart),
            _ => {
                let mut bottom = chart.unwrap_or_else(|| Canvas::new(width, 0));
                bottom.append(&legend(width));
                (None, Some(bottom))
            }
        };
        surround.top = Some(top);
        surround
    }

    fn column_width(&self) -> usize {
        let margins = self.margins.as_ref();
        ROW_CELLS + margins.map_or(0, |margins| margins.left() + margins.right())
    }

    /// Pixels left of the cells of a column.
    fn column_x(&self, column: usize) -> usize {
        let left = self.margins.as_ref().map_or(0, Margins::left);
        column * (self.column_width() + GUTTER) + left
    }

    fn map_width(&self, columns: usize) -> usize {
        columns * (self.column_width() + GUTTER) - GUTTER
    }

    fn width(&self, columns: usize) -> usize {
        self.map_width(columns) + self.side.as_ref().map_or(0, Canvas::width)
    }
}

impl Picture {
    /// How many parts there are.
    pub fn parts(&self) -> usize {
        2 + match self.is_plain() {
            true => self.map.items(),
            false => self.map.height().div_ceil(BAND) as usize,
        }
    }

    /// True when the map is one column with nothing beside it: then its rows are written as they were packed.
    fn is_plain(&self) -> bool {
        self.surround.side.is_none() && self.map.columns() == 1
    }

    /// One part, counted from the top. Some are empty.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn part(&mut self, number: usize) -> Result<Part> {
        let last = self.parts() - 1;
        match number.checked_sub(1) {
            None => Ok(Part::Pixels(pixels(self.surround.top.as_ref()))),
            Some(_) if number == last => Ok(Part::Pixels(self.below())),
            Some(item) if self.is_plain() => Ok(match self.map.item(item)? {
                ItemPixels::Packed(packed) => Part::Packed(packed),
                ItemPixels::Plain(pixels) => Part::Pixels(pixels),
            }),
            Some(band) => self.band(band as u64).map(Part::Pixels),
        }
    }

    /// Some pixel rows of all columns, with what stands beside them.
    fn band(&mut self, number: u64) -> Result<Vec<u8>> {
        let from = number * BAND;
        let to = self.map.height().min(from + BAND);
        let mut columns = Vec::new();
        for column in 0..self.map.columns() {
            let cells = self.map.pixels(column, from, to)?;
            let margins = self.surround.margins.as_ref();
            let margins = margins.map(|margins| margins.draw(&self.map, column, from, to));
            columns.push((cells, margins));
        }
        let mut pixels = Vec::with_capacity(self.width * (to - from) as usize);
        for y in 0..(to - from) as usize {
            for (number, (cells, margins)) in columns.iter().enumerate() {
                let gutter = if number == 0 { 0 } else { GUTTER };
                pixels.resize(pixels.len() + gutter, BACKGROUND);
                let (left, right) = margins
                    .as_ref()
                    .map_or((None, None), |(left, right)| (Some(left), Some(right)));
                left.iter().for_each(|left| pixels.extend(left.row(y)));
                pixels.extend_from_slice(&cells[y * ROW_CELLS..(y + 1) * ROW_CELLS]);
                right.iter().for_each(|right| pixels.extend(right.row(y)));
            }
            if let Some(side) = &self.surround.side {
                pixels.extend(side.row(from as usize + y));
            }
        }
        Ok(pixels)
    }

    /// What is left of a legend at the side when the map is short, and what stands below.
    fn below(&self) -> Vec<u8> {
        let bottom = pixels(self.surround.bottom.as_ref());
        let Some(side) = &self.surround.side else {
            return bottom;
        };
        let left = self.width - side.width();
        let row = |y: u64| {
            let mut row = vec![BACKGROUND; left];
            row.extend(side.row(y as usize));
            row
        };
        let rest = (self.map.height()..side.height() as u64).flat_map(row);
        rest.chain(bottom).collect()
    }
}

fn pixels(canvas: Option<&Canvas>) -> Vec<u8> {
    canvas.map_or_else(Vec::new, |canvas| canvas.pixels().to_vec())
}
