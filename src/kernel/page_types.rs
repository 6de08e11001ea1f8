//! The kernel's page-types and its view of flags: which bits it names, with which letter, and what it
//! folds. Its table grew with the kernel, so there are three.
//!
//! Above bit 32 it moves bits that mean something else on some pages to numbers that the kernel does
//! not use; bits of `/proc/PID/pagemap` come there too.

use super::flags::{BITS, PageFlags};
use super::pagemap::PagemapEntry;

/// Anonymous, exclusive to one process.
const ANON_EXCLUSIVE: PageFlags = PageFlags(1 << 47);
/// Readahead: reclaim without writeback.
const READAHEAD: PageFlags = PageFlags(1 << 48);
/// Free in SLOB, up to 6.1.
const SLOB_FREE: PageFlags = PageFlags(1 << 49);
/// A frozen slab.
const SLUB_FROZEN: PageFlags = PageFlags(1 << 50);
/// A slab that is debugged.
const SLUB_DEBUG: PageFlags = PageFlags(1 << 51);
/// Of a file or shared, by pagemap.
const FILE: PageFlags = PageFlags(1 << 61);
/// In swap, by pagemap.
const SWAP: PageFlags = PageFlags(1 << 62);
/// Mapped once, by pagemap.
const MMAP_EXCLUSIVE: PageFlags = PageFlags(1 << 63);

/// Letters of page-types 6.1, bits ascending, with the bits that have none left out.
const LETTERS: &[(u8, char)] = &[
    (0, 'L'),
    (1, 'E'),
    (2, 'R'),
    (3, 'U'),
    (4, 'D'),
    (5, 'l'),
    (6, 'A'),
    (7, 'S'),
    (8, 'W'),
    (9, 'I'),
    (10, 'B'),
    (11, 'M'),
    (12, 'a'),
    (13, 's'),
    (14, 'b'),
    (15, 'H'),
    (16, 'T'),
    (17, 'G'),
    (18, 'u'),
    (19, 'X'),
    (20, 'n'),
    (21, 'x'),
    (22, 't'),
    (23, 'o'),
    (24, 'z'),
    (25, 'i'),
    (26, 'g'),
    (32, 'r'),
    (33, 'm'),
    (34, 'd'),
    (35, 'P'),
    (36, 'p'),
    (37, 'O'),
    (38, 'h'),
    (39, 'c'),
    (40, 'f'),
    (41, 'H'),
    (47, 'd'),
    (48, 'I'),
    (49, 'P'),
    (50, 'A'),
    (51, 'E'),
    (61, 'F'),
    (62, 'w'),
    (63, '1'),
];

/// Names of the bits that the kernel's file does not have.
const EXPANDED: [(u8, &str); 8] = [
    (47, "anon_exclusive"),
    (48, "readahead"),
    (49, "slob_free"),
    (50, "slub_frozen"),
    (51, "slub_debug"),
    (61, "file"),
    (62, "swap"),
    (63, "mmap_exclusive"),
];

/// Whose table is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// Linux 5.10.
    V5_10,
    /// Linux 6.1.
    V6_1,
    /// Linux 6.12 up to 7.3.
    V6_12,
}

/// Whether page-types shows bits 32 and up, `-r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// Bits that are the kernel's ABI; compound bits only with huge.
    WellKnown,
    /// All, those that mean something else on some pages moved.
    Raw,
    /// All as the kernel says them; page-types has no such view.
    Unfolded,
}

impl Edition {
    fn knows(self, bit: u8) -> bool {
        match bit {
            39 | 49 => self != Self::V6_12,
            47 => self != Self::V5_10,
            _ => true,
        }
    }

