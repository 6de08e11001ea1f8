//! A recording as it grows: under its name as soon as it has one whole frame, and readable up to the
//! last whole frame whatever happens.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::file::{Target, give_to_caller};
use crate::error::{Error, Result};
use crate::recording::{Block, FILE_HEADER, FrameEntry, FrameHead, Index, Malformed, Tag, trailer};

/// A recording that is being written.
#[derive(Debug)]
pub struct RecordingFile {
    path: PathBuf,
    file: Named,
    /// Bytes written.
    end: u64,
    /// The end of the last whole frame.
    whole: u64,
    frames: Vec<FrameEntry>,
    open: Option<(u64, bool)>,
}

#[derive(Debug)]
enum Named {
    /// No whole frame yet; vanishes when dropped.
    Temporarily(NamedTempFile),
    Finally(File),
}

impl RecordingFile {
    /// Begins a recording at `target`, which keeps what it holds until the first frame is whole.
    ///
    /// # Errors
    /// It is standard output or no file, or cannot be written.
    pub fn create(target: &Target, machine: &Block) -> Result<Self> {
        let (path, file) = target.begin_file()?;
        let file = Named::Temporarily(file);
        let (end, whole) = (0, 0);
        let mut recording = Self {
            path,
            file,
            end,
            whole,
            frames: Vec::new(),
            open: None,
        };
        recording.write(&FILE_HEADER)?;
        recording.put(machine)?;
        recording.whole = recording.end;
        Ok(recording)
    }

    /// Whole frames so far.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// What the system said.
    pub fn put(&mut self, block: &Block) -> Result<()> {
        let at = self.end;
        self.write(&block.encode())?;
        match block.tag {
            Tag::Frame => {
                let head = FrameHead::decode(&block.contents);
                let head = head.map_err(|Malformed(reason)| {
                    self.failed(std::io::Error::new(ErrorKind::InvalidData, reason))
                })?;
                self.open = Some((at, head.key));
            }
            Tag::Directory => self.close_frame(at)?,
            _ => {}
        }
        Ok(())
    }

    fn close_frame(&mut self, directory: u64) -> Result<()> {
        let (start, key) = self
            .open
            .take()
            .expect("a frame's end follows its beginning");
        self.frames.push(FrameEntry {
            start,
            directory,
            key,
        });
        self.whole = self.end;
        self.appear()
    }

    /// Takes its name, once.
    fn appear(&mut self) -> Result<()> {
        let Named::Temporarily(file) = &self.file else {
            return Ok(());
        };
        let kept = file
            .as_file()
            .try_clone()
            .map_err(|cause| self.failed(cause))?;
        let Named::Temporarily(file) = std::mem::replace(&mut self.file, Named::Finally(kept))
        else {
            return Ok(());
        };
        give_to_caller(file.as_file());
        file.persist(&self.path).map_err(|error| Error::Write {
            path: self.path.clone(),
            cause: error.error,
        })?;
        Ok(())
    }

    fn file(&self) -> &File {
        match &self.file {
            Named::Temporarily(file) => file.as_file(),
            Named::Finally(file) => file,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file()
            .write_all_at(bytes, self.end)
            .map_err(|cause| self.failed(cause))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn failed(&self, cause: std::io::Error) -> Error {
        Error::Write {
            path: self.path.clone(),
            cause,
        }
    }

    /// Ends the recording: what is not a whole frame is taken back, and the index follows.
    ///
    /// # Errors
    /// What the system said; the whole frames stay readable.
    pub fn finish(mut self) -> Result<()> {
        if self.frames.is_empty() {
            return Ok(());
        }
        self.file()
            .set_len(self.whole)
            .map_err(|cause| self.failed(cause))?;
        self.end = self.whole;
        let index = Index {
            frames: std::mem::take(&mut self.frames),
        };
        let at = self.end;
        let block = Block {
            tag: Tag::Index,
            frame: 0,
            contents: index.encode(),
        };
        let mut bytes = block.encode();
        bytes.extend(trailer(at));
        let written = self.write(&bytes);
        if written.is_err() {
            // An index that is cut off would only be in the way of reading without one.
            let _ = self.file().set_len(self.whole);
        }
        written
    }
}
