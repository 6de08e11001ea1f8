//! Answers to who wants so many blocks of a size.

use super::table::{Cell, Column};
use crate::render::{grouped, size};
use crate::report::{Answer, Report};

/// The columns of [`want_rows`].
pub const WANT_COLUMNS: [Column; 7] = [
    Column::word("scope", 8),
    Column::word("want", 12),
    Column::number("free", 8),
    Column::number("after_compaction", 16),
    Column::number("after_reclaim", 13),
    Column::number("pages_to_migrate", 16),
    Column::word("answer", 6),
];

/// A row for each node and wish.
pub fn want_rows(report: &Report) -> Vec<Vec<Cell>> {
    let row = |answer: &Answer| {
        vec![
            Cell::Text(answer.scope.clone()),
            Cell::Text(format!(
                "{} × {}",
                grouped(answer.wanted),
                size(answer.size)
            )),
            Cell::Count(answer.free),
            Cell::Count(answer.after_compaction),
            Cell::Count(answer.after_reclaim),
            answer.pages_to_migrate.map_or(Cell::Empty, Cell::Count),
            Cell::Text(answer.verdict.sentence().to_owned()),
        ]
    };
    report.want.iter().map(row).collect()
}
