//! The rules: first match wins.
//!
//! The order follows what the kernel's bits are worth: a free page keeps bits of its former life,
//! a slab page may say ANON, and LRU is missing on fresh pages, so it is never required.

use super::{Class, Key};
use crate::kernel::PageFlags;

/// Pages of the compound that a page is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompoundSize {
    /// One: no compound, a head alone, or a tail that lost its head.
    Single,
    /// Exactly what one PMD maps.
    Pmd,
    /// Any other number above one.
    Large,
}

impl CompoundSize {
    /// Sorts a number of pages.
    pub fn of(pages: u64, pmd_pages: u64) -> Self {
        match pages {
            0 | 1 => Self::Single,
            _ if pages == pmd_pages => Self::Pmd,
            _ => Self::Large,
        }
    }
}

/// Whether the KSM bit means anything on this kernel.
///
/// From 6.10 until a late fix it is on every anonymous page. Known only when all pages were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KsmVerdict {
    /// Some page is ANON, neither SLAB nor BUDDY, and not KSM.
    Believed,
    /// There is no such page, or none was seen yet.
    #[default]
    Doubted,
}

/// Anonymous pages that say KSM, by compound; they follow the classes.
const SAYS_KSM: [(Key, Class); 3] = [
    (Key(Class::ALL.len() as u8), Class::AnonThp),
    (Key(Class::ALL.len() as u8 + 1), Class::AnonLarge),
    (Key(Class::ALL.len() as u8 + 2), Class::Anon),
];

/// How many keys the class lens uses: classes, and the three that say KSM.
pub const CLASS_KEYS: usize = Class::ALL.len() + SAYS_KSM.len();

/// What a page is by its flags; holes by address are the caller's to know.
///
/// `flags` of a tail include its head's, without HEAD. Total: every word has a key.
///
/// ```
/// use pagemap_viz::classify::{Class, CompoundSize, KsmVerdict, judge, settle};
/// use pagemap_viz::kernel::PageFlags;
///
/// let word = PageFlags::ANON.with(PageFlags::LRU);
/// let alone = judge(word, CompoundSize::of(1, 512));
/// let in_a_huge_page = judge(word, CompoundSize::of(512, 512));
/// assert_eq!(settle(alone, KsmVerdict::Doubted), Class::Anon);
/// assert_eq!(settle(in_a_huge_page, KsmVerdict::Doubted), Class::AnonThp);
/// ```
pub fn judge(flags: PageFlags, size: CompoundSize) -> Key {
    match class_but_for_ksm(flags, size) {
        class @ (Class::AnonThp | Class::AnonLarge | Class::Anon) if flags.has(PageFlags::KSM) => {
            says_ksm(class)
        }
        class => Key(class as u8),
    }
}

/// The class that a key of the class lens stands for, now that all pages were seen.
///
/// # Panics
/// When the key is not of the class lens.
pub fn settle(key: Key, verdict: KsmVerdict) -> Class {
    match (SAYS_KSM.iter().find(|(says, _)| *says == key), verdict) {
        (Some(_), KsmVerdict::Believed) => Class::Ksm,
        (Some((_, plain)), KsmVerdict::Doubted) => *plain,
        (None, _) => Class::ALL[usize::from(key.0)],
    }
}

/// True for the keys that stand for different classes under different verdicts.
pub fn depends_on_ksm(key: Key) -> bool {
    SAYS_KSM.iter().any(|(says, _)| *says == key)
}

/// True for a page that proves the KSM bit is worth something.
pub(super) fn proves_ksm(flags: PageFlags) -> bool {
    flags.has(PageFlags::ANON)
        && !flags.has(PageFlags::SLAB.with(PageFlags::BUDDY).with(PageFlags::KSM))
}

fn says_ksm(class: Class) -> Key {
    let row = SAYS_KSM.iter().find(|(_, plain)| *plain == class);
    row.expect("only the three anonymous classes are asked for")
        .0
}

fn class_but_for_ksm(f: PageFlags, size: CompoundSize) -> Class {
    const CACHED: PageFlags = PageFlags::LRU
        .with(PageFlags::MMAP)
        .with(PageFlags::UPTODATE)
        .with(PageFlags::DIRTY)
        .with(PageFlags::WRITEBACK)
        .with(PageFlags::SWAPCACHE);
    match f {
        f if f.has(PageFlags::NOPAGE) => Class::Hole,
        f if f.has(PageFlags::HWPOISON) => Class::Hwpoison,
        f if f.has(PageFlags::OFFLINE) => Class::Offline,
        f if f.has(PageFlags::BUDDY) => Class::Free,
        f if f.has(PageFlags::SLAB) => Class::Slab,
        f if f.has(PageFlags::PGTABLE) => Class::PageTable,
        f if f.has(PageFlags::HUGE) => hugetlb(f),
        f if f.has(PageFlags::ZERO_PAGE) => Class::Zero,
        f if f.has(PageFlags::RESERVED) => Class::Reserved,
        f if f.has(PageFlags::ANON) => anonymous(size),
        f if f.has(PageFlags::SWAPBACKED) => by_compound(size, Class::ShmemLarge, Class::Shmem),
        f if f.has(CACHED) => by_compound(size, Class::FileLarge, Class::File),
        f if f.has(PageFlags::COMPOUND) => Class::Kernel,
        PageFlags::NONE => Class::Unmarked,
        _ => Class::Other,
    }
}

