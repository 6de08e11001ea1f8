//! Pages that are looked for, over memory that recedes: those of processes, of a cgroup, or with certain
//! flags. An overlay re-keys pages before they become cells.

mod cgroups;
mod facet;
mod gather;
mod held;
mod kinds;
mod sizes;

pub use cgroups::{Cgroups, pages_of_cgroups};
pub use facet::Regions;
pub use gather::gather;
pub use held::{Groups, Held};
pub use kinds::MAX_PROCESSES;

use self::kinds::Part;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use self::cgroups::number_charged;
use self::facet::number_shared;
use self::sizes::{number_folios, number_free};
use crate::classify::{Class, Key, is_uniform};
use crate::compare::{FIRST_OVERLAY, faded};
use crate::error::Result;
use crate::inventory::Sight;
use crate::kernel::{Area, PagemapEntry, PfnRange, PfnSet, ZoneMap};
use crate::orders::{Counts, FreeOrders};
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
    /// Those that are charged to cgroups, by which.
    Cgroups(Cgroups),
    /// Those of free blocks, by order.
    Free(FreeOrders),
    /// Those of folios, by family and order.
    Folios,
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
    /// That of a class, for a block of this order: the larger the stronger.
    Order(Class, u8),
    /// That of a free block of this order, of orders up to the other: the smaller the stronger.
    Free(u32, u32),
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
    /// Free blocks of each zone, and last of none.
    free: Mutex<Vec<Counts>>,
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().expect("nobody panics while it is held")
}

fn key(number: usize) -> Key {
    Key(FIRST_OVERLAY.0 + number as u8)
}

impl Overlay {
    /// Of these pages. `title` is the legend's line where there is one kind only, `size` says how large a
    /// block of an order is.
    pub fn new(sought: Sought, title: &str, size: &dyn Fn(usize) -> String) -> Self {
        let kind = |(number, (name, shade)): (usize, (String, Shade))| Kind {
            name,
            key: key(number),
            shade,
        };
        let kinds = sought.kinds(title, size);
        let kinds: Vec<Kind> = kinds.into_iter().enumerate().map(kind).collect();
        let zones = match &sought {
            Sought::Free(free) => free.zones().zones().len() + 1,
            _ => 0,
        };
        Self {
            large: kinds.iter().map(|_| AtomicU64::new(0)).collect(),
            seen: Mutex::default(),
            free: Mutex::new(vec![Counts::default(); zones]),
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
            Sought::Held(_) => Some(lock(&self.seen).iter().copied().collect()),
            _ => None,
        }
    }

    /// Free blocks that were seen, of each zone, where such are looked for.
    pub fn free_blocks(&self) -> Option<(&ZoneMap, Vec<Counts>)> {
        match &self.sought {
            Sought::Free(free) => Some((free.zones(), lock(&self.free).clone())),
            _ => None,
        }
    }

    /// Of the pages of a kind that were seen, those in large folios; of kinds that are sizes, none.
    pub fn large_pages(&self, kind: &Kind) -> u64 {
        if matches!(kind.shade, Shade::Order(..) | Shade::Free(..)) {
            return 0;
        }
        let number = usize::from(kind.key.0 - FIRST_OVERLAY.0);
        self.large[number].load(Ordering::Relaxed)
    }
}

