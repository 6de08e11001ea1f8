//! Folios by order: a head and the tails after it, also where it is larger than what is read at once.

use crate::classify::{Class, Key, is_uniform};
use crate::error::Result;
use crate::kernel::PageFlags;
use crate::scan::{Block, enclosing, is_tail, order_from};
use crate::source::Source;

/// The folios of a block of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folios {
    /// Of each page the order of the folio that it is part of.
    pub orders: Vec<u8>,
}

/// Finds the order of each page's folio. A tail without a head is a page by itself.
///
/// Where it is larger than what was read, it is followed by alignment.
///
/// # Errors
/// The source cannot be read.
pub fn folios(source: &dyn Source, block: &Block<'_>) -> Result<Folios> {
    let words = block.words;
    let mut orders = vec![0; words.len()];
    let mut at = 0;
    while at < words.len() {
        if at.is_multiple_of(PIECE) && has_no_compound(&block.classes[at..]) {
            at += PIECE;
            continue;
        }
        if is_tail(words[at]) {
            // Its head lies before what was read, or is lost.
            let found = enclosing(source, block.start.plus(at as u64))?;
            let led = tails(&words[at..]);
            orders[at..at + led].fill(found.map_or(0, |found| found.order as u8));
            at += led;
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
            false => size.ilog2(),
        };
        orders[at..at + size].fill(order as u8);
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
    words.iter().take_while(|word| is_tail(**word)).count()
}
