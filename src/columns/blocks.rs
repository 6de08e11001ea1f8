//! Aligned blocks of the size of a PMD-sized huge page, and what is in them.

use super::by_zone;
use crate::classify::{Class, KsmVerdict};
use crate::error::Result;
use crate::kernel::{PageSpan, Pfn, PfnRange, ZoneMap};
use crate::scan::{Reach, Watcher, read_in_order};
use crate::source::Source;
use crate::survey::Mobility;
use crate::tally::{ClassCounts, Tally};

/// An aligned block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockRow {
    /// The first page, whether it exists or not.
    pub start: Pfn,
    /// Pages that exist.
    pub pages: u64,
    /// How many there are of each class.
    pub classes: ClassCounts,
    /// The number of its zone; none where two share it.
    pub zone: Option<usize>,
}

impl BlockRow {
    /// Pages of it that are of a kind.
    pub fn of(&self, mobility: Mobility) -> u64 {
        let classes = Class::ALL
            .iter()
            .filter(|&&class| Mobility::of(class) == mobility);
        classes.map(|&class| self.classes.of(class)).sum()
    }
}

/// Hands over the blocks of all memory that have a page, in order. Memory does not grow with the machine.
///
/// # Errors
/// The source failed, the watcher said stop, or `take` did.
pub fn blocks(
    source: &dyn Source,
    zones: &ZoneMap,
    ksm: KsmVerdict,
    watcher: &dyn Watcher,
    take: &mut dyn FnMut(&BlockRow) -> Result<()>,
) -> Result<()> {
    let size = source.machine().pmd_pages;
    let mut open: Option<(u64, Tally)> = None;
    let mut finish = |number: u64, keys: &Tally| {
        let classes = ClassCounts::settle(keys, ksm);
        let pages = keys.total() - classes.of(Class::Hole);
        let whole = PfnRange::new(number * size, (number + 1) * size);
        let mut met = by_zone(zones, whole)
            .into_iter()
            .filter_map(|(_, zone)| zone);
        let first = met.next();
        let zone = first.filter(|first| met.all(|other| other == *first));
        let row = BlockRow {
            start: whole.start,
            pages,
            classes,
            zone,
        };
        if pages > 0 { take(&row) } else { Ok(()) }
    };
    read_in_order(
        source,
        Reach::Existing,
        PageSpan::ALL,
        watcher,
        &mut |block| {
            let mut at = block.start.0;
            let end = block.pages().end.0;
            while at < end {
                let number = at / size;
                let until = end.min((number + 1) * size);
                let keys = block.part(PfnRange::new(at, until)).classes;
                match &mut open {
                    Some((known, tally)) if *known == number => tally.add(keys),
                    _ => {
                        if let Some((known, tally)) = open.take() {
                            finish(known, &tally)?;
                        }
                        let mut tally = Tally::default();
                        tally.add(keys);
                        open = Some((number, tally));
                    }
                }
                at = until;
            }
            Ok(())
        },
    )?;
    match open {
        Some((number, tally)) => finish(number, &tally),
        None => Ok(()),
    }
}
