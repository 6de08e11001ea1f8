//! Colours of sets of flags. A set looks like its class, in a shade of its own.
//!
//! The shade follows from the flags, so the same set has the same colour on every machine and in
//! every run; only when two sets ask for one shade does the larger number move on.

use std::collections::HashMap;

use palette::{FromColor, Oklch, Srgb};

use super::palette::{Colour, Palette};
use crate::classify::{Class, CompoundSize, KsmVerdict, judge, settle};
use crate::kernel::PageFlags;

/// Steps of lightness and of hue, in the order in which they are tried after the plain colour.
const SHADES: [(f32, f32); 12] = [
    (0.09, 0.0),
    (-0.09, 0.0),
    (0.0, 24.0),
    (0.0, -24.0),
    (0.14, 18.0),
    (-0.14, -18.0),
    (0.14, -18.0),
    (-0.14, 18.0),
    (0.19, 36.0),
    (-0.19, -36.0),
    (0.05, 44.0),
    (-0.05, -44.0),
];

/// What a reader calls a set.
pub(super) fn set_name(flags: PageFlags) -> String {
    if flags == PageFlags::NONE {
        "no flag but noise".to_owned()
    } else {
        flags.names().join(",")
    }
}

/// A colour for each set, no two alike.
pub(super) fn set_colours(
    sets: impl Iterator<Item = PageFlags>,
    palette: &Palette,
) -> HashMap<PageFlags, Colour> {
    let mut sets: Vec<PageFlags> = sets.collect();
    sets.sort();
    // The plain colour belongs to the plain set, whoever else is there.
    sets.sort_by_key(|&set| !is_plain(set));
    let mut colours = HashMap::new();
    for set in sets {
        let base = palette.class(class_of(set));
        let mut shades = std::iter::once(base)
            .filter(|_| is_plain(set))
            .chain(shades_from(base, set));
        let taken = |colour: &Colour| {
            colours.values().any(|other| other == colour)
                || Class::ALL
                    .iter()
                    .any(|&c| !is_plain(set) && palette.class(c) == *colour)
        };
        let colour = shades
            .find(|colour| !taken(colour))
            .expect("shades go on until one is free");
        colours.insert(set, colour);
    }
    colours
}

/// The class of a page that says just this; size is what the THP bit claims.
fn class_of(set: PageFlags) -> Class {
    let size = if set.has(PageFlags::THP) {
        CompoundSize::Pmd
    } else {
        CompoundSize::Single
    };
    match settle(judge(set, size), KsmVerdict::Believed) {
        // Page cache that nobody maps: what said so was noise.
        Class::Other if set.has(PageFlags::THP) => Class::FileLarge,
        class => class,
    }
}

/// The sets that most pages of their class say when the noise is gone.
fn is_plain(set: PageFlags) -> bool {
    const MAPPED_ANON: PageFlags = PageFlags::MMAP
        .with(PageFlags::ANON)
        .with(PageFlags::SWAPBACKED);
    [
        PageFlags::NONE,
        PageFlags::BUDDY,
        PageFlags::SLAB,
        PageFlags::PGTABLE,
        PageFlags::MMAP,
        PageFlags::SWAPBACKED,
        PageFlags::OFFLINE,
        PageFlags::ZERO_PAGE,
        MAPPED_ANON,
        MAPPED_ANON.with(PageFlags::THP),
        PageFlags::HUGE.with(PageFlags::COMPOUND_TAIL),
        PageFlags::THP,
    ]
    .contains(&set)
}

fn shades_from(base: Colour, set: PageFlags) -> impl Iterator<Item = Colour> {
    let plain: Oklch = Oklch::from_color(Srgb::from(base.0).into_linear());
    let first = (set.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize;
    (first..).map(move |step| {
        let (lightness, hue): (f32, f32) = SHADES[step % SHADES.len()];
        let further = 1.0 + 0.11 * ((step - first) / SHADES.len()) as f32;
        let lightness = (plain.l + further * lightness).clamp(0.12, 0.97);
        let shade = Oklch::new(lightness, plain.chroma.max(0.03), plain.hue + hue * further);
        let rgb: Srgb<u8> = Srgb::from_linear(palette::LinSrgb::from_color(shade));
        Colour([rgb.red, rgb.green, rgb.blue])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sets_share_a_colour_and_plain_sets_look_like_their_class() {
        let palette = Palette::shipped("default").expect("it is shipped");
        let sets: Vec<PageFlags> = (0..400).map(|word| PageFlags(word * 3)).collect();
        let colours = set_colours(sets.iter().copied(), &palette);
        let mut distinct: Vec<[u8; 3]> = colours.values().map(|colour| colour.0).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), sets.len());
        let alone = set_colours([PageFlags::BUDDY].into_iter(), &palette);
        assert_eq!(alone[&PageFlags::BUDDY], palette.class(Class::Free));
    }

    #[test]
    fn the_same_set_has_the_same_colour_in_other_company() {
        let palette = Palette::shipped("light").expect("it is shipped");
        let set = PageFlags::parse_list("anonymous,swapbacked,unevictable").expect("names");
        let alone = set_colours([set].into_iter(), &palette)[&set];
        let company = set_colours(
            [set, PageFlags::BUDDY, PageFlags::SLAB].into_iter(),
            &palette,
        )[&set];
        assert_eq!(alone, company);
    }
}