    fn name(self, bit: u8) -> Option<&'static str> {
        // Named owner_2 since 6.12, and so in our table.
        if bit == 34 && self != Self::V6_12 {
            return Some("mappedtodisk");
        }
        let expanded = EXPANDED.iter().find(|(number, _)| *number == bit);
        let of_kernel = || {
            BITS.iter()
                .find(|row| row.number == bit)
                .map(|row| row.name)
        };
        expanded.map(|(_, name)| *name).or_else(of_kernel)
    }

    /// The bit that [`Edition::names`] shows by this name, with a letter or without.
    pub(super) fn bit_named(self, name: &str) -> Option<u8> {
        (0..64).find(|&bit| self.knows(bit) && self.name(bit) == Some(name))
    }

    /// The bits it names, ascending: number, letter, name.
    pub fn bits(self) -> impl Iterator<Item = (u8, char, &'static str)> {
        let known = LETTERS.iter().filter(move |(bit, _)| self.knows(*bit));
        known.filter_map(move |&(bit, letter)| Some((bit, letter, self.name(bit)?)))
    }

    /// One letter for each bit it names, `_` for one that is not set.
    pub fn letters(self, flags: PageFlags) -> String {
        let letter = |(bit, letter, _)| if flags.0 >> bit & 1 == 1 { letter } else { '_' };
        self.bits().map(letter).collect()
    }

    /// The names of the set bits. page-types ends at one that it does not name; here it has the name of our
    /// table, or `bit27`.
    pub fn names(self, flags: PageFlags) -> Vec<String> {
        let set = (0..64u8).filter(|bit| flags.0 >> bit & 1 == 1);
        let name = |bit| {
            let known = self.knows(bit).then(|| self.name(bit)).flatten();
            known.map_or_else(|| format!("bit{bit}"), str::to_owned)
        };
        set.map(name).collect()
    }

    /// What page-types makes of a page's flags and, where it came by a process, of its pagemap entry.
    pub fn fold(self, flags: PageFlags, entry: PagemapEntry, folding: Folding) -> PageFlags {
        match folding {
            Folding::Unfolded => flags,
            Folding::Raw => self.expand(flags, entry),
            Folding::WellKnown => {
                let known = flags.without(PageFlags(0xffff << 32));
                match known.has(PageFlags::HUGE) {
                    true => known,
                    false => known.without(PageFlags::COMPOUND),
                }
            }
        }
    }

    fn expand(self, flags: PageFlags, entry: PagemapEntry) -> PageFlags {
        let mut flags = flags;
        if self != Self::V5_10 && flags.has(PageFlags::ANON) && flags.has(PageFlags::OWNER_2) {
            flags = flags.flipped(PageFlags::OWNER_2.with(ANON_EXCLUSIVE));
        }
        let slab = flags.has(PageFlags::SLAB);
        let mut replace = |bit: PageFlags, by: PageFlags| {
            if slab && flags.has(bit) {
                flags = flags.flipped(bit.with(by));
            }
        };
        if self != Self::V6_12 {
            replace(PageFlags::PRIVATE, SLOB_FREE);
        }
        replace(PageFlags::ACTIVE, SLUB_FROZEN);
        replace(PageFlags::ERROR, SLUB_DEBUG);
        if flags.has(PageFlags::RECLAIM) && !flags.has(PageFlags::WRITEBACK) {
            flags = flags.flipped(PageFlags::RECLAIM.with(READAHEAD));
        }
        let bits = [
            (entry.is_soft_dirty(), PageFlags::SOFTDIRTY),
            (entry.is_file(), FILE),
            (entry.is_swap(), SWAP),
            (entry.is_exclusive(), MMAP_EXCLUSIVE),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        set.fold(flags, |flags, (_, bit)| flags.with(bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_each_edition() {
        let all = |edition: Edition| edition.letters(PageFlags(!0));
        let table = [
            (
                Edition::V5_10,
                "LERUDlASWIBMasbHTGuXnxtozigrmdPpOhcfHIPAEFw1",
            ),
            (
                Edition::V6_1,
                "LERUDlASWIBMasbHTGuXnxtozigrmdPpOhcfHdIPAEFw1",
            ),
            (
                Edition::V6_12,
                "LERUDlASWIBMasbHTGuXnxtozigrmdPpOhfHdIAEFw1",
            ),
        ];
        for (edition, letters) in table {
            assert_eq!(all(edition), letters);
            assert_eq!(edition.letters(PageFlags::NONE).len(), letters.len());
        }
    }

    #[test]
    fn bits_without_a_name_are_numbered() {
        let flags = PageFlags(1 << 10 | 1 << 27 | 1 << 34 | 1 << 39 | 1 << 42);
        let names = ["buddy", "bit27", "owner_2", "bit39", "arch_3"];
        assert_eq!(Edition::V6_12.names(flags), names);
        assert_eq!(
            Edition::V6_1.names(flags)[2..4],
            ["mappedtodisk", "uncached"]
        );
    }

    #[test]
    fn folding_is_that_of_page_types() {
        use Folding::{Raw, WellKnown};
        let bit = |number: u8| PageFlags(1 << number);
        let table = [
            (WellKnown, bit(32).with(bit(7)).with(bit(15)), bit(7)),
            (WellKnown, bit(15).with(bit(17)), bit(15).with(bit(17))),
            (WellKnown, bit(50), bit(50)),
            (Raw, bit(12).with(bit(34)), bit(12).with(bit(47))),
            (
                Raw,
                bit(7).with(bit(6)).with(bit(1)),
                bit(7).with(bit(50)).with(bit(51)),
            ),
            (Raw, bit(7).with(bit(35)), bit(7).with(bit(35))),
            (Raw, bit(9), bit(48)),
            (Raw, bit(9).with(bit(8)), bit(9).with(bit(8))),
            (Raw, bit(32).with(bit(15)), bit(32).with(bit(15))),
        ];
        for (folding, flags, folded) in table {
            let found = Edition::V6_12.fold(flags, PagemapEntry::NONE, folding);
            assert_eq!(found, folded, "{flags:?} {folding:?}");
        }
        let entry = PagemapEntry(1 << 55 | 1 << 56 | 1 << 61 | 1 << 62);
        let all = Edition::V6_12.fold(PageFlags::NONE, entry, Raw);
        assert_eq!(
            Edition::V6_12.names(all),
            ["softdirty", "file", "swap", "mmap_exclusive"]
        );
        let slob = Edition::V6_1.fold(bit(7).with(bit(35)), PagemapEntry::NONE, Raw);
        assert_eq!(slob, bit(7).with(bit(49)));
    }
}
