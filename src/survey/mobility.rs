//! Whether the kernel could move a page out of the way: what `page_is_unmovable` of mm/page_isolation.c says, read from
//! flags.

use crate::classify::{CLASS_KEYS, Class, Key, KsmVerdict, settle};

/// What stands in a page's place, for somebody who wants the whole block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mobility {
    /// In the buddy allocator.
    Free,
    /// The kernel can move it: on an LRU list, anonymous, or of hugetlb. Pages that a driver pinned look so, too.
    Movable,
    /// The kernel cannot.
    Unmovable,
    /// Nothing is known of it: free on a processor's list, or in use without a mark.
    Unmarked,
    /// There is no page.
    Hole,
}

impl Mobility {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Movable => "movable",
            Self::Unmovable => "unmovable",
            Self::Unmarked => "unmarked",
            Self::Hole => "hole",
        }
    }

    /// That of a page of this class.
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Hole => Self::Hole,
            Class::Free => Self::Free,
            Class::Unmarked => Self::Unmarked,
            Class::Anon
            | Class::AnonLarge
            | Class::AnonThp
            | Class::Ksm
            | Class::Shmem
            | Class::ShmemLarge
            | Class::File
            | Class::FileLarge
            | Class::Hugetlb
            | Class::HugetlbFree => Self::Movable,
            Class::Slab
            | Class::PageTable
            | Class::Kernel
            | Class::Other
            | Class::Zero
            | Class::Reserved
            | Class::Offline
            | Class::Hwpoison => Self::Unmovable,
        }
    }
}

/// That of each key of the class lens: both answers to the KSM question are anonymous memory.
pub(super) fn mobilities() -> [Mobility; CLASS_KEYS] {
    std::array::from_fn(|key| Mobility::of(settle(Key(key as u8), KsmVerdict::Doubted)))
}
