//! A process's page table, page by page: as ptexplore prints it, and as rows.

use super::{Cell, Column};
use crate::inventory::Page;
use crate::kernel::{Mapping, PageFlags};
use crate::render::{grouped, size};

/// Columns of a page table.
pub const PAGETABLE_COLUMNS: [Column; 10] = [
    Column::word("address", 0),
    Column::word("state", 0),
    Column::word("physical", 0),
    Column::word("file", 0),
    Column::word("exclusive", 0),
    Column::word("soft_dirty", 0),
    Column::number("mapped", 0),
    Column::word("names", 0),
    Column::word("area", 0),
    Column::word("swap", 0),
];

/// What is behind one page, as a word.
fn state(page: &Page) -> &'static str {
    match page.class {
        Some(_) => "present",
        None if page.entry.is_guard() => "guard",
        None => "swapped",
    }
}

fn swap_place(page: &Page) -> String {
    let (kind, offset) = page.entry.swap().unwrap_or_default();
    format!("type {kind} offset {offset:#x}")
}

/// A page as a row.
pub fn pagetable_row(page: &Page, area: &Mapping, page_bytes: u64) -> Vec<Cell> {
    let entry = page.entry;
    let is_present = page.class.is_some();
    let said = |is_set: bool| match is_present {
        true => Cell::Text(if is_set { "yes" } else { "no" }.to_owned()),
        false => Cell::Empty,
    };
    let of_present = |cell: Cell| if is_present { cell } else { Cell::Empty };
    vec![
        Cell::Hex(page.place * page_bytes),
        Cell::Text(state(page).to_owned()),
        of_present(Cell::Hex(page.offset * page_bytes)),
        said(entry.is_file()),
        said(entry.is_exclusive()),
        said(entry.is_soft_dirty()),
        of_present(Cell::Count(page.map_count)),
        Cell::Words(names(page.flags)),
        Cell::Text(area_name(area)),
        match state(page) {
            "swapped" => Cell::Text(swap_place(page)),
            _ => Cell::Empty,
        },
    ]
}

fn names(flags: PageFlags) -> Vec<String> {
    flags.names()
}

fn area_name(area: &Mapping) -> String {
    match area.name.is_empty() {
        true => "anonymous".to_owned(),
        false => area.shown_name(),
    }
}

/// The line above an area's pages.
pub fn area_line(area: &Mapping) -> String {
    format!(
        "Area '{}', range {:#018x} - {:#018x} ({})\n",
        area_name(area),
        area.start,
        area.end,
        size(area.end - area.start)
    )
}

/// Pages of which there is nothing to say.
pub fn unmapped_line(pages: u64) -> String {
    match pages {
        0 => String::new(),
        pages => format!("... {} non mapped pages ...\n", grouped(pages)),
    }
}

/// The line of a page.
pub fn page_line(page: &Page, page_bytes: u64) -> String {
    let address = format!("{:#018x}: ", page.place * page_bytes);
    match state(page) {
        "guard" => address + "guard page\n",
        "swapped" => format!("{address}swapped {}\n", swap_place(page)),
        _ => {
            let entry = page.entry;
            let word = |is_set: bool, word: &'static str| if is_set { word } else { "" };
            format!(
                "{address}physical address: {:#018x} {}{}{}count:{} flags:{}\n",
                page.offset * page_bytes,
                word(entry.is_file(), "file-page "),
                word(entry.is_exclusive(), "exclusive "),
                word(entry.is_soft_dirty(), "soft-dirty "),
                page.map_count,
                names(page.flags).join(",").to_uppercase()
            )
        }
    }
}
