//! Sets of flags and runs of pages as rows, and as page-types prints them.

use jiff::Zoned;

use crate::classify::{Class, KsmVerdict, settle};
use crate::error::printable;
use crate::facts::{Cell, Column};
use crate::inventory::{Page, Run, SetCount};
use crate::kernel::{Edition, PageFlags};
use crate::source::FileState;

/// Columns of a summary.
pub const SET_COLUMNS: [Column; 6] = [
    Column::number("pages", 0),
    Column::number("size", 0),
    Column::number("share", 0),
    Column::word("class", 0),
    Column::word("flags", 18),
    Column::word("names", 0),
];

/// What else there is beside sets, where a process is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// Pages in swap.
    pub swapped: u64,
    /// Guard pages.
    pub guards: u64,
}

/// A summary: the most frequent set first, then what is no page.
pub fn set_rows(
    sets: &[SetCount],
    beside: Beside,
    ksm: KsmVerdict,
    edition: Edition,
    page_bytes: u64,
) -> Vec<Vec<Cell>> {
    let existing = |set: &SetCount| set.pages() - set.holes();
    let mut sorted: Vec<&SetCount> = sets.iter().filter(|set| existing(set) > 0).collect();
    sorted.sort_by_key(|set| (std::cmp::Reverse(existing(set)), set.flags));
    let whole: u64 = sorted.iter().map(|set| existing(set)).sum();
    let holes: u64 = sets.iter().map(SetCount::holes).sum();
    let counted = |pages: u64| {
        [
            Cell::Count(pages),
            Cell::Bytes(pages.saturating_mul(page_bytes)),
        ]
    };
    let row = |set: &&SetCount| {
        let pages = existing(set);
        let classes = set.classes(ksm).into_iter();
        let classes = classes.map(|(class, _)| class.name().to_owned());
        let [pages_cell, size] = counted(pages);
        vec![
            pages_cell,
            size,
            Cell::Share(pages, whole),
            Cell::Words(classes.collect()),
            Cell::Text(format!("{:#018x}", set.flags.0)),
            Cell::Words(edition.names(set.flags)),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = sorted.iter().map(row).collect();
    let others = [
        (holes, Class::Hole.name()),
        (beside.swapped, "in swap"),
        (beside.guards, "guard"),
    ];
    for (pages, name) in others.into_iter().filter(|(pages, _)| *pages > 0) {
        let [pages, size] = counted(pages);
        let (name, none) = (Cell::Words(vec![name.to_owned()]), Cell::Words(Vec::new()));
        rows.push(vec![pages, size, Cell::Empty, name, Cell::Empty, none]);
    }
    rows
}

/// Which columns a list has beside page numbers and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListColumns {
    /// The column of the place in addresses or in the file.
    pub place: Option<ListPlace>,
    /// The cgroup.
    pub cgroup: bool,
    /// How often it is mapped.
    pub map_count: bool,
    /// Runs and not single pages.
    pub runs: bool,
}

/// What a page's place is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListPlace {
    /// Pages of the address space.
    Address,
    /// Pages of the file.
    File,
}

impl ListColumns {
    /// The columns for people and programs.
    pub fn columns(self) -> Vec<Column> {
        let place = self.place.map(|place| match place {
            ListPlace::Address => Column::number("address_page", 14),
            ListPlace::File => Column::number("file_page", 10),
        });
        let length = [Column::number("pages", 9), Column::number("size", 9)];
        place
            .into_iter()
            .chain(self.cgroup.then_some(Column::number("cgroup", 8)))
            .chain(self.map_count.then_some(Column::number("mapped", 6)))
            .chain([Column::number("pfn", 10)])
            .chain(self.runs.then_some(length).into_iter().flatten())
            .chain([Column::word("class", 12), Column::word("names", 0)])
            .collect()
    }

