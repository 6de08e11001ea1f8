//! Tables for programs, as CSV.

use super::Pending;
use crate::error::{Error, Result};

/// Writes a table: a line of names, and the rows.
///
/// # Errors
/// The target cannot be written.
pub fn write_csv(
    names: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    to: &mut Pending,
) -> Result<()> {
    let path = to.path().to_owned();
    let write = || -> csv::Result<()> {
        let mut table = csv::Writer::from_writer(&mut *to);
        table.write_record(names)?;
        for row in rows {
            table.write_record(row)?;
        }
        table.flush().map_err(csv::Error::from)
    };
    write().map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(cause) => Error::Write { path, cause },
        other => Error::Format {
            path,
            cause: format!("{other:?}"),
        },
    })
}