/// A page in the free pool was never filled nor mapped.
fn hugetlb(f: PageFlags) -> Class {
    if f.has(PageFlags::MMAP.with(PageFlags::UPTODATE)) {
        Class::Hugetlb
    } else {
        Class::HugetlbFree
    }
}

fn anonymous(size: CompoundSize) -> Class {
    match size {
        CompoundSize::Pmd => Class::AnonThp,
        CompoundSize::Large => Class::AnonLarge,
        CompoundSize::Single => Class::Anon,
    }
}

fn by_compound(size: CompoundSize, large: Class, single: Class) -> Class {
    if size == CompoundSize::Single {
        single
    } else {
        large
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(names: &str, size: CompoundSize) -> &'static str {
        let flags = PageFlags::parse_list(names).expect("the table's names");
        settle(judge(flags, size), KsmVerdict::Believed).name()
    }

    #[test]
    fn each_rule_has_its_class() {
        use CompoundSize::{Large, Pmd, Single};
        let table = [
            ("nopage", Single, "hole"),
            ("uptodate,anonymous,hwpoison", Single, "hwpoison"),
            ("offline", Single, "offline"),
            ("buddy,uptodate", Single, "free"),
            ("slab,anonymous,ksm", Large, "slab"),
            ("pgtable,referenced,mmap", Single, "page-table"),
            ("compound_head,huge,uptodate", Pmd, "hugetlb"),
            ("compound_tail,huge,mmap,anonymous", Pmd, "hugetlb"),
            ("compound_head,huge", Pmd, "hugetlb-free"),
            ("zero_page,reserved", Single, "zero"),
            ("compound_head,thp,zero_page", Pmd, "zero"),
            ("reserved,private", Single, "reserved"),
            ("mmap,reserved", Single, "reserved"),
            ("anonymous,mmap,ksm", Single, "ksm"),
            ("anonymous,swapbacked,thp,compound_head", Pmd, "anon-thp"),
            (
                "anonymous,swapbacked,thp,compound_head",
                Large,
                "anon-large",
            ),
            ("anonymous,uptodate", Single, "anon"),
            ("swapbacked,mmap", Pmd, "shmem-large"),
            ("swapbacked", Single, "shmem"),
            ("uptodate,private", Large, "file-large"),
            ("lru", Single, "file"),
            ("writeback", Single, "file"),
            ("compound_tail", Large, "kernel"),
            ("compound_tail", Single, "kernel"),
            ("private", Single, "other"),
            ("locked", Single, "other"),
            ("bit63", Single, "other"),
            ("", Single, "unmarked"),
        ];
        for (names, size, expected) in table {
            assert_eq!(class(names, size), expected, "{names} {size:?}");
        }
    }

    #[test]
    fn free_wins_over_stale_bits() {
        assert_eq!(
            class("buddy,anonymous,mmap,swapbacked,lru", CompoundSize::Single),
            "free"
        );
    }

    #[test]
    fn a_doubted_ksm_bit_leaves_what_the_page_is_without_it() {
        let flags = PageFlags::ANON.with(PageFlags::KSM);
        for (size, plain) in [
            (CompoundSize::Pmd, Class::AnonThp),
            (CompoundSize::Large, Class::AnonLarge),
            (CompoundSize::Single, Class::Anon),
        ] {
            assert_eq!(settle(judge(flags, size), KsmVerdict::Doubted), plain);
            assert_eq!(settle(judge(flags, size), KsmVerdict::Believed), Class::Ksm);
        }
        assert!(!proves_ksm(flags) && proves_ksm(PageFlags::ANON));
        assert!(!proves_ksm(PageFlags::ANON.with(PageFlags::SLAB)) && !proves_ksm(PageFlags::NONE));
    }

    proptest! {
        #[test]
        fn every_word_has_a_class(word: u64, size in 0u8..3) {
            let size = [CompoundSize::Single, CompoundSize::Pmd, CompoundSize::Large][usize::from(size)];
            let key = judge(PageFlags(word), size);
            prop_assert!(usize::from(key.0) < CLASS_KEYS);
            let class = settle(key, KsmVerdict::Doubted);
            prop_assert_eq!(class == Class::Unmarked, word == 0);
            prop_assert_ne!(class, Class::Ksm);
        }
    }
}
