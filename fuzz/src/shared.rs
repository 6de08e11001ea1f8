//! What several targets use.

use pagemap_viz::kernel::PageFlags;
use pagemap_viz::report::{Inputs, Report, Wish};
use pagemap_viz::source::Source;
use pagemap_viz::survey::Survey;

/// Numbers taken from the front of bytes; zeros when they are used up.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn u8(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.u8()))
    }

    /// As many as the next two bytes say.
    pub(super) fn piece(&mut self) -> &[u8] {
        let length = usize::from(self.u16()).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }
}

/// As a recording packs.
pub(super) fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).expect("memory into memory")
}

/// Words in runs: a byte that chooses a word and how long the run is, at most `most` in all.
pub(super) fn words(bytes: &mut Bytes<'_>, most: usize) -> Vec<PageFlags> {
    const USUAL: [PageFlags; 15] = [
        PageFlags::BUDDY,
        PageFlags::NONE,
        PageFlags::NOPAGE,
        PageFlags::ANON.with(PageFlags::MMAP),
        PageFlags::ANON.with(PageFlags::MMAP).with(PageFlags::KSM),
        PageFlags::ANON
            .with(PageFlags::THP)
            .with(PageFlags::COMPOUND_HEAD),
        PageFlags::COMPOUND_TAIL.with(PageFlags::THP),
        PageFlags::COMPOUND_TAIL,
        PageFlags::SLAB.with(PageFlags::COMPOUND_HEAD),
        PageFlags::LRU.with(PageFlags::UPTODATE),
        PageFlags::SWAPBACKED.with(PageFlags::COMPOUND_HEAD),
        PageFlags::HUGE.with(PageFlags::COMPOUND_HEAD),
        PageFlags::RESERVED,
        PageFlags::PGTABLE,
        PageFlags::COMPOUND,
    ];
    let mut words = Vec::new();
    for _ in 0..bytes.u8() {
        let choice = bytes.u8();
        let word = match USUAL.get(usize::from(choice & 15)) {
            Some(&word) => word,
            None => PageFlags(bytes.u64()),
        };
        // Of one page, of up to 16, of up to 256, or of up to 64 Ki.
        let pages = match choice >> 4 & 3 {
            0 => 1,
            1 => 1 + usize::from(bytes.u8() & 15),
            2 => 1 + usize::from(bytes.u8()),
            _ => 1 + usize::from(bytes.u16()),
        };
        let pages = pages.min(most - words.len());
        words.extend(std::iter::repeat_n(word, pages));
    }
    words
}

/// What a survey says of a source, for one wish.
pub(super) fn report(source: &dyn Source, survey: &Survey, wish: Wish) -> Report {
    Report::new(Inputs {
        source,
        survey,
        processes: None,
        trend: Vec::new(),
        counters_before: None,
        wishes: &[wish],
        redact: false,
    })
}
