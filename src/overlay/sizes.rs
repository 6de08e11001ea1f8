//! Pages by the size of the block or folio that they are part of.

use crate::classify::{Class, Key};
use crate::error::Result;
use crate::orders::{Counts, FreeOrders, ORDERS, family_of, folios};
use crate::scan::Block;
use crate::source::Source;

/// The order of each free page's block, and the blocks of each zone.
pub(super) fn free_numbers(
    free: &FreeOrders,
    block: &Block<'_>,
    keys: &[Key],
) -> (Vec<Option<usize>>, Vec<Counts>) {
    let mut numbers = vec![None; keys.len()];
    let zones = free.zones().zones().len();
    let mut counts = vec![Counts::default(); zones + 1];
    free.each(block.start, keys, &mut |pages, order, zone| {
        let start = (pages.start.0 - block.start.0) as usize;
        numbers[start..start + pages.pages() as usize].fill(Some(order as usize));
        counts[zone.unwrap_or(zones)].add(order);
    });
    (numbers, counts)
}

/// The number of each page's kind, by family and order.
pub(super) fn folio_numbers(
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
) -> Result<Vec<Option<usize>>> {
    let folios = folios(source, block)?;
    let number = |(key, &order): (&Key, &u8)| {
        let class = Class::ALL[usize::from(key.0)];
        let is_used = !matches!(class, Class::Hole | Class::Free);
        let family = family_of(class).filter(|_| is_used)?;
        Some(family * ORDERS + usize::from(order))
    };
    Ok(keys.iter().zip(&folios.orders).map(number).collect())
}
