//! How far the numbers can be trusted, and why not further.

use serde::Serialize;

use crate::classify::{Class, KsmVerdict};
use crate::kernel::{FreeBlocks, parse_meminfo_bytes};
use crate::orders::{Agreement, agreements};
use crate::source::{Clock, Source, file};
use crate::survey::{Drift, Survey};

/// How far the numbers can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Seconds from the first page to the last; nothing for a copy, where it is not known.
    pub seconds: Option<f64>,
    /// Of a sample that was read twice, the pages.
    pub drift_sampled: Option<u64>,
    /// Of them those that had become something else.
    pub drift_changed: Option<u64>,
    /// Free pages by which the kernel's own counts before and after differ, over all blocks.
    pub buddyinfo_drift: Option<u64>,
    /// Free pages in blocks too many or too few, beside the nearer of the kernel's two counts.
    pub buddyinfo_difference: Option<u64>,
    /// Pages without a mark.
    pub unmarked: u64,
    /// Of them those that wait on processors' lists to be free, as the kernel counts them.
    pub unmarked_waiting: u64,
    /// Of them those that are free and were never set up by the kernel; nothing where that is not known, as of part
    /// of memory.
    pub unmarked_not_set_up: Option<u64>,
    /// Pages that lie in no zone.
    pub outside_zones: u64,
    /// Anonymous pages that have the mark of KSM.
    pub ksm_marked: u64,
    /// Whether that mark is believed.
    pub ksm_believed: bool,
    /// Movable pages that are locked in memory.
    pub unevictable: u64,
    /// Pages that drivers hold for good, which look movable; nothing where the kernel does not count them.
    pub pinned: Option<u64>,
    /// What could not be read, and what is lost by it.
    pub missing: Vec<String>,
}

impl Quality {
    pub(super) fn new(source: &dyn Source, survey: &Survey, pinned: Option<u64>) -> Self {
        let page_bytes = source.machine().page_size.bytes();
        let unmarked = survey.classes.of(Class::Unmarked);
        let waiting = survey.figures.iter().map(|zone| zone.waiting);
        let waiting = waiting.fold(0, u64::saturating_add);
        let waiting = waiting.min(unmarked);
        let meminfo = source.text(file::MEMINFO).unwrap_or_default();
        let free = parse_meminfo_bytes(&meminfo, "MemFree").map(|bytes| bytes / page_bytes);
        // What the kernel counts is all of memory.
        let free = free.filter(|_| source.machine().selected.is_none());
        let not_set_up = free.map(|free| {
            let missing = free.saturating_sub(survey.classes.of(Class::Free));
            // Below a part in a hundred it is what changed meanwhile.
            let is_more = missing > free / 100;
            if is_more {
                missing.min(unmarked - waiting)
            } else {
                0
            }
        });
        let [before, after] = &survey.counted;
        let checked = agreements(
            source.machine(),
            &survey.map,
            &survey.orders.free,
            [before, after],
        );
        let is_checked = !checked.is_empty() && source.machine().selected.is_none();
        Self {
            seconds: match source.clock() {
                Clock::Now | Clock::Then => seconds_between(survey),
                Clock::FileDate => None,
            },
            drift_sampled: survey.drift.map(|Drift { sampled, .. }| sampled),
            drift_changed: survey.drift.map(|Drift { changed, .. }| changed),
            buddyinfo_drift: (survey.drift.is_some() && is_checked).then(|| drift(before, after)),
            buddyinfo_difference: is_checked
                .then(|| checked.iter().map(difference).fold(0, u64::saturating_add)),
            unmarked,
            unmarked_waiting: waiting,
            unmarked_not_set_up: not_set_up,
            outside_zones: survey.outside_zones,
            ksm_marked: survey.ksm_marked,
            ksm_believed: survey.ksm == KsmVerdict::Believed,
            unevictable: survey.zones.iter().map(|zone| zone.unevictable).sum(),
            pinned,
            missing: missing(source),
        }
    }
}

impl Quality {
    /// Pages without a mark that nothing explains.
    pub fn unexplained(&self) -> u64 {
        self.unmarked - self.unmarked_waiting - self.unmarked_not_set_up.unwrap_or(0)
    }
}

fn seconds_between(survey: &Survey) -> Option<f64> {
    let time = survey.end_time.duration_since(survey.start_time);
    (!time.is_negative()).then(|| time.as_secs_f64())
}

fn drift(before: &[FreeBlocks], after: &[FreeBlocks]) -> u64 {
    let zones = before.iter().zip(after);
    let of_zone = |(before, after): (&FreeBlocks, &FreeBlocks)| -> u64 {
        let pairs = before.blocks.iter().zip(&after.blocks).enumerate();
        let pages = pairs
            .map(|(order, (&before, &after))| before.abs_diff(after).saturating_mul(1 << order));
        pages.fold(0, u64::saturating_add)
    };
    zones.map(of_zone).fold(0, u64::saturating_add)
}

fn difference(agreement: &Agreement) -> u64 {
    let blocks = agreement.difference();
    let pages = |(order, blocks): (usize, &i64)| blocks.unsigned_abs().saturating_mul(1 << order);
    blocks
        .iter()
        .enumerate()
        .map(pages)
        .fold(0, u64::saturating_add)
}

/// Files, and what is lost without them.
const FILES: [(&str, &str); 6] = [
    (
        file::ZONEINFO,
        "no zones, nodes or watermarks: blocks are not cut at their borders, and nothing is kept in reserve",
    ),
    (
        file::BUDDYINFO,
        "free blocks cannot be compared with the kernel's count",
    ),
    (
        file::PAGETYPEINFO,
        "what the kernel means blocks for is not known",
    ),
    (file::VMSTAT, "no counters"),
    (
        file::MEMINFO,
        "which pages without a mark are free and were never set up is not known",
    ),
    (
        file::IOMEM,
        "where RAM is is known from memory blocks at best: holes inside them look like pages without a mark",
    ),
];

fn missing(source: &dyn Source) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for (path, loss) in FILES {
        let text = source.text(path);
        // Without privilege the kernel shows all addresses of iomem as 0.
        let is_there =
            text.is_some_and(|text| path != file::IOMEM || source_knows_ram(source, &text));
        if !is_there {
            missing.push(format!("{path}: {loss}"));
        }
    }
    missing
}

fn source_knows_ram(source: &dyn Source, text: &str) -> bool {
    crate::kernel::parse_system_ram(text, source.machine().page_size.bytes()).is_some()
}
