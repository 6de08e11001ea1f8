//! How many pages of large folios there are: by what they are, how they are mapped, and size.

use crate::kernel::PageFlags;

/// What the pages of a large folio are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backing {
    /// Anonymous memory.
    Anon,
    /// The page cache, shared memory included.
    File,
    /// Huge pages of hugetlbfs.
    Hugetlb,
}

impl Backing {
    /// All of them; the number of each is its place.
    pub const ALL: [Backing; 3] = [Backing::Anon, Backing::File, Backing::Hugetlb];

    /// The word of a page with these flags; `None` for one that is part of no large folio. The huge page
    /// of zeros is nobody's.
    pub(super) fn of(flags: PageFlags) -> Option<Self> {
        if !flags.has(PageFlags::COMPOUND) || flags.has(PageFlags::ZERO_PAGE) {
            return None;
        }
        if flags.has(PageFlags::HUGE) {
            return Some(Self::Hugetlb);
        }
        flags
            .has(PageFlags::THP)
            .then_some(match flags.has(PageFlags::ANON) {
                true => Self::Anon,
                false => Self::File,
            })
    }

    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::File => "file",
            Self::Hugetlb => "hugetlb",
        }
    }
}

/// How a mapping has a folio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// By one entry of the level above page table entries: whole and aligned, told by the kernel.
    Pmd,
    /// Whole, at an address that is a multiple of its size.
    Aligned,
    /// Whole, at another address.
    Unaligned,
    /// Not all of its pages, or not in one piece.
    Partial,
    /// Blocks as below, in what is mapped by PMD.
    PmdBlock,
    /// Not whole folios but blocks of a size that was asked for: inside one folio, and aligned in addresses
    /// and in memory, so that one entry of a TLB could hold each.
    Block,
}

/// Pages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What they are.
    pub backing: Backing,
    /// How they are mapped.
    pub fit: Fit,
    /// Order of the folios, or of the blocks; of partial ones all sizes are together.
    pub order: Option<u32>,
    /// How many pages.
    pub pages: u64,
}

/// Large folios of one mapping, of a process, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LargeFolios {
    /// Backing by backing: whole folios by order, then partial ones, then blocks.
    counts: Vec<Count>,
    /// Resident pages of each backing, whatever the folio's size.
    pub(super) resident: [u64; Backing::ALL.len()],
}

impl LargeFolios {
    /// What there is, in order.
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// Resident pages of a backing, those of single pages included: what shares are shares of.
    pub fn resident(&self, backing: Backing) -> u64 {
        self.resident[backing as usize]
    }

    /// Adds those of another mapping.
    pub fn merge(&mut self, other: &Self) {
        let sums = self.resident.iter_mut().zip(other.resident);
        sums.for_each(|(sum, more)| *sum += more);
        for count in &other.counts {
            self.add(*count);
        }
    }

    pub(super) fn add(&mut self, count: Count) {
        let key = |count: &Count| (count.backing, count.fit, count.order);
        match self.counts.binary_search_by_key(&key(&count), key) {
            Ok(at) => self.counts[at].pages += count.pages,
            Err(at) => self.counts.insert(at, count),
        }
    }

    /// What is mapped by PMD comes out of what is aligned, smallest folios first, and out of the blocks. The
    /// kernel counted it at another time, so there may be less.
    pub(super) fn set_pmd_mapped(&mut self, backing: Backing, pages: u64, pmd_order: u32) {
        if pages == 0 {
            return;
        }
        let mut left = pages;
        let mut blocks = Vec::new();
        for count in &mut self.counts {
            let order = count.order.unwrap_or(0);
            if (count.backing, count.fit) == (backing, Fit::Aligned) && order >= pmd_order {
                let taken = count.pages.min(left);
                count.pages -= taken;
                left -= taken;
            }
            if (count.backing, count.fit) == (backing, Fit::Block) {
                count.pages = count.pages.saturating_sub(pages);
                blocks.push(count.order);
            }
        }
        self.counts.retain(|count| count.pages > 0);
        self.add(Count {
            backing,
            fit: Fit::Pmd,
            order: Some(pmd_order),
            pages,
        });
        for order in blocks {
            self.add(Count {
                backing,
                fit: Fit::PmdBlock,
                order,
                pages,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pmd_mapped_pages_are_not_counted_twice() {
        let count = |fit, order, pages| Count {
            backing: Backing::Anon,
            fit,
            order,
            pages,
        };
        let mut folios = LargeFolios::default();
        folios.add(count(Fit::Aligned, Some(9), 1024));
        folios.add(count(Fit::Aligned, Some(4), 64));
        folios.add(count(Fit::Block, Some(4), 1088));
        folios.set_pmd_mapped(Backing::File, 512, 9);
        folios.set_pmd_mapped(Backing::Anon, 512, 9);
        let anon: Vec<Count> = folios.counts()[..5].to_vec();
        assert_eq!(
            anon,
            [
                count(Fit::Pmd, Some(9), 512),
                count(Fit::Aligned, Some(4), 64),
                count(Fit::Aligned, Some(9), 512),
                count(Fit::PmdBlock, Some(4), 512),
                count(Fit::Block, Some(4), 576),
            ]
        );
        // Another reading: the kernel counted more than there is now.
        folios.set_pmd_mapped(Backing::Anon, 1024, 9);
        assert!(
            folios
                .counts()
                .iter()
                .all(|c| (c.fit, c.order) != (Fit::Aligned, Some(9)))
        );
    }
}
