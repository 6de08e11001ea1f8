//! The closed list of classes, in the order of the rules.

use serde::Serialize;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $family:ident;)*) => {
        /// Our judgement of a page. The names are the same in every output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Class {
            $($(#[$doc])* $variant,)*
        }

        impl Class {
            /// Every class, in the order of the rules.
            pub const ALL: &[Class] = &[$(Class::$variant,)*];

            /// The name in every output.
            pub const fn name(self) -> &'static str {
                match self { $(Class::$variant => $name,)* }
            }

            /// The family that legends list it in.
            pub const fn family(self) -> Family {
                match self { $(Class::$variant => Family::$family,)* }
            }
        }
    };
}

/// What belongs together in a legend, in the order of legends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Ready to be used.
    Free,
    /// Of processes, with swap behind it.
    Anonymous,
    /// Shared memory and tmpfs.
    Shared,
    /// Page cache.
    File,
    /// Huge pages set aside.
    Hugetlb,
    /// The kernel's own.
    Kernel,
    /// Not to be had.
    Unavailable,
}

classes! {
    /// Outside RAM, or without a page.
    Hole "hole" Unavailable;
    /// Broken memory.
    Hwpoison "hwpoison" Unavailable;
    /// Logically offline, as a balloon holds it.
    Offline "offline" Unavailable;
    /// In the buddy allocator.
    Free "free" Free;
    /// Slab.
    Slab "slab" Kernel;
    /// Page table.
    PageTable "page-table" Kernel;
    /// hugetlb in use.
    Hugetlb "hugetlb" Hugetlb;
    /// hugetlb in its pool, unused.
    HugetlbFree "hugetlb-free" Hugetlb;
    /// The shared page of zeros.
    Zero "zero" Kernel;
    /// Reserved at boot or by firmware.
    Reserved "reserved" Kernel;
    /// Anonymous, merged by KSM.
    Ksm "ksm" Anonymous;
    /// Anonymous, in a compound of exactly the PMD size.
    AnonThp "anon-thp" Anonymous;
    /// Anonymous, in a compound of another size.
    AnonLarge "anon-large" Anonymous;
    /// Anonymous, single page.
    Anon "anon" Anonymous;
    /// Shared memory in a compound.
    ShmemLarge "shmem-large" Shared;
    /// Shared memory, single page.
    Shmem "shmem" Shared;
    /// Page cache in a compound.
    FileLarge "file-large" File;
    /// Page cache, single page.
    File "file" File;
    /// Compound of the kernel.
    Kernel "kernel" Kernel;
    /// Some bit that no rule knows.
    Other "other" Kernel;
    /// No bit at all.
    Unmarked "unmarked" Kernel;
}

impl Class {
    /// The class of that name.
    pub fn named(name: &str) -> Option<Class> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// Every class in the order of legends: by family, then as listed below for calm reading.
    pub fn in_legend_order() -> Vec<Class> {
        let mut classes = Self::ALL.to_vec();
        classes.sort_by_key(|class| (class.family(), class.place_in_family()));
        classes
    }

    /// Plain before large before rare.
    fn place_in_family(self) -> u8 {
        match self {
            Class::Free
            | Class::Anon
            | Class::Shmem
            | Class::File
            | Class::Hugetlb
            | Class::Slab => 0,
            Class::AnonLarge
            | Class::ShmemLarge
            | Class::FileLarge
            | Class::HugetlbFree
            | Class::PageTable => 1,
            Class::AnonThp | Class::Kernel => 2,
            Class::Ksm | Class::Unmarked => 3,
            Class::Other => 4,
            Class::Zero => 5,
            Class::Reserved => 6,
            Class::Offline => 7,
            Class::Hwpoison => 8,
            Class::Hole => 9,
        }
    }
}

impl Family {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Anonymous => "anonymous",
            Self::Shared => "shared",
            Self::File => "file",
            Self::Hugetlb => "hugetlb",
            Self::Kernel => "kernel",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Serialize for Class {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_class() {
        for &class in Class::ALL {
            assert_eq!(Class::named(class.name()), Some(class));
            assert_eq!(Class::ALL[class as usize], class);
        }
        assert_eq!(Class::named("Free"), None);
    }

    #[test]
    fn legends_list_every_class_once() {
        let mut order = Class::in_legend_order();
        assert_eq!(order.first(), Some(&Class::Free));
        order.sort();
        assert_eq!(order, Class::ALL);
    }
}
