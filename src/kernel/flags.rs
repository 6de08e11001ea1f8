//! The 64 bits that `/proc/kpageflags` gives for a page: one row of one table each.
//!
//! Bits 0 to 31 are the kernel's ABI (`include/uapi/linux/kernel-page-flags.h`). Bits 32 and up are
//! "kernel hacking assistances, subject to change" (`include/linux/kernel-page-flags.h`): they mean
//! what this table says up to 7.3 and may mean something else later. A bit without a row is kept
//! and shown by its number.

use std::fmt;

/// One row of the table of bits.
#[derive(Clone, Copy, Debug)]
pub struct Bit {
    /// Position in the word, 0 to 63.
    pub number: u8,
    /// The long name that page-types prints.
    pub name: &'static str,
}

/// The kernel's flags of one page.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(transparent)]
pub struct PageFlags(pub u64);

macro_rules! bits {
    ($($(#[$doc:meta])* $constant:ident = $number:literal $name:literal;)*) => {
        /// Every bit that has a name, in ascending order.
        pub const BITS: &[Bit] = &[$(Bit { number: $number, name: $name },)*];

        impl PageFlags {
            $($(#[$doc])* pub const $constant: PageFlags = PageFlags(1 << $number);)*
        }
    };
}

bits! {
    /// The page is locked, for input or output as a rule. State, not kind.
    LOCKED = 0 "locked";
    /// An IO error; never set since 6.12.
    ERROR = 1 "error";
    /// Referenced lately. On page tables of late 6.18 kernels and newer: a table of the kernel itself.
    REFERENCED = 2 "referenced";
    /// Contents are valid. On a free page it says that the hypervisor was told of it (PG_reported).
    UPTODATE = 3 "uptodate";
    /// Contents differ from the copy on disk.
    DIRTY = 4 "dirty";
    /// On a list of reclaimable pages. Not set while a fresh page waits in a per-CPU batch.
    LRU = 5 "lru";
    /// On the active list.
    ACTIVE = 6 "active";
    /// Slab. Outranks ANON: from 6.10 to 6.18 a counter lies where the mapping is read from, and
    /// some slab pages say ANON, or ANON and KSM.
    SLAB = 7 "slab";
    /// Being written to disk.
    WRITEBACK = 8 "writeback";
    /// About to be reclaimed; readahead when WRITEBACK is clear.
    RECLAIM = 9 "reclaim";
    /// Free, in the buddy allocator. Outranks what a free page keeps of its former life.
    /// On all pages of a free block since 4.6, though the kernel's document says on the first.
    BUDDY = 10 "buddy";
    /// In some page table. The whole folio says so as long as one page of it is.
    MMAP = 11 "mmap";
    /// Anonymous.
    ANON = 12 "anonymous";
    /// Has an entry in the swap cache.
    SWAPCACHE = 13 "swapcache";
    /// Anonymous or shmem: swap is where it goes. Cleared by MADV_FREE.
    SWAPBACKED = 14 "swapbacked";
    /// First page of a compound.
    COMPOUND_HEAD = 15 "compound_head";
    /// Any later page of a compound.
    COMPOUND_TAIL = 16 "compound_tail";
    /// hugetlb, in use or in the free pool.
    HUGE = 17 "huge";
    /// Not reclaimable, mlocked for example.
    UNEVICTABLE = 18 "unevictable";
    /// Broken memory.
    HWPOISON = 19 "hwpoison";
    /// No page there. Never reported since 6.16, where it reads as no flags at all.
    NOPAGE = 20 "nopage";
    /// Merged by KSM. On every anonymous page from 6.10 until a late fix (81401cebfc15).
    KSM = 21 "ksm";
    /// Large folio. Of PMD size up to 6.10; of any order, page cache too, since 6.11.
    THP = 22 "thp";
    /// Logically offline: balloon, virtio-mem. Named BALLOON before 5.1.
    OFFLINE = 23 "offline";
    /// The page of zeros that reads of untouched memory share.
    ZERO_PAGE = 24 "zero_page";
    /// Not accessed since it was marked idle; says nothing when nobody tracks.
    IDLE = 25 "idle_page";
    /// Page table. Lowest levels only on old kernels; all levels and the kernel's own later.
    PGTABLE = 26 "pgtable";
    /// Kernel image, memmap, boot allocations, firmware.
    RESERVED = 32 "reserved";
    /// Locked into memory by a process.
    MLOCKED = 33 "mlocked";
    /// File: mapped to disk. Anonymous: exclusive to one process. Named mappedtodisk before 6.12.
    OWNER_2 = 34 "owner_2";
    /// Private data of a file system.
    PRIVATE = 35 "private";
    /// A second private bit, of fscache for example.
    PRIVATE_2 = 36 "private_2";
    /// A bit of the owner's own: swap cache, checked, pinned by Xen.
    OWNER_PRIVATE = 37 "owner_private";
    /// For the architecture; memory type on x86.
    ARCH = 38 "arch";
    /// Uncached, x86 up to 6.11.
    UNCACHED = 39 "uncached";
    /// Never set by the kernel here; page-types puts a pagemap bit in its place.
    SOFTDIRTY = 40 "softdirty";
    /// Second bit for the architecture, since 5.10.
    ARCH_2 = 41 "arch_2";
    /// Third bit for the architecture, since 6.2. page-types stops at it.
    ARCH_3 = 42 "arch_3";
}

/// A flag name that no row of the table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFlag(pub String);

impl PageFlags {
    /// Nothing said.
    pub const NONE: PageFlags = PageFlags(0);

    /// Bits that the kernel may change in any version.
    pub const UNSTABLE: PageFlags = PageFlags(!0 << 32);

    /// Either bit of a compound.
    pub const COMPOUND: PageFlags = PageFlags(Self::COMPOUND_HEAD.0 | Self::COMPOUND_TAIL.0);

    /// True when at least one bit of `any` is set.
    pub const fn has(self, any: PageFlags) -> bool {
        self.0 & any.0 != 0
    }

    /// The bits of both.
    pub const fn with(self, more: PageFlags) -> PageFlags {
        PageFlags(self.0 | more.0)
    }

    /// These bits but for those in `less`.
    pub const fn without(self, less: PageFlags) -> PageFlags {
        PageFlags(self.0 & !less.0)
    }

    /// These bits, those of `bits` turned round.
    pub(super) const fn flipped(self, bits: PageFlags) -> PageFlags {
        PageFlags(self.0 ^ bits.0)
    }

    /// Names of the set bits, ascending; `bit47` for one without a name.
    ///
    /// ```
    /// use pagemap_viz::kernel::PageFlags;
    ///
    /// assert_eq!(PageFlags(0x828).names(), ["uptodate", "lru", "mmap"]);
    /// ```
    pub fn names(self) -> Vec<String> {
        (0..64u8)
            .filter(|number| self.0 >> number & 1 == 1)
            .map(bit_name)
            .collect()
    }

    /// Reads a list of names as in `locked,lru`; a dash is taken for an underscore. `""` is no flag.
    ///
    /// # Errors
    /// The first name that no row of the table has.
    pub fn parse_list(list: &str) -> Result<PageFlags, UnknownFlag> {
        let names = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names
            .map(parse_name)
            .try_fold(PageFlags::NONE, |all, one| Ok(all.with(one?)))
    }
}

fn bit_name(number: u8) -> String {
    let row = BITS.iter().find(|bit| bit.number == number);
    row.map_or_else(|| format!("bit{number}"), |bit| bit.name.to_owned())
}

fn parse_name(name: &str) -> Result<PageFlags, UnknownFlag> {
    let wanted = name.to_ascii_lowercase().replace('-', "_");
    if let Some(number) = wanted
        .strip_prefix("bit")
        .and_then(|n| n.parse::<u8>().ok())
    {
        return 1u64
            .checked_shl(number.into())
            .map(PageFlags)
            .ok_or_else(|| UnknownFlag(name.to_owned()));
    }
    let row = BITS
        .iter()
        .find(|bit| bit.name == wanted || bit.name.strip_suffix("_page") == Some(&wanted));
    row.map(|bit| PageFlags(1 << bit.number))
        .ok_or_else(|| UnknownFlag(name.to_owned()))
}

impl fmt::Debug for PageFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x} {}", self.0, self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_and_names_are_unique() {
        assert!(BITS.windows(2).all(|pair| pair[0].number < pair[1].number));
        for bit in BITS {
            assert_eq!(
                PageFlags::parse_list(bit.name),
                Ok(PageFlags(1 << bit.number))
            );
        }
    }

    #[test]
    fn lists_are_read_and_unknown_names_are_named() {
        let both = PageFlags::LOCKED.with(PageFlags::IDLE);
        assert_eq!(PageFlags::parse_list(" locked, idle "), Ok(both));
        assert_eq!(
            PageFlags::parse_list("compound-head"),
            Ok(PageFlags::COMPOUND_HEAD)
        );
        assert_eq!(PageFlags::parse_list(""), Ok(PageFlags::NONE));
        assert_eq!(
            PageFlags::parse_list("lru,bogus"),
            Err(UnknownFlag("bogus".into()))
        );
        assert_eq!(
            PageFlags::parse_list("bit64"),
            Err(UnknownFlag("bit64".into()))
        );
    }

    #[test]
    fn unknown_bits_are_named_by_number() {
        assert_eq!(PageFlags(1 << 10 | 1 << 47).names(), ["buddy", "bit47"]);
    }
}
