//! Readings of memory in use: as text in the columns of pmemstat, as rows, and as JSON.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Cell, Column};
use crate::render::{grouped, size};
use crate::usage::{Kind, Reading, Row};

/// What sizes are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// MiB, which pmemstat calls MB.
    Mib,
    /// A million bytes.
    Million,
    /// KiB.
    Kib,
    /// Each in the unit that suits it.
    Human,
}

impl Unit {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mib => "MB",
            Self::Million => "mB",
            Self::Kib => "KB",
            Self::Human => "human",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Mib | Self::Million => 8,
            Self::Kib => 11,
            Self::Human => 9,
        }
    }

    fn tell(self, bytes: u64) -> String {
        let tenths = |unit: u64| {
            let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
            let whole = u64::try_from(tenths / 10).unwrap_or(u64::MAX);
            format!("{}.{}", grouped(whole), tenths % 10)
        };
        match self {
            Self::Mib => tenths(1 << 20),
            Self::Million => tenths(1_000_000),
            Self::Kib => grouped(bytes >> 10),
            Self::Human => size(bytes),
        }
    }

    fn tell_whole(self, bytes: Option<u64>) -> String {
        let Some(bytes) = bytes else {
            return "?".to_owned();
        };
        match self {
            Self::Mib => grouped(bytes >> 20),
            Self::Million => grouped(bytes / 1_000_000),
            Self::Kib | Self::Human => self.tell(bytes),
        }
    }
}

/// Columns of sizes: name, value, and what it is.
type SizeColumn = (&'static str, fn(&Row) -> u64, &'static str);

const SIZES: [SizeColumn; 8] = [
    (
        "pswap",
        |row| row.swap,
        "swap; a shared page counts for each process in part",
    ),
    (
        "shSYSV",
        |row| row.parts.sysv,
        "System V shared memory, its share",
    ),
    (
        "shOth",
        |row| row.parts.shared,
        "other shared mappings: files, memfd, shared anonymous memory",
    ),
    ("stack", |row| row.parts.stack, "stacks of all threads"),
    (
        "text",
        |row| row.parts.text,
        "private mappings that cannot be written to: programs, libraries, constants",
    ),
    (
        "data",
        |row| row.parts.data,
        "private mappings that can: heap, arenas, variables",
    ),
    (
        "ptotal",
        |row| row.parts.total(),
        "the sum of these, without pswap",
    ),
    (
        "pss",
        |row| row.pss,
        "the same as the kernel sums it up (smaps_rollup)",
    ),
];

fn sizes(with_pss: bool) -> impl Iterator<Item = &'static SizeColumn> {
    SIZES.iter().take(if with_pss { 8 } else { 7 })
}

/// The line above a reading.
pub fn leader(reading: &Reading, unit: Unit) -> String {
    let memory = &reading.memory;
    let time = memory.time.to_zoned(TimeZone::system());
    let [total, available, dirty] =
        [memory.total, memory.available, memory.dirty].map(|bytes| unit.tell_whole(bytes));
    let name = match unit {
        Unit::Human => String::new(),
        unit => format!(" {}:", unit.name()),
    };
    format!(
        "---- {}{name} Mem={total} Avail={available} Dirty={dirty} PIDs: {}/{}",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        reading.read,
        reading.all
    )
}

/// The names of the columns.
pub fn usage_header(unit: Unit, with_pss: bool) -> String {
    let width = unit.width();
    let names: String = sizes(with_pss)
        .map(|(name, ..)| format!("{name:>width$} "))
        .collect();
    let unit = match unit {
        Unit::Human => String::new(),
        unit => format!(" (in {})", unit.name()),
    };
    format!("{names}{:>11}  key/info{unit}", "")
}

/// A row under them.
pub fn usage_line(row: &Row, unit: Unit, with_pss: bool) -> String {
    let width = unit.width();
    let cell = |size: &SizeColumn| match row.kind {
        Kind::Gone => format!("{:>width$} ", "-"),
        _ => format!("{:>width$} ", unit.tell(size.1(row))),
    };
    let cells: String = sizes(with_pss).map(cell).collect();
    let who = match row.pid {
        Some(pid) => pid.to_string(),
        None => format!("{}x", grouped(row.processes as u64)),
    };
    let key = match row.kind {
        Kind::Total => "all",
        _ => &row.key,
    };
    format!("{cells}{:>11}  {who:>7} {key}", kind_word(row.kind))
}

