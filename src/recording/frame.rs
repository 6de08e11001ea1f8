//! What is said once, what is said with each frame, and where everything is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Malformed;
use super::varint::{put, take};

/// What the words of a chunk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Plane {
    /// kpageflags.
    Flags = 0,
    /// kpagecount.
    Counts = 1,
    /// kpagecgroup.
    Cgroups = 2,
}

impl Plane {
    /// Every plane.
    pub const ALL: [Plane; 3] = [Plane::Flags, Plane::Counts, Plane::Cgroups];

    /// The word for options and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Plane::Flags => "flags",
            Plane::Counts => "counts",
            Plane::Cgroups => "cgroups",
        }
    }
}

/// What the machine says once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineHead {
    /// The program that wrote it.
    pub writer: String,
    /// Host name.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Base page size in bytes.
    pub page_bytes: u64,
    /// Whether that is only assumed.
    pub page_size_assumed: bool,
    /// Pages of one PMD-sized huge page.
    pub pmd_pages: u64,
    /// RAM as ranges of page numbers, start and end; nothing when unknown.
    pub ram: Option<Vec<(u64, u64)>>,
    /// Existing memory blocks, likewise.
    pub blocks: Option<Vec<(u64, u64)>>,
    /// Files as they were, by their path below the root.
    pub texts: BTreeMap<String, String>,
}

/// What is said with each frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameHead {
    /// True when no other frame is needed to read it.
    pub key: bool,
    /// When reading began, RFC 3339.
    pub start: String,
    /// Whether a kernel answered.
    pub live: bool,
    /// The machine, where it is not the one of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineHead>,
    /// Files as they were, by their path below the root.
    pub texts: BTreeMap<String, String>,
}

/// Where a chunk is: the blocks of a frame's chunks follow each other after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkEntry {
    /// What its words are.
    pub plane: Plane,
    /// Its number: the first page divided by the pages of a chunk.
    pub number: u64,
    /// Whether it is told by itself.
    pub key: bool,
    /// Bytes of its block's contents.
    pub length: u64,
}

/// The end of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Page numbers of the frame.
    pub pages: u64,
    /// Nanoseconds from the beginning of reading to its end; nothing for a copy.
    pub duration_ns: u64,
    /// Its chunks, in the order of their blocks. A chunk that is not listed is as it was before.
    pub chunks: Vec<ChunkEntry>,
}

impl Directory {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.pages);
        put(&mut out, self.duration_ns);
        put(&mut out, self.chunks.len() as u64);
        for chunk in &self.chunks {
            out.push(chunk.plane as u8 | u8::from(chunk.key) << 7);
            put(&mut out, chunk.number);
            put(&mut out, chunk.length);
        }
        out
    }

    /// From bytes.
    ///
    /// # Errors
    /// Cut off, or of an unknown plane.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let pages = take(&mut rest)?;
        let duration_ns = take(&mut rest)?;
        let count = take(&mut rest)?;
        // Grows with the bytes that are there, not with the count that they claim.
        let mut chunks = Vec::new();
        for _ in 0..count {
            let (&kind, after) = rest
                .split_first()
                .ok_or_else(|| Malformed::new("a directory is cut off"))?;
            rest = after;
            let plane = Plane::ALL
                .into_iter()
                .find(|&plane| plane as u8 == kind & 0x7f);
            chunks.push(ChunkEntry {
                plane: plane.ok_or_else(|| Malformed::new("a chunk of unknown kind"))?,
                number: take(&mut rest)?,
                key: kind & 0x80 != 0,
                length: take(&mut rest)?,
            });
        }
        if !rest.is_empty() {
            return Err(Malformed::new("a directory goes on behind its end"));
        }
        Ok(Self {
            pages,
            duration_ns,
            chunks,
        })
    }
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameEntry {
    /// Offset of its head's block.
    pub start: u64,
    /// Offset of its directory's block.
    pub directory: u64,
    /// True when no other frame is needed to read it.
    pub key: bool,
}

/// Where all frames are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The frames in order.
    pub frames: Vec<FrameEntry>,
}

impl Index {
    /// As bytes: offsets as steps from the one before.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        for frame in &self.frames {
            put(&mut out, frame.start - at);
            put(
                &mut out,
                (frame.directory - frame.start) << 1 | u64::from(frame.key),
            );
            at = frame.directory;
        }
        out
    }

    /// From bytes: frames that follow each other, as many as there are bytes for.
    ///
    /// # Errors
    /// Cut off, or beyond what a file can be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let mut index = Self::default();
        let mut at = 0u64;
        while !rest.is_empty() {
            let (skip, step) = (take(&mut rest)?, take(&mut rest)?);
            let start = at.checked_add(skip);
            let directory = start.and_then(|start| start.checked_add(step >> 1));
            let (start, directory) = start
                .zip(directory)
                .filter(|(start, directory)| *start > at && directory > start)
                .ok_or_else(|| Malformed::new("an index whose frames do not follow each other"))?;
            index.frames.push(FrameEntry {
                start,
                directory,
                key: step & 1 == 1,
            });
            at = directory;
        }
        Ok(index)
    }
}

