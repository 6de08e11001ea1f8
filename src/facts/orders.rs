//! Blocks by order as rows, and in the layout of mem_hist.py.

use super::{Cell, Column};
use crate::mappings::{MappingOrders, ProcessOrders};
use crate::render::size;

/// Which mappings are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Omitted {
    /// Not those of files.
    pub file_backed: bool,
    /// Not those of which nothing is present.
    pub unfaulted: bool,
}

impl Omitted {
    fn keeps(self, mapping: &MappingOrders) -> bool {
        let is_empty = mapping.blocks.pages() == 0;
        !(self.file_backed && mapping.mapping.is_of_file() || self.unfaulted && is_empty)
    }
}

/// Columns of a table of processes, or of mappings: names, what is present, and blocks by their size.
pub fn order_columns(max_order: u32, page_bytes: u64, of_mappings: bool) -> Vec<Column> {
    let sizes = (0..=max_order).map(|order| Column {
        name: size(page_bytes << order).replace(' ', "").into(),
        width: 0,
        is_number: true,
    });
    let mapping = [
        Column::word("addresses", 0),
        Column::word("perms", 0),
        Column::word("mapping", 0),
    ];
    [Column::number("pid", 0), Column::word("name", 0)]
        .into_iter()
        .chain(mapping.into_iter().filter(|_| of_mappings))
        .chain([Column::number("present", 0)])
        .chain(sizes)
        .collect()
}

/// A row of each process, those with the largest blocks last; or of each of its mappings.
pub fn order_rows(
    processes: &[ProcessOrders],
    page_bytes: u64,
    of_mappings: Option<Omitted>,
) -> Vec<Vec<Cell>> {
    let counts = |blocks: &crate::mappings::Blocks| {
        let present = Cell::Bytes(blocks.pages() * page_bytes);
        let counts = blocks.of().iter().map(|&blocks| Cell::Count(blocks));
        [present].into_iter().chain(counts).collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    for process in processes {
        let who = [
            Cell::Text(process.pid.to_string()),
            Cell::Text(process.name.clone()),
        ];
        let Some(omitted) = of_mappings else {
            rows.push(who.into_iter().chain(counts(&process.blocks)).collect());
            continue;
        };
        for MappingOrders { mapping, blocks } in process
            .mappings
            .iter()
            .filter(|mapping| omitted.keeps(mapping))
        {
            let (start, end) = (mapping.start, mapping.end);
            let what = [
                Cell::Text(format!("{start:x}-{end:x}")),
                Cell::Text(mapping.permissions.clone()),
                Cell::Text(mapping.shown_name()),
            ];
            rows.push(
                who.iter()
                    .cloned()
                    .chain(what)
                    .chain(counts(blocks))
                    .collect(),
            );
        }
    }
    rows
}

/// The layout of mem_hist.py: a line for each process, those of its mappings below.
pub fn mem_hist_text(processes: &[ProcessOrders], omitted: Omitted) -> String {
    let mut text = String::new();
    for process in processes
        .iter()
        .filter(|process| !process.mappings.is_empty())
    {
        let ProcessOrders {
            pid, name, blocks, ..
        } = process;
        let list = format!("{:?}", blocks.of());
        text += &format!("process {pid:<18} {name:<25} {list:<50}\n");
        let mut mappings: Vec<_> = process
            .mappings
            .iter()
            .filter(|m| omitted.keeps(m))
            .collect();
        mappings.sort_by_key(|mapping| mapping.blocks.largest_first());
        for MappingOrders { mapping, blocks } in mappings {
            let (start, end) = (mapping.start, mapping.end);
            let kib = format!("{}k", (end - start) >> 10);
            let (perms, name) = (&mapping.permissions, mapping.shown_name());
            let list = format!("{:?}", blocks.of());
            text +=
                &format!("  {start:016x}-{end:016x} {kib:<8} {perms:<4} {list:<50} {name:<40}\n");
        }
    }
    text
}
