//! Pages by the cgroup that they are charged to.

use std::collections::BTreeMap;

use crate::classify::{Class, Key};
use crate::compare::OVERLAYS;
use crate::error::Result;
use crate::recording::Plane;
use crate::scan::Block;
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

    /// The number of each page's cgroup, where it is charged to one.
    pub(super) fn numbers(
        &self,
        source: &dyn Source,
        block: &Block<'_>,
        keys: &[Key],
    ) -> Result<Vec<Option<usize>>> {
        let inodes = charges(source, block, keys)?;
        let number = |inode: &u64| self.numbers.get(inode).copied();
        Ok(inodes.iter().map(number).collect())
    }
}

/// The inode of the cgroup that each used page is charged to; 0 for none.
///
/// # Errors
/// The source does not have them.
pub fn charges(source: &dyn Source, block: &Block<'_>, keys: &[Key]) -> Result<Vec<u64>> {
    let mut inodes = vec![0; keys.len()];
    source.read_plane(Plane::Cgroups, block.start, &mut inodes)?;
    let is_used = |key: &Key| *key != Key::HOLE && *key != Key(Class::Free as u8);
    for (inode, _) in inodes.iter_mut().zip(keys).filter(|(_, key)| !is_used(key)) {
        *inode = 0;
    }
    Ok(inodes)
}
