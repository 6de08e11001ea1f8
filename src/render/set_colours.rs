//! Colours of sets of flags. A set looks like its class, in a shade of its own.
//!
//! The shade follows from the flags, so the same set has the same colour on every machine and in
//! every run; only when two sets ask for one shade does the larger number move on.

use std::collections::HashMap;

use palette::{FromColor, Oklch, Srgb};

use super::palette::{Colour, Palette};
use crate::classify::{Class, CompoundSize, KsmVerdict, judge, settle};
use crate::kernel::PageFlags;

/// Steps of lightness and of hue in degrees: far enough to tell, not so far that a hue leaves its
/// family. The smallest come first.
const SHADES: [(f32, f32); 20] = [
    (0.07, 0.0),
    (-0.07, 0.0),
    (0.07, 14.0),
    (-0.07, -14.0),
    (0.0, 14.0),
    (0.0, -14.0),
    (0.07, -14.0),
    (-0.07, 14.0),
    (0.14, 0.0),
    (-0.14, 0.0),
    (0.14, 14.0),
    (-0.14, -14.0),
    (0.14, -14.0),
    (-0.14, 14.0),
    (0.21, 0.0),
    (-0.21, 0.0),
    (0.21, 14.0),
    (-0.21, -14.0),
    (0.21, -14.0),
    (-0.21, 14.0),
];

/// Shares of the chroma, tried for each shade: greyer, and more vivid.
const CHROMAS: [f32; 3] = [1.0, 0.6, 1.4];

/// Oklab distance times 100 at which two areas of one picture are told apart.
const APART: f32 = 4.0;

/// What a reader calls a set.
pub(super) fn set_name(flags: PageFlags) -> String {
    if flags == PageFlags::NONE {
        "no flag left".to_owned()
    } else {
        flags.names().join(",")
    }
}

/// A colour for each set, no two alike, and apart while there is room.
pub(super) fn set_colours(
    sets: impl Iterator<Item = PageFlags>,
    palette: &Palette,
) -> HashMap<PageFlags, Colour> {
    let mut sets: Vec<PageFlags> = sets.collect();
    // The plain colour belongs to the plain set, whoever else is there.
    sets.sort_by_key(|&set| (!is_plain(set), set));
    let mut colours = HashMap::new();
    for set in sets {
        let used: Vec<Colour> = colours.values().copied().collect();
        let colour = shade(set, palette.class(class_of(set)), &used);
        colours.insert(set, colour);
    }
    colours
}

/// The first shade that is apart from the used ones; when there is none, the one furthest from them.
fn shade(set: PageFlags, base: Colour, used: &[Colour]) -> Colour {
    let nearest = |shade: &Colour| {
        let distances = used.iter().map(|other| shade.distance(*other));
        distances.fold(f32::INFINITY, f32::min)
    };
    let plain = std::iter::once(base).filter(|_| is_plain(set));
    let shades: Vec<Colour> = plain.chain(shades_from(base, set)).collect();
    let apart = shades.iter().find(|shade| nearest(shade) >= APART);
    let furthest = || {
        shades
            .iter()
            .max_by(|a, b| nearest(a).total_cmp(&nearest(b)))
    };
    *apart
        .or_else(furthest)
        .expect("there are shades of every colour")
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
        // Its tails on kernels up to 6.9.
        PageFlags::MMAP.with(PageFlags::ANON).with(PageFlags::THP),
        PageFlags::HUGE.with(PageFlags::COMPOUND_TAIL),
        PageFlags::THP,
    ]
    .contains(&set)
}

/// Every shade of a colour, from one on that follows from the flags.
fn shades_from(base: Colour, set: PageFlags) -> impl Iterator<Item = Colour> {
    let plain: Oklch = Oklch::from_color(Srgb::from(base.0).into_linear());
    let first = (set.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62) as usize;
    let steps = (0..SHADES.len()).map(move |step| SHADES[(first + step) % SHADES.len()]);
    CHROMAS.into_iter().flat_map(move |share| {
        steps.clone().map(move |(lightness, hue): (f32, f32)| {
            let lightness = (plain.l + lightness).clamp(0.12, 0.97);
            let shade = Oklch::new(lightness, share * plain.chroma.max(0.03), plain.hue + hue);
            let rgb: Srgb<u8> = Srgb::from_linear(palette::LinSrgb::from_color(shade));
            Colour([rgb.red, rgb.green, rgb.blue])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of real machines, old kernels and new.
    const REAL: [&str; 24] = [
        "",
        "buddy",
        "slab",
        "pgtable",
        "mmap",
        "offline",
        "zero_page",
        "swapbacked",
        "thp",
        "mmap,thp",
        "mmap,swapbacked",
        "mmap,swapbacked,thp",
        "mmap,anonymous",
        "mmap,anonymous,thp",
        "mmap,anonymous,swapbacked",
        "mmap,anonymous,swapbacked,thp",
        "mmap,anonymous,swapbacked,ksm",
        "mmap,anonymous,swapbacked,unevictable",
        "mmap,anonymous,swapbacked,unevictable,thp",
        "anonymous,swapcache,swapbacked",
        "compound_head,huge",
        "compound_tail,huge",
        "mmap,anonymous,compound_head,huge",
        "mmap,anonymous,compound_tail,huge",
    ];

    #[test]
    fn sets_of_real_machines_are_told_apart_and_plain_ones_look_like_their_class() {
        let sets = REAL.map(|names| PageFlags::parse_list(names).expect("names"));
        for name in ["default", "light"] {
            let palette = Palette::shipped(name).expect("it is shipped");
            let colours = set_colours(sets.into_iter(), &palette);
            for (one, first) in &colours {
                let others = colours.iter().filter(|(other, _)| *other != one);
                for (other, second) in others {
                    let distance = first.distance(*second);
                    assert!(distance >= APART, "{name}: {one:?} {other:?} {distance}");
                }
            }
            assert_eq!(colours[&PageFlags::BUDDY], palette.class(Class::Free));
        }
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
