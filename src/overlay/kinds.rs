//! What is told apart, and how it is coloured: the lines of a legend.

use super::facet::SHARED;
use super::{Shade, Sought};
use crate::classify::Class;
use crate::compare::OVERLAYS;
use crate::kernel::Area;
use crate::orders::{FAMILIES, ORDERS};

/// What a page is to its one process, in the legend's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Heap,
    Stack,
    Anonymous,
    Program,
    File,
    Shared,
    Hugetlb,
    Special,
}

/// Name and colour of each part.
const PARTS: [(Part, &str, Class); 8] = [
    (Part::Heap, "heap", Class::Anon),
    (Part::Stack, "stack", Class::AnonThp),
    (Part::Anonymous, "anonymous", Class::AnonLarge),
    (Part::Program, "program", Class::FileLarge),
    (Part::File, "file", Class::File),
    (Part::Shared, "shared memory", Class::Shmem),
    (Part::Hugetlb, "hugetlb", Class::Hugetlb),
    (Part::Special, "special", Class::PageTable),
];

/// Colours of several processes, and of what they share.
const PROCESSES: [Class; OVERLAYS - 1] = [
    Class::Anon,
    Class::FileLarge,
    Class::Hugetlb,
    Class::PageTable,
    Class::AnonThp,
    Class::ShmemLarge,
    Class::Other,
    Class::Ksm,
];

/// How many processes can be told apart.
pub const MAX_PROCESSES: usize = PROCESSES.len();

/// The colours of the largest by rank.
pub const RANKS: [Class; MAX_PROCESSES] = PROCESSES;

impl Sought {
    /// Name and colour of each kind. `title` is the one kind's where there is no other; `size` says how large
    /// a block of an order is.
    pub(super) fn kinds(
        &self,
        title: &str,
        size: &dyn Fn(usize) -> String,
    ) -> Vec<(String, Shade)> {
        let processes = || PROCESSES.map(Shade::Class).into_iter();
        match self {
            Self::Held(held) if held.groups.is_alone() => PARTS
                .iter()
                .map(|&(_, name, like)| (name.to_owned(), Shade::Class(like)))
                .collect(),
            Self::Held(held) => {
                let names = held.groups.names().iter().cloned();
                let shared = ("shared between them".to_owned(), Shade::Marked);
                names.zip(processes()).chain([shared]).collect()
            }
            Self::Cgroup(_) | Self::Flags(_) => vec![(title.to_owned(), Shade::Marked)],
            Self::Regions(regions) => {
                // What is more than can be told apart recedes.
                let shades = processes().chain([Shade::Class(Class::Reserved)]);
                regions.names.iter().cloned().zip(shades).collect()
            }
            // They are known when memory was seen.
            Self::Cgroups(_) => Vec::new(),
            Self::Shared => {
                let step = |(step, name): (usize, &&str)| {
                    ((*name).to_owned(), Shade::Step(step, SHARED.len()))
                };
                SHARED.iter().enumerate().map(step).collect()
            }
            Self::Free(free) => {
                let kind = |order: u32| {
                    let name = format!("free {}", size(order as usize));
                    (name, Shade::Free(order, free.highest()))
                };
                (0..=free.highest()).map(kind).collect()
            }
            Self::Folios => {
                let kind = |(name, class, order): (&str, Class, usize)| {
                    let name = format!("{name} {}", size(order));
                    (name, Shade::Order(class, order as u8))
                };
                let orders = |&(_, name, class): &(_, &'static str, Class)| {
                    (0..ORDERS).map(move |order| (name, class, order))
                };
                FAMILIES.iter().flat_map(orders).map(kind).collect()
            }
        }
    }
}

impl Part {
    pub(super) fn of(class: Class, area: Area) -> Self {
        match (class, area) {
            (Class::Hugetlb | Class::HugetlbFree, _) => Self::Hugetlb,
            (Class::Shmem | Class::ShmemLarge, _) => Self::Shared,
            (Class::File | Class::FileLarge, Area::Program) => Self::Program,
            (Class::File | Class::FileLarge, _) => Self::File,
            (Class::Anon | Class::AnonLarge | Class::AnonThp | Class::Ksm, area) => match area {
                Area::Heap => Self::Heap,
                Area::Stack => Self::Stack,
                _ => Self::Anonymous,
            },
            _ => Self::Special,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_at_their_numbers() {
        for (number, (part, ..)) in PARTS.iter().enumerate() {
            assert_eq!(*part as usize, number);
        }
    }

    #[test]
    fn what_a_page_is_outranks_where_it_is_mapped() {
        let table = [
            (Class::Anon, Area::Heap, Part::Heap),
            (Class::AnonThp, Area::Stack, Part::Stack),
            // A private page of a file that was written to.
            (Class::Anon, Area::Program, Part::Anonymous),
            (Class::FileLarge, Area::Program, Part::Program),
            (Class::File, Area::Heap, Part::File),
            (Class::Shmem, Area::Other, Part::Shared),
            (Class::Hugetlb, Area::Heap, Part::Hugetlb),
            (Class::Zero, Area::Heap, Part::Special),
        ];
        for (class, area, part) in table {
            assert_eq!(Part::of(class, area), part, "{class:?} {area:?}");
        }
    }
}
