//! How flags are kept: the bytes of a recording. Pure: no file is opened here.
//!
//! A recording is a header and blocks that say their own length and checksum. A frame is a reading
//! of all memory: one key frame in a while, and between them what changed. The format is written
//! down in `docs/recording-format.md`.

mod block;
mod chunk;
mod frame;
mod processes;
mod varint;

pub use block::{Block, BlockHeader, FILE_HEADER, HEADER_BYTES, Tag, check_file_header, checksum};
pub use chunk::{CHUNK_PAGES, ChunkState, Encoded, MAX_CHUNK_BYTES, apply};
pub use frame::{
    ChunkEntry, Directory, FrameEntry, FrameHead, Index, MachineHead, Plane, TRAILER_BYTES,
    decode_trailer, trailer,
};
pub use processes::{ProcessPages, ProcessTable};

/// Why bytes are no recording, or not one that this program reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Malformed {
    /// With a reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
