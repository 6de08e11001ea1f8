//! A report as titles, sentences, tables and charts: the same for every kind of page.

mod blocks;
mod free;
mod huge;
mod obstacles;
mod quality;

use super::charts::{self, Chart};
use crate::render::{grouped, size};
use crate::report::{Advice, Answer, Moment, Report};

/// A part of the page.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: Vec<String>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
}

/// Rows of words and numbers.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) title: String,
    /// Whether it is shown only when it is asked for.
    pub(super) is_folded: bool,
    pub(super) head: Vec<Head>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
    /// What it means, where its name does not say it.
    pub(super) hint: &'static str,
}

/// A word or a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// A page to show on the map.
    pub(super) pfn: Option<String>,
}

fn word(name: &'static str) -> Head {
    Head {
        name,
        is_number: false,
        hint: "",
    }
}

fn number(name: &'static str, hint: &'static str) -> Head {
    Head {
        name,
        is_number: true,
        hint,
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, pfn: None }
    }
}

fn count(number: u64) -> Cell {
    grouped(number).into()
}

fn section(id: &'static str, title: &'static str) -> Section {
    Section {
        id,
        title,
        text: Vec::new(),
        charts: Vec::new(),
        tables: Vec::new(),
    }
}

/// All parts, in the order of the page.
pub(super) fn sections(report: &Report) -> Vec<Section> {
    let parts = [
        want(report),
        Some(blocks::contiguity(report)),
        trend(report),
        Some(free::free(report)),
        Some(obstacles::obstacles(report)),
        Some(huge::huge(report)),
        counters(report),
        Some(advice(report)),
        Some(quality::quality(report)),
    ];
    parts.into_iter().flatten().collect()
}

fn want(report: &Report) -> Option<Section> {
    let row = |answer: &Answer| {
        vec![
            Cell::from(answer.scope.clone()),
            format!("{} × {}", grouped(answer.wanted), size(answer.size)).into(),
            answer.verdict.sentence().to_owned().into(),
            count(answer.free),
            count(answer.after_compaction),
            count(answer.after_reclaim),
            answer.pages_to_migrate.map_or_else(Cell::default, count),
        ]
    };
    let table = Table {
        title: String::new(),
        is_folded: false,
        head: vec![
            word("of"),
            word("wanted"),
            word("answer"),
            number("free now", ""),
            number("after compaction", ""),
            number("after reclaim", ""),
            number("pages to migrate", "for those that are wanted"),
        ],
        rows: report.want.iter().map(row).collect(),
    };
    (!report.want.is_empty()).then(|| Section {
        tables: vec![table],
        ..section("want", "Can they be had?")
    })
}

fn trend(report: &Report) -> Option<Section> {
    if report.trend.len() < 2 {
        return None;
    }
    let row = |moment: &Moment| {
        vec![
            Cell::from(moment.frame.to_string()),
            super::shown(&moment.time).into(),
            count(moment.free_pages),
            count(moment.free),
            count(moment.after_compaction),
            count(moment.blocked_strict),
            count(moment.huge),
            format!("{} %", moment.external_fragmentation).into(),
        ]
    };
    let name = size(report.pmd_size);
    Some(Section {
        charts: vec![charts::trend(&report.trend, &name)],
        tables: vec![Table {
            title: format!("Blocks of {name}, reading by reading"),
            is_folded: true,
            head: vec![
                number("reading", ""),
                word("time"),
                number("free pages", ""),
                number("free now", ""),
                number("after compaction", ""),
                number("blocked", ""),
                number("huge", ""),
                number("external fragmentation", "extfrag_for_order"),
            ],
            rows: report.trend.iter().map(row).collect(),
        }],
        ..section("trend", "How it changed")
    })
}

fn counters(report: &Report) -> Option<Section> {
    if report.counters.is_empty() {
        return None;
    }
    let grown = report.counters_grown.as_ref();
    let row = |(name, &value): (&String, &u64)| {
        let mut cells = vec![Cell::from(name.clone()), count(value)];
        if let Some(grown) = grown {
            cells.push(
                grown
                    .get(name)
                    .map_or_else(Cell::default, |&value| count(value)),
            );
        }
        cells
    };
    let mut head = vec![word("counter"), number("since boot", "")];
    if grown.is_some() {
        head.push(number(
            "in the series",
            "from the first reading to the last",
        ));
    }
    let told = report.counters.iter().filter(|(_, value)| **value > 0);
    Some(Section {
        text: vec![
            "Counters of compaction, huge pages and stalls that are not 0 (proc/vmstat)."
                .to_owned(),
        ],
        tables: vec![Table {
            title: "Counters".to_owned(),
            is_folded: true,
            head,
            rows: told.map(row).collect(),
        }],
        ..section("counters", "What the kernel counted")
    })
}

fn advice(report: &Report) -> Section {
    let row = |advice: &Advice| {
        vec![
            Cell::from(advice.text.clone()),
            advice.reason.clone().into(),
        ]
    };
    Section {
        tables: vec![Table {
            title: String::new(),
            is_folded: false,
            head: vec![word("what would help"), word("because")],
            rows: report.advice.iter().map(row).collect(),
        }],
        ..section("advice", "What would help")
    }
}
