//! How much is in huge pages.

use super::{Cell, Section, Table, number, section, word};
use crate::render::{grouped, share, size};
use crate::report::{FolioCounts, Processes, Report, SmallAnonymous};

pub(super) fn huge(report: &Report) -> Section {
    let name = size(report.pmd_size);
    let row = |family: &FolioCounts| {
        let sizes = family
            .folios
            .iter()
            .enumerate()
            .filter(|(_, folios)| **folios > 0);
        let sizes: Vec<String> = sizes
            .map(|(order, folios)| {
                format!("{} × {}", grouped(*folios), size(report.page_size << order))
            })
            .collect();
        vec![
            Cell::from(family.family.to_owned()),
            size(family.pages * report.page_size).into(),
            match family.pages {
                0 => Cell::default(),
                pages => share(family.pmd_pages, pages).into(),
            },
            sizes.join(", ").into(),
        ]
    };
    let families = report.huge.iter().filter(|family| family.pages > 0);
    let mut tables = vec![Table {
        title: "Memory by the folios that it lies in".to_owned(),
        is_folded: false,
        head: vec![
            word("family"),
            number("memory", ""),
            number(
                "in huge pages",
                "in folios of at least the PMD size, mapped by a PMD or not",
            ),
            word("folios"),
        ],
        rows: families.map(row).collect(),
    }];
    let mut text = Vec::new();
    if let Some(thp) = &report.thp {
        text.push(format!(
            "Transparent huge pages are set to {thp}; a huge page has {name}."
        ));
    }
    if let Some(processes) = report.processes.as_ref().filter(|all| !all.top.is_empty()) {
        tables.push(small_anonymous(processes));
    }
    Section {
        text,
        tables,
        ..section("huge", "How much is in huge pages")
    }
}

fn small_anonymous(processes: &Processes) -> Table {
    let row = |process: &SmallAnonymous| {
        let small = process.anonymous.saturating_sub(process.huge);
        vec![
            Cell::from(process.pid.to_string()),
            process.comm.clone().into(),
            size(small).into(),
            size(process.anonymous).into(),
        ]
    };
    Table {
        title: "Processes with most anonymous memory that no PMD maps".to_owned(),
        is_folded: false,
        head: vec![
            number("PID", ""),
            word("process"),
            number("in small pages", ""),
            number("anonymous", ""),
        ],
        rows: processes.top.iter().map(row).collect(),
    }
}
