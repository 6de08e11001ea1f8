//! One entry of `/proc/PID/pagemap`: what is behind one page of a process's addresses.

use super::Pfn;

/// One entry, as the kernel gives it (Documentation/admin-guide/mm/pagemap.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct PagemapEntry(pub u64);

impl PagemapEntry {
    /// Nothing there.
    pub const NONE: PagemapEntry = PagemapEntry(0);

    const fn bit(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }

    /// In memory.
    pub const fn is_present(self) -> bool {
        self.bit(63)
    }

    /// A guard page (MADV_GUARD_INSTALL, 6.15). The swap bit is set too.
    pub const fn is_guard(self) -> bool {
        self.bit(58) && self.bit(62)
    }

    /// The swap bit: in swap, or an entry that has the form of one (migration, poison, guard).
    pub const fn is_swap(self) -> bool {
        self.bit(62)
    }

    /// Of a file, or shared anonymous memory.
    pub const fn is_file(self) -> bool {
        self.bit(61)
    }

    /// Written since soft-dirty bits were cleared, 3.11.
    pub const fn is_soft_dirty(self) -> bool {
        self.bit(55)
    }

    /// Mapped by this process alone, 4.2.
    pub const fn is_exclusive(self) -> bool {
        self.bit(56)
    }

    /// The page, of a present one. Page 0 where the kernel withholds the number.
    pub fn pfn(self) -> Option<Pfn> {
        self.is_present().then_some(Pfn(self.0 & ((1 << 55) - 1)))
    }

    /// How many entries, from the first on, have page numbers that follow each other; 1 where there is no page,
    /// or none that the kernel tells.
    pub fn consecutive(entries: &[Self]) -> usize {
        let Some(first) = entries[0].pfn().filter(|&pfn| pfn != Pfn(0)) else {
            return 1;
        };
        let follows = |(at, entry): &(u64, &Self)| entry.pfn() == Some(first.plus(*at));
        (0..).zip(entries).take_while(follows).count()
    }

    /// Swap type and offset, as page-types takes them, of an entry with the swap bit.
    pub fn swap(self) -> Option<(u8, u64)> {
        let place = self.0 & ((1 << 55) - 1);
        self.is_swap().then_some(((place & 31) as u8, place >> 5))
    }
}
