//! How much of memory lies in large folios, and who has most that does not.

use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::orders::{Counts, FAMILIES, ORDERS};
use crate::source::{anonymous, process_is_gone, process_is_refused, process_name, processes};
use crate::survey::Survey;

/// Folios of one family by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolioCounts {
    /// `anon`, `shmem`, `file`, `hugetlb` or `kernel`.
    pub family: &'static str,
    /// Its pages.
    pub pages: u64,
    /// Of them those in folios of at least the PMD size.
    pub pmd_pages: u64,
    /// Folios of 2^n pages.
    pub folios: Vec<u64>,
}

/// Large folios by family.
pub(super) fn folio_counts(survey: &Survey) -> Vec<FolioCounts> {
    let pmd = super::free::pmd_order(survey);
    let of = |counts: &Counts| {
        let highest = counts.blocks.iter().rposition(|&blocks| blocks > 0);
        counts.blocks[..highest.map_or(0, |order| order + 1)].to_vec()
    };
    let family = |((_, name, _), counts): (&(_, &'static str, _), &Counts)| FolioCounts {
        family: name,
        pages: counts.pages,
        pmd_pages: (pmd..ORDERS)
            .map(|order| counts.blocks[order] << order)
            .sum(),
        folios: of(counts),
    };
    FAMILIES
        .iter()
        .zip(&survey.orders.folios)
        .map(family)
        .collect()
}

/// A process and its anonymous memory that no huge page maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmallAnonymous {
    /// Its number.
    pub pid: u32,
    /// Its name; nothing where names are withheld.
    pub comm: String,
    /// Anonymous memory that it maps, in bytes.
    pub anonymous: u64,
    /// Of it mapped by a PMD each.
    pub huge: u64,
}

/// Processes by anonymous memory that no huge page maps, and how many could not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Processes {
    /// Those with most.
    pub top: Vec<SmallAnonymous>,
    /// Processes that are not for this user.
    pub refused: u64,
}

/// Processes that are listed.
const LISTED: usize = 10;

/// Asks the processes below `root`.
///
/// # Errors
/// There is no `proc`, or a process cannot be read.
pub fn small_anonymous(root: &Path, redact: bool) -> Result<Processes> {
    let mut found = Processes::default();
    for pid in processes(root)? {
        match anonymous(root, pid) {
            Ok(Some((all, huge))) if all > 0 => found.top.push(SmallAnonymous {
                pid,
                comm: String::new(),
                anonymous: all,
                huge,
            }),
            Ok(_) => {}
            // Threads of the kernel and captures without the file have nothing to say, either.
            Err(error) if process_is_gone(&error) => {}
            Err(error) if process_is_refused(&error) => found.refused += 1,
            Err(error) => return Err(error),
        }
    }
    found.top.sort_by_key(|process| {
        (
            std::cmp::Reverse(process.anonymous.saturating_sub(process.huge)),
            process.pid,
        )
    });
    found.top.truncate(LISTED);
    if !redact {
        for process in &mut found.top {
            process.comm = process_name(root, process.pid)?.unwrap_or_default();
        }
    }
    Ok(found)
}
