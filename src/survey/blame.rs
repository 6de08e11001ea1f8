//! What stands in the way of huge pages: which class, in how many blocks, and where the least would have to go.

use super::contents::{Contents, State};
use super::mobility::Mobility;
use crate::classify::Class;
use crate::kernel::Pfn;

const CLASSES: usize = Class::ALL.len();

/// Cheapest blocks that are kept.
const CHEAPEST: usize = 10;

/// Unmovable pages of a block, in steps: 1, up to 1/64 of the block, up to 1/8, up to half, all but, all.
pub const STEPS: usize = 6;

/// A block that few pages keep from being free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheapBlock {
    /// Its first page.
    pub start: Pfn,
    /// Pages that cannot be moved.
    pub unmovable: u32,
    /// Pages without a mark, which may be in the way, too.
    pub unmarked: u32,
    /// Pages that can be moved, and would have to be.
    pub movable: u32,
    /// Its pages by class, of [`Class::ALL`].
    pub classes: [u32; CLASSES],
}

/// What stands in blocks of the PMD size, all in one zone and whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// Of each class of [`Class::ALL`]: blocks in which nothing else is unmovable.
    pub alone: [u64; CLASSES],
    /// Blocks in which it is unmovable beside others, or alone.
    pub present: [u64; CLASSES],
    /// Its pages in these blocks.
    pub pages: [u64; CLASSES],
    /// Blocks by unmovable pages, in [`STEPS`].
    pub steps: [u64; STEPS],
    /// Polluted blocks with the fewest pages that cannot be moved or have no mark, the best first.
    pub cheapest: Vec<CheapBlock>,
}

impl Default for Blame {
    fn default() -> Self {
        Self {
            alone: [0; CLASSES],
            present: [0; CLASSES],
            pages: [0; CLASSES],
            steps: [0; STEPS],
            cheapest: Vec::new(),
        }
    }
}

impl Blame {
    /// Adds a block with unmovable pages.
    pub(super) fn add(&mut self, start: Pfn, contents: &Contents, classes: [u32; CLASSES]) {
        let size = contents.pages();
        let unmovable = |&class: &Class| {
            let pages = classes[class as usize];
            (pages > 0 && Mobility::of(class) == Mobility::Unmovable).then_some((class, pages))
        };
        let obstacles: Vec<(Class, u32)> = Class::ALL.iter().filter_map(unmovable).collect();
        for &(class, pages) in &obstacles {
            self.present[class as usize] += 1;
            self.pages[class as usize] += u64::from(pages);
            self.alone[class as usize] += u64::from(obstacles.len() == 1);
        }
        self.steps[step(contents.unmovable, size)] += 1;
        if contents.state(size) == State::Polluted {
            self.take_cheap(CheapBlock {
                start,
                unmovable: contents.unmovable,
                unmarked: contents.unmarked,
                movable: contents.movable,
                classes,
            });
        }
    }

    fn take_cheap(&mut self, block: CheapBlock) {
        let rank =
            |block: &CheapBlock| (block.unmovable + block.unmarked, block.movable, block.start);
        let at = self
            .cheapest
            .partition_point(|known| rank(known) < rank(&block));
        if at < CHEAPEST {
            self.cheapest.insert(at, block);
            self.cheapest.truncate(CHEAPEST);
        }
    }

    /// Adds what another worker saw.
    pub(super) fn merge(&mut self, other: Self) {
        let pairs = [
            (&mut self.alone, &other.alone),
            (&mut self.present, &other.present),
            (&mut self.pages, &other.pages),
        ];
        for (sums, more) in pairs {
            sums.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
        let steps = self.steps.iter_mut().zip(other.steps);
        steps.for_each(|(sum, more)| *sum += more);
        for block in other.cheapest {
            self.take_cheap(block);
        }
    }
}

/// The step of so many unmovable pages in a block of so many.
fn step(unmovable: u32, size: u32) -> usize {
    match unmovable {
        0 | 1 => 0,
        pages if pages <= size / 64 => 1,
        pages if pages <= size / 8 => 2,
        pages if pages <= size / 2 => 3,
        pages if pages < size => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(blame: &mut Blame, start: u64, slab: u32, tables: u32) {
        let mut classes = [0; CLASSES];
        classes[Class::Slab as usize] = slab;
        classes[Class::PageTable as usize] = tables;
        classes[Class::Anon as usize] = 512 - slab - tables;
        let contents = Contents {
            movable: 512 - slab - tables,
            unmovable: slab + tables,
            ..Contents::default()
        };
        blame.add(Pfn(start), &contents, classes);
    }

    #[test]
    fn a_class_is_to_blame_alone_or_with_others() {
        let (mut blame, mut other) = (Blame::default(), Blame::default());
        add(&mut blame, 0, 1, 0);
        add(&mut blame, 512, 7, 2);
        add(&mut other, 1024, 512, 0);
        add(&mut other, 2048, 0, 1);
        blame.merge(other);
        let slab = Class::Slab as usize;
        assert_eq!(
            (blame.alone[slab], blame.present[slab], blame.pages[slab]),
            (2, 3, 520)
        );
        assert_eq!(blame.steps, [2, 0, 1, 0, 0, 1]);
        let starts: Vec<u64> = blame.cheapest.iter().map(|block| block.start.0).collect();
        assert_eq!(starts, [0, 2048, 512]);
    }

    #[test]
    fn ten_blocks_are_kept_whoever_comes_first() {
        let mut blame = Blame::default();
        for number in (0..30).rev() {
            add(&mut blame, number * 512, 1 + number as u32, 0);
        }
        let starts: Vec<u64> = blame.cheapest.iter().map(|block| block.start.0).collect();
        let expected: Vec<u64> = (0..10).map(|number| number * 512).collect();
        assert_eq!(starts, expected);
    }
}
