//! Type: DejaVu Sans Condensed, drawn as coverage of pixels.
//!
//! Every glyph begins on a whole pixel, so that stems look alike and digits stand in columns.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(dejavu::sans_condensed::regular())
        .expect("the crate carries a sound font")
});
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(dejavu::sans_condensed::bold()).expect("the crate carries a sound font")
});

/// A cut of the typeface at a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    bold: bool,
    em_px: f32,
}

/// The picture's name.
pub(super) const TITLE: Type = Type {
    bold: true,
    em_px: 15.0,
};
/// Everything else.
pub(super) const BODY: Type = Type {
    bold: false,
    em_px: 12.0,
};
/// Axis, breaks and foot.
pub(super) const SMALL: Type = Type {
    bold: false,
    em_px: 11.0,
};

impl Type {
    fn font(self) -> &'static FontRef<'static> {
        if self.bold { &BOLD } else { &REGULAR }
    }

    /// The font crate scales by ascent and descent, type is measured by the em.
    fn scale(self) -> PxScale {
        let font = self.font();
        let units_per_em = font.units_per_em().expect("a TrueType font has an em");
        PxScale::from(self.em_px * font.height_unscaled() / units_per_em)
    }

    /// Width of a text in pixels.
    pub(super) fn width(self, text: &str) -> i64 {
        self.place(text).1
    }

    /// Calls `ink` with the offset from the start of the baseline, and coverage from 0 to 1.
    pub(super) fn draw(self, text: &str, mut ink: impl FnMut(i64, i64, f32)) {
        let font = self.font();
        for (glyph, x) in self.place(text).0 {
            let glyph = glyph.with_scale_and_position(self.scale(), point(0.0, 0.0));
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, coverage| {
                ink(
                    x + corner.x as i64 + i64::from(dx),
                    corner.y as i64 + i64::from(dy),
                    coverage,
                );
            });
        }
    }

    /// Glyphs with the pixel each begins on, and the pixel after the last. Control characters,
    /// which a host name could smuggle in, have no glyph here.
    fn place(self, text: &str) -> (Vec<(GlyphId, i64)>, i64) {
        let font = self.font().as_scaled(self.scale());
        let mut x = 0.0f32;
        let mut before = None;
        let mut glyphs = Vec::new();
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            let glyph = font.glyph_id(letter);
            if let Some(before) = before {
                x += font.kern(before, glyph);
            }
            glyphs.push((glyph, x.round() as i64));
            x += advance(letter, font.h_advance(glyph));
            before = Some(glyph);
        }
        (glyphs, x.round() as i64)
    }

    /// The text, or as much of it as fits into `width` with an ellipsis: its beginning, of a path its end.
    pub(super) fn fit(self, text: &str, width: i64) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        // Paths begin alike.
        let is_path = text.starts_with('/');
        let shorter = |count: usize| -> String {
            match is_path {
                true => ['…']
                    .iter()
                    .chain(&letters[letters.len() - count..])
                    .collect(),
                false => letters[..count].iter().chain(&['…']).collect(),
            }
        };
        // The more letters the wider, so the most that fit are found by halves.
        let (mut fits, mut too_many) = (0, letters.len());
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            match self.width(&shorter(middle)) <= width {
                true => fits = middle,
                false => too_many = middle,
            }
        }
        shorter(fits)
    }

    /// The text in lines of at most `width` pixels, broken between words.
    pub(super) fn wrap(self, text: &str, width: i64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// Digits step by whole pixels, so that equal digits look equal.
fn advance(letter: char, exact: f32) -> f32 {
    if letter.is_ascii_digit() {
        exact.round()
    } else {
        exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_columns() {
        assert_eq!(BODY.width("1111111"), BODY.width("8888888"));
    }

    #[test]
    fn long_texts_are_cut_or_broken_to_fit() {
        let text = "a name that is much too long for its place in the picture";
        assert!(BODY.width(&BODY.fit(text, 100)) <= 100);
        let path = BODY.fit("/user.slice/docker-0123456789.scope, 4.8 % large", 100);
        assert!(path.starts_with('…') && path.ends_with("large"), "{path}");
        assert!(BODY.width(&path) <= 100);
        let lines = BODY.wrap(text, 100);
        assert!(lines.len() > 1 && lines.iter().all(|line| BODY.width(line) <= 100));
        assert_eq!(lines.join(" "), text);
    }
}