    /// A run as a row of them.
    pub fn row(self, run: &Run, ksm: KsmVerdict, edition: Edition, page_bytes: u64) -> Vec<Cell> {
        let page = &run.page;
        let length = [Cell::Count(run.pages), Cell::Bytes(run.pages * page_bytes)];
        let class = page.class.map(|key| settle(key, ksm).name());
        let beside = if page.entry.is_guard() {
            "guard"
        } else {
            "in swap"
        };
        let cells = self.place.map(|_| Cell::Hex(page.place)).into_iter();
        cells
            .chain(self.cgroup.then_some(Cell::Count(page.cgroup)))
            .chain(self.map_count.then_some(Cell::Count(page.map_count)))
            .chain([match page.class {
                Some(_) => Cell::Hex(page.offset),
                None => Cell::Empty,
            }])
            .chain(self.runs.then_some(length).into_iter().flatten())
            .chain([
                Cell::Text(class.unwrap_or(beside).to_owned()),
                Cell::Words(edition.names(page.flags)),
            ])
            .collect()
    }

    /// page-types' first line of a list.
    pub fn page_types_head(self) -> String {
        let place = self.place.map(|place| match place {
            ListPlace::Address => "voffset\t",
            ListPlace::File => "foffset\t",
        });
        let rest = if self.runs {
            "offset\tlen\tflags\n"
        } else {
            "offset\tflags\n"
        };
        let cgroup = if self.cgroup { "cgroup\t" } else { "" };
        let map_count = if self.map_count { "map-cnt\t" } else { "" };
        format!("{}{cgroup}{map_count}{rest}", place.unwrap_or_default())
    }

    /// page-types' line of a run.
    pub fn page_types_line(self, run: &Run, edition: Edition) -> String {
        let Page {
            place,
            offset,
            flags,
            cgroup,
            map_count,
            ..
        } = run.page;
        let mut line = String::new();
        if self.place.is_some() {
            line += &format!("{place:x}\t");
        }
        if self.cgroup {
            line += &format!("@{cgroup}\t");
        }
        if self.map_count {
            line += &format!("{map_count}\t");
        }
        line += &format!("{offset:x}\t");
        if self.runs {
            line += &format!("{:x}\t", run.pages);
        }
        line + &edition.letters(flags) + "\n"
    }
}

/// page-types' summary. `sets` are in its order.
pub fn page_types_summary(sets: &[&SetCount], edition: Edition, page_bytes: u64) -> String {
    let mut text =
        "             flags\tpage-count       MB  symbolic-flags\t\t\tlong-symbolic-flags\n"
            .to_owned();
    // Rounded down, each row by itself.
    let mib = |pages: u64| (pages * page_bytes) >> 20;
    let line = |set: &&SetCount| {
        let (flags, pages) = (set.flags, set.pages());
        let (letters, names) = (edition.letters(flags), edition.names(flags).join(","));
        format!(
            "{:#018x}\t{pages:>10} {:>8}  {letters}\t{names}\n",
            flags.0,
            mib(pages)
        )
    };
    text.extend(sets.iter().map(line));
    let total = sets.iter().map(|set| set.pages()).sum();
    text + &format!("             total\t{total:>10} {:>8}\n", mib(total))
}

/// What page-types says of the file that it was asked about.
pub fn file_text(file: &FileState, page_bytes: u64) -> String {
    let FileState {
        path,
        inode,
        bytes,
        modified,
        accessed,
    } = file;
    let pages = bytes.div_ceil(page_bytes);
    let time = |(time, ago): &(Zoned, i64)| {
        format!(
            "{} ({ago} seconds ago)",
            time.strftime("%a %b %e %H:%M:%S %Y")
        )
    };
    format!(
        "{}\tInode: {inode}\tSize: {bytes} ({pages} pages)\nModify: {}\nAccess: {}\n\n",
        printable(&path.to_string_lossy()),
        time(modified),
        time(accessed),
    )
}

/// One line that explains flags, as page-types' `-d` does.
pub fn described(flags: PageFlags, edition: Edition) -> String {
    let (letters, names) = (edition.letters(flags), edition.names(flags).join(","));
    format!("{:#018x}\t{letters}\t{names}\n", flags.0)
}
