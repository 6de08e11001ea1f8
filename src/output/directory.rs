//! The directory of a series: its pictures appear when all are drawn.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::file::{Pending, Target, give_to_caller, refuse_planted};
use crate::error::{Error, Result};

/// A directory that takes the pictures of a series and what belongs to them.
#[derive(Debug)]
pub struct SeriesDirectory {
    path: PathBuf,
    /// Holds what is not whole yet.
    unfinished: TempDir,
    /// Names in the order in which they were begun.
    names: Vec<String>,
    /// Dropped last, when nothing unfinished is in the directory any more.
    _made: Option<Made>,
}

/// A directory that was made for the series; it goes when nothing came into it.
#[derive(Debug)]
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        // One that is not empty stays.
        let _ = fs::remove_dir(&self.0);
    }
}

impl SeriesDirectory {
    /// What readings are kept as.
    pub const RECORDING: &str = "recording.pmv";
    /// Everything that is known of the series.
    pub const INDEX: &str = "index.json";
    /// Pages per class and reading.
    pub const COUNTS: &str = "counts.csv";

    /// The name of picture `number` of `count`.
    pub fn picture(number: usize, count: usize) -> String {
        let digits = count.saturating_sub(1).to_string().len().max(4);
        format!("{number:0digits$}.png")
    }

    /// True for names that files of a series have.
    pub fn uses(name: &OsStr) -> bool {
        let known = [Self::RECORDING, Self::INDEX, Self::COUNTS];
        let stem = name.to_str().and_then(|name| name.strip_suffix(".png"));
        let is_picture = |stem: &str| stem.bytes().all(|letter| letter.is_ascii_digit());
        known.iter().any(|known| name == *known) || stem.is_some_and(is_picture)
    }

    /// Makes the directory, or takes an empty one.
    ///
    /// # Errors
    /// Something is in it, it is no directory, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |cause| Error::Write {
            path: path.to_owned(),
            cause,
        };
        refuse_planted(path)?;
        let made = match fs::create_dir(path) {
            Ok(()) => {
                let made = Made(path.to_owned());
                give_to_caller(&File::open(path).map_err(failed)?);
                Some(made)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(cause) => return Err(failed(cause)),
        };
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(Error::NotEmpty {
                path: path.to_owned(),
            });
        }
        let unfinished = tempfile::Builder::new()
            .prefix(".pagemap-viz-")
            .tempdir_in(path);
        Ok(Self {
            path: path.to_owned(),
            unfinished: unfinished.map_err(failed)?,
            names: Vec::new(),
            _made: made,
        })
    }

    /// Begins a file that appears with the others.
    ///
    /// # Errors
    /// What the system said.
    pub fn begin(&mut self, name: &str) -> Result<Pending> {
        self.names.push(name.to_owned());
        let pending = Target::File(self.unfinished.path().join(name)).begin()?;
        Ok(pending.known_as(self.path.join(name)))
    }

    /// Makes everything appear, and says where, in the order in which it was begun.
    ///
    /// # Errors
    /// What the system said.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        let appear = |name: &String| {
            let path = self.path.join(name);
            match fs::rename(self.unfinished.path().join(name), &path) {
                Ok(()) => Ok(path),
                Err(cause) => Err(Error::Write { path, cause }),
            }
        };
        self.names.iter().map(appear).collect()
    }
}
