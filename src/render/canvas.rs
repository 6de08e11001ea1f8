//! A rectangle of palette indices, and the indices that caption and legend use.
//!
//! Keys of pages take the indices below [`Key::LIMIT`]; above them lie the surface's colours, and
//! for each ink the steps between background and ink that smooth type needs.

use super::palette::{Colour, Palette, mix};
use super::typeface::Type;
use crate::classify::Key;

const STEPS: u8 = 16;

/// Index of the background.
pub(super) const BACKGROUND: u8 = Key::LIMIT as u8;
/// Index of thin rules.
pub(super) const LINE: u8 = BACKGROUND + 1;
/// Index of a step from the background to the muted text, from 1 to 16.
pub(super) fn shade(step: u8) -> u8 {
    LINE + STEPS + step.clamp(1, STEPS)
}

/// Index of the text's full colour.
pub(super) const TEXT: u8 = LINE + STEPS;

// Every index fits into one byte.
const _: () = assert!(Key::LIMIT + 2 + 2 * STEPS as usize <= 256);

/// What type is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Muted,
}

impl Ink {
    /// The first of its steps.
    fn first(self) -> u8 {
        match self {
            Self::Text => LINE + 1,
            Self::Muted => LINE + 1 + STEPS,
        }
    }
}

/// Colours of the indices from [`Key::LIMIT`] on.
pub(super) fn surface_colours(palette: &Palette) -> Vec<Colour> {
    let surface = palette.surface;
    let ramp = |ink: Colour| {
        (1..=STEPS)
            .map(move |step| mix(surface.background, ink, f32::from(step) / f32::from(STEPS)))
    };
    let plain = [surface.background, surface.line];
    plain
        .into_iter()
        .chain(ramp(surface.text))
        .chain(ramp(surface.muted))
        .collect()
}

/// Pixels as palette indices, row after row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Nothing but background.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            pixels: vec![BACKGROUND; width * height],
        }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// All pixels, row after row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Adds another below, of the same width.
    pub(super) fn append(&mut self, other: &Canvas) {
        self.pixels.extend_from_slice(&other.pixels);
    }

    /// Lays another over it, its corner at the top left at column `x` and row `y`.
    pub(super) fn paste(&mut self, x: usize, y: usize, other: &Canvas) {
        for (row, pixels) in other.pixels.chunks_exact(other.width).enumerate() {
            let at = (y + row) * self.width + x;
            self.pixels[at..at + other.width].copy_from_slice(pixels);
        }
    }

    /// One row; background below the last.
    pub(super) fn row(&self, y: usize) -> Vec<u8> {
        let row = self.pixels.chunks_exact(self.width).nth(y);
        row.map_or_else(|| vec![BACKGROUND; self.width], <[u8]>::to_vec)
    }

    /// Sets one pixel; outside the canvas there is none.
    pub(super) fn set(&mut self, x: i64, y: i64, index: u8) {
        if (0..self.width as i64).contains(&x) && (0..self.height() as i64).contains(&y) {
            self.pixels[y as usize * self.width + x as usize] = index;
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: i64, y: i64, width: i64, height: i64, index: u8) {
        for row in y..y + height {
            (x..x + width).for_each(|column| self.set(column, row, index));
        }
    }

    /// Writes from `x` on the baseline `y`.
    pub(super) fn write(&mut self, x: i64, y: i64, text: &str, cut: Type, ink: Ink) {
        cut.draw(text, |dx, dy, coverage| {
            let step = (coverage * f32::from(STEPS)).round() as u8;
            if step > 0 {
                self.set_ink(x + dx, y + dy, ink, step.min(STEPS));
            }
        });
    }

    /// Writes so that the text ends before `x`.
    pub(super) fn write_left_of(&mut self, x: i64, y: i64, text: &str, cut: Type, ink: Ink) {
        self.write(x - cut.width(text), y, text, cut, ink);
    }

    /// Where two glyphs meet, the darker one stays.
    fn set_ink(&mut self, x: i64, y: i64, ink: Ink, step: u8) {
        if !(0..self.width as i64).contains(&x) || !(0..self.height() as i64).contains(&y) {
            return;
        }
        let pixel = &mut self.pixels[y as usize * self.width + x as usize];
        let index = ink.first() + (step - 1);
        let is_same_ink = (ink.first()..=ink.first() + (STEPS - 1)).contains(pixel);
        *pixel = if is_same_ink {
            index.max(*pixel)
        } else {
            index
        };
    }
}
