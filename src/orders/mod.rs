//! How large the blocks are that memory lies in: free blocks, and the folios of everything that is used.
//!
//! Neither is told by the kernel: a free block's order follows from alignment, a folio's from its tails.

mod check;
mod folios;
mod free;
mod system;

pub use check::{Agreement, agreements};
pub use folios::{Folios, folios};
pub use free::FreeOrders;
pub use system::{Counts, SystemOrders};

use crate::classify::{Class, Family};

/// Orders that are told apart: up to 64 GiB of 4 KiB pages.
pub const ORDERS: usize = 25;

/// What folios are of, in the order of legends.
pub const FAMILIES: [(Family, &str, Class); 5] = [
    (Family::Anonymous, "anon", Class::AnonThp),
    (Family::Shared, "shmem", Class::ShmemLarge),
    (Family::File, "file", Class::FileLarge),
    (Family::Hugetlb, "hugetlb", Class::Hugetlb),
    (Family::Kernel, "kernel", Class::Slab),
];

/// The number of the family in [`FAMILIES`] that a page of this class is counted in; none for what is
/// no folio, or none that anybody could free.
pub fn family_of(class: Class) -> Option<usize> {
    match class {
        Class::Zero | Class::Reserved | Class::Unmarked => None,
        class => FAMILIES
            .iter()
            .position(|(family, ..)| *family == class.family()),
    }
}
