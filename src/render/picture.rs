//! Caption, map and legend put together, top to bottom.
//!
//! A picture is a list of parts that a writer asks for one by one, because a full-resolution map of
//! a large machine is larger than memory should be.

use super::axis::{AXIS_WIDTH, Run, axis};
use super::canvas::{BACKGROUND, Canvas, surface_colours};
use super::caption::{caption, moment_caption};
use super::entries::{Entry, Meaning};
use super::legend::{Fixed, Widths, legend, wanted_width};
use super::map::{Map, MapPart, MapRows, Span};
use super::palette::{Colour, Palette};
use super::series::Series;
use super::strip::strip;
use super::subject::Subject;
use crate::classify::{Class, Key};
use crate::error::{Error, Result};
use crate::grid::Packed;
use crate::layout::{Layout, ROW_CELLS};
use crate::scan::Scan;

/// PNG keeps a picture's height in 31 bits.
const MAX_HEIGHT: u64 = (1 << 31) - 1;

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
    layout: Layout,
}

/// What is not map.
#[derive(Debug, Default)]
struct Surround {
    top: Option<Canvas>,
    /// Right of the map; then there is an axis left of it.
    side: Option<Canvas>,
    bottom: Option<Canvas>,
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
    let (notes, varying) = place.map_or_else(
        || (subject.notes(), 0),
        |place| place.series.notes(subject.sought.as_ref()),
    );
    let surround = Surround::new(subject, &entries, (&notes, varying), style.legend, place);
    let map_y = height(surround.top.as_ref());
    let span = place.map_or_else(
        || Span::new(scan.end, &scan.grid.holes(layout.row_pages()), &layout),
        |place| place.series.span.clone(),
    );
    let page_bytes = subject.page_size.bytes();
    let map = Map::new(scan.grid, scan.ksm, &span, &layout, page_bytes, map_y);
    let map_end = map
        .end_y()
        .unwrap_or(map_y)
        .max(map_y + height(surround.side.as_ref()));
    let picture = Picture {
        width: surround.width(),
        height: map_end + height(surround.bottom.as_ref()),
        colours,
        entries,
        notes,
        map_x: surround.map_x(),
        map_rows: map.runs(),
        surround,
        map,
        layout,
    };
    if picture.height > MAX_HEIGHT {
        return Err(Error::TooManyRows {
            rows: picture.height,
            limit: MAX_HEIGHT,
        });
    }
    Ok(picture)
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
        legend_place: LegendPlace,
        place: Option<Place<'_>>,
    ) -> Self {
        let page_bytes = subject.page_size.bytes();
        let least = place.map_or_else(Widths::default, |place| place.series.widths);
        let (narrowest, widest) = SIDE_WIDTHS;
        let side_width = wanted_width(entries, page_bytes, least).clamp(narrowest, widest);
        let width = match legend_place {
            LegendPlace::None => return Self::default(),
            LegendPlace::Below => ROW_CELLS,
            LegendPlace::Right => AXIS_WIDTH + ROW_CELLS + side_width,
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
        let (side, bottom) = match legend_place {
            LegendPlace::Right => (Some(legend(side_width)), chart),
            _ => {
                let mut bottom = chart.unwrap_or_else(|| Canvas::new(width, 0));
                bottom.append(&legend(width));
                (None, Some(bottom))
            }
        };
        Self {
            top: Some(top),
            side,
            bottom,
        }
    }

    fn map_x(&self) -> usize {
        if self.side.is_some() { AXIS_WIDTH } else { 0 }
    }

    fn width(&self) -> usize {
        self.map_x() + ROW_CELLS + self.side.as_ref().map_or(0, Canvas::width)
    }
}

impl Picture {
    /// How many parts there are.
    pub fn parts(&self) -> usize {
        2 + self.map.len()
    }

    /// One part, counted from the top. Some are empty.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn part(&mut self, number: usize) -> Result<Part> {
        match number.checked_sub(1) {
            None => Ok(Part::Pixels(pixels(self.surround.top.as_ref()))),
            Some(piece) if piece < self.map.len() => self.map_part(piece),
            Some(_) => Ok(Part::Pixels(self.below())),
        }
    }

    fn map_part(&mut self, number: usize) -> Result<Part> {
        let part = self.map.part(number)?;
        let rows = self.map.rows(number);
        Ok(match (&self.surround.side, part) {
            (Some(side), part) => Part::Pixels(self.with_sides(&part.into_pixels(), rows, side)),
            (None, MapPart::Packed(packed)) => Part::Packed(packed),
            (None, MapPart::Pixels(pixels)) => Part::Pixels(pixels),
        })
    }

    /// Sets axis and legend left and right of rows of the map.
    fn with_sides(&self, map: &[u8], rows: MapRows, side: &Canvas) -> Vec<u8> {
        let axis = self.axis(rows);
        let top = height(self.surround.top.as_ref());
        let mut pixels = Vec::with_capacity(self.width * rows.height as usize);
        for (y, map) in map.chunks_exact(ROW_CELLS).enumerate() {
            pixels.extend(axis.row(y));
            pixels.extend_from_slice(map);
            pixels.extend(side.row((rows.y - top) as usize + y));
        }
        pixels
    }

    fn axis(&self, rows: MapRows) -> Canvas {
        let run = self
            .map_rows
            .iter()
            .find(|run| run.y <= rows.y && rows.y < run.y + run.height);
        match run.filter(|run| run.is_drawn) {
            None => Canvas::new(AXIS_WIDTH, rows.height as usize),
            Some(run) => {
                let row_pages = self.layout.row_pages();
                let first = run.pages.start.0 / row_pages;
                let run = Run {
                    first,
                    end: first + run.height,
                };
                axis(rows.pages.start.0 / row_pages, rows.height, run, row_pages)
            }
        }
    }

    /// What is left of a legend at the side when the map is short, and what stands below.
    fn below(&self) -> Vec<u8> {
        let bottom = pixels(self.surround.bottom.as_ref());
        let Some(side) = &self.surround.side else {
            return bottom;
        };
        let top = height(self.surround.top.as_ref());
        let row = |y: u64| {
            let mut row = vec![BACKGROUND; self.map_x + ROW_CELLS];
            row.extend(side.row((y - top) as usize));
            row
        };
        let end = self.height - height(self.surround.bottom.as_ref());
        let rest = (self.map.end_y().unwrap_or(top)..end).flat_map(row);
        rest.chain(bottom).collect()
    }
}

fn pixels(canvas: Option<&Canvas>) -> Vec<u8> {
    canvas.map_or_else(Vec::new, |canvas| canvas.pixels().to_vec())
}
