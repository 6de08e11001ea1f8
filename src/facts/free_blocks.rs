//! Blocks of a whole machine by order as rows, and whether free ones agree with what the kernel counts.

use serde_json::{Value, json};

use super::{Cell, Column};
use crate::kernel::ZoneMap;
use crate::orders::{Agreement, Counts, FAMILIES, SystemOrders};
use crate::render::{grouped, size};
use crate::scan::Spent;

/// Columns of a table of free blocks and folios: what, where, memory, and blocks by their size up to
/// `highest`.
pub fn system_columns(highest: u32, page_bytes: u64) -> Vec<Column> {
    let sizes = (0..=highest).map(|order| Column {
        name: size(page_bytes << order).replace(' ', "").into(),
        width: 0,
        is_number: true,
    });
    let first = [
        Column::word("what", 0),
        Column::word("zone", 0),
        Column::number("memory", 0),
    ];
    first.into_iter().chain(sizes).collect()
}

/// A row of each zone's free blocks, of what the kernel counts of them where `agreements` are shown, and of
/// each family's folios; and the highest order that any of them has.
pub fn system_rows(
    orders: &SystemOrders,
    zones: &ZoneMap,
    agreements: &[Agreement],
    highest: u32,
    page_bytes: u64,
) -> (Vec<Vec<Cell>>, u32) {
    let folios = orders.folios.iter();
    let largest = |counts: &Counts| counts.blocks.iter().rposition(|&blocks| blocks > 0);
    let largest = folios.filter_map(largest).max().unwrap_or(0) as u32;
    let highest = highest.max(largest);
    let row = |what: &str, zone: &str, pages: u64, blocks: &[u64]| -> Vec<Cell> {
        let block = |order: u32| match blocks.get(order as usize) {
            Some(&blocks) => Cell::Count(blocks),
            None => Cell::Empty,
        };
        let first = [
            Cell::Text(what.to_owned()),
            Cell::Text(zone.to_owned()),
            Cell::Bytes(pages.saturating_mul(page_bytes)),
        ];
        first.into_iter().chain((0..=highest).map(block)).collect()
    };
    let mut rows = Vec::new();
    for (number, counts) in orders.free.iter().enumerate() {
        let zone = zones.zones().get(number);
        let name = zone.map_or_else(String::new, |zone| {
            format!("Node {} {}", zone.node, zone.name)
        });
        if zone.is_none() && counts.pages == 0 {
            continue;
        }
        rows.push(row("free", &name, counts.pages, &counts.blocks));
        let counted = agreements.iter().filter(|one| Some(&one.zone) == zone);
        for agreement in counted {
            for (what, blocks) in [
                ("counted before", &agreement.before),
                ("counted after", &agreement.after),
            ] {
                rows.push(row(what, &name, pages(blocks), blocks));
            }
        }
    }
    for ((_, name, _), counts) in FAMILIES.iter().zip(&orders.folios) {
        rows.push(row(name, "", counts.pages, &counts.blocks));
    }
    (rows, highest)
}

fn pages(blocks: &[u64]) -> u64 {
    let pages = (0u32..)
        .zip(blocks)
        .map(|(order, &blocks)| blocks.saturating_mul(1 << order));
    pages.fold(0, u64::saturating_add)
}

/// What each zone's free blocks have in common with the kernel's count, a line each.
pub fn agreement_lines(agreements: &[Agreement]) -> Vec<String> {
    let line = |agreement: &Agreement| {
        let zone = format!("Node {} {}", agreement.zone.node, agreement.zone.name);
        let apart = agreement.difference();
        let apart = (0..).zip(&apart).filter(|(_, apart)| **apart != 0);
        let apart: Vec<String> = apart
            .map(|(order, apart): (u32, _)| format!("{apart:+} of order {order}"))
            .collect();
        match (apart.is_empty(), agreement.before == agreement.after) {
            (true, true) => format!("{zone}: free blocks are those that buddyinfo counts"),
            (true, false) => {
                format!("{zone}: free blocks lie between buddyinfo before and after")
            }
            (false, _) => format!("{zone}: beside buddyinfo {}", apart.join(", ")),
        }
    };
    if agreements.is_empty() {
        return vec![
            "free blocks are unchecked: there is no buddyinfo, or no zone is meant as a whole"
                .to_owned(),
        ];
    }
    agreements.iter().map(line).collect()
}

/// What was read of memory, in one line.
pub fn reading_line(spent: Spent) -> String {
    format!(
        "{} entries read, {} pages of huge pages and {} of free blocks proved by others",
        grouped(spent.entries),
        grouped(spent.huge),
        grouped(spent.free),
    )
}

/// For programs: blocks by order, found and counted, and how many too many were found.
pub(super) fn agreements_json(agreements: &[Agreement]) -> Value {
    let zone = |agreement: &Agreement| {
        json!({
            "node": agreement.zone.node,
            "zone": agreement.zone.name,
            "found": agreement.found,
            "buddyinfo_before": agreement.before,
            "buddyinfo_after": agreement.after,
            "difference": agreement.difference(),
        })
    };
    agreements.iter().map(zone).collect()
}
