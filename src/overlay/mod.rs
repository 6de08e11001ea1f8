//! Pages that are looked for, over memory that recedes: those of processes, of a cgroup, or with certain
//! flags. An overlay re-keys pages before they become cells.

mod facet;
mod gather;
mod held;

pub use facet::Regions;
pub use gather::gather;
pub use held::{Groups, Held};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use self::facet::{SHARED, shared};
use crate::classify::{Class, Key};
use crate::compare::{FIRST_OVERLAY, OVERLAYS, faded};
use crate::error::Result;
use crate::inventory::Sight;
use crate::kernel::{Area, PageFlags, PagemapEntry, PfnRange, PfnSet};
use crate::recording::Plane;
use crate::scan::{Block, Rekey};
use crate::source::Source;

/// What pages are looked for.
#[derive(Debug)]
pub enum Sought {
    /// Those that processes hold.
    Held(Held),
    /// Those that are charged to a cgroup, by its inode.
    Cgroup(u64),
    /// Those whose flags meet conditions.
    Flags(Sight),
    /// Those that are used, by where they are.
    Regions(Regions),
    /// Those that are mapped, by how often.
    Shared,
}

/// The colour of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shade {
    /// That of a class.
    Class(Class),
    /// That of marks.
    Marked,
    /// One of so many steps from rare to frequent.
    Step(usize, usize),
}

/// One thing that is looked for: a line of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// Its colour.
    pub shade: Shade,
}

/// Pages that are looked for.
#[derive(Debug)]
pub struct Overlay {
    sought: Sought,
    kinds: Vec<Kind>,
    /// Of each kind the pages that are part of large folios.
    large: Vec<AtomicU64>,
    /// Runs of pages that processes still had when flags were read.
    seen: Mutex<Vec<PfnRange>>,
}

/// What a page is to its one process, in the legend's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Heap,
    Stack,
    Anonymous,
    Program,
    File,
    Shared,
    Hugetlb,
    Special,
}

/// Name and colour of each part.
const PARTS: [(Part, &str, Class); 8] = [
    (Part::Heap, "heap", Class::Anon),
    (Part::Stack, "stack", Class::AnonThp),
    (Part::Anonymous, "anonymous", Class::AnonLarge),
    (Part::Program, "program", Class::FileLarge),
    (Part::File, "file", Class::File),
    (Part::Shared, "shared memory", Class::Shmem),
    (Part::Hugetlb, "hugetlb", Class::Hugetlb),
    (Part::Special, "special", Class::PageTable),
];

/// Colours of several processes, and of what they share.
const PROCESSES: [Class; OVERLAYS - 1] = [
    Class::Anon,
    Class::FileLarge,
    Class::Hugetlb,
    Class::PageTable,
    Class::AnonThp,
    Class::ShmemLarge,
    Class::Other,
    Class::Ksm,
];

/// How many processes can be told apart.
pub const MAX_PROCESSES: usize = PROCESSES.len();

fn key(number: usize) -> Key {
    Key(FIRST_OVERLAY.0 + number as u8)
}

impl Overlay {
    /// Of these pages. `title` is the legend's line where there is one kind only.
    pub fn new(sought: Sought, title: &str) -> Self {
        let kind = |(number, (name, shade)): (usize, (String, Shade))| Kind {
            name,
            key: key(number),
            shade,
        };
        let named = match &sought {
            Sought::Held(held) if held.groups.is_alone() => PARTS
                .iter()
                .map(|&(_, name, like)| (name.to_owned(), Shade::Class(like)))
                .collect(),
            Sought::Held(held) => {
                let processes = held.groups.names().iter().zip(PROCESSES);
                let processes = processes.map(|(name, like)| (name.clone(), Shade::Class(like)));
                let shared = ("shared between them".to_owned(), Shade::Marked);
                processes.chain([shared]).collect()
            }
            Sought::Cgroup(_) | Sought::Flags(_) => vec![(title.to_owned(), Shade::Marked)],
            Sought::Regions(regions) => {
                let shades = PROCESSES
                    .map(Shade::Class)
                    .into_iter()
                    .chain([Shade::Marked]);
                regions.names.iter().cloned().zip(shades).collect()
            }
            Sought::Shared => {
                let step = |(step, name): (usize, &&str)| {
                    ((*name).to_owned(), Shade::Step(step, SHARED.len()))
                };
                SHARED.iter().enumerate().map(step).collect()
            }
        };
        let kinds: Vec<Kind> = named.into_iter().enumerate().map(kind).collect();
        Self {
            large: kinds.iter().map(|_| AtomicU64::new(0)).collect(),
            seen: Mutex::default(),
            sought,
            kinds,
        }
    }

