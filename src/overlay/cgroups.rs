//! Pages by the cgroup that they are charged to.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::facet::{may_be_charged, with_words};
use super::{KEYS, Kind, Shade, lock, overlay_key};
use crate::classify::Key;
use crate::error::Result;
use crate::recording::Plane;
use crate::scan::Block;
use crate::source::Source;

/// Cgroups with a key of their own, those that are met first; any other has the last key.
const TOLD: usize = KEYS - 1;

/// Cgroups with the largest first, where there are more than have a key of their own and it may not be the largest
/// that have one: a scan that knows them in this order gives it to them.
pub fn largest_first(met: &[u64], pages: &[u64]) -> Option<Vec<u64>> {
    let mut cgroups: Vec<(&u64, &u64)> = met.iter().zip(pages).collect();
    cgroups.sort_by_key(|&(_, &pages)| Reverse(pages));
    let is_sorted = pages.is_sorted_by(|one, next| one >= next);
    let are_told = met.len() <= TOLD || is_sorted;
    (!are_told).then(|| cgroups.into_iter().map(|(&inode, _)| inode).collect())
}

/// A kind for each of the cgroups that were met, by inode, and one for those that have no key of their own.
pub(super) fn cgroup_kinds(names: &BTreeMap<u64, String>, met: &[u64]) -> Vec<Kind> {
    let name = |inode: &u64| names.get(inode).cloned();
    let (told, rest) = met.split_at(met.len().min(TOLD));
    let kind = |(number, inode): (usize, &u64)| Kind {
        name: name(inode).unwrap_or_else(|| format!("@{inode}")),
        key: overlay_key(number as u8),
        shade: Shade::Ranked(1),
    };
    let more = (!rest.is_empty()).then(|| Kind {
        name: format!("{} more", rest.len()),
        key: overlay_key(TOLD as u8),
        shade: Shade::Ranked(rest.len()),
    });
    told.iter().enumerate().map(kind).chain(more).collect()
}

/// Sets the number of each page's cgroup, where it is charged to one, and adds the pages to those of all cgroups.
pub(super) fn number_cgroups(
    source: &dyn Source,
    block: &Block<'_>,
    keys: &[Key],
    numbers: &mut [u8],
    number: &mut dyn FnMut(u64) -> usize,
    sum: &Mutex<Vec<u64>>,
) -> Result<()> {
    // Neighbours are charged to one cgroup as a rule; inode 0 is no cgroup's.
    let mut last = (0, 0);
    let mut runs: Vec<(usize, u64)> = Vec::new();
    let take = |inode: u64, page: &mut u8| {
        if inode != last.0 {
            let number = number(inode);
            last = (inode, number.min(TOLD) as u8);
            runs.push((number, 0));
        }
        *page = last.1;
        if let Some((_, pages)) = runs.last_mut() {
            *pages += 1;
        }
    };
    let plane = Plane::Cgroups;
    with_words(source, plane, block, keys, numbers, may_be_charged, take)?;
    let mut sum = lock(sum);
    for (number, pages) in runs {
        let most = sum.len().max(number + 1);
        sum.resize(most, 0);
        sum[number] += pages;
    }
    Ok(())
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
    let plane = Plane::Cgroups;
    with_words(source, plane, block, keys, numbers, may_be_charged, take)
}
