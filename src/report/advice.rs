//! What the numbers mean in a sentence, and what follows from them. Nothing is said that a number does not say.

use serde::Serialize;

use super::Report;
use super::contiguity::Contiguity;
use crate::classify::Class;
use crate::render::{grouped, share, size};

/// Something to do, and the number that it follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What to do.
    pub text: String,
    /// Why.
    pub reason: String,
}

/// The sentence on top: the PMD size, and the largest usual one of which there is a block.
pub(super) fn status(report: &Report) -> String {
    let rows = report.machine_rows();
    let pmd = rows.iter().find(|row| row.size == report.pmd_size);
    let is_told = |row: &&&Contiguity| {
        row.blocks > 0 && row.size != report.pmd_size && USUAL.contains(&row.size)
    };
    let largest = rows.iter().rfind(is_told);
    let first = pmd.map(|row| {
        let size = size(row.size);
        let blocked = grouped(row.blocked_strict);
        let strict = share(row.blocked_strict, row.blocks);
        let worst = share(row.blocked_pessimistic, row.blocks);
        let range = match row.blocked_pessimistic > row.blocked_strict {
            true => format!("{strict}; up to {worst}"),
            false => strict,
        };
        let [free, after] = [row.free, row.after_compaction].map(grouped);
        format!("{size}: {free} free now, {after} after compaction, {blocked} blocked ({range})")
    });
    let second = largest.map(|row| {
        let [free, after] = [row.free, row.after_compaction].map(grouped);
        format!(
            "{}: {free} free now, {after} after compaction",
            size(row.size)
        )
    });
    let parts: Vec<String> = first.into_iter().chain(second).collect();
    format!("{}.", parts.join("; "))
}

/// Sizes that are told without being asked for, beside the PMD's.
const USUAL: [u64; 2] = [32 << 20, 1 << 30];

/// Everything that follows, the most useful first.
pub(super) fn advice(report: &Report) -> Vec<Advice> {
    let rows = report.machine_rows();
    let pmd = rows.iter().find(|row| row.size == report.pmd_size);
    let giant = rows
        .iter()
        .find(|row| row.size == GIANT && GIANT > report.pmd_size);
    let found = [
        pmd.and_then(|row| huge_pages(row)),
        pmd.and_then(|row| blocked(report, row)),
        giant.and_then(|row| giant_pages(row)),
        score(report),
        failures(report),
        thp(report),
        doubt(report, pmd.copied()),
    ];
    let mut advice: Vec<Advice> = found.into_iter().flatten().collect();
    if advice.is_empty() {
        advice.extend(pmd.map(|row| nothing(row)));
    }
    advice
}

fn nothing(row: &Contiguity) -> Advice {
    let what = size(row.size);
    if row.blocks == 0 {
        return Advice {
            text: format!(
                "There is no whole block of {what} here, so nothing is said of huge pages."
            ),
            reason: "Blocks lie on multiples of their size, in one zone, without a hole."
                .to_owned(),
        };
    }
    Advice {
        text: "Nothing needs to be done.".to_owned(),
        reason: format!(
            "{} of {} blocks of {what} are free, and {} are blocked.",
            grouped(row.free),
            grouped(row.blocks),
            grouped(row.blocked_strict)
        ),
    }
}

/// Free blocks of the PMD size that count as enough: one in so many.
const ENOUGH: u64 = 20;

/// A share of blocked blocks that is worth a word, in per cent.
const MANY_BLOCKED: u64 = 20;

fn huge_pages(row: &Contiguity) -> Option<Advice> {
    let what = size(row.size);
    if row.blocks == 0 || (row.free > 0 && row.free * ENOUGH >= row.blocks) {
        return None;
    }
    let gain = row.after_compaction - row.free;
    let more = row.after_reclaim - row.after_compaction;
    let cost = row.cost.last().map_or(0, |cost| cost.pages_to_migrate);
    if gain > row.free && gain > 0 {
        return Some(Advice {
            text: format!(
                "For more huge pages of {what}, compact memory: echo 1 > /proc/sys/vm/compact_memory."
            ),
            reason: format!(
                "{} are free now and {} could be; {} pages would move for all of them.",
                grouped(row.free),
                grouped(row.after_compaction),
                grouped(cost)
            ),
        });
    }
    if more > row.after_compaction {
        return Some(Advice {
            text: format!(
                "For more huge pages of {what}, drop clean cache and compact: sync; echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory."
            ),
            reason: format!(
                "Compaction alone reaches {}, with clean cache dropped {}; what is read again costs time.",
                grouped(row.after_compaction),
                grouped(row.after_reclaim)
            ),
        });
    }
    Some(Advice {
        text: format!(
            "Huge pages of {what} have to be taken from who uses memory, or reserved at boot (hugepages=N)."
        ),
        reason: format!(
            "{} of {} blocks are free, {} can be had by compaction, {} with clean cache dropped.",
            grouped(row.free),
            grouped(row.blocks),
            grouped(row.after_compaction),
            grouped(row.after_reclaim)
        ),
    })
}