    /// The kinds, in the legend's order.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Runs of the pages of processes that were seen, where such are looked for.
    pub fn held_runs(&self) -> Option<PfnSet> {
        match &self.sought {
            Sought::Held(_) => Some(self.lock().iter().copied().collect()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<PfnRange>> {
        self.seen.lock().expect("nobody panics while it is held")
    }

    /// Of the pages of a kind that were seen, those in large folios.
    pub fn large_pages(&self, kind: &Kind) -> u64 {
        let number = usize::from(kind.key.0 - FIRST_OVERLAY.0);
        self.large[number].load(Ordering::Relaxed)
    }
}

impl Rekey for Overlay {
    fn rekey(&self, source: &dyn Source, block: &Block<'_>, keys: &mut [Key]) -> Result<()> {
        let numbers = self.numbers(source, block, keys)?;
        let mut large = vec![0u64; self.kinds.len()];
        for (number, key) in numbers.into_iter().zip(keys) {
            let class = Class::ALL[usize::from(key.0)];
            *key = match number {
                None => faded(class),
                Some(number) => {
                    large[number] += u64::from(is_large(class));
                    self.kinds[number].key
                }
            };
        }
        for (sum, pages) in self.large.iter().zip(large) {
            sum.fetch_add(pages, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Overlay {
    /// The kind of each page, where it is looked for.
    fn numbers(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &[Key],
    ) -> Result<Vec<Option<usize>>> {
        match &self.sought {
            Sought::Held(held) => Ok(self.held_numbers(held, block, keys)),
            Sought::Cgroup(inode) => {
                let mut cgroups = vec![0; keys.len()];
                source.read_plane(Plane::Cgroups, block.start, &mut cgroups)?;
                let is_charged = |cgroup: &u64| (cgroup == inode).then_some(0);
                Ok(cgroups.iter().map(is_charged).collect())
            }
            Sought::Regions(regions) => Ok(regions.numbers(block, keys)),
            Sought::Shared => shared(source, block, keys),
            Sought::Flags(sight) => {
                let sees = |&flags: &PageFlags| sight.see(flags, PagemapEntry::NONE).map(|_| 0);
                let existing = block.words.iter().zip(keys);
                let number = |(flags, key): (&PageFlags, &Key)| match *key {
                    Key::HOLE => None,
                    _ => sees(flags),
                };
                Ok(existing.map(number).collect())
            }
        }
    }

    /// The same of pages that processes hold; those that they still have are kept as seen.
    fn held_numbers(&self, held: &Held, block: &Block<'_>, keys: &[Key]) -> Vec<Option<usize>> {
        let mut numbers = vec![None; keys.len()];
        let pages = PfnRange::new(block.start.0, block.start.0 + keys.len() as u64);
        let mut seen: Vec<PfnRange> = Vec::new();
        for (run, mark) in held.inside(pages) {
            for pfn in run.start.0..run.end.0 {
                let at = (pfn - block.start.0) as usize;
                let class = Class::ALL[usize::from(keys[at].0)];
                if was_given_back(class) {
                    continue;
                }
                numbers[at] = Some(held.number(mark, class));
                match seen.last_mut() {
                    Some(run) if run.end.0 == pfn => run.end = run.end.plus(1),
                    _ => seen.push(PfnRange::new(pfn, pfn + 1)),
                }
            }
        }
        self.lock().extend(seen);
        numbers
    }
}

/// True for what a process had when it was asked and not any more when flags were read: free memory, and
/// pages without a mark, which wait on a processor's list to be free. (A page that a driver lent without
/// counting it as mapped has no mark either, and is left out with them.)
fn was_given_back(class: Class) -> bool {
    matches!(class, Class::Hole | Class::Free | Class::Unmarked)
}

fn is_large(class: Class) -> bool {
    use Class::{AnonLarge, AnonThp, FileLarge, Hugetlb, HugetlbFree, ShmemLarge};
    matches!(
        class,
        AnonLarge | AnonThp | FileLarge | Hugetlb | HugetlbFree | ShmemLarge
    )
}

impl Part {
    fn of(class: Class, area: Area) -> Self {
        match (class, area) {
            (Class::Hugetlb | Class::HugetlbFree, _) => Self::Hugetlb,
            (Class::Shmem | Class::ShmemLarge, _) => Self::Shared,
            (Class::File | Class::FileLarge, Area::Program) => Self::Program,
            (Class::File | Class::FileLarge, _) => Self::File,
            (Class::Anon | Class::AnonLarge | Class::AnonThp | Class::Ksm, area) => match area {
                Area::Heap => Self::Heap,
                Area::Stack => Self::Stack,
                _ => Self::Anonymous,
            },
            _ => Self::Special,
        }
    }
}

impl Held {
    /// The kind's number of a page of this class.
    fn number(&self, mark: u8, class: Class) -> usize {
        if !self.groups.is_alone() {
            return usize::from(mark);
        }
        Part::of(class, Area::ALL[usize::from(mark)]) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_at_their_numbers() {
        for (number, (part, ..)) in PARTS.iter().enumerate() {
            assert_eq!(*part as usize, number);
        }
    }

    #[test]
    fn what_a_page_is_outranks_where_it_is_mapped() {
        let table = [
            (Class::Anon, Area::Heap, Part::Heap),
            (Class::AnonThp, Area::Stack, Part::Stack),
            // A private page of a file that was written to.
            (Class::Anon, Area::Program, Part::Anonymous),
            (Class::FileLarge, Area::Program, Part::Program),
            (Class::File, Area::Heap, Part::File),
            (Class::Shmem, Area::Other, Part::Shared),
            (Class::Hugetlb, Area::Heap, Part::Hugetlb),
            (Class::Zero, Area::Heap, Part::Special),
        ];
        for (class, area, part) in table {
            assert_eq!(Part::of(class, area), part, "{class:?} {area:?}");
        }
    }
}
