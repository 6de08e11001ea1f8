//! How free memory lies.

use super::{Cell, Section, Table, charts, count, number, section, word};
use crate::render::size;
use crate::report::{FreeMemory, ProactiveCompaction, Report};

pub(super) fn free(report: &Report) -> Section {
    let machine = &report.free[0];
    let mut text = vec![format!(
        "{} are free. The longest run is {} at PFN {:#x}.",
        size(machine.free_pages * report.page_size),
        size(machine.longest_run_pages * report.page_size),
        machine.longest_run_pfn
    )];
    let scores = report
        .free
        .iter()
        .filter_map(|row| Some((row.scope.name(), row.node_score?)));
    for (node, score) in scores {
        let marks = report.proactive_compaction.map(proactive);
        text.push(format!(
            "{node}: external fragmentation scores {score} of 100.{}",
            marks.unwrap_or_default()
        ));
    }
    text.push("The fragmentation index says something only where a request would fail (not −1000): towards 0 for lack of memory, towards 1000 for fragmentation; in practice it begins at 500.".to_owned());
    let orders = machine.free_blocks.len();
    let row = |order: usize| {
        let indices = [
            machine.unusable_index[order].to_string(),
            minus(machine.fragmentation_index[order]),
        ];
        let mut cells = vec![
            Cell::from(order.to_string()),
            size(report.page_size << order).into(),
            count(machine.free_blocks[order]),
        ];
        cells.extend(indices.map(Cell::from));
        cells
    };
    let mut tables = vec![Table {
        title: "Free blocks and the kernel's indices, of the machine".to_owned(),
        is_folded: true,
        head: vec![
            number("order", ""),
            number("size", ""),
            number("free blocks", ""),
            number("unusable index", "unusable_free_index, in 1/1000"),
            number("fragmentation index", "__fragmentation_index, in 1/1000"),
        ],
        rows: (0..orders).map(row).collect(),
    }];
    tables.push(zones_free(report));
    Section {
        text,
        charts: vec![
            charts::free_by_order(machine, report.page_size),
            charts::coverage(machine, report.page_size),
        ],
        tables,
        ..section("free", "How free memory lies")
    }
}

/// When the kernel compacts before anybody asks.
fn proactive(settings: ProactiveCompaction) -> String {
    let assumed = if settings.assumed {
        ", the kernel's default"
    } else {
        ""
    };
    match (settings.high, settings.low) {
        (Some(high), Some(low)) => format!(
            " Proactive compaction begins above {high} and ends at {low} (proactiveness {}{assumed}).",
            settings.proactiveness
        ),
        _ if settings.proactiveness == 0 => " Proactive compaction is off.".to_owned(),
        _ => format!(
            " Proactive compaction is eager (proactiveness {}).",
            settings.proactiveness
        ),
    }
}

fn zones_free(report: &Report) -> Table {
    let row = |row: &FreeMemory| {
        vec![
            Cell::from(row.scope.name()),
            size(row.free_pages * report.page_size).into(),
            row.watermark_high.map_or_else(Cell::default, |pages| {
                size(pages.saturating_mul(report.page_size)).into()
            }),
            format!("{} %", row.external_fragmentation).into(),
            at_pmd(&row.unusable_index, report)
                .map_or_else(Cell::default, |index| index.to_string().into()),
            at_pmd(&row.fragmentation_index, report)
                .map_or_else(Cell::default, |index| minus(index).into()),
            size(row.longest_run_pages * report.page_size).into(),
            Cell {
                text: format!("{:#x}", row.longest_run_pfn),
                pfn: (row.longest_run_pages > 0).then(|| format!("{:#x}", row.longest_run_pfn)),
            },
        ]
    };
    Table {
        title: "Free memory by zone".to_owned(),
        is_folded: true,
        head: vec![
            word("of"),
            number("free", ""),
            number("high watermark", "what kswapd keeps free"),
            number("external fragmentation", "extfrag_for_order of a huge page"),
            number(
                "unusable index",
                "unusable_free_index of a huge page, in 1/1000",
            ),
            number(
                "fragmentation index",
                "__fragmentation_index of a huge page, in 1/1000",
            ),
            number("longest run", ""),
            number("at PFN", ""),
        ],
        rows: report.free.iter().map(row).collect(),
    }
}

/// Of a number for each order that of a huge page.
fn at_pmd<T: Copy>(each: &[T], report: &Report) -> Option<T> {
    let order = (report.pmd_size / report.page_size).ilog2() as usize;
    each.get(order).copied()
}

fn minus(index: i64) -> String {
    index.to_string().replace('-', "−")
}
