//! Palettes: a colour for every class and for what surrounds the map. TOML, shipped ones compiled in.

use std::collections::BTreeMap;
use std::fmt;

use palette::color_difference::EuclideanDistance;
use palette::{Clamp, IntoColor, LinSrgb, Mix, Oklab, Srgb};
use serde::{Deserialize, Serialize};

use crate::classify::Class;
use crate::error::{Error, Result};

/// Names and texts of the palettes that the program carries.
pub const SHIPPED: [(&str, &str); 4] = [
    ("default", include_str!("../../palettes/default.toml")),
    ("light", include_str!("../../palettes/light.toml")),
    ("article", include_str!("../../palettes/article.toml")),
    ("mono", include_str!("../../palettes/mono.toml")),
];

/// A colour in 8-bit sRGB, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Oklab distance times 100, for normal vision.
    pub(super) fn distance(self, other: Self) -> f32 {
        100.0 * EuclideanDistance::distance(oklab(self), oklab(other))
    }
}

fn oklab(colour: Colour) -> Oklab {
    Srgb::from(colour.0).into_linear().into_color()
}

fn colour_of(oklab: Oklab) -> Colour {
    let linear: LinSrgb = oklab.into_color();
    let encoded: Srgb<u8> = Srgb::from_linear(linear.clamp());
    Colour([encoded.red, encoded.green, encoded.blue])
}

/// Light adds up linearly, not in sRGB's numbers.
pub(super) fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    let [from, to]: [LinSrgb; 2] = [from, to].map(|colour| Srgb::from(colour.0).into_linear());
    let mixed: Srgb<u8> = Srgb::from_linear(from.mix(to, share));
    Colour([mixed.red, mixed.green, mixed.blue])
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = || {
            serde::de::Error::custom(format!("expected a colour as \"#rrggbb\", found {text:?}"))
        };
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii())
            .ok_or_else(expected)?;
        let parsed: Srgb<u8> = digits.parse().map_err(|_| expected())?;
        Ok(Colour([parsed.red, parsed.green, parsed.blue]))
    }
}

/// Colours of what is not map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// Behind caption and legend.
    pub background: Colour,
    /// Names and numbers.
    pub text: Colour,
    /// What matters less.
    pub muted: Colour,
    /// Thin rules, and the edge of swatches.
    pub line: Colour,
}

/// Colours of what happened to pages between readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeColours {
    /// Pages that became free.
    pub freed: Colour,
    /// Pages that were free.
    pub used: Colour,
    /// Pages that are something else now.
    pub changed: Colour,
    /// Pages that changed once in a series.
    pub rarely: Colour,
    /// Pages that changed again and again.
    pub often: Colour,
    /// Pages that were another class in the picture before.
    pub marked: Colour,
}

/// A colour for everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    /// What `--palette` calls it.
    pub name: String,
    /// One line for `palette list`.
    #[serde(default)]
    pub summary: String,
    /// Whether it claims that colour-blind readers can tell its classes apart.
    #[serde(default)]
    pub safe: bool,
    /// Colours of what is not map.
    pub surface: Surface,
    /// Colours of what happened to pages; those of a shipped palette when it has none of its own.
    #[serde(default)]
    changes: Option<ChangeColours>,
    /// A colour for every class.
    pub classes: ClassColours,
}

/// A colour for every class; none can be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassColours([Colour; Class::ALL.len()]);

impl<'de> Deserialize<'de> for ClassColours {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut named = BTreeMap::<String, Colour>::deserialize(deserializer)?;
        let mut colours = [Colour([0; 3]); Class::ALL.len()];
        for &class in Class::ALL {
            let missing = || D::Error::custom(format!("class {} has no colour", class.name()));
            colours[class as usize] = named.remove(class.name()).ok_or_else(missing)?;
        }
        match named.keys().next() {
            Some(name) => Err(D::Error::custom(format!("there is no class {name:?}"))),
            None => Ok(Self(colours)),
        }
    }
}

