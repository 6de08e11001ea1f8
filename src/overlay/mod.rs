//! Pages that are looked for, over memory that recedes: those of processes, of a cgroup, or with certain
//! flags. An overlay re-keys pages before they become cells.

mod cgroups;
mod facet;
mod gather;
mod held;
mod kinds;
mod sizes;

pub use cgroups::largest_first;
pub use facet::Regions;
pub use gather::gather;
pub use held::{Groups, Held};
pub use kinds::{MAX_PROCESSES, RANKS};

use self::kinds::Part;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use self::cgroups::{cgroup_kinds, number_cgroups, number_charged};
use self::facet::number_shared;
use self::sizes::{number_folios, number_free};
use crate::classify::{Class, Key, is_uniform};
use crate::compare::{FIRST_OVERLAY, faded_key};
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
    /// Those that are charged to cgroups, by which; these inodes have names.
    Cgroups(BTreeMap<u64, String>),
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
    /// That of its rank by pages. This many things, which are told apart where they are among the largest.
    Ranked(usize),
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
    /// Of each key the pages that are part of large folios.
    large: [AtomicU64; KEYS],
    /// Runs of pages that processes still had when flags were read.
    seen: Mutex<Vec<PfnRange>>,
    /// Free blocks of each zone, and last of none.
    free: Mutex<Vec<Counts>>,
    /// Pages of each cgroup that was met.
    charged: Mutex<Vec<u64>>,
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().expect("nobody panics while it is held")
}

impl Overlay {
    /// Of these pages. `title` is the legend's line where there is one kind only, `size` says how large a
    /// block of an order is.
    pub fn new(sought: Sought, title: &str, size: &dyn Fn(usize) -> String) -> Self {
        let kind = |(number, (name, shade)): (usize, (String, Shade))| Kind {
            name,
            key: overlay_key(number as u8),
            shade,
        };
        let kinds = sought.kinds(title, size);
        let kinds: Vec<Kind> = kinds.into_iter().enumerate().map(kind).collect();
        let zones = match &sought {
            Sought::Free(free) => free.zones().zones().len() + 1,
            _ => 0,
        };
        Self {
            large: [const { AtomicU64::new(0) }; KEYS],
            seen: Mutex::default(),
            free: Mutex::new(vec![Counts::default(); zones]),
            charged: Mutex::default(),
            sought,
            kinds,
        }
    }

    /// The kinds, in the legend's order, now that these things were met.
    pub fn kinds(&self, met: &[u64]) -> Vec<Kind> {
        match &self.sought {
            Sought::Cgroups(names) => cgroup_kinds(names, met),
            _ => self.kinds.clone(),
        }
    }

    /// Pages of each thing that was met.
    pub fn pages_met(&self) -> Vec<u64> {
        lock(&self.charged).clone()
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
    fn rekey(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &mut [Key],
        number: &mut dyn FnMut(u64) -> usize,
    ) -> Result<()> {
        let mut numbers = vec![NOBODY; keys.len()];
        self.number_pages(source, block, keys, &mut numbers, number)?;
        let mut large = [0u64; 256];
        for (numbers, keys) in numbers.chunks(PIECE).zip(keys.chunks_mut(PIECE)) {
            if is_uniform(bytemuck::cast_slice(numbers)) {
                let (number, first) = (numbers[0], keys[0]);
                if number == NOBODY {
                    keys.iter_mut().for_each(|key| *key = faded_key(*key));
                    continue;
                }
                large[usize::from(number)] += if is_uniform(keys) {
                    u64::from(LARGE[usize::from(first.0)]) * keys.len() as u64
                } else {
                    let is_large = |key: &Key| u64::from(LARGE[usize::from(key.0)]);
                    keys.iter().map(is_large).sum()
                };
                keys.fill(overlay_key(number));
                continue;
            }
            for (&number, key) in numbers.iter().zip(keys) {
                let class = usize::from(key.0);
                large[usize::from(number)] += u64::from(LARGE[class]);
                *key = match number {
                    NOBODY => faded_key(*key),
                    number => overlay_key(number),
                };
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
        number: &mut dyn FnMut(u64) -> usize,
    ) -> Result<()> {
        match &self.sought {
            Sought::Held(held) => self.number_held(held, block, keys, numbers),
            Sought::Cgroup(inode) => {
                number_charged(*inode, source, block, keys, numbers)?;
            }
            Sought::Regions(regions) => regions.number_pages(block, keys, numbers),
            Sought::Shared => number_shared(source, block, keys, numbers)?,
            Sought::Cgroups(_) => {
                number_cgroups(source, block, keys, numbers, number, &self.charged)?;
            }
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

fn overlay_key(number: u8) -> Key {
    Key(FIRST_OVERLAY.0 + number)
}

/// Keys that an overlay has for itself.
const KEYS: usize = Key::LIMIT - FIRST_OVERLAY.0 as usize;

/// The number of a page that is not looked for.
const NOBODY: u8 = u8::MAX;

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
