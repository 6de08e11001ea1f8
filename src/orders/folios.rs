//! Folios by order: a head and the tails after it, also where it is larger than what is read at once.

use super::ORDERS;
use crate::classify::{Class, Key, is_uniform};
use crate::error::Result;
use crate::kernel::{PageFlags, Pfn};
use crate::scan::Block;
use crate::source::Source;

/// The folios of a block of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folios {
    /// Of each page the order of the folio that it is part of.
    pub orders: Vec<u8>,
}

/// Finds the order of each page's folio. A tail without a head is a page by itself.
///
/// A folio is naturally aligned, so where it is larger than the block its head is the first page at a
/// multiple of a power of two before the block that is no tail, and its end likewise.
///
/// # Errors
/// The source cannot be read.
pub fn folios(source: &dyn Source, block: &Block<'_>) -> Result<Folios> {
    let words = block.words;
    let mut orders = vec![0; words.len()];
    let led = tails(words);
    if led > 0 {
        let order = order_of_enclosing(source, block.start, led)?;
        orders[..led].fill(order);
    }
    let mut at = led;
    while at < words.len() {
        if at.is_multiple_of(PIECE) && has_no_compound(&block.classes[at..]) {
            at += PIECE;
            continue;
        }
        if !words[at].has(PageFlags::COMPOUND_HEAD) {
            at += 1;
            continue;
        }
        let size = 1 + tails(&words[at + 1..]);
        let head = block.start.plus(at as u64);
        let order = match at + size == words.len() {
            true => order_from(source, head, size as u64)?,
            false => order(size as u64),
        };
        orders[at..at + size].fill(order);
        at += size;
    }
    Ok(Folios { orders })
}

/// Pages that are looked at at once, because they may all be alike.
const PIECE: usize = 128;

/// True when the next pages are all free, or all without a mark.
fn has_no_compound(classes: &[Key]) -> bool {
    let piece = &classes[..PIECE.min(classes.len())];
    let bare = [Class::Free, Class::Unmarked].map(|class| Key(class as u8));
    bare.contains(&piece[0]) && is_uniform(piece)
}

fn tails(words: &[PageFlags]) -> usize {
    let is_tail = |word: &&PageFlags| is_tail(**word);
    words.iter().take_while(is_tail).count()
}

/// A page that says both is a head.
fn is_tail(word: PageFlags) -> bool {
    word.has(PageFlags::COMPOUND_TAIL) && !word.has(PageFlags::COMPOUND_HEAD)
}

fn order(pages: u64) -> u8 {
    pages.ilog2().min(ORDERS as u32 - 1) as u8
}

fn word(source: &dyn Source, at: Pfn) -> Result<PageFlags> {
    let mut word = [PageFlags::NONE];
    source.read_flags(at, &mut word)?;
    Ok(word[0])
}

/// The order of the folio that begins before `start` and has `led` tails from there on.
fn order_of_enclosing(source: &dyn Source, start: Pfn, led: usize) -> Result<u8> {
    for shift in 1..ORDERS {
        let base = Pfn(start.0 >> shift << shift);
        if base == start {
            continue;
        }
        let flags = word(source, base)?;
        if flags.has(PageFlags::COMPOUND_HEAD) {
            return order_from(source, base, start.0 - base.0 + led as u64);
        }
        if !is_tail(flags) {
            break;
        }
    }
    Ok(0)
}

/// The order of the folio with this head, of which `known` pages were seen. What follows at a multiple of its
/// size is a tail only where the folio goes on.
fn order_from(source: &dyn Source, head: Pfn, known: u64) -> Result<u8> {
    let mut shift = u32::from(order(known));
    while (shift as usize) < ORDERS - 1 && head.0.is_multiple_of(2 << shift) {
        if !is_tail(word(source, head.plus(1 << shift))?) {
            break;
        }
        shift += 1;
    }
    Ok(shift as u8)
}
