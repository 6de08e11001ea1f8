//! Rows for engines that read columns: the names, kinds and cells of runs and blocks.

use jiff::Timestamp;

use super::table::{Cell, Column};
use crate::classify::Class;
use crate::columns::{BlockRow, RunRow};
use crate::kernel::ZoneMap;
use crate::survey::Mobility;

/// What a column holds, for formats that have types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A signed number of 32 bits.
    Int,
    /// A signed number of 64 bits.
    Long,
    /// Microseconds since 1970, UTC.
    Time,
}

/// A column of a data set. Any cell of it may be empty, but a page's place and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, which is a word in SQL without quotes.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Pages that follow each other and are alike.
    Runs,
    /// Aligned blocks of the size of a PMD-sized huge page.
    Blocks,
}

/// The reading that rows are of.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Host name.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Number of the reading in what it was read from, from 0.
    pub frame: u64,
    /// When it began.
    pub time: Timestamp,
    /// Base page size.
    pub page_bytes: u64,
    /// Which zone a page is in.
    pub zones: ZoneMap,
}

impl Rows {
    /// The word in places and options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Blocks => "blocks",
        }
    }

    /// The columns, with that of the host or without.
    pub fn fields(self, with_host: bool) -> Vec<Field> {
        let field = |name: &str, kind| Field {
            name: name.to_owned(),
            kind,
        };
        let host = with_host.then(|| field("host", Kind::Text));
        let reading = [
            field("release", Kind::Text),
            field("frame", Kind::Int),
            field("time", Kind::Time),
            field("page_bytes", Kind::Int),
            field("node", Kind::Int),
            field("zone", Kind::Text),
            field("pfn", Kind::Long),
            field("pages", Kind::Long),
        ];
        let mut fields: Vec<Field> = host.into_iter().chain(reading).collect();
        match self {
            Self::Runs => fields.extend([
                field("flags", Kind::Long),
                field("flag_names", Kind::Text),
                field("class", Kind::Text),
                field("folio_order", Kind::Int),
            ]),
            Self::Blocks => {
                fields.extend(MOBILITIES.map(|kind| field(kind.name(), Kind::Int)));
                let classes = told_classes().map(class_field);
                fields.extend(classes.map(|name| field(&name, Kind::Int)));
            }
        }
        fields
    }
}

/// Sums over classes that say whether the kernel could move what is there. Free pages are a class.
const MOBILITIES: [Mobility; 2] = [Mobility::Movable, Mobility::Unmovable];

/// Every class of pages that exist, in the order of legends.
fn told_classes() -> impl Iterator<Item = Class> {
    let classes = Class::in_legend_order().into_iter();
    classes.filter(|&class| class != Class::Hole)
}

/// A class as the name of a column: no hyphens, which SQL takes for minus.
fn class_field(class: Class) -> String {
    class.name().replace('-', "_")
}

impl Origin {
    fn common(&self, with_host: bool, zone: Option<usize>, start: u64, pages: u64) -> Vec<Cell> {
        let zone = zone.map(|number| &self.zones.zones()[number]);
        let text = |text: &Option<String>| text.clone().map_or(Cell::Empty, Cell::Text);
        let reading = [
            text(&self.kernel),
            Cell::Count(self.frame),
            Cell::Time(self.time),
            Cell::Count(self.page_bytes),
            zone.map_or(Cell::Empty, |zone| Cell::Count(zone.node.into())),
            zone.map_or(Cell::Empty, |zone| Cell::Text(zone.name.clone())),
            Cell::Count(start),
            Cell::Count(pages),
        ];
        let host = with_host.then(|| text(&self.host));
        host.into_iter().chain(reading).collect()
    }

    /// The cells of a run.
    pub fn run(&self, run: &RunRow, with_host: bool) -> Vec<Cell> {
        let mut cells = self.common(with_host, run.zone, run.start.0, run.pages);
        let order = |order: u8| Cell::Count(order.into());
        cells.extend([
            Cell::Count(run.flags.0),
            Cell::Text(run.flags.names().join(",")),
            Cell::Text(run.class.name().to_owned()),
            run.folio_order.map_or(Cell::Empty, order),
        ]);
        cells
    }

    /// The cells of a block.
    pub fn block(&self, block: &BlockRow, with_host: bool) -> Vec<Cell> {
        let mut cells = self.common(with_host, block.zone, block.start.0, block.pages);
        cells.extend(MOBILITIES.map(|kind| Cell::Count(block.of(kind))));
        cells.extend(told_classes().map(|class| Cell::Count(block.classes.of(class))));
        cells
    }
}

impl Field {
    /// As a column of a table of text.
    pub fn column(&self) -> Column {
        Column {
            name: self.name.clone().into(),
            width: 0,
            is_number: self.kind != Kind::Text,
        }
    }
}
