//! Large folios as rows, and in the layout of the kernel's `thpmaps`.

use super::{Cell, Column};
use crate::mappings::{Backing, Count, Fit, LargeFolios, ProcessFolios};

/// Columns that every row has, behind those that say whose it is.
const COLUMNS: [Column; 6] = [
    Column::word("kind", 0),
    Column::word("mapped_by", 0),
    Column::word("fit", 0),
    Column::number("folio", 0),
    Column::number("size", 0),
    Column::number("share", 0),
];

/// Columns of processes, or of mappings.
pub fn thp_columns(of_processes: bool, of_mappings: bool) -> Vec<Column> {
    let who = [Column::number("pid", 0), Column::word("name", 0)];
    let what = [Column::word("addresses", 0), Column::word("mapping", 0)];
    let who = who.into_iter().filter(|_| of_processes);
    who.chain(what.into_iter().filter(|_| of_mappings))
        .chain(COLUMNS)
        .collect()
}

/// Rows of all processes together.
pub fn thp_sum_rows(folios: &LargeFolios, page_bytes: u64) -> Vec<Vec<Cell>> {
    let row = |count: &Count| cells(count, folios, page_bytes).to_vec();
    folios.counts().iter().map(row).collect()
}

/// Rows of each process, or of each of its mappings.
pub fn thp_rows(processes: &[ProcessFolios], of_mappings: bool, page_bytes: u64) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for process in processes {
        let who = [
            Cell::Text(process.pid.to_string()),
            Cell::Text(process.name.clone()),
        ];
        let mut push = |what: &[Cell], folios: &LargeFolios| {
            for row in thp_sum_rows(folios, page_bytes) {
                rows.push(who.iter().chain(what).cloned().chain(row).collect());
            }
        };
        match of_mappings {
            false => push(&[], &process.folios),
            true => process.mappings.iter().for_each(|mapping| {
                let line = Line::of(&mapping.line);
                let what = [line.addresses, line.name].map(|text| Cell::Text(text.to_owned()));
                push(&what, &mapping.folios);
            }),
        }
    }
    rows
}

fn cells(count: &Count, folios: &LargeFolios, page_bytes: u64) -> [Cell; 6] {
    let mapped_by = match (count.backing, count.fit) {
        (Backing::Hugetlb, _) => "hugetlb",
        (_, Fit::Pmd | Fit::PmdBlock) => "pmd",
        _ => "pte",
    };
    let fit = match count.fit {
        Fit::Pmd | Fit::Aligned => "aligned",
        Fit::Unaligned => "unaligned",
        Fit::Partial => "partial",
        Fit::PmdBlock | Fit::Block => "cont",
    };
    let folio = count
        .order
        .map(|order| Cell::Bytes(page_bytes << order))
        .unwrap_or(Cell::Empty);
    [
        Cell::Text(count.backing.name().to_owned()),
        Cell::Text(mapped_by.to_owned()),
        Cell::Text(fit.to_owned()),
        folio,
        Cell::Bytes(count.pages * page_bytes),
        Cell::Share(count.pages, folios.resident(count.backing)),
    ]
}

/// The parts of a line of `smaps`.
struct Line<'a> {
    addresses: &'a str,
    permissions: &'a str,
    offset: &'a str,
    device: &'a str,
    inode: &'a str,
    name: &'a str,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let mut fields = line.splitn(6, ' ');
        let mut field = || fields.next().unwrap_or_default();
        Self {
            addresses: field(),
            permissions: field(),
            offset: field(),
            device: field(),
            inode: field(),
            name: field().trim_start(),
        }
    }
}

/// What `thpmaps` heads its mappings with.
const HEADER: &str =
    "       PID             START              END PROT   OFFSET   DEV    INODE OBJECT\n";

/// The layout of `thpmaps`, by mapping.
pub fn thpmaps_text(processes: &[ProcessFolios], page_bytes: u64) -> String {
    let mut text = HEADER.to_owned();
    for process in processes {
        for mapping in &process.mappings {
            let line = Line::of(&mapping.line);
            let (start, end) = line.addresses.split_once('-').unwrap_or_default();
            text += &format!(
                "{:010}: {start:0>16}-{end:0>16} {} {} {} {:0>8} {}\n",
                process.pid, line.permissions, line.offset, line.device, line.inode, line.name
            );
            text += &thpmaps_sum_text(&mapping.folios, page_bytes);
        }
    }
    text
}

/// The same, of all processes together.
pub fn thpmaps_sum_text(folios: &LargeFolios, page_bytes: u64) -> String {
    let line = |count: &Count| {
        let kib = (count.pages * page_bytes) >> 10;
        let whole = folios.resident(count.backing);
        let share = match whole {
            0 => String::new(),
            whole => format!(" ({:2.0}%)", count.pages as f64 / whole as f64 * 100.0),
        };
        let label = label(count, page_bytes) + ":";
        format!("{label:<32}{kib:8} kB{share}\n")
    };
    let mut counts: Vec<&Count> = folios.counts().iter().collect();
    counts.sort_by_key(|count| place_in_thpmaps(count));
    counts.into_iter().map(line).collect()
}

/// Its order: what is mapped by PMD, then the rest, backing by backing; blocks after that, size by size.
fn place_in_thpmaps(count: &Count) -> (Option<u32>, bool, Backing, Fit, Option<u32>) {
    let is_block = matches!(count.fit, Fit::Block | Fit::PmdBlock);
    let by_pte = !matches!(count.fit, Fit::Pmd | Fit::PmdBlock);
    let size = count.order.filter(|_| is_block);
    (size, by_pte, count.backing, count.fit, count.order)
}

/// `thpmaps` has none for hugetlb and none for folios of two pages; these are made in its manner.
fn label(count: &Count, page_bytes: u64) -> String {
    let (name, thp, pte) = match count.backing {
        Backing::Hugetlb => ("hugetlb", "", ""),
        backing => (backing.name(), "-thp", "-pte"),
    };
    let order = count.order.unwrap_or(0);
    let size = (page_bytes << order) >> 10;
    match count.fit {
        Fit::Pmd => format!("{name}{thp}-pmd-aligned-{size}kB"),
        Fit::Aligned => format!("{name}{thp}{pte}-aligned-{size}kB"),
        Fit::Unaligned => format!("{name}{thp}{pte}-unaligned-{size}kB"),
        Fit::Partial => format!("{name}{thp}{pte}-partial"),
        Fit::PmdBlock => format!("{name}-cont-pmd-aligned-{size}kB"),
        Fit::Block => format!("{name}-cont{pte}-aligned-{size}kB"),
    }
}