impl Rekey for Overlay {
    fn rekey(&self, source: &dyn Source, block: &Block<'_>, keys: &mut [Key]) -> Result<()> {
        let mut numbers = vec![NOBODY; keys.len()];
        self.number_pages(source, block, keys, &mut numbers)?;
        let mut large = [0u64; 256];
        for (numbers, keys) in numbers.chunks(PIECE).zip(keys.chunks_mut(PIECE)) {
            if is_uniform(keys) && is_uniform(bytemuck::cast_slice(numbers)) {
                let (number, class) = (numbers[0], usize::from(keys[0].0));
                large[usize::from(number)] += u64::from(LARGE[class]) * keys.len() as u64;
                keys.fill(rekeyed(number, class));
                continue;
            }
            for (&number, key) in numbers.iter().zip(keys) {
                let class = usize::from(key.0);
                large[usize::from(number)] += u64::from(LARGE[class]);
                *key = rekeyed(number, class);
            }
        }
        for (sum, pages) in self.large.iter().zip(large) {
            sum.fetch_add(pages, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Overlay {
    /// Sets the kind of each page that is looked for; the others stay [`NOBODY`]'s.
    fn number_pages(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &[Key],
        numbers: &mut [u8],
    ) -> Result<()> {
        match &self.sought {
            Sought::Held(held) => self.number_held(held, block, keys, numbers),
            Sought::Cgroup(inode) => {
                number_charged(*inode, source, block, keys, numbers)?;
            }
            Sought::Regions(regions) => regions.number_pages(block, keys, numbers),
            Sought::Shared => number_shared(source, block, keys, numbers)?,
            Sought::Cgroups(cgroups) => cgroups.number_pages(source, block, keys, numbers)?,
            Sought::Free(free) => {
                let counts = number_free(free, block, keys, numbers);
                let mut sum = lock(&self.free);
                let pairs = sum.iter_mut().zip(&counts);
                pairs.for_each(|(sum, more)| sum.merge(more));
            }
            Sought::Folios => number_folios(source, block, keys, numbers)?,
            Sought::Flags(sight) => {
                let pages = block.words.iter().zip(keys).zip(numbers);
                for ((&flags, &key), number) in pages {
                    if key != Key::HOLE && sight.see(flags, PagemapEntry::NONE).is_some() {
                        *number = 0;
                    }
                }
            }
        }
        Ok(())
    }

    /// The same of pages that processes hold; those that they still have are kept as seen.
    fn number_held(&self, held: &Held, block: &Block<'_>, keys: &[Key], numbers: &mut [u8]) {
        let mut seen: Vec<PfnRange> = Vec::new();
        for (run, mark) in held.inside(block.pages()) {
            for pfn in run.start.0..run.end.0 {
                let at = (pfn - block.start.0) as usize;
                let class = Class::ALL[usize::from(keys[at].0)];
                if was_given_back(class) {
                    continue;
                }
                numbers[at] = held.number(mark, class) as u8;
                match seen.last_mut() {
                    Some(run) if run.end.0 == pfn => run.end = run.end.plus(1),
                    _ => seen.push(PfnRange::new(pfn, pfn + 1)),
                }
            }
        }
        lock(&self.seen).extend(seen);
    }
}

/// Pages that are looked at at once, because they may all be alike.
const PIECE: usize = 128;

fn rekeyed(number: u8, class: usize) -> Key {
    match number {
        NOBODY => FADED[class],
        number => Key(FIRST_OVERLAY.0 + number),
    }
}

/// The number of a page that is not looked for.
const NOBODY: u8 = u8::MAX;

/// The key of each class that is not looked for.
static FADED: [Key; Class::ALL.len()] = {
    let mut keys = [Key::HOLE; Class::ALL.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = faded(Class::ALL[at]);
        at += 1;
    }
    keys
};

/// Whether pages of each class are part of large folios.
static LARGE: [bool; Class::ALL.len()] = {
    let mut large = [false; Class::ALL.len()];
    let mut at = 0;
    while at < large.len() {
        large[at] = is_large(Class::ALL[at]);
        at += 1;
    }
    large
};

/// True for what a process had when it was asked and not any more when flags were read: free memory, and
/// pages without a mark, which wait on a processor's list to be free. (A page that a driver lent without
/// counting it as mapped has no mark either, and is left out with them.)
fn was_given_back(class: Class) -> bool {
    matches!(class, Class::Hole | Class::Free | Class::Unmarked)
}

const fn is_large(class: Class) -> bool {
    use Class::{AnonLarge, AnonThp, FileLarge, Hugetlb, HugetlbFree, ShmemLarge};
    matches!(
        class,
        AnonLarge | AnonThp | FileLarge | Hugetlb | HugetlbFree | ShmemLarge
    )
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
