//! What became of what, as text and for programs.

use serde_json::{Map, Value};

use super::Facts;
use crate::classify::Class;
use crate::render::grouped;
use crate::tally::ClassMatrix;

impl Facts {
    /// The same, with what became of what.
    #[must_use]
    pub fn with_matrix(mut self, matrix: &ClassMatrix) -> Self {
        let row = |before: Class| {
            let cells = Class::in_legend_order().into_iter();
            let cells = cells.filter(|&after| matrix.of(before, after) > 0);
            let cell = |after: Class| (after.name().to_owned(), matrix.of(before, after).into());
            cells.map(cell).collect::<Map<String, Value>>()
        };
        let rows = Class::in_legend_order().into_iter();
        let rows = rows.map(|before| (before.name().to_owned(), row(before)));
        let filled = rows.filter(|(_, row)| !row.is_empty());
        self.matrix = Some(filled.map(|(name, row)| (name, row.into())).collect());
        self
    }
}

/// A line for each class that pages had, with what they became; classes without pages are left out.
pub fn matrix_text(matrix: &ClassMatrix) -> String {
    let (before, after) = (matrix.before(), matrix.after());
    let classes = || Class::in_legend_order().into_iter();
    let columns: Vec<Class> = classes().filter(|&class| after.of(class) > 0).collect();
    let mut lines = vec![
        ["pages from \\ to".to_owned()]
            .into_iter()
            .chain(columns.iter().map(|class| class.name().to_owned()))
            .collect::<Vec<_>>(),
    ];
    for from in classes().filter(|&class| before.of(class) > 0) {
        let cell = |&to: &Class| match matrix.of(from, to) {
            0 => "·".to_owned(),
            pages => grouped(pages),
        };
        let cells = columns.iter().map(cell);
        lines.push([from.name().to_owned()].into_iter().chain(cells).collect());
    }
    aligned(&lines)
}

/// The first column at the left, the others at the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += &match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}
