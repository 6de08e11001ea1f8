//! What pages can be coloured by beside their class: where they are, and how many share them.

use crate::classify::{Class, Key};
use crate::compare::{CHURN_STEPS, OVERLAYS};
use crate::error::Result;
use crate::kernel::{PageFlags, PfnRange, Zone, ZoneMap};
use crate::recording::Plane;
use crate::scan::Block;
use crate::source::Source;

/// Zones that can be told apart; the rest is one more.
const TOLD: usize = OVERLAYS - 1;

/// Where zones, or nodes, lie: no page in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// What they are called, in order.
    pub(super) names: Vec<String>,
    /// Ascending, each with the number of its name.
    runs: Vec<(PfnRange, usize)>,
}

impl Regions {
    /// Of zones: `Node 0 Normal`.
    pub fn of_zones(zones: &ZoneMap) -> Self {
        Self::new(zones, |zone| format!("Node {} {}", zone.node, zone.name))
    }

    /// Of nodes: `Node 0`.
    pub fn of_nodes(zones: &ZoneMap) -> Self {
        Self::new(zones, |zone| format!("Node {}", zone.node))
    }

    fn new(zones: &ZoneMap, name: impl Fn(&Zone) -> String) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut number = |zone: &Zone| {
            let name = name(zone);
            names
                .iter()
                .position(|known| *known == name)
                .unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
        };
        let numbers: Vec<usize> = zones.zones().iter().map(&mut number).collect();
        let run = |&(run, zone): &(PfnRange, usize)| (run, numbers[zone].min(TOLD));
        let runs = zones.runs().iter().map(run).collect();
        if names.len() > TOLD + 1 {
            let more = format!("{} more", names.len() - TOLD);
            names.truncate(TOLD);
            names.push(more);
        }
        Self { names, runs }
    }

    /// Sets the number of each page's region, where it is used.
    pub(super) fn number_pages(&self, block: &Block<'_>, keys: &[Key], numbers: &mut [u8]) {
        let pages = block.pages();
        let first = self.runs.partition_point(|(run, _)| run.end <= pages.start);
        let near = self.runs[first..].iter();
        for &(run, number) in near.take_while(|(run, _)| run.start < pages.end) {
            let run = run.intersect(pages);
            let [start, end] = [run.start, run.end].map(|at| (at.0 - block.start.0) as usize);
            let here = numbers[start..end].iter_mut().zip(&keys[start..end]);
            for (page, _) in here.filter(|(_, key)| is_used(**key)) {
                *page = number as u8;
            }
        }
    }
}

/// True for what is neither hole nor free.
pub(super) fn is_used(key: Key) -> bool {
    key != Key::HOLE && key != Key(Class::Free as u8)
}

/// A page that is mapped says so.
fn may_be_mapped(flags: PageFlags, key: Key) -> bool {
    flags.has(PageFlags::MMAP) && is_used(key)
}

/// Anything but a free page may be charged to a cgroup.
pub(super) fn may_be_charged(_flags: PageFlags, key: Key) -> bool {
    is_used(key)
}

/// Pages of which another word is asked where one of them may have one.
const PART: usize = 256;

/// Pages that are looked at at once.
const ALIKE: usize = 64;

/// Pages of one read at most.
const READ: usize = 1 << 13;

