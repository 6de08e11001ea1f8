//! The compound round a page, where what lies before or behind it was not read.
//!
//! A compound is naturally aligned: its head is the first page at a multiple of a power of two before that is no
//! tail, and what follows at a multiple of its size is a tail only where it goes on.

use crate::error::Result;
use crate::kernel::{PageFlags, Pfn};
use crate::source::Source;

/// No compound is larger: 64 GiB of 4 KiB pages.
const HIGHEST: u32 = 24;

/// A compound that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enclosing {
    /// The flags of its head.
    pub head: PageFlags,
    /// It has 2^order pages.
    pub order: u32,
}

/// The compound that the tail `at` is part of; `None` for one that lost its head.
///
/// # Errors
/// The source cannot be read.
pub fn enclosing(source: &dyn Source, at: Pfn) -> Result<Option<Enclosing>> {
    for shift in 1..=HIGHEST {
        let base = Pfn(at.0 >> shift << shift);
        if base == at {
            continue;
        }
        let head = word(source, base)?;
        if head.has(PageFlags::COMPOUND_HEAD) {
            let order = order_from(source, base, 1)?;
            let reaches = base.0 + (1 << order) > at.0;
            return Ok(reaches.then_some(Enclosing { head, order }));
        }
        if !is_tail(head) {
            break;
        }
    }
    Ok(None)
}

/// The order of the compound with this head, of which `known` pages were seen.
///
/// # Errors
/// The source cannot be read.
pub fn order_from(source: &dyn Source, head: Pfn, known: u64) -> Result<u32> {
    let mut order = known.ilog2().min(HIGHEST);
    while order < HIGHEST && head.0.is_multiple_of(2 << order) {
        if !is_tail(word(source, head.plus(1 << order))?) {
            break;
        }
        order += 1;
    }
    Ok(order)
}

fn word(source: &dyn Source, at: Pfn) -> Result<PageFlags> {
    let mut word = [PageFlags::NONE];
    source.read_flags(at, &mut word)?;
    Ok(word[0])
}

/// A page that says both is a head.
pub fn is_tail(flags: PageFlags) -> bool {
    flags.has(PageFlags::COMPOUND_TAIL) && !flags.has(PageFlags::COMPOUND_HEAD)
}
