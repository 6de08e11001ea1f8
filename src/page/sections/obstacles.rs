//! What stands in the way.

use std::collections::BTreeMap;

use super::{Cell, Section, Table, charts, count, number, section, word};
use crate::render::{counted, grouped, size};
use crate::report::{Cheapest, Culprit, Report, culprit};

pub(super) fn obstacles(report: &Report) -> Section {
    let obstacles = &report.obstacles;
    let name = size(report.pmd_size);
    let row = |culprit: &Culprit| {
        vec![
            Cell::from(culprit.class.name().to_owned()),
            count(culprit.only_obstacle),
            count(culprit.blocks),
            count(culprit.pages),
        ]
    };
    let cheap = |block: &Cheapest| {
        let contents = block.contents.iter();
        let contents: Vec<String> = contents
            .map(|content| format!("{} {}", content.pages, content.class.name()))
            .collect();
        vec![
            Cell {
                text: format!("{:#x}", block.pfn),
                pfn: Some(format!("{:#x}", block.pfn)),
            },
            count(u64::from(block.unmovable)),
            count(u64::from(block.unmarked)),
            count(u64::from(block.movable)),
            contents.join(", ").into(),
        ]
    };
    let mut text = Vec::new();
    if let Some(first) = culprit(report) {
        let bytes = size(first.blocks * report.pmd_size);
        text.push(format!(
            "Most in the way: {}, with {} in {} of {name}, {bytes} in all.",
            first.class.name(),
            counted(first.pages, "page"),
            counted(first.blocks, "block")
        ));
    } else if obstacles.classes.is_empty() {
        text.push(format!(
            "Nothing that cannot be moved stands in a whole block of {name}."
        ));
    }
    Section {
        text,
        charts: match obstacles.classes.is_empty() {
            true => Vec::new(),
            false => vec![charts::unmovable(&obstacles.histogram)],
        },
        tables: vec![
            Table {
                title: format!("What cannot be moved, in blocks of {name}"),
                is_folded: false,
                head: vec![
                    word("class"),
                    number("only obstacle", "blocks that nothing else blocks"),
                    number("blocks", "blocks that it stands in"),
                    number("pages", "its pages in them"),
                ],
                rows: obstacles.classes.iter().map(row).collect(),
            },
            Table {
                title: "Blocks that the fewest pages keep from being free".to_owned(),
                is_folded: false,
                head: vec![
                    number("PFN", ""),
                    number("unmovable", ""),
                    number("no mark", "free on a processor's list, or in use"),
                    number("movable", ""),
                    word("contents"),
                ],
                rows: obstacles.cheapest.iter().map(cheap).collect(),
            },
            block_types(report),
        ],
        ..section("obstacles", "What stands in the way")
    }
}

fn block_types(report: &Report) -> Table {
    let row = |(zone, types): (&String, &BTreeMap<String, u64>)| {
        let told = types.iter().filter(|(_, blocks)| **blocks > 0);
        let told: Vec<String> = told
            .map(|(name, blocks)| format!("{} {name}", grouped(*blocks)))
            .collect();
        vec![Cell::from(zone.clone()), told.join(", ").into()]
    };
    Table {
        title: "What the kernel means blocks for (pagetypeinfo)".to_owned(),
        is_folded: true,
        head: vec![word("of"), word("blocks")],
        rows: report.block_types.iter().map(row).collect(),
    }
}
