//! The blocks of a recording's file, read at their places, and where its frames are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::recording::{
    BlockHeader, Directory, FrameEntry, FrameHead, HEADER_BYTES, Index, Malformed, TRAILER_BYTES,
    Tag, decode_trailer,
};

/// The blocks of a file, read at their places.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Blocks {
    pub(super) fn malformed(&self, at: u64, Malformed(reason): Malformed) -> Error {
        Error::Recording {
            path: self.path.clone(),
            cause: format!("{reason} (at byte {at})"),
        }
    }

    pub(super) fn read_exact(&self, at: u64, into: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(into, at)
            .map_err(|cause| match cause.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    self.malformed(at, Malformed::new("it is cut off"))
                }
                _ => Error::Read {
                    path: self.path.clone(),
                    cause,
                },
            })
    }

    pub(super) fn header(&self, at: u64) -> Result<BlockHeader> {
        let mut bytes = [0; HEADER_BYTES];
        self.read_exact(at, &mut bytes)?;
        let header = BlockHeader::decode(&bytes).map_err(|reason| self.malformed(at, reason))?;
        let end = (at + HEADER_BYTES as u64).checked_add(header.length);
        match end.is_some_and(|end| end <= self.bytes) {
            true => Ok(header),
            false => Err(self.malformed(at, Malformed::new("a block is cut off"))),
        }
    }

    /// The contents of a block of that kind, whole. A length beyond the file's end was refused
    /// before, so memory follows the file's own size.
    pub(super) fn contents(&self, at: u64, tag: Tag) -> Result<Vec<u8>> {
        let header = self.header(at)?;
        if header.tag != tag {
            return Err(self.malformed(at, Malformed::new("a block is not of the expected kind")));
        }
        let mut contents = vec![0; header.length as usize];
        self.read_exact(at + HEADER_BYTES as u64, &mut contents)?;
        match header.fits(&contents) {
            true => Ok(contents),
            false => Err(self.malformed(at, Malformed::new("a block fails its checksum"))),
        }
    }

    /// Where the block after the one at `at` is.
    pub(super) fn after(&self, at: u64) -> Result<u64> {
        Ok(at + HEADER_BYTES as u64 + self.header(at)?.length)
    }

    pub(super) fn decode<T>(
        &self,
        at: u64,
        tag: Tag,
        decode: impl Fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T> {
        let contents = self.contents(at, tag)?;
        decode(&contents).map_err(|reason| self.malformed(at, reason))
    }
}

/// The index that the trailer names, if both are whole and lead to frames.
pub(super) fn read_index(blocks: &Blocks) -> Option<Vec<FrameEntry>> {
    let at = blocks.bytes.checked_sub(TRAILER_BYTES as u64)?;
    let mut bytes = [0; TRAILER_BYTES];
    blocks.read_exact(at, &mut bytes).ok()?;
    let index_at = decode_trailer(&bytes)?;
    let index = blocks.decode(index_at, Tag::Index, Index::decode).ok()?;
    let leads = |entry: &FrameEntry| {
        let tags =
            [entry.start, entry.directory].map(|at| blocks.header(at).map(|header| header.tag));
        matches!(tags, [Ok(Tag::Frame), Ok(Tag::Directory)]) && entry.start < entry.directory
    };
    index.frames.iter().all(leads).then_some(index.frames)
}

/// Frames by walking from block to block: all whole ones before the first damage.
pub(super) fn walk(blocks: &Blocks, first: u64) -> Vec<FrameEntry> {
    let mut frames = Vec::new();
    let mut open: Option<(u64, bool)> = None;
    let mut at = first;
    while let Ok(header) = blocks.header(at) {
        match header.tag {
            Tag::Frame => {
                let head = blocks.decode(at, Tag::Frame, FrameHead::decode);
                open = head.ok().map(|head| (at, head.key));
            }
            Tag::Directory => {
                let whole = blocks.decode(at, Tag::Directory, Directory::decode).is_ok();
                if let Some((start, key)) = open.take().filter(|_| whole) {
                    frames.push(FrameEntry {
                        start,
                        directory: at,
                        key,
                    });
                }
            }
            Tag::Machine | Tag::Processes | Tag::Key | Tag::Delta | Tag::Index => {}
        }
        at += HEADER_BYTES as u64 + header.length;
    }
    frames
}
