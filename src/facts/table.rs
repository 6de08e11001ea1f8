//! Rows of numbers, for people and for programs.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::render::{grouped, share, size};

/// One number or word.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A word.
    Text(String),
    /// Several words, with a comma between them.
    Words(Vec<String>),
    /// A count.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A part of a whole.
    Share(u64, u64),
    /// A page number, an address or flags: hexadecimal.
    Hex(u64),
    /// A moment, in UTC.
    Time(Timestamp),
    /// Nothing to be said.
    Empty,
}

impl Cell {
    /// For people: grouped, in binary units, in per cent.
    pub fn for_people(&self) -> String {
        match self {
            Self::Text(word) => word.clone(),
            Self::Words(words) => words.join(","),
            Self::Count(count) => grouped(*count),
            Self::Bytes(bytes) => size(*bytes),
            Self::Share(part, whole) => share(*part, *whole),
            Self::Hex(number) => format!("{number:#x}"),
            Self::Time(time) => time.to_string(),
            Self::Empty => String::new(),
        }
    }

    /// For programs, in a field of text.
    pub fn for_programs(&self) -> String {
        match self {
            Self::Count(number) | Self::Bytes(number) => number.to_string(),
            Self::Share(part, whole) => (*part as f64 / (*whole).max(1) as f64).to_string(),
            other => other.for_people(),
        }
    }

    /// For programs, as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Count(number) | Self::Bytes(number) => (*number).into(),
            Self::Share(part, whole) => (*part as f64 / (*whole).max(1) as f64).into(),
            Self::Words(words) => words.clone().into(),
            Self::Text(_) | Self::Hex(_) | Self::Time(_) => self.for_people().into(),
            Self::Empty => Value::Null,
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in every format.
    pub name: Cow<'static, str>,
    /// Letters that it takes at least, where rows are aligned before all are known.
    pub width: usize,
    /// Whether its cells stand at its right edge.
    pub is_number: bool,
}

impl Column {
    /// Of numbers.
    pub const fn number(name: &'static str, width: usize) -> Self {
        Self {
            name: Cow::Borrowed(name),
            width,
            is_number: true,
        }
    }

    /// Of words.
    pub const fn word(name: &'static str, width: usize) -> Self {
        Self {
            name: Cow::Borrowed(name),
            width,
            is_number: false,
        }
    }

    /// The columns, each as wide as its widest cell.
    #[must_use]
    pub fn fitting(columns: &[Column], rows: &[Vec<Cell>]) -> Vec<Column> {
        let widest = |at: usize| {
            let letters = |row: &Vec<Cell>| row[at].for_people().chars().count();
            rows.iter().map(letters).max().unwrap_or(0)
        };
        let fit = |(at, column): (usize, &Column)| Column {
            width: widest(at).max(column.name.len()),
            ..column.clone()
        };
        columns.iter().enumerate().map(fit).collect()
    }
}
