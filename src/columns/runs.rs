//! Runs of pages with the same flags, class, folio order and zone.

use super::by_zone;
use crate::classify::{Class, FlagSet, Key, KsmVerdict, Noise, settle};
use crate::error::Result;
use crate::kernel::{PageFlags, PageSpan, Pfn, ZoneMap};
use crate::orders::{family_of, folios};
use crate::scan::{Block, Reach, Watcher, is_tail, read_in_order};
use crate::source::Source;

/// Pages that follow each other and are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The first.
    pub start: Pfn,
    /// How many.
    pub pages: u64,
    /// Their flags without the noise; those of a tail are its head's.
    pub flags: PageFlags,
    /// Their class.
    pub class: Class,
    /// The order of the folios that they are part of, 0 for pages alone; none for what is no folio, as free pages.
    pub folio_order: Option<u8>,
    /// The number of their zone.
    pub zone: Option<usize>,
}

/// Hands over the runs of all memory, in order. Memory does not grow with the machine.
///
/// ```
/// use pagemap_viz::classify::KsmVerdict;
/// use pagemap_viz::columns::runs;
/// use pagemap_viz::scan::Nobody;
/// use pagemap_viz::source::{EXAMPLE, Recording, zones};
///
/// let frame = Recording::open(EXAMPLE.as_ref())?.frame(None)?;
/// let (mut all, mut huge) = (0, 0);
/// runs(&frame, &zones(&frame), KsmVerdict::Doubted, &Nobody, &mut |run| {
///     all += run.pages;
///     huge += run.pages * u64::from(run.folio_order == Some(9));
///     Ok(())
/// })?;
/// assert!(all > 200_000 && huge > 0);
/// # Ok::<(), pagemap_viz::error::Error>(())
/// ```
///
/// # Errors
/// The source failed, the watcher said stop, or `take` did.
pub fn runs(
    source: &dyn Source,
    zones: &ZoneMap,
    ksm: KsmVerdict,
    watcher: &dyn Watcher,
    take: &mut dyn FnMut(&RunRow) -> Result<()>,
) -> Result<()> {
    let mut walk = Walk {
        zones,
        ksm,
        noise: Noise::default(),
        head: None,
        run: None,
        take,
    };
    read_in_order(
        source,
        Reach::Existing,
        PageSpan::ALL,
        watcher,
        &mut |block| walk.block(source, block),
    )?;
    walk.end()
}

struct Walk<'a> {
    zones: &'a ZoneMap,
    ksm: KsmVerdict,
    noise: Noise,
    /// Flags of the last page that was no tail; none after a hole, so that a tail there has its own.
    head: Option<PageFlags>,
    run: Option<RunRow>,
    take: &'a mut dyn FnMut(&RunRow) -> Result<()>,
}

impl Walk<'_> {
    fn block(&mut self, source: &dyn Source, block: &Block<'_>) -> Result<()> {
        let folios = folios(source, block)?;
        for (part, zone) in by_zone(self.zones, block.pages()) {
            let from = (part.start.0 - block.start.0) as usize;
            for at in from..from + part.pages() as usize {
                let (word, key) = (block.words[at], block.classes[at]);
                let page = self.page(word, key, folios.orders[at]);
                let start = block.start.plus(at as u64);
                self.push(page.map(|(flags, class, folio_order)| RunRow {
                    start,
                    pages: 1,
                    flags,
                    class,
                    folio_order,
                    zone,
                }))?;
            }
        }
        Ok(())
    }

    /// What a page is; nothing for a hole.
    fn page(
        &mut self,
        word: PageFlags,
        key: Key,
        order: u8,
    ) -> Option<(PageFlags, Class, Option<u8>)> {
        let class = settle(key, self.ksm);
        if class == Class::Hole {
            self.head = None;
            return None;
        }
        let own = || match self.noise.strip(word) {
            FlagSet::Of(flags) => flags,
            FlagSet::Hole | FlagSet::Rest => PageFlags::NONE,
        };
        let flags = match self.head {
            Some(head) if is_tail(word) => head,
            _ => own(),
        };
        self.head = Some(flags);
        let is_folio = class != Class::Free && family_of(class).is_some();
        Some((flags, class, is_folio.then_some(order)))
    }

    fn push(&mut self, page: Option<RunRow>) -> Result<()> {
        match (&mut self.run, page) {
            (Some(run), Some(page)) if run.goes_on_with(&page) => run.pages += 1,
            (_, page) => {
                self.end()?;
                self.run = page;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        match self.run.take() {
            Some(run) => (self.take)(&run),
            None => Ok(()),
        }
    }
}

impl RunRow {
    fn goes_on_with(&self, page: &Self) -> bool {
        let as_next = Self {
            start: self.start.plus(self.pages),
            pages: 1,
            ..*self
        };
        as_next == *page
    }
}
