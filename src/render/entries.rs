//! What a lens's keys mean to a reader: name, colour and pages of each, in the legend's order.

use std::cmp::Reverse;

use super::palette::{Colour, Palette};
use super::set_colours::{set_colours, set_name};
use super::subject::SoughtLines;
use crate::classify::{CLASS_KEYS, Class, FlagSet, Key, KsmVerdict, settle};
use crate::compare::{CHURN_STEPS, FREED, RECLASSED, USED, churn_key, faded, vivid};
use crate::kernel::PageFlags;
use crate::overlay::{RANKS, Shade};
use crate::scan::Lens;
use crate::tally::Tally;

/// Sets that have a colour of their own; the others share one.
const COLOURED_SETS: usize = 32;

/// One line of a legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the reader calls it.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// The palette index of its swatch.
    pub swatch: u8,
    /// The keys that are drawn so: palette indices.
    pub keys: Vec<Key>,
    /// Its pages.
    pub pages: u64,
    /// The flags, when the lens is flags and it is one set.
    pub flags: Option<PageFlags>,
    /// How its pages count.
    pub counted: Counted,
}

/// How the pages of an entry count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Once, as part of memory.
    Once,
    /// In other entries as well.
    Elsewhere,
    /// Not at all: they do not exist.
    Hole,
}

/// What the keys of one lens mean in one picture, or in all pictures of a series.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    pub(super) lens: Lens,
    /// What the keys of the flags lens stand for.
    pub(super) sets: &'a [FlagSet],
    pub(super) ksm: KsmVerdict,
    /// Pages that decide which entries there are, and the order of those that have none of their own.
    pub(super) all: &'a Tally,
    pub(super) palette: &'a Palette,
    pub(super) sought: Option<&'a SoughtLines>,
}