impl Palette {
    /// Reads a palette's text. `name` is for the message.
    ///
    /// # Errors
    /// The line, and what was expected there.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            let cause = format!("{place}{}", error.message().replace('\n', "; "));
            Error::Palette {
                name: name.to_owned(),
                cause,
            }
        })
    }

    /// A palette that the program carries.
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::parse(name, text).expect("tests read every shipped palette"))
    }

    /// The colours of what happened to pages.
    pub fn changes(&self) -> ChangeColours {
        let like = if self.is_dark() { "default" } else { "light" };
        let shipped = || Self::shipped(like)?.changes;
        let changes = self.changes.or_else(shipped);
        changes.expect("shipped palettes have colours for changes")
    }

    /// Whether its background is nearer to black than to white.
    pub fn is_dark(&self) -> bool {
        oklab(self.surface.background).l < 0.5
    }

    /// A class's colour when it is not what the reader looks for: it recedes towards the background
    /// and keeps a third of its lightness and chroma.
    pub(super) fn faded(&self, class: Class) -> Colour {
        let colour = oklab(self.class(class));
        let floor = if self.is_dark() { 0.12 } else { 0.7 };
        let share = if self.is_dark() { 0.33 } else { 0.3 };
        let [l, a, b] = [colour.l, colour.a, colour.b].map(|part| part * share);
        colour_of(Oklab::new(floor + l, a, b))
    }

    /// The colour of step `step` of `steps` from rarely to often.
    pub(super) fn churn(&self, step: usize, steps: usize) -> Colour {
        let changes = self.changes();
        let share = step as f32 / (steps - 1).max(1) as f32;
        colour_of(oklab(changes.rarely).mix(oklab(changes.often), share))
    }

    /// The colour of a folio of this order whose family has the colour of `class`: from far in the
    /// background for single pages to the class's own for a huge page of x86, and beyond for larger ones.
    pub(super) fn by_order(&self, class: Class, order: u8) -> Colour {
        const HUGE: f32 = 9.0;
        const GIGANTIC: f32 = 18.0;
        let ground = oklab(self.surface.background);
        let order = f32::from(order);
        if order <= HUGE {
            let share = 0.35 + 0.65 * order / HUGE;
            return colour_of(ground.mix(oklab(self.class(class)), share));
        }
        let share = 0.6 * ((order - HUGE) / (GIGANTIC - HUGE)).min(1.0);
        colour_of(oklab(self.class(class)).mix(oklab(self.surface.text), share))
    }

    /// The colour of a free block: calm for large ones, loud for splinters.
    pub(super) fn free_block(&self, order: u32, highest: u32) -> Colour {
        let changes = self.changes();
        let calm = oklab(self.surface.background).mix(oklab(changes.freed), 0.4);
        let share = order as f32 / highest.max(1) as f32;
        colour_of(oklab(changes.often).mix(calm, share))
    }

    /// The colour of a class.
    pub fn class(&self, class: Class) -> Colour {
        self.classes.0[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_palettes_are_known_by_the_name_inside() {
        for (name, _) in SHIPPED {
            assert_eq!(
                Palette::shipped(name)
                    .map(|palette| palette.name)
                    .as_deref(),
                Some(name)
            );
        }
    }

    #[test]
    fn a_bad_palette_says_where_and_what() {
        let good = SHIPPED[0].1;
        let table = [
            (
                good.replace("free = \"#", "free = \"x"),
                "line 25: expected a colour as \"#rrggbb\", found",
            ),
            (
                good.replace("\nslab = ", "\nslabs = "),
                "class slab has no colour",
            ),
            (
                good.to_owned() + "gold = \"#ffffff\"\n",
                "there is no class \"gold\"",
            ),
            (
                good.replace("\nline = ", "\nlime = "),
                "unknown field `lime`",
            ),
            ("name = ".to_owned(), "line 1: "),
        ];
        for (text, expected) in table {
            let error = Palette::parse("mine.toml", &text)
                .expect_err(expected)
                .to_string();
            assert!(
                error.starts_with("cannot use palette mine.toml: line "),
                "{error}"
            );
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
    }
}