fn blocked(report: &Report, row: &Contiguity) -> Option<Advice> {
    if row.blocked_strict * 100 < row.blocks * MANY_BLOCKED {
        return None;
    }
    // What was reserved at boot, or is broken, moves nowhere by being kept apart.
    let is_had = |class: Class| {
        !matches!(
            class,
            Class::Reserved | Class::Offline | Class::Hwpoison | Class::Zero
        )
    };
    let mut culprits = report.obstacles.classes.iter();
    let culprit = culprits.find(|culprit| is_had(culprit.class))?;
    Some(Advice {
        text: "Keep what cannot be moved together: reserve huge pages early, or set memory aside for movable pages at boot (movablecore=, kernelcore=).".to_owned(),
        reason: format!(
            "{} of {} blocks of {} hold pages that cannot be moved; {} alone blocks {}, with {} pages in {} blocks.",
            grouped(row.blocked_strict),
            grouped(row.blocks),
            size(row.size),
            culprit.class.name(),
            grouped(culprit.only_obstacle),
            grouped(culprit.pages),
            grouped(culprit.blocks)
        ),
    })
}

/// Pages of this size are had at boot where nothing else helps.
const GIANT: u64 = 1 << 30;

fn giant_pages(row: &Contiguity) -> Option<Advice> {
    let is_blocked = row.blocks > 0 && row.blocked_strict * 2 > row.blocks;
    (is_blocked && row.after_reclaim == 0 && row.huge == 0).then(|| Advice {
        text: "Huge pages of 1 GiB can hardly be had while the machine runs: reserve them at boot (hugepagesz=1G hugepages=N, or hugetlb_cma=).".to_owned(),
        reason: format!(
            "Of {} blocks none is free or could be: {} hold pages that cannot be moved.",
            grouped(row.blocks),
            grouped(row.blocked_strict)
        ),
    })
}

fn score(report: &Report) -> Option<Advice> {
    let proactive = report.proactive_compaction.as_ref();
    let proactive = proactive.filter(|proactive| !proactive.assumed)?;
    let worst = report.free.iter().filter_map(|row| row.node_score).max()?;
    match proactive.high {
        Some(high) if worst > high => Some(Advice {
            text: "The kernel compacts by itself now; if huge pages matter more than its work, raise vm.compaction_proactiveness.".to_owned(),
            reason: format!("The node score is {worst}, above the mark of {high} at which proactive compaction begins."),
        }),
        None if proactive.proactiveness == 0 && worst > 90 => Some(Advice {
            text: "The kernel compacts only when somebody asks for large blocks; vm.compaction_proactiveness=20 lets it begin before.".to_owned(),
            reason: format!("The node score is {worst}, and proactive compaction is off."),
        }),
        _ => None,
    }
}

fn failures(report: &Report) -> Option<Advice> {
    let counter = |name: &str| report.counters.get(name).copied();
    let (fallback, took) = (counter("thp_fault_fallback")?, counter("thp_fault_alloc")?);
    (fallback > took && fallback > 100).then(|| Advice {
        text: "Programs that ask for huge pages mostly do not get them: compact before they start, or let them ask early.".to_owned(),
        reason: format!(
            "Since boot {} faults got no huge page and {} did.",
            grouped(fallback),
            grouped(took)
        ),
    })
}

fn thp(report: &Report) -> Option<Advice> {
    let setting = report.thp.as_deref()?;
    let anon = report.huge.iter().find(|family| family.family == "anon")?;
    let small = anon.pages.saturating_sub(anon.pmd_pages);
    let is_much = report.ram_pages.is_some_and(|ram| small > ram / 10);
    (setting != "always" && is_much).then(|| Advice {
        text: format!("Anonymous memory lies in small pages: transparent huge pages are set to {setting}; always gives them to every program, madvise to those that ask."),
        reason: format!(
            "{} of {} of anonymous memory is not in huge pages.",
            size(small * report.page_size),
            size(anon.pages * report.page_size)
        ),
    })
}

fn doubt(report: &Report, pmd: Option<&Contiguity>) -> Option<Advice> {
    let row = pmd?;
    let quality = &report.quality;
    let unexplained = quality.unexplained();
    let apart = row.blocked_pessimistic.saturating_sub(row.blocked_strict);
    let is_wide = apart * 100 > row.blocks * MANY_BLOCKED && row.blocks > 0;
    (is_wide && unexplained * 2 > quality.unmarked).then(|| Advice {
        text: "Take the range of blocked blocks seriously: what pages without a mark are is not known.".to_owned(),
        reason: format!(
            "{} pages have no mark, and of {} nothing says whether they are free or in use.",
            grouped(quality.unmarked),
            grouped(unexplained)
        ),
    })
}
