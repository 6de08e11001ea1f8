//! Pages by the size of the block or folio that they are part of.

use std::sync::LazyLock;

use super::PIECE;
use super::facet::is_used;
use crate::classify::{Class, Key, is_uniform};
use crate::error::Result;
use crate::orders::{Counts, FreeOrders, ORDERS, family_of, folios};
use crate::scan::Block;
use crate::source::Source;

/// Sets the order of each free page's block, and counts the blocks of each zone.
pub(super) fn number_free(
    free: &FreeOrders,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
) -> Vec<Counts> {
    let zones = free.zones().zones().len();
    let mut counts = vec![Counts::default(); zones + 1];
    free.each(block.start, keys, &mut |pages, order, zone| {
        let start = (pages.start.0 - block.start.0) as usize;
        numbers[start..start + pages.pages() as usize].fill(order as u8);
        counts[zone.unwrap_or(zones)].add(order);
    });
    counts
}

/// What is first of each class's numbers; for what is no folio, none.
static FIRST: LazyLock<[Option<u8>; Class::ALL.len()]> = LazyLock::new(|| {
    let mut first = [None; Class::ALL.len()];
    for &class in Class::ALL {
        let family = family_of(class).filter(|_| is_used(Key(class as u8)));
        first[class as usize] = family.map(|family| (family * ORDERS) as u8);
    }
    first
});

/// Sets the number of each page's kind, by family and order.
pub(super) fn number_folios(
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
) -> Result<()> {
    let folios = folios(source, block)?;
    let first = &*FIRST;
    let pieces = numbers.chunks_mut(PIECE).zip(keys.chunks(PIECE));
    for ((numbers, keys), orders) in pieces.zip(folios.orders.chunks(PIECE)) {
        if first[usize::from(keys[0].0)].is_none() && is_uniform(keys) {
            continue;
        }
        for ((number, key), order) in numbers.iter_mut().zip(keys).zip(orders) {
            if let Some(first) = first[usize::from(key.0)] {
                *number = first + order;
            }
        }
    }
    Ok(())
}
