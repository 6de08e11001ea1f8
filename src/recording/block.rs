//! Blocks: a header of fixed length that says what follows, how long it is, and whether both are whole.

use zlib_rs::crc32::crc32;

use super::Malformed;

/// The file's first bytes: a high bit, a name and both line ends, so that a transfer as text is
/// noticed; then the version, and four bytes of zero.
pub const FILE_HEADER: [u8; 16] = file_header();

const MAGIC: [u8; 8] = *b"\x89PMV\r\n\x1a\n";
const VERSION: u32 = 1;

const fn file_header() -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut at = 0;
    while at < MAGIC.len() {
        bytes[at] = MAGIC[at];
        at += 1;
    }
    let version = VERSION.to_le_bytes();
    while at < 12 {
        bytes[at] = version[at - 8];
        at += 1;
    }
    bytes
}

/// Refuses what is no recording of this version.
///
/// # Errors
/// Another kind of file, or another version.
pub fn check_file_header(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.len() < FILE_HEADER.len() || bytes[..8] != MAGIC {
        return Err(Malformed::new("it is no recording"));
    }
    let version = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
    if version != VERSION {
        return Err(Malformed::new(format!(
            "it is of version {version}, and this program reads {VERSION}"
        )));
    }
    Ok(())
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// What the machine says once.
    Machine,
    /// The beginning of a frame: what the machine says each time.
    Frame,
    /// Pages of processes, where some were chosen.
    Processes,
    /// A chunk by itself.
    Key,
    /// A chunk as changes of the same chunk before.
    Delta,
    /// The end of a frame: where its chunks are.
    Directory,
    /// Where all frames are.
    Index,
}

/// A short number of bytes, the same everywhere and for ever.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32(0, bytes)
}

impl Tag {
    const ALL: [(Tag, [u8; 4]); 7] = [
        (Tag::Machine, *b"MACH"),
        (Tag::Frame, *b"FRAM"),
        (Tag::Processes, *b"PROC"),
        (Tag::Key, *b"KEYC"),
        (Tag::Delta, *b"DELT"),
        (Tag::Directory, *b"ENDF"),
        (Tag::Index, *b"INDX"),
    ];

    fn bytes(self) -> [u8; 4] {
        let row = Self::ALL.iter().find(|(tag, _)| *tag == self);
        row.expect("every tag has a row").1
    }
}

/// Length of a block's header.
pub const HEADER_BYTES: usize = 24;

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// What the block holds.
    pub tag: Tag,
    /// The frame it belongs to.
    pub frame: u32,
    /// Bytes of contents after the header.
    pub length: u64,
    checksum: u32,
}

impl BlockHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// Its checksum fails, or its tag is unknown.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Malformed> {
        let word =
            |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        if word(20) != crc32(0, &bytes[..20]) {
            return Err(Malformed::new("a block's header fails its checksum"));
        }
        let tag = Tag::ALL.iter().find(|(_, tag)| tag == &bytes[..4]);
        Ok(Self {
            tag: tag
                .ok_or_else(|| Malformed::new("a block of unknown kind"))?
                .0,
            frame: word(4),
            length: u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")),
            checksum: word(16),
        })
    }

    /// True when these are the contents that the header was written for.
    pub fn fits(&self, contents: &[u8]) -> bool {
        contents.len() as u64 == self.length && crc32(0, contents) == self.checksum
    }
}

/// A block to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub tag: Tag,
    /// The frame it belongs to.
    pub frame: u32,
    /// Its contents.
    pub contents: Vec<u8>,
}

impl Block {
    /// Header and contents.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.contents.len());
        bytes.extend(self.tag.bytes());
        bytes.extend(self.frame.to_le_bytes());
        bytes.extend((self.contents.len() as u64).to_le_bytes());
        bytes.extend(crc32(0, &self.contents).to_le_bytes());
        bytes.extend(crc32(0, &bytes).to_le_bytes());
        bytes.extend(&self.contents);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_was_written() {
        let block = Block {
            tag: Tag::Delta,
            frame: 7,
            contents: b"changes".to_vec(),
        };
        let bytes = block.encode();
        let header = bytes[..HEADER_BYTES].try_into().expect("a header");
        let decoded = BlockHeader::decode(header).expect("whole");
        assert_eq!(
            (decoded.tag, decoded.frame, decoded.length),
            (Tag::Delta, 7, 7)
        );
        assert!(decoded.fits(b"changes") && !decoded.fits(b"Changes"));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let bytes = Block {
            tag: Tag::Key,
            frame: 0,
            contents: vec![1, 2, 3],
        }
        .encode();
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped: [u8; HEADER_BYTES] =
                bytes[..HEADER_BYTES].try_into().expect("a header");
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(BlockHeader::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn other_files_and_versions_are_refused() {
        assert_eq!(check_file_header(&FILE_HEADER), Ok(()));
        assert!(check_file_header(b"\x89PNG\r\n\x1a\n00000000").is_err());
        assert!(check_file_header(&FILE_HEADER[..10]).is_err());
        let mut newer = FILE_HEADER;
        newer[8] = 2;
        assert!(
            check_file_header(&newer)
                .expect_err("newer")
                .0
                .contains("version 2")
        );
    }
}