impl Meaning<'_> {
    /// The entries that ever have pages, with the pages that `now` counts.
    pub(super) fn entries(&self, now: &Tally) -> Vec<Entry> {
        let mut entries = match self.lens {
            Lens::Class => self.class_entries(|_| None),
            Lens::Flags(_) => set_entries(self.all, self.sets, self.palette),
            Lens::Changes => self.class_entries(|class| Some(vivid(class))),
            Lens::Difference => self.event_entries(&self.differences()),
            Lens::Churn => self.event_entries(&self.steps()),
            Lens::Overlay => self.sought_entries("other"),
            Lens::Node
            | Lens::Zone
            | Lens::Sharing
            | Lens::Cgroup
            | Lens::FolioOrder
            | Lens::FreeOrder
            | Lens::Age => self.sought_entries(""),
        };
        let of = |tally: &Tally, entry: &Entry| entry.keys.iter().map(|&key| tally.of(key)).sum();
        entries.retain(|entry| of(self.all, entry) > 0);
        for entry in &mut entries {
            entry.pages = of(now, entry);
        }
        if self.lens == Lens::Changes {
            entries.push(self.changed(now));
        }
        entries
    }

    /// Keys that are not drawn in their entry's colour.
    pub(super) fn tints(&self) -> Vec<(Key, Colour)> {
        let tint = |&class: &Class| (vivid(class), self.palette.changes().marked);
        match self.lens {
            Lens::Changes => Class::ALL.iter().map(tint).collect(),
            _ => Vec::new(),
        }
    }

    fn class_entries(&self, marked: impl Fn(Class) -> Option<Key>) -> Vec<Entry> {
        let keys_of = |class: Class| {
            (0..CLASS_KEYS as u8)
                .map(Key)
                .filter(move |&key| settle(key, self.ksm) == class)
                .chain(marked(class))
        };
        let entry = |class: Class| Entry {
            counted: counted(class),
            ..Entry::new(class.name(), self.palette.class(class), keys_of(class))
        };
        Class::in_legend_order().into_iter().map(entry).collect()
    }

    /// The line that says how much is marked.
    fn changed(&self, now: &Tally) -> Entry {
        let pages = Class::ALL.iter().map(|&class| now.of(vivid(class))).sum();
        Entry {
            pages,
            swatch: vivid(Class::Free).0,
            counted: Counted::Elsewhere,
            ..Entry::new("marked: changed", self.palette.changes().marked, [])
        }
    }

    fn differences(&self) -> Vec<(Key, &'static str, Colour)> {
        let changes = self.palette.changes();
        vec![
            (FREED, "freed", changes.freed),
            (USED, "newly used", changes.used),
            (RECLASSED, "changed class", changes.changed),
        ]
    }

    fn steps(&self) -> Vec<(Key, &'static str, Colour)> {
        const NAMES: [&str; CHURN_STEPS.len()] = [
            "changed once",
            "2 to 3 times",
            "4 to 7 times",
            "8 to 15 times",
            "16 times or more",
        ];
        let step = |(step, (name, from)): (usize, (&'static str, u8))| {
            let colour = self.palette.churn(step, NAMES.len());
            (churn_key(from), name, colour)
        };
        NAMES
            .into_iter()
            .zip(CHURN_STEPS)
            .enumerate()
            .map(step)
            .collect()
    }

    /// What is looked for, and then the rest by class.
    fn sought_entries(&self, rest: &str) -> Vec<Entry> {
        let sought = self.sought.iter().flat_map(|sought| &sought.kinds);
        let kind = |(name, key, shade): &(String, Key, Shade)| {
            let colour = match *shade {
                Shade::Class(class) => self.palette.class(class),
                Shade::Marked => self.palette.changes().marked,
                Shade::Step(step, steps) => self.palette.churn(step, steps),
                Shade::Free(order, highest) => self.palette.free_block(order, highest),
                Shade::Order(class, order) => self.palette.by_order(class, order),
                Shade::Ranked(_) => return None,
            };
            Some(Entry::new(name, colour, [*key]))
        };
        let told = sought.filter_map(kind);
        told.chain(self.ranked()).chain(self.rest(rest)).collect()
    }

    /// What is told apart by its size: the largest first, the others together.
    fn ranked(&self) -> Vec<Entry> {
        let sought = self.sought.iter().flat_map(|sought| &sought.kinds);
        let ranked = sought.filter_map(|(name, key, shade)| match shade {
            Shade::Ranked(things) => Some((name, *key, *things)),
            _ => None,
        });
        let mut ranked: Vec<_> = ranked.filter(|&(_, key, _)| self.all.of(key) > 0).collect();
        // Several under one key are too small, or too many, to be one of the largest.
        ranked.sort_by_key(|&(_, key, things)| (things > 1, Reverse(self.all.of(key)), key));
        let named = match ranked.len() {
            all if all <= RANKS.len() => all,
            _ => RANKS.len(),
        };
        let others = ranked.split_off(named);
        let own = ranked.iter().zip(RANKS);
        let own =
            own.map(|((name, key, _), class)| Entry::new(name, self.palette.class(class), [*key]));
        let things: usize = others.iter().map(|(.., things)| things).sum();
        let name = match others.as_slice() {
            [(name, ..)] => (*name).clone(),
            _ => format!("{things} more"),
        };
        let keys = others.iter().map(|&(_, key, _)| key);
        let more = Entry::new(&name, self.palette.changes().marked, keys);
        own.chain([more].into_iter().filter(|_| things > 0))
            .collect()
    }

    /// What happened, and then what did not, by class.
    fn event_entries(&self, events: &[(Key, &'static str, Colour)]) -> Vec<Entry> {
        let event = |&(key, name, colour): &(Key, &str, Colour)| Entry::new(name, colour, [key]);
        events
            .iter()
            .map(event)
            .chain(self.rest("unchanged"))
            .collect()
    }

    /// Faded pages by class, each name after `word`.
    fn rest(&self, word: &str) -> Vec<Entry> {
        let unchanged = |class: Class| match class {
            Class::Hole => Entry {
                counted: Counted::Hole,
                ..Entry::new(class.name(), self.palette.class(class), [faded(class)])
            },
            class => Entry::new(
                format!("{word} {}", class.name()).trim_start(),
                self.palette.faded(class),
                [faded(class)],
            ),
        };
        Class::in_legend_order()
            .into_iter()
            .map(unchanged)
            .collect()
    }
}

fn counted(class: Class) -> Counted {
    match class {
        Class::Hole => Counted::Hole,
        _ => Counted::Once,
    }
}

impl Entry {
    /// Of existing pages, still to be counted.
    fn new(name: &str, colour: Colour, keys: impl IntoIterator<Item = Key>) -> Self {
        let keys: Vec<Key> = keys.into_iter().collect();
        Self {
            name: name.to_owned(),
            colour,
            swatch: keys.first().unwrap_or(&Key::HOLE).0,
            keys,
            pages: 0,
            flags: None,
            counted: Counted::Once,
        }
    }
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
    own.sort_by_key(|&(key, flags)| (Reverse(tally.of(key)), flags));
    let overflow = own.split_off(own.len().min(COLOURED_SETS));
    let colours = set_colours(own.iter().map(|&(_, flags)| flags), palette);
    let mut entries: Vec<Entry> = own
        .iter()
        .map(|&(key, flags)| Entry {
            flags: Some(flags),
            ..Entry::new(&set_name(flags), colours[&flags], [key])
        })
        .collect();
    let beyond = keyed()
        .filter(|(_, set)| *set == FlagSet::Rest)
        .map(|(key, _)| key);
    let rest: Vec<Key> = overflow.iter().map(|&(key, _)| key).chain(beyond).collect();
    let name = rest_name(overflow.len(), tally, keyed());
    entries.push(Entry::new(&name, palette.class(Class::Other), rest));
    entries.push(Entry {
        counted: Counted::Hole,
        ..Entry::new(Class::Hole.name(), palette.class(Class::Hole), [Key::HOLE])
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
