//! Pages by the cgroup that they are charged to.

use std::collections::BTreeMap;

use super::NOBODY;
use super::facet::{may_be_charged, with_words};
use crate::classify::Key;
use crate::compare::OVERLAYS;
use crate::error::Result;
use crate::recording::Plane;
use crate::scan::{Block, Reach, Watcher, sweep};
use crate::source::{Source, cgroup_name};

/// Cgroups that are told apart; the rest is one more.
const TOLD: usize = OVERLAYS - 1;

/// Cgroups, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroups {
    names: Vec<String>,
    /// By inode.
    numbers: BTreeMap<u64, usize>,
}

impl Cgroups {
    /// Of these pages by inode, the largest by the names of the directories that are known of them.
    pub fn new(pages: &BTreeMap<u64, u64>, directories: &BTreeMap<String, u64>) -> Self {
        let mut largest: Vec<(u64, u64)> = pages.iter().map(|(&inode, &n)| (n, inode)).collect();
        largest.sort_by_key(|&(pages, inode)| (std::cmp::Reverse(pages), inode));
        let name = |inode: &u64| {
            let known = directories.iter().find(|(_, known)| *known == inode);
            known.map_or_else(
                || format!("@{inode}"),
                |(directory, _)| cgroup_name(directory).to_owned(),
            )
        };
        let told = if largest.len() > TOLD + 1 {
            TOLD
        } else {
            largest.len()
        };
        let mut names: Vec<String> = largest[..told]
            .iter()
            .map(|(_, inode)| name(inode))
            .collect();
        if told < largest.len() {
            names.push(format!("{} more", largest.len() - told));
        }
        let numbers = largest.iter().enumerate();
        let numbers = numbers.map(|(number, &(_, inode))| (inode, number.min(told)));
        Self {
            names,
            numbers: numbers.collect(),
        }
    }

    /// What they are called.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Sets the number of each page's cgroup, where it is charged to one.
    pub(super) fn number_pages(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &[Key],
        numbers: &mut [u8],
    ) -> Result<()> {
        // Neighbours are charged to one cgroup as a rule.
        let mut last = (0, NOBODY);
        let take = |inode: u64, page: &mut u8| {
            if inode != last.0 {
                let number = self.numbers.get(&inode);
                last = (inode, number.map_or(NOBODY, |&number| number as u8));
            }
            *page = last.1;
        };
        with_words(
            source,
            Plane::Cgroups,
            block,
            keys,
            numbers,
            may_be_charged,
            take,
        )
    }
}

/// Sets the number of each used page that is charged to one cgroup.
pub(super) fn number_charged(
    inode: u64,
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
) -> Result<()> {
    let take = |word: u64, number: &mut u8| {
        if word == inode {
            *number = 0;
        }
    };
    with_words(
        source,
        Plane::Cgroups,
        block,
        keys,
        numbers,
        may_be_charged,
        take,
    )
}

/// Used pages that are charged to each cgroup, by its inode.
///
/// # Errors
/// The source cannot be read or does not say cgroups, or the watcher said stop.
pub fn pages_of_cgroups(
    source: &dyn Source,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<BTreeMap<u64, u64>> {
    let count = |sum: &mut BTreeMap<u64, u64>, block: &Block<'_>| {
        let mut numbers = vec![NOBODY; block.words.len()];
        let mut run = (0, 0);
        let mut take = |inode: u64, _: &mut u8| {
            if inode != run.0 {
                *sum.entry(run.0).or_insert(0) += run.1;
                run = (inode, 0);
            }
            run.1 += 1;
        };
        let (plane, keys) = (Plane::Cgroups, block.classes);
        with_words(
            source,
            plane,
            block,
            keys,
            &mut numbers,
            may_be_charged,
            &mut take,
        )?;
        *sum.entry(run.0).or_insert(0) += run.1;
        Ok(())
    };
    let reach = Reach::Existing;
    let (parts, _) = sweep(source, reach, threads, watcher, BTreeMap::new, count)?;
    let mut sum = BTreeMap::new();
    for (inode, pages) in parts.into_iter().flatten().filter(|(inode, _)| *inode != 0) {
        *sum.entry(inode).or_insert(0) += pages;
    }
    Ok(sum)
}