/// Length of the file's end.
pub const TRAILER_BYTES: usize = 16;
const TRAILER_MAGIC: [u8; 8] = *b"PMVINDEX";

/// The file's last bytes: where the index is.
pub fn trailer(index_at: u64) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    bytes[..8].copy_from_slice(&index_at.to_le_bytes());
    bytes[8..].copy_from_slice(&TRAILER_MAGIC);
    bytes
}

/// Where the index is, if these are the last bytes of a finished file.
pub fn decode_trailer(bytes: &[u8; TRAILER_BYTES]) -> Option<u64> {
    (bytes[8..] == TRAILER_MAGIC)
        .then(|| u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")))
}

/// Unpacked bytes that a head may have however well they pack.
const ANY_TEXT: usize = 1 << 20;

/// Times its packed bytes a longer head may have unpacked: what has more is refused as a bomb.
const BOMB: usize = 1024;

/// The magic number of a zstd frame that readers skip, and what goes before its contents, theirs being its length.
const SKIPPED: u32 = 0x184d_2a50;
const SKIPPED_HEAD: usize = 8;

/// Packed bytes of a text of so many, with as many to skip behind them as nobody takes for a bomb.
fn no_bomb(mut packed: Vec<u8>, unpacked: usize) -> Vec<u8> {
    let least = unpacked.div_ceil(BOMB);
    if unpacked > ANY_TEXT && packed.len() < least {
        let skipped = (least - packed.len()).saturating_sub(SKIPPED_HEAD);
        packed.extend(SKIPPED.to_le_bytes());
        packed.extend((skipped as u32).to_le_bytes());
        packed.resize(packed.len() + skipped, 0);
    }
    packed
}

macro_rules! packed_json {
    ($($head:ident $most:expr;)*) => {$(
        impl $head {
            /// As bytes: JSON, packed.
            pub fn encode(&self) -> Vec<u8> {
                let json = serde_json::to_vec(self).expect("texts and numbers always serialise");
                let packed = zstd::bulk::compress(&json, 3).expect("zstd packs memory into memory");
                no_bomb(packed, json.len())
            }

            /// From bytes.
            ///
            /// # Errors
            /// They do not unpack, or say something else.
            pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
                let failed = |error: String| Malformed::new(format!("{} does not read: {error}", stringify!($head)));
                let most = bytes.len().saturating_mul(BOMB).clamp(ANY_TEXT, $most);
                let json = zstd::bulk::decompress(bytes, most).map_err(|error| failed(error.to_string()))?;
                serde_json::from_slice(&json).map_err(|error| failed(error.to_string()))
            }
        }
    )*};
}

packed_json! {
    MachineHead 64 << 20;
    FrameHead 64 << 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_directories_come_back() {
        let mut head = FrameHead {
            key: true,
            start: "now".into(),
            ..FrameHead::default()
        };
        head.texts
            .insert("some/file".into(), "Node 0, zone DMA 1 2 3\n".into());
        assert_eq!(FrameHead::decode(&head.encode()), Ok(head));
        let chunk = ChunkEntry {
            plane: Plane::Counts,
            number: 1 << 40,
            key: true,
            length: 77,
        };
        let directory = Directory {
            pages: 1 << 50,
            duration_ns: 9,
            chunks: vec![
                chunk,
                ChunkEntry {
                    key: false,
                    ..chunk
                },
            ],
        };
        let bytes = directory.encode();
        assert_eq!(Directory::decode(&bytes), Ok(directory));
        for end in 0..bytes.len() {
            assert!(Directory::decode(&bytes[..end]).is_err());
        }
        assert_eq!(decode_trailer(&trailer(12345)), Some(12345));
    }

    #[test]
    fn a_count_without_contents_asks_for_no_memory() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1);
        put(&mut bytes, 1);
        put(&mut bytes, u64::MAX);
        assert!(Directory::decode(&bytes).is_err());
        assert!(Index::decode(&[0; 40]).is_err());
        let frame = |start, directory, key| FrameEntry {
            start,
            directory,
            key,
        };
        let index = Index {
            frames: vec![frame(100, 900, true), frame(1000, 1100, false)],
        };
        assert_eq!(Index::decode(&index.encode()), Ok(index));
    }
}