/// What kind of row it is, as pmemstat says it.
fn kind_word(kind: Kind) -> String {
    match kind {
        Kind::Total => "T".to_owned(),
        Kind::Added => "A".to_owned(),
        Kind::Overflow => "O".to_owned(),
        Kind::Changed(bytes) => {
            let sign = if bytes < 0 { '-' } else { '+' };
            format!("{sign}{}K", grouped(bytes.unsigned_abs() >> 10))
        }
        Kind::Gone => "gone".to_owned(),
        Kind::Same => String::new(),
    }
}

/// What each column is.
pub fn usage_explained() -> String {
    let mut text = String::from(
        "\nSizes are proportional: a page that n processes map counts for each as its nth part, so that nothing counts twice.\n",
    );
    for (name, _, what) in SIZES {
        text += &format!("  {name:<8} {what}\n");
    }
    text + "  T all together, A new, O small ones together, +-K change of ptotal in KiB since it was shown, gone ended\n"
}

/// Columns for programs.
pub fn usage_columns() -> Vec<Column> {
    let words = ["time", "type", "change", "key"].map(|name| Column::word(name, 0));
    let numbers = [Column::number("processes", 0), Column::number("pid", 0)];
    let sizes = SIZES.iter().map(|(name, ..)| Column::number(name, 0));
    words.into_iter().chain(numbers).chain(sizes).collect()
}

/// Rows for programs: sizes in bytes.
pub fn usage_rows(reading: &Reading, rows: &[Row]) -> Vec<Vec<Cell>> {
    let row = |row: &Row| {
        let words = [
            Cell::Text(reading.memory.time.to_string()),
            Cell::Text(kind_name(row.kind).to_owned()),
            match row.kind {
                Kind::Changed(bytes) => Cell::Text(bytes.to_string()),
                _ => Cell::Empty,
            },
            Cell::Text(row.key.clone()),
            Cell::Count(row.processes as u64),
            row.pid
                .map_or(Cell::Empty, |pid| Cell::Count(u64::from(pid))),
        ];
        let sizes = SIZES.iter().map(|(_, of, _)| Cell::Bytes(of(row)));
        words.into_iter().chain(sizes).collect()
    };
    rows.iter().map(row).collect()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Total => "total",
        Kind::Added => "added",
        Kind::Overflow => "overflow",
        Kind::Changed(_) => "changed",
        Kind::Gone => "gone",
        Kind::Same => "same",
    }
}

/// A reading as one line of JSON: sizes in bytes.
pub fn usage_json(reading: &Reading, rows: &[Row]) -> String {
    let row = |row: &Row| {
        let change = match row.kind {
            Kind::Changed(bytes) => Value::from(bytes),
            _ => Value::Null,
        };
        let mut object = json!({
            "type": kind_name(row.kind),
            "change": change,
            "key": row.key,
            "processes": row.processes,
            "pid": row.pid,
        });
        for (name, of, _) in SIZES {
            object[name] = of(row).into();
        }
        object
    };
    let memory = &reading.memory;
    let line = json!({
        "time": memory.time.to_string(),
        "memory": {
            "total": memory.total,
            "available": memory.available,
            "dirty": memory.dirty,
        },
        "processes": {
            "read": reading.read,
            "all": reading.all,
            "refused": reading.refused,
            "vanished": reading.vanished,
        },
        "rows": rows.iter().map(row).collect::<Vec<Value>>(),
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_their_unit() {
        let bytes = 1_234_567_890;
        let told = [Unit::Mib, Unit::Million, Unit::Kib, Unit::Human].map(|unit| unit.tell(bytes));
        assert_eq!(told, ["1,177.4", "1,234.6", "1,205,632", "1.15 GiB"]);
        assert_eq!(Unit::Mib.tell((1 << 20) - 1), "1.0");
        assert_eq!(Unit::Mib.tell_whole(None), "?");
        assert_eq!(kind_word(Kind::Changed(-1_500_000)), "-1,464K");
    }
}
