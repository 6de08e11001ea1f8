//! Pages by their set of flags: counted, or listed one after the other; all of memory, those of a process, or
//! those that hold a file. What the kernel's page-types does.

mod lookup;
mod sets;
mod walk;

pub use lookup::ksm_verdict;
pub use sets::{SetCount, Sets, in_page_types_order};
pub use walk::{Manner, Page, Place, Run, Runs, Walk, Wanted};

use crate::kernel::{BitFilter, Edition, Folding, PageFlags, PagemapEntry};

/// How flags are looked at, and which pages count.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Whose names and rules.
    pub edition: Edition,
    /// Which bits are seen.
    pub folding: Folding,
    /// Conditions on what is seen; all must hold.
    pub filters: Vec<BitFilter>,
}

impl Sight {
    /// What is seen of a page; `None` where a condition does not hold.
    pub fn see(&self, flags: PageFlags, entry: PagemapEntry) -> Option<PageFlags> {
        let seen = self.edition.fold(flags, entry, self.folding);
        let holds = self.filters.iter().all(|filter| filter.holds(seen));
        holds.then_some(seen)
    }
}