/// Reads another word of each page of a block, where a neighbour may have one, and hands it over with the page's
/// number where it has one: it costs as much as flags.
pub(super) fn with_words(
    source: &dyn Source,
    plane: Plane,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
    may_have_one: impl Fn(PageFlags, Key) -> bool,
    mut take: impl FnMut(u64, &mut u8),
) -> Result<()> {
    let mut buffer = [0; READ];
    // Of the head of the compound that a read begins within.
    let mut of_head = 0;
    let pages = |from: usize, to: usize| block.words[from..to].iter().zip(&keys[from..to]);
    let is_wanted = |from: usize| {
        let part = from..keys.len().min(from + PART);
        let may = |any, (&flags, &key): (&PageFlags, &Key)| any | may_have_one(flags, key);
        // Sixteen at once, which a search page by page is not.
        let mut pieces = part.clone().step_by(ALIKE);
        pieces.any(|at| pages(at, part.end.min(at + ALIKE)).fold(false, may))
    };
    let mut at = 0;
    while at < keys.len() {
        let most = keys.len().min(at + READ);
        let parts = (at..most).step_by(PART);
        let end = parts.take_while(|&part| is_wanted(part)).last();
        let wanted = end.map_or(0, |part| most.min(part + PART) - at);
        if wanted == 0 {
            at += PART;
            of_head = 0;
            continue;
        }
        let here = at..at + wanted;
        at = here.end;
        let words = &mut buffer[..wanted];
        let got = source.read_plane(plane, block.start.plus(here.start as u64), words)?;
        // What is missing at the end has none.
        words[got..].fill(0);
        let parts = (here.start..here.end)
            .step_by(PART)
            .zip(words.chunks_mut(PART));
        for ((from, words), numbers) in parts.zip(numbers[here].chunks_mut(PART)) {
            let any = words.iter().fold(0, |any, &word| any | word);
            if of_head == 0 && any == 0 {
                continue;
            }
            if plane == Plane::Cgroups {
                inherit(words, &block.words[from..from + words.len()], &mut of_head);
            }
            let pages = pages(from, from + words.len()).zip(&*words).zip(numbers);
            for (((&flags, &key), &word), number) in pages {
                if word != 0 && may_have_one(flags, key) {
                    take(word, number);
                }
            }
        }
    }
    Ok(())
}

/// Kernels up to 6.1 give the cgroup of a head and nothing for its tails.
fn inherit(words: &mut [u64], flags: &[PageFlags], of_head: &mut u64) {
    let is_tail = |flags: PageFlags| flags.has(PageFlags::COMPOUND_TAIL);
    // Without an end before the last page this takes a sixth of the time.
    let wants = |wants, (&word, &flags): (&u64, &PageFlags)| wants | (word == 0 && is_tail(flags));
    if !words.iter().zip(flags).fold(false, wants) {
        let last_of_none = flags.iter().rposition(|&flags| !is_tail(flags));
        *of_head = last_of_none.map_or(*of_head, |at| words[at]);
        return;
    }
    for (word, flags) in words.iter_mut().zip(flags) {
        if !is_tail(*flags) {
            *of_head = *word;
        } else if *word == 0 {
            *word = *of_head;
        }
    }
}

/// What pages that are mapped so often are called; the steps are those of churn.
pub(super) const SHARED: [&str; CHURN_STEPS.len()] = [
    "mapped once",
    "mapped 2 to 3 times",
    "mapped 4 to 7 times",
    "mapped 8 to 15 times",
    "mapped 16 times or more",
];

/// Sets how often each page is mapped, in steps, where it is.
pub(super) fn number_shared(
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
) -> Result<()> {
    let take = |count: u64, number: &mut u8| {
        // The steps are powers of two.
        *number = (count.ilog2() as usize).min(CHURN_STEPS.len() - 1) as u8;
    };
    let plane = Plane::Counts;
    with_words(source, plane, block, keys, numbers, may_be_mapped, take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_nodes_than_colours_share_the_last() {
        let zone = |node: u32| Zone {
            node,
            name: "Normal".into(),
            span: PfnRange::new(u64::from(node) * 10, u64::from(node) * 10 + 10),
        };
        let regions = Regions::of_nodes(&ZoneMap::new((0..12).map(zone).collect()));
        assert_eq!(regions.names.len(), OVERLAYS);
        let (run, number) = regions.runs[11];
        assert_eq!(run, PfnRange::new(110, 120));
        assert_eq!(regions.names[number], "4 more");
    }
}
