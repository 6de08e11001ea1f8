//! What the numbers mean in a sentence, and what follows from them. Nothing is said that a number does not say.

use serde::Serialize;

use super::Report;
use super::contiguity::Contiguity;
use super::level::{Level, culprit, nodes};
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
    let machine = pmd.and_then(|row| huge_pages(row));
    // What the machine as a whole lacks its nodes lack.
    let level = pmd.map_or(Level::Unknown, |row| Level::of(row));
    let worse = nodes(report).filter(|row| machine.is_none() || Level::of(row) > level);
    let nodes: Vec<Advice> = worse.filter_map(huge_pages).collect();
    let found = [
        idle_pool(report),
        pmd.and_then(|row| blocked(report, row)),
        giant.and_then(|row| giant_pages(row)),
        trend(report),
        score(report),
        failures(report),
        thp(report),
        doubt(report, pmd.copied()),
    ];
    let found = found.into_iter().flatten();
    let mut advice: Vec<Advice> = machine.into_iter().chain(nodes).chain(found).collect();
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

/// A share of blocked blocks that is worth a word, in per cent.
const MANY_BLOCKED: u64 = 20;

/// Blocks that compaction gains and that are worth a word though enough are free: one in so many.
const MUCH: u64 = 5;

fn huge_pages(row: &Contiguity) -> Option<Advice> {
    let size = size(row.size);
    let (what, compact) = match row.scope.node {
        None => (size, "echo 1 > /proc/sys/vm/compact_memory".to_owned()),
        Some(node) => (
            format!("{size} on node {node}"),
            format!("echo 1 > /sys/devices/system/node/node{node}/compact"),
        ),
    };
    let gain = row.after_compaction - row.free;
    let is_much = gain > row.free && gain.saturating_mul(MUCH) >= row.blocks;
    if row.blocks == 0 || (Level::of(row) == Level::Free && !is_much) {
        return None;
    }
    let cost = row.cost.last().map_or(0, |cost| cost.pages_to_migrate);
    let level = Level::of(row);
    if matches!(level, Level::Free | Level::Compaction) {
        return Some(Advice {
            text: format!("For more huge pages of {what}, compact memory: {compact}."),
            reason: format!(
                "{} are free now and {} could be; {} pages would move for all of them.",
                grouped(row.free),
                grouped(row.after_compaction),
                grouped(cost)
            ),
        });
    }
    if level == Level::Reclaim {
        return Some(Advice {
            text: format!(
                "For more huge pages of {what}, drop clean cache and compact: sync; echo 3 > /proc/sys/vm/drop_caches; {compact}."
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
    let culprit = culprit(report)?;
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

/// Fewer blocks of that size are not worth reserving one.
const FEW_GIANTS: u64 = 4;

fn giant_pages(row: &Contiguity) -> Option<Advice> {
    // A machine of few such blocks has other uses for them.
    let is_blocked = row.blocks >= FEW_GIANTS && row.blocked_strict * 2 > row.blocks;
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

/// Faults without a huge page that are worth a word.
const SOME_FAULTS: u64 = 20;

fn failures(report: &Report) -> Option<Advice> {
    let (counters, since) = match &report.counters_grown {
        Some(grown) => (grown, "During the readings"),
        None => (&report.counters, "Since boot"),
    };
    let counter = |name: &str| counters.get(name).copied();
    let (fallback, took) = (counter("thp_fault_fallback")?, counter("thp_fault_alloc")?);
    (fallback > took && fallback > SOME_FAULTS).then(|| Advice {
        text: "Programs that ask for huge pages mostly do not get them: compact before they start, or let them ask early.".to_owned(),
        reason: format!(
            "{since} {} faults got no huge page and {} did.",
            grouped(fallback),
            grouped(took)
        ),
    })
}

/// Free huge pages of the pool, from which only those get who ask by hugetlbfs.
fn idle_pool(report: &Report) -> Option<Advice> {
    let pages = *report.classes.get(Class::HugetlbFree.name())?;
    let is_much = report.ram_pages.is_some_and(|ram| pages > ram / 50);
    is_much.then(|| Advice {
        text: "Huge pages lie idle in the pool of hugetlb: programs that ask for those get them, others do not unless the pool is made smaller.".to_owned(),
        reason: format!("{} are in the pool and hold nothing.", size(pages * report.page_size)),
    })
}

/// A series in which free blocks became much fewer.
fn trend(report: &Report) -> Option<Advice> {
    let (first, last) = (report.trend.first()?, report.trend.last()?);
    (last.free * 2 < first.free).then(|| Advice {
        text: "See what took the blocks: pagemap-viz diff on the first and the last reading draws it, and counts what pages became.".to_owned(),
        reason: format!(
            "From the first reading to the last, free blocks of {} went from {} to {}, and blocked ones from {} to {}.",
            size(report.pmd_size),
            grouped(first.free),
            grouped(last.free),
            grouped(first.blocked_strict),
            grouped(last.blocked_strict)
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
