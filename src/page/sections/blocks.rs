//! How many large blocks can be had.

use super::{Cell, Section, Table, count, number, section, word};
use crate::render::{grouped, share, size};
use crate::report::{Contiguity, Report};

const BLOCKS: [(&str, &str); 7] = [
    ("free now", "aligned blocks that are free as a whole"),
    (
        "after compaction",
        "could be free when movable pages are moved, as far as free memory above the high watermark goes",
    ),
    (
        "after reclaim",
        "the same when clean page cache and reclaimable slab are dropped first",
    ),
    (
        "blocked",
        "something stands in them that cannot be moved; at most: pages without a mark counted, too",
    ),
    (
        "at most",
        "blocked, with pages without a mark counted as unmovable",
    ),
    ("huge", "covered by one folio"),
    ("ideal", "all free and movable memory, perfectly grouped"),
];

fn contiguity_table(
    title: String,
    rows: &[&Contiguity],
    is_folded: bool,
    has_scope: bool,
) -> Table {
    let scope = has_scope.then(|| word("of"));
    let numbers = BLOCKS.iter().map(|&(name, hint)| number(name, hint));
    let head = scope.into_iter().chain([word("size")]).chain(numbers);
    let row = |row: &&Contiguity| {
        let scope = has_scope.then(|| Cell::from(row.scope.name()));
        let cells = [
            size(row.size).into(),
            count(row.free),
            count(row.after_compaction),
            count(row.after_reclaim),
            blocked(row.blocked_strict, row.blocks),
            blocked(row.blocked_pessimistic, row.blocks),
            count(row.huge),
            count(row.ideal),
        ];
        scope.into_iter().chain(cells).collect()
    };
    Table {
        title,
        is_folded,
        head: head.collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn blocked(blocks: u64, all: u64) -> Cell {
    match all {
        0 => count(blocks),
        _ => format!("{} ({})", grouped(blocks), share(blocks, all)).into(),
    }
}

pub(super) fn contiguity(report: &Report) -> Section {
    let machine = report.machine_rows();
    let of = |scope: &str| -> Vec<&Contiguity> {
        let rows = report.contiguity.iter();
        rows.filter(|row| row.scope.scope == scope).collect()
    };
    let mut tables = vec![contiguity_table(String::new(), &machine, false, false)];
    let nodes = of("node");
    if nodes.len() > machine.len() {
        tables.push(contiguity_table(
            "By NUMA node".to_owned(),
            &nodes,
            false,
            true,
        ));
    }
    let zones = of("zone");
    if zones.len() > machine.len() {
        tables.push(contiguity_table("By zone".to_owned(), &zones, true, true));
    }
    tables.push(costs(&machine));
    Section {
        text: vec![
            "Blocks of a size, each on a multiple of its size and in one zone. The kernel can move pages of processes and of files out of a block, not its own.".to_owned(),
        ],
        tables,
        ..section("contiguity", "How many large blocks can be had")
    }
}

fn costs(rows: &[&Contiguity]) -> Table {
    let cost = |row: &&Contiguity| {
        let size = size(row.size);
        let costs = row.cost.clone();
        costs.into_iter().map(move |cost| {
            vec![
                Cell::from(size.clone()),
                count(cost.blocks),
                count(cost.pages_to_migrate),
            ]
        })
    };
    Table {
        title: "What the first blocks cost".to_owned(),
        is_folded: true,
        head: vec![
            word("size"),
            number("free blocks", "those that are free now included"),
            number("pages to migrate", "the cheapest blocks first"),
        ],
        rows: rows.iter().flat_map(cost).collect(),
    }
}
