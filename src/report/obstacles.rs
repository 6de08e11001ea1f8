//! What stands in the way of huge pages.

use serde::Serialize;

use crate::classify::Class;
use crate::survey::{Blame, STEPS, Survey};

/// What stands in PMD-sized blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacles {
    /// Class by class, the one that blocks most alone first.
    pub classes: Vec<Culprit>,
    /// Blocks by how many of their pages cannot be moved.
    pub histogram: Vec<Step>,
    /// Blocks that the fewest pages keep from being free: unmovable ones, and ones without a mark.
    pub cheapest: Vec<Cheapest>,
}

/// One class of unmovable pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Culprit {
    /// The class.
    pub class: Class,
    /// Blocks that nothing else blocks.
    pub only_obstacle: u64,
    /// Blocks that it stands in.
    pub blocks: u64,
    /// Its pages in them.
    pub pages: u64,
}

/// Blocks with so many unmovable pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// At least so many.
    pub from: u64,
    /// At most so many.
    pub to: u64,
    /// Blocks.
    pub blocks: u64,
}

/// A block that few pages keep from being free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cheapest {
    /// Its first page.
    pub pfn: u64,
    /// Pages that cannot be moved.
    pub unmovable: u32,
    /// Pages without a mark, which may be in the way, too.
    pub unmarked: u32,
    /// Pages that would have to be moved.
    pub movable: u32,
    /// What is in it, the most first.
    pub contents: Vec<Content>,
}

/// Pages of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The class.
    pub class: Class,
    /// Its pages.
    pub pages: u32,
}

impl Obstacles {
    pub(super) fn new(survey: &Survey) -> Self {
        let blame = &survey.blame;
        let size = survey.sizes[survey.pmd];
        Self {
            classes: culprits(blame),
            histogram: steps(size)
                .into_iter()
                .zip(blame.steps)
                .map(|((from, to), blocks)| Step { from, to, blocks })
                .collect(),
            cheapest: blame.cheapest.iter().map(cheapest).collect(),
        }
    }
}

fn culprits(blame: &Blame) -> Vec<Culprit> {
    let culprit = |&class: &Class| Culprit {
        class,
        only_obstacle: blame.alone[class as usize],
        blocks: blame.present[class as usize],
        pages: blame.pages[class as usize],
    };
    let mut culprits: Vec<Culprit> = Class::ALL.iter().map(culprit).collect();
    culprits.retain(|culprit| culprit.blocks > 0);
    culprits.sort_by_key(|culprit| std::cmp::Reverse((culprit.only_obstacle, culprit.blocks)));
    culprits
}

/// From and to of each step of a block of so many pages.
fn steps(size: u64) -> [(u64, u64); STEPS] {
    [
        (1, 1),
        (2, size / 64),
        (size / 64 + 1, size / 8),
        (size / 8 + 1, size / 2),
        (size / 2 + 1, size - 1),
        (size, size),
    ]
}

fn cheapest(block: &crate::survey::CheapBlock) -> Cheapest {
    let content = |&class: &Class| Content {
        class,
        pages: block.classes[class as usize],
    };
    let mut contents: Vec<Content> = Class::ALL.iter().map(content).collect();
    contents.retain(|content| content.pages > 0);
    contents.sort_by_key(|content| std::cmp::Reverse(content.pages));
    Cheapest {
        pfn: block.start.0,
        unmovable: block.unmovable,
        unmarked: block.unmarked,
        movable: block.movable,
        contents,
    }
}
