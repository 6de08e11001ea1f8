//! A page and who holds it, as text and as rows.

use super::{Cell, Column};
use crate::classify::Class;
use crate::kernel::{PageFlags, Pfn};
use crate::mappings::Holder;
use crate::render::size;

/// What is known of one page.
#[derive(Clone, Debug)]
pub struct OwnedPage {
    /// Its number.
    pub pfn: Pfn,
    /// Its class.
    pub class: Class,
    /// Its flags.
    pub flags: PageFlags,
    /// Pages of the folio that it is part of.
    pub folio_pages: u64,
    /// Mappings, where the system says.
    pub mapped: Option<u64>,
    /// Inode of its cgroup, where the system says; 0 for none.
    pub cgroup: Option<u64>,
}

/// Columns of the rows.
pub const OWNER_COLUMNS: [Column; 11] = [
    Column::word("pfn", 0),
    Column::word("physical", 0),
    Column::word("class", 0),
    Column::word("names", 0),
    Column::number("folio_pages", 0),
    Column::number("mapped", 0),
    Column::number("cgroup", 0),
    Column::number("pid", 0),
    Column::word("process", 0),
    Column::word("address", 0),
    Column::word("mapping", 0),
];

fn of_page<'a>(page: &'a OwnedPage, holders: &'a [Holder]) -> impl Iterator<Item = &'a Holder> {
    holders.iter().filter(|holder| holder.pfn == page.pfn)
}

/// A row for each place where a page is mapped, and one for a page that nobody maps.
pub fn owner_rows(pages: &[OwnedPage], holders: &[Holder], page_bytes: u64) -> Vec<Vec<Cell>> {
    let count = |number: Option<u64>| number.map_or(Cell::Empty, Cell::Count);
    let mut rows = Vec::new();
    for page in pages {
        let known = [
            Cell::Hex(page.pfn.0),
            Cell::Hex(page.pfn.0 * page_bytes),
            Cell::Text(page.class.name().to_owned()),
            Cell::Words(page.flags.names()),
            Cell::Count(page.folio_pages),
            count(page.mapped),
            count(page.cgroup),
        ];
        let place = |holder: &Holder| {
            vec![
                Cell::Count(holder.pid.into()),
                Cell::Text(holder.process.clone()),
                Cell::Hex(holder.address),
                Cell::Text(holder.mapping.clone()),
            ]
        };
        let mut places: Vec<Vec<Cell>> = of_page(page, holders).map(place).collect();
        if places.is_empty() {
            places.push(vec![Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]);
        }
        rows.extend(
            places
                .into_iter()
                .map(|place| [&known[..], &place].concat()),
        );
    }
    rows
}

/// The same for people.
pub fn owner_text(pages: &[OwnedPage], holders: &[Holder], page_bytes: u64) -> String {
    let mut text = String::new();
    for page in pages {
        let number = page.pfn.0;
        let flags = page.flags.names().join(",");
        text += &format!(
            "PFN {number:#x}, address {:#x}: {}, {flags}\n",
            number * page_bytes,
            page.class.name()
        );
        let order = page.folio_pages.ilog2();
        if page.folio_pages > 1 {
            text += &format!(
                "  part of a folio of {}, order {order}\n",
                size(page.folio_pages * page_bytes)
            );
        }
        let said = [
            page.mapped.map(|mapped| format!("mapped {mapped} times")),
            page.cgroup
                .filter(|&cgroup| cgroup > 0)
                .map(|cgroup| format!("charged to cgroup @{cgroup}")),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        if !said.is_empty() {
            text += &format!("  {}\n", said.join(", "));
        }
        let mut is_held = false;
        for holder in of_page(page, holders) {
            is_held = true;
            let mapping = match holder.mapping.as_str() {
                "" => "anonymous memory",
                name => name,
            };
            let Holder {
                pid,
                process,
                address,
                ..
            } = holder;
            text += &format!("  {pid} {process} at {address:#x}: {mapping}\n");
        }
        if !is_held {
            text += "  no process that was asked maps it\n";
        }
    }
    text
}
