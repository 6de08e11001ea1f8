//! Tables, row by row as they come: aligned for people, CSV, TSV and JSON for programs.

use std::io::Write;

use serde_json::{Map, Value};

use super::Pending;
use crate::error::{Error, Result};
use crate::facts::{Cell, Column};

/// A table's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Aligned, for people.
    Aligned,
    /// Comma-separated, a line of names first.
    Csv,
    /// The same with tabs.
    Tsv,
    /// An array of objects, a line each.
    Json,
}

/// Writes a table.
pub struct TableWriter<'a> {
    to: &'a mut Pending,
    format: TableFormat,
    columns: Vec<Column>,
    rows: u64,
}

impl<'a> TableWriter<'a> {
    /// Begins with the names of the columns.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn new(format: TableFormat, columns: Vec<Column>, to: &'a mut Pending) -> Result<Self> {
        let mut writer = Self {
            to,
            format,
            columns,
            rows: 0,
        };
        let names: Vec<String> = (writer.columns.iter())
            .map(|column| column.name.to_string())
            .collect();
        match format {
            TableFormat::Json => writer.write("[")?,
            TableFormat::Aligned => {
                writer.line(names)?;
            }
            TableFormat::Csv | TableFormat::Tsv => writer.record(&names)?,
        }
        Ok(writer)
    }

    /// Goes on with a table of text whose names were written before.
    pub fn going_on(format: TableFormat, columns: Vec<Column>, to: &'a mut Pending) -> Self {
        Self {
            to,
            format,
            columns,
            rows: 0,
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn row(&mut self, cells: &[Cell]) -> Result<()> {
        self.rows += 1;
        match self.format {
            TableFormat::Aligned => self.line(cells.iter().map(Cell::for_people).collect()),
            TableFormat::Csv | TableFormat::Tsv => {
                let fields: Vec<_> = cells.iter().map(Cell::for_programs).collect();
                self.record(&fields)
            }
            TableFormat::Json => {
                let fields = self.columns.iter().zip(cells);
                let fields = fields.map(|(column, cell)| (column.name.to_string(), cell.to_json()));
                let object = Value::Object(fields.collect::<Map<_, _>>());
                let before = if self.rows == 1 { "\n" } else { ",\n" };
                self.write(&format!("{before}{object}"))
            }
        }
    }

    /// Ends the table.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn finish(mut self) -> Result<()> {
        match self.format {
            TableFormat::Json => self.write("\n]\n"),
            _ => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.to.write_text(text)
    }

    fn line(&mut self, cells: Vec<String>) -> Result<()> {
        let mut line = String::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            let width = column.width;
            line += &match column.is_number {
                true => format!("{cell:>width$}  "),
                false => format!("{cell:<width$}  "),
            };
        }
        self.write(&format!("{}\n", line.trim_end()))
    }

    fn record(&mut self, fields: &[impl AsRef<[u8]>]) -> Result<()> {
        let delimiter = match self.format {
            TableFormat::Tsv => b'\t',
            _ => b',',
        };
        let mut builder = csv::WriterBuilder::new();
        let path = self.to.path().to_owned();
        let mut record = builder.delimiter(delimiter).from_writer(Vec::new());
        let written = record.write_record(fields).map_err(|error| Error::Format {
            path,
            cause: error.to_string(),
        });
        written?;
        let bytes = record.into_inner().expect("memory takes what is written");
        self.to
            .write_all(&bytes)
            .map_err(|cause| self.to.failed(cause))
    }
}

/// Writes a table whose rows are all known; for people each column as wide as its widest cell.
///
/// # Errors
/// The target cannot be written.
pub fn write_table(
    format: TableFormat,
    columns: &[Column],
    rows: &[Vec<Cell>],
    to: &mut Pending,
) -> Result<()> {
    let mut table = TableWriter::new(format, Column::fitting(columns, rows), to)?;
    rows.iter().try_for_each(|row| table.row(row))?;
    table.finish()
}
