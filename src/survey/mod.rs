//! One pass over memory for everything that a report says: what stands in aligned blocks of each size, free runs,
//! folios, who is to blame, how much changed meanwhile, and every page as a cell of a map.

mod blame;
mod cells;
mod collector;
mod contents;
mod drift;
mod free_runs;
mod indices;
mod mobility;

pub use blame::{Blame, CheapBlock, STEPS};
pub use cells::{Cells, Runs};
pub use collector::ZoneSurvey;
pub use contents::{BlockCounts, State};
pub use drift::Drift;
pub use free_runs::{FreeRuns, LENGTHS};
pub use indices::{Indices, node_score};
pub use mobility::Mobility;

use jiff::Timestamp;

use self::cells::CellRuns;
use self::collector::{Collector, Plan};
use self::contents::Contents;
use self::drift::Sample;
use crate::classify::{Key, KsmVerdict};
use crate::error::Result;
use crate::kernel::{FreeBlocks, Pfn, PfnSet, ZoneMap, ZonePages, parse_zone_pages};
use crate::orders::{FreeOrders, SystemOrders};
use crate::scan::{Reach, Watcher, sweep};
use crate::source::{Clock, Source, file, free_blocks, highest_order, zones};
use crate::tally::ClassCounts;

/// Pages that are read at once; blocks above this size are put together in the end.
const READ_PAGES: u64 = 1 << 15;

/// What one pass over memory came to.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Where zones are; empty where nothing says.
    pub map: ZoneMap,
    /// Of each zone of the map, or of all memory.
    pub zones: Vec<ZoneSurvey>,
    /// Sizes of blocks in pages, ascending.
    pub sizes: Vec<u64>,
    /// The number of the PMD size among them.
    pub pmd: usize,
    /// Free blocks and folios by order.
    pub orders: SystemOrders,
    /// What stands in the way.
    pub blame: Blame,
    /// Pages that exist and lie in no zone, where something says where zones are.
    pub outside_zones: u64,
    /// Pages by class.
    pub classes: ClassCounts,
    /// Anonymous pages that have the KSM bit.
    pub ksm_marked: u64,
    /// Whether it was believed.
    pub ksm: KsmVerdict,
    /// What changed while memory was read; of a copy that is not known.
    pub drift: Option<Drift>,
    /// Every page, where they were asked for.
    pub cells: Option<Cells>,
    /// What the kernel counts, before, in zones that are meant as a whole.
    pub figures: Vec<ZonePages>,
    /// Free blocks that the kernel counts, before and after.
    pub counted: [Vec<FreeBlocks>; 2],
    /// The first page number after the last.
    pub end: Pfn,
    /// When reading began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
}

/// Surveys all memory of `source`: aligned blocks of the usual sizes and of `more`, in pages; and with `pages_per_cell`
/// every page as a cell.
///
/// # Errors
/// The source cannot be read, or the watcher said stop.
pub fn survey(
    source: &dyn Source,
    more: &[u64],
    pages_per_cell: Option<u64>,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Survey> {
    let start_time = source.time();
    let is_live = source.clock() == Clock::Now;
    let machine = source.machine();
    let figures = source.text(file::ZONEINFO);
    let mut figures = figures.map_or_else(Vec::new, |text| parse_zone_pages(&text));
    let before = free_blocks(source);
    let plan = Plan::new(
        source,
        FreeOrders::new(zones(source), highest_order(source)),
        more,
    );
    if let Some(part) = &machine.selected {
        figures.retain(|row| is_meant(row, plan.free.zones(), &part.pages));
    }
    let new = || {
        let cells = pages_per_cell.map(CellRuns::new);
        let sample = is_live.then(|| Sample::new(machine.end().0, READ_PAGES));
        Collector::new(&plan, sample, cells)
    };
    let reach = Reach::Existing;
    let (mut parts, ksm) = sweep(source, reach, threads, watcher, new, |part, block| {
        part.take(block)
    })?;
    let end_time = source.end_time();
    let after = free_blocks(source);
    let mut drift = is_live.then(Drift::default);
    if let Some(drift) = &mut drift {
        for sample in parts.iter().filter_map(|part| part.sample.as_ref()) {
            sample.compare(source, drift)?;
        }
    }
    let cells: Vec<CellRuns> = parts
        .iter_mut()
        .filter_map(|part| part.cells.take())
        .collect();
    let mut sum = Collector::new(&plan, None, None);
    parts.into_iter().for_each(|part| sum.merge(part));
    for (run, zone) in std::mem::take(&mut sum.edges).joined() {
        sum.zones[zone].runs.add(run);
    }
    count_large(&mut sum, &plan);
    let in_zones: u64 = sum.zones.iter().map(ZoneSurvey::pages).sum();
    let existing = sum.all.total() - sum.all.of(Key::HOLE);
    Ok(Survey {
        map: plan.free.zones().clone(),
        zones: sum.zones,
        sizes: plan.sizes.clone(),
        pmd: plan.pmd,
        orders: sum.orders,
        blame: sum.blame,
        outside_zones: existing - in_zones,
        classes: ClassCounts::settle(&sum.all, ksm),
        ksm_marked: sum.all.says_ksm(),
        ksm,
        drift,
        cells: CellRuns::joined(&cells, sum.end),
        figures,
        counted: [before, after],
        end: sum.end,
        start_time,
        end_time,
    })
}

/// Whether all pages of a zone are among `pages`.
fn is_meant(row: &ZonePages, zones: &ZoneMap, pages: &PfnSet) -> bool {
    let own = zones.pages_of(|zone| zone.node == row.node && zone.name == row.zone);
    own.intersect(pages).pages() == own.pages()
}

/// Blocks that are larger than what is read at once.
fn count_large(sum: &mut Collector<'_>, plan: &Plan<'_>) {
    let mut reads = std::mem::take(&mut sum.reads);
    reads.sort_unstable_by_key(|(start, _)| *start);
    for (number, &pages) in plan.sizes.iter().enumerate() {
        if pages <= READ_PAGES {
            continue;
        }
        let same =
            |one: &(Pfn, Contents), next: &(Pfn, Contents)| one.0.0 / pages == next.0.0 / pages;
        for parts in reads.chunk_by(same) {
            let mut contents = Contents::default();
            parts.iter().for_each(|(_, part)| contents.append(part));
            // Of a read that was all hole nothing was kept.
            contents.begins_with_head &= parts[0].0.0.is_multiple_of(pages);
            sum.count(number, Pfn(parts[0].0.0 / pages * pages), &contents);
        }
    }
}
