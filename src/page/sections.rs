//! A report as titles, sentences, tables and charts: the same for every kind of page.

use super::charts::{self, Chart};
use crate::render::{grouped, share, size};
use crate::report::{Contiguity, Report};

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
        Some(contiguity(report)),
        trend(report),
        Some(free(report)),
        Some(obstacles(report)),
        Some(huge(report)),
        counters(report),
        Some(advice(report)),
        Some(quality(report)),
    ];
    parts.into_iter().flatten().collect()
}

fn want(report: &Report) -> Option<Section> {
    let row = |answer: &crate::report::Answer| {
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

fn contiguity(report: &Report) -> Section {
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

fn trend(report: &Report) -> Option<Section> {
    if report.trend.len() < 2 {
        return None;
    }
    let row = |moment: &crate::report::Moment| {
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

fn free(report: &Report) -> Section {
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
    if let Some(proactive) = report.proactive_compaction {
        for (node, score) in scores {
            let assumed = if proactive.assumed {
                ", the kernel's default"
            } else {
                ""
            };
            text.push(format!(
                "{node}: external fragmentation scores {score} of 100. Proactive compaction begins above {} and ends at {} (proactiveness {}{assumed}).",
                proactive.high, proactive.low, proactive.proactiveness
            ));
        }
    }
    text.push("The fragmentation index says something only where a request would fail (not −1000): towards 0 for lack of memory, towards 1000 for fragmentation; in practice it begins at 500.".to_owned());
    let orders = machine.free_blocks.len();
    let row = |order: usize| {
        let indices = [
            machine.unusable_index[order].to_string(),
            machine.fragmentation_index[order]
                .to_string()
                .replace('-', "−"),
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

fn zones_free(report: &Report) -> Table {
    let row = |row: &crate::report::FreeMemory| {
        vec![
            Cell::from(row.scope.name()),
            size(row.free_pages * report.page_size).into(),
            row.watermark_high
                .map_or_else(Cell::default, |pages| size(pages * report.page_size).into()),
            format!("{} %", row.external_fragmentation).into(),
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
            number("longest run", ""),
            number("at PFN", ""),
        ],
        rows: report.free.iter().map(row).collect(),
    }
}

fn obstacles(report: &Report) -> Section {
    let obstacles = &report.obstacles;
    let name = size(report.pmd_size);
    let culprit = |culprit: &crate::report::Culprit| {
        vec![
            Cell::from(culprit.class.name().to_owned()),
            count(culprit.only_obstacle),
            count(culprit.blocks),
            count(culprit.pages),
        ]
    };
    let cheap = |block: &crate::report::Cheapest| {
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
            count(u64::from(block.movable)),
            contents.join(", ").into(),
        ]
    };
    let mut text = Vec::new();
    if let Some(first) = obstacles.classes.first() {
        let bytes = size(first.blocks * report.pmd_size);
        text.push(format!(
            "{} pages of {} stand in {} blocks of {name}, {bytes} in all.",
            grouped(first.pages),
            first.class.name(),
            grouped(first.blocks)
        ));
    } else {
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
                rows: obstacles.classes.iter().map(culprit).collect(),
            },
            Table {
                title: "Blocks that the fewest pages keep from being free".to_owned(),
                is_folded: false,
                head: vec![
                    number("PFN", ""),
                    number("unmovable", ""),
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
    let row = |(zone, types): (&String, &std::collections::BTreeMap<String, u64>)| {
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

fn huge(report: &Report) -> Section {
    let name = size(report.pmd_size);
    let row = |family: &crate::report::FolioCounts| {
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

fn small_anonymous(processes: &crate::report::Processes) -> Table {
    let row = |process: &crate::report::SmallAnonymous| {
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
    let row = |advice: &crate::report::Advice| {
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

fn quality(report: &Report) -> Section {
    let quality = &report.quality;
    let mut text = Vec::new();
    match (quality.seconds, quality.drift_sampled, quality.drift_changed) {
        (Some(seconds), Some(sampled), Some(changed)) => text.push(format!(
            "Memory was read in {seconds:.2} s while it went on changing: of {} pages that were read twice {} ({}) had become something else.",
            grouped(sampled), grouped(changed), share(changed, sampled.max(1))
        )),
        (Some(seconds), ..) => text.push(format!("Memory was read in {seconds:.2} s while it went on changing.")),
        _ => text.push("How long it took to read is not known of a copy.".to_owned()),
    }
    if let Some(difference) = quality.buddyinfo_difference {
        text.push(match difference {
            0 => {
                "Free blocks are those that the kernel counts, in every zone and order.".to_owned()
            }
            pages => format!(
                "Free blocks and the kernel's own counts differ by {} pages.",
                grouped(pages)
            ),
        });
    }
    let page = report.page_size;
    text.push(format!(
        "{} have no mark: {} wait on processors' lists to be free, {} are free and were never set up by the kernel, the rest is in use without a mark.",
        size(quality.unmarked * page),
        size(quality.unmarked_waiting * page),
        size(quality.unmarked_not_set_up * page)
    ));
    if quality.unevictable > 0 {
        text.push(format!(
            "{} are locked in memory and count as movable.",
            size(quality.unevictable * page)
        ));
    }
    match quality.pinned {
        Some(pages) if pages > 0 => text.push(format!(
            "Drivers hold {} pages for good, which look movable: what can be had is at most what is said.", grouped(pages)
        )),
        _ => {}
    }
    if !quality.ksm_believed {
        text.push("The mark of KSM was not believed, or no page has it.".to_owned());
    }
    for missing in &quality.missing {
        text.push(format!("Missing: {missing}."));
    }
    Section {
        text,
        ..section("quality", "How far this can be trusted")
    }
}
