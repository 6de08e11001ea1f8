//! Rows of a data set: Parquet for engines, CSV and JSON for everything else; and where its files lie.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::file::{Pending, Target, make_directory, refuse_planted};
use super::table::{TableFormat, TableWriter};
use crate::error::{Error, Result};
use crate::facts::{Cell, Field, Kind, Origin, Rows};
use crate::recording::checksum;

/// Cells that are held before they are written, in all columns: some 20 MiB, and tens of thousands of rows.
const GROUP_CELLS: usize = 1 << 19;

/// A format of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// Typed columns, packed by Snappy.
    Parquet,
    /// Comma-separated, a line of names first.
    Csv,
    /// An array of objects, a line each.
    Json,
}

impl RowFormat {
    /// The ending of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// That of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let all = [Self::Parquet, Self::Csv, Self::Json];
        all.into_iter().find(|format| format.ending() == ending)
    }
}

/// Writes rows as they come.
pub struct RowWriter<'a> {
    sink: Sink<'a>,
}

enum Sink<'a> {
    Parquet(Box<ParquetSink<'a>>),
    Table(TableWriter<'a>),
}

struct ParquetSink<'a> {
    path: PathBuf,
    fields: Vec<Field>,
    /// Cells that wait, column by column.
    columns: Vec<Vec<Cell>>,
    file: SerializedFileWriter<&'a mut Pending>,
}

impl<'a> RowWriter<'a> {
    /// Begins with the columns' names and kinds.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn new(format: RowFormat, fields: Vec<Field>, to: &'a mut Pending) -> Result<Self> {
        let table = |format, to| {
            let columns = fields.iter().map(Field::column).collect();
            TableWriter::new(format, columns, to).map(Sink::Table)
        };
        let sink = match format {
            RowFormat::Parquet => Sink::Parquet(Box::new(ParquetSink::new(fields, to)?)),
            RowFormat::Csv => table(TableFormat::Csv, to)?,
            RowFormat::Json => table(TableFormat::Json, to)?,
        };
        Ok(Self { sink })
    }

    /// Writes a row, which has a cell for each field.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<()> {
        match &mut self.sink {
            Sink::Parquet(sink) => sink.row(cells),
            Sink::Table(table) => table.row(&cells),
        }
    }

    /// Ends the rows.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Parquet(sink) => sink.finish(),
            Sink::Table(table) => table.finish(),
        }
    }
}

impl<'a> ParquetSink<'a> {
    fn new(fields: Vec<Field>, to: &'a mut Pending) -> Result<Self> {
        let path = to.path().to_owned();
        let columns = fields.iter().map(|field| Arc::new(column(field)));
        let schema = Type::group_type_builder("rows").with_fields(columns.collect());
        let schema = schema.build().expect("a group of columns");
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            file: file.map_err(|error| failed(&path, error))?,
            path,
            columns: vec![Vec::new(); fields.len()],
            fields,
        })
    }

    fn row(&mut self, cells: Vec<Cell>) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        match self.columns[0].len() * self.columns.len() < GROUP_CELLS {
            true => Ok(()),
            false => self.group().map_err(|error| failed(&self.path, error)),
        }
    }

    /// Writes the cells that wait.
    fn group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (field, cells) in self.fields.iter().zip(&mut self.columns) {
            let mut column = group.next_column()?.expect("a column for each field");
            let is_there: Vec<i16> = cells
                .iter()
                .map(|cell| (*cell != Cell::Empty).into())
                .collect();
            match column.untyped() {
                ColumnWriter::Int32ColumnWriter(writer) => {
                    let numbers: Vec<i32> =
                        cells.iter().filter_map(number).map(|n| n as i32).collect();
                    writer.write_batch(&numbers, Some(&is_there), None)?;
                }
                ColumnWriter::Int64ColumnWriter(writer) => {
                    let numbers: Vec<i64> = cells.iter().filter_map(number).collect();
                    writer.write_batch(&numbers, Some(&is_there), None)?;
                }
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    let texts: Vec<ByteArray> = cells.drain(..).filter_map(text).collect();
                    writer.write_batch(&texts, Some(&is_there), None)?;
                }
                _ => unreachable!("{} is a number or a text", field.name),
            }
            column.close()?;
            cells.clear();
        }
        group.close()?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let path = self.path.clone();
        let waiting = !self.columns[0].is_empty();
        let last = if waiting { self.group() } else { Ok(()) };
        let closed = last.and_then(|()| self.file.close().map(drop));
        closed.map_err(|error| failed(&path, error))
    }
}

/// A column of a file. All may be empty, so that files of one data set are alike whatever is known.
fn column(field: &Field) -> Type {
    let (physical, logical) = match field.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Int => (Physical::INT32, None),
        Kind::Long => (Physical::INT64, None),
        Kind::Time => {
            let logical = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Physical::INT64, Some(logical))
        }
    };
    Type::primitive_type_builder(&field.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
        .expect("the logical type fits the physical")
}

fn number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Count(number) | Cell::Bytes(number) | Cell::Hex(number) => Some(*number as i64),
        Cell::Time(time) => Some(time.as_microsecond()),
        _ => None,
    }
}

fn text(cell: Cell) -> Option<ByteArray> {
    match cell {
        Cell::Empty => None,
        cell => Some(cell.for_programs().into_bytes().into()),
    }
}

fn failed(path: &Path, error: ParquetError) -> Error {
    let said = error.to_string();
    let cause = match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(_) => io::Error::other(said),
        },
        _ => io::Error::other(said),
    };
    super::file::failed(path, cause)
}

/// A directory of files in the places where engines look for what they say: `runs/host=a/day=2026-11-21/`.
#[derive(Debug)]
pub struct DataSet {
    directory: PathBuf,
    rows: Rows,
    format: RowFormat,
}

impl DataSet {
    /// Below a directory, which is made when there is something to go into it.
    pub fn new(directory: &Path, rows: Rows, format: RowFormat) -> Self {
        Self {
            directory: directory.to_owned(),
            rows,
            format,
        }
    }

    /// The file for readings of an input, from this one on. `input` is where it stands: exporting it again gives the
    /// same place, and nothing else does. It is called `stem`, where that is told.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn file(&self, origin: &Origin, input: &Path, stem: Option<&str>) -> Result<Target> {
        let host = origin.host.as_deref();
        let day = origin.time.strftime("%Y-%m-%d");
        let time = origin.time.strftime("%H%M%S.%6f");
        let directory = self.directory.join(self.rows.name());
        let directory = directory.join(format!(
            "host={}",
            host.map_or(NO_VALUE.to_owned(), escaped)
        ));
        let directory = directory.join(format!("day={day}"));
        let ending = self.format.ending();
        let number = checksum(input.as_os_str().as_encoded_bytes());
        let stem = stem.map_or(String::new(), |stem| readable(stem) + "-");
        let path = directory.join(format!("{stem}{time}-{number:08x}.{ending}"));
        let levels = directory.ancestors();
        let mut below = levels.take_while(|level| level.starts_with(&self.directory));
        below.try_for_each(refuse_planted)?;
        make_directory(&directory)?;
        Ok(Target::File(path))
    }
}

/// What engines read as no value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// What a reader knows an input by: engines pass over files that begin with a dot or a line, and names have an end.
fn readable(stem: &str) -> String {
    let stem = stem.trim_start_matches(['.', '_']);
    let plain = stem.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() || "-_.".contains(letter) => letter,
        _ => '-',
    });
    plain.take(64).collect()
}

/// As part of a place: letters that mean something there as `%` and two digits, as engines read them.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let bytes = text.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}
