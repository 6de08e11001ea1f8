//! The directory of a series: its pictures appear when all are drawn.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::file::{Pending, Target, give_to_caller};
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
    /// Makes the directory, or takes an empty one.
    ///
    /// # Errors
    /// Something is in it, it is no directory, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |cause| Error::Write {
            path: path.to_owned(),
            cause,
        };
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

    /// Where something in it will be.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Begins a file that appears with the others.
    ///
    /// # Errors
    /// What the system said.
    pub fn begin(&mut self, name: &str) -> Result<Pending> {
        self.names.push(name.to_owned());
        Target::File(self.unfinished.path().join(name)).begin()
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
