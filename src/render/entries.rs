//! What a lens's keys mean to a reader: name, colour and pages of each, in the legend's order.

use super::palette::{Colour, Palette};
use super::set_colours::{set_colours, set_name};
use crate::classify::{CLASS_KEYS, Class, FlagSet, Key, KsmVerdict, settle};
use crate::kernel::PageFlags;
use crate::tally::{ClassCounts, Tally};

/// Sets that have a colour of their own; the others share one.
const COLOURED_SETS: usize = 32;

/// One line of a legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the reader calls it.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// The keys that are drawn so: palette indices.
    pub keys: Vec<Key>,
    /// Its pages.
    pub pages: u64,
    /// The flags, when the lens is flags and it is one set.
    pub flags: Option<PageFlags>,
    /// True for pages that do not exist.
    pub is_hole: bool,
}

/// The entries with pages.
pub fn entries(
    classes: &ClassCounts,
    keys: &Tally,
    sets: &[FlagSet],
    ksm: KsmVerdict,
    palette: &Palette,
) -> Vec<Entry> {
    let all = if sets.is_empty() {
        class_entries(classes, ksm, palette)
    } else {
        set_entries(keys, sets, palette)
    };
    all.into_iter().filter(|entry| entry.pages > 0).collect()
}

fn class_entries(counts: &ClassCounts, ksm: KsmVerdict, palette: &Palette) -> Vec<Entry> {
    let keys_of = |class: Class| {
        (0..CLASS_KEYS as u8)
            .map(Key)
            .filter(move |&key| settle(key, ksm) == class)
    };
    let entry = |class: Class| Entry {
        name: class.name().to_owned(),
        colour: palette.class(class),
        keys: keys_of(class).collect(),
        pages: counts.of(class),
        flags: None,
        is_hole: class == Class::Hole,
    };
    Class::in_legend_order().into_iter().map(entry).collect()
}

/// Most frequent first, the rest together, hole last.
fn set_entries(tally: &Tally, sets: &[FlagSet], palette: &Palette) -> Vec<Entry> {
    let keyed = || {
        sets.iter()
            .enumerate()
            .map(|(number, &set)| (Key(number as u8), set))
    };
    let mut own: Vec<(Key, PageFlags)> = keyed()
        .filter_map(|(key, set)| match set {
            FlagSet::Of(flags) => Some((key, flags)),
            FlagSet::Hole | FlagSet::Rest => None,
        })
        .collect();
    own.sort_by_key(|&(key, flags)| (std::cmp::Reverse(tally.of(key)), flags));
    let overflow = own.split_off(own.len().min(COLOURED_SETS));
    let colours = set_colours(own.iter().map(|&(_, flags)| flags), palette);
    let mut entries: Vec<Entry> = own
        .iter()
        .map(|&(key, flags)| Entry {
            name: set_name(flags),
            colour: colours[&flags],
            keys: vec![key],
            pages: tally.of(key),
            flags: Some(flags),
            is_hole: false,
        })
        .collect();
    let beyond = keyed()
        .filter(|(_, set)| *set == FlagSet::Rest)
        .map(|(key, _)| key);
    let rest: Vec<Key> = overflow.iter().map(|&(key, _)| key).chain(beyond).collect();
    entries.push(Entry {
        name: rest_name(overflow.len(), tally, keyed()),
        colour: palette.class(Class::Other),
        pages: rest.iter().map(|&key| tally.of(key)).sum(),
        keys: rest,
        flags: None,
        is_hole: false,
    });
    entries.push(Entry {
        name: Class::Hole.name().to_owned(),
        colour: palette.class(Class::Hole),
        keys: vec![Key::HOLE],
        pages: tally.of(Key::HOLE),
        flags: None,
        is_hole: true,
    });
    entries
}

/// Sets that were met when all keys were taken are not even told apart.
fn rest_name(
    known: usize,
    tally: &Tally,
    mut keyed: impl Iterator<Item = (Key, FlagSet)>,
) -> String {
    if keyed.any(|(key, set)| set == FlagSet::Rest && tally.of(key) > 0) {
        format!("{known} more sets, and all met later")
    } else {
        format!("{known} more sets")
    }
}
