//! The blocks of a whole machine, counted.

use super::{FAMILIES, FreeOrders, ORDERS, family_of, folios};
use crate::classify::{Class, Key, KsmVerdict, settle};
use crate::error::Result;
use crate::kernel::{PageFlags, ZoneMap};
use crate::scan::{Block, Reach, Watcher, sweep};
use crate::source::Source;

/// Blocks by order, and the pages that are part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Blocks of each order.
    pub blocks: [u64; ORDERS],
    /// Pages.
    pub pages: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            blocks: [0; ORDERS],
            pages: 0,
        }
    }
}

impl Counts {
    /// Adds what another counted.
    pub fn merge(&mut self, other: &Counts) {
        let pairs = self.blocks.iter_mut().zip(other.blocks);
        pairs.for_each(|(sum, more)| *sum += more);
        self.pages += other.pages;
    }

    /// Adds a block.
    pub fn add(&mut self, order: u32) {
        self.blocks[order as usize] += 1;
        self.pages += 1 << order;
    }
}

/// Free blocks by zone, and folios by family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemOrders {
    /// Of each zone of the map, and last what lies in none.
    pub free: Vec<Counts>,
    /// Of each of [`FAMILIES`].
    pub folios: [Counts; FAMILIES.len()],
}

impl SystemOrders {
    /// Counts all memory of `source`.
    ///
    /// # Errors
    /// The source cannot be read, or the watcher said stop.
    pub fn count(
        source: &dyn Source,
        free: &FreeOrders,
        threads: usize,
        watcher: &dyn Watcher,
    ) -> Result<Self> {
        let new = || Self::of(free.zones());
        let (parts, _) = sweep(
            source,
            Reach::Existing,
            threads,
            watcher,
            new,
            |sum, block| sum.add(source, free, block),
        )?;
        let mut sum = new();
        parts.iter().for_each(|part| sum.merge(part));
        Ok(sum)
    }

    /// Nothing counted yet, in these zones.
    pub fn of(zones: &ZoneMap) -> Self {
        Self {
            free: vec![Counts::default(); zones.zones().len() + 1],
            folios: Default::default(),
        }
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        let free = self.free.iter_mut().zip(&other.free);
        free.for_each(|(sum, more)| sum.merge(more));
        let folios = self.folios.iter_mut().zip(&other.folios);
        folios.for_each(|(sum, more)| sum.merge(more));
    }

    /// Adds a block of `source`, which begins on a multiple of the largest free block.
    ///
    /// # Errors
    /// The source cannot be read where a folio goes on beyond the block.
    pub fn add(&mut self, source: &dyn Source, free: &FreeOrders, block: &Block<'_>) -> Result<()> {
        let rest = self.free.len() - 1;
        free.each(block.start, block.classes, &mut |_, order, zone| {
            self.free[zone.unwrap_or(rest)].add(order);
        });
        let folios = folios(source, block)?;
        let pages = block.words.iter().zip(block.classes).zip(&folios.orders);
        for ((&flags, &key), &order) in pages {
            let Some(family) = family(key) else { continue };
            let counts = &mut self.folios[family];
            counts.pages += 1;
            let is_tail = flags.has(PageFlags::COMPOUND_TAIL) && order > 0;
            counts.blocks[usize::from(order)] += u64::from(!is_tail);
        }
        Ok(())
    }
}

/// All answers to the KSM question are of one family.
fn family(key: Key) -> Option<usize> {
    match key {
        Key::HOLE | Key(FREE) => None,
        key => family_of(settle(key, KsmVerdict::Doubted)),
    }
}

const FREE: u8 = Class::Free as u8;
