//! Rows of palette indices as a piece of a PNG's zlib stream.
//!
//! Each piece is raw deflate that ends on a byte and refers to nothing before it, so that workers
//! make pieces on their own and the picture is their concatenation. Filter 0 throughout: filters
//! only hurt data whose numbers are names.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use zlib_rs::adler32::{adler32, adler32_combine};

use crate::classify::Key;
use crate::layout::ROW_CELLS;

/// Where bytes stop shrinking and time starts to grow: see `benches/figures.rs`.
const LEVEL: u32 = 6;

/// The checksum of no bytes.
const ADLER_START: u32 = 1;

/// Packed rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Raw deflate, ended by a sync flush.
    pub bytes: Vec<u8>,
    /// Adler-32 of what is packed.
    pub adler: u32,
    /// Length of what is packed: rows, each with its filter byte.
    pub length: u64,
}

impl Packed {
    /// Nothing: what others are appended to.
    pub fn checksum_start() -> u32 {
        ADLER_START
    }

    /// The checksum of what was packed so far, `sum`, and this after it.
    pub fn checksum_after(&self, sum: u32) -> u32 {
        adler32_combine(sum, self.adler, self.length)
    }
}

/// Bytes as a zlib stream, as small as can be.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.expect("memory takes bytes")
}

/// Packs rows; keeps its buffers between calls. One per worker.
#[derive(Debug)]
pub struct Packer {
    deflate: Compress,
    rows: Vec<u8>,
}

impl Packer {
    /// Ready to pack.
    pub fn new() -> Self {
        Self::with_level(LEVEL)
    }

    /// For measurements: another level, 0 to 9.
    pub fn with_level(level: u32) -> Self {
        Self {
            deflate: Compress::new(Compression::new(level), false),
            rows: Vec::new(),
        }
    }

    /// Packs rows of cells.
    pub fn pack_cells(&mut self, cells: &[Key]) -> Packed {
        self.pack(bytemuck::cast_slice(cells), ROW_CELLS)
    }

    /// Packs rows of `width` palette indices.
    pub fn pack(&mut self, pixels: &[u8], width: usize) -> Packed {
        self.rows.clear();
        for row in pixels.chunks_exact(width) {
            self.rows.push(0);
            self.rows.extend_from_slice(row);
        }
        Packed {
            bytes: deflate(&mut self.deflate, &self.rows),
            adler: adler32(ADLER_START, &self.rows),
            length: self.rows.len() as u64,
        }
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

fn deflate(with: &mut Compress, input: &[u8]) -> Vec<u8> {
    with.reset();
    let mut out = Vec::with_capacity(input.len() / 16 + 64);
    loop {
        let taken = with.total_in() as usize;
        with.compress_vec(&input[taken..], &mut out, FlushCompress::Sync)
            .expect("deflate of memory into memory");
        // A sync flush is complete when it leaves room in the output.
        if with.total_in() as usize == input.len() && out.len() < out.capacity() {
            return out;
        }
        out.reserve(out.capacity().max(64));
    }
}

/// The rows of a piece, without filter bytes.
///
/// # Panics
/// When `packed` was not made by a [`Packer`] of this width.
pub fn unpack(packed: &Packed, width: usize) -> Vec<u8> {
    let mut rows = Vec::with_capacity(packed.length as usize);
    let mut inflate = Decompress::new(false);
    let status = inflate.decompress_vec(&packed.bytes, &mut rows, FlushDecompress::Sync);
    assert!(
        matches!(status, Ok(Status::Ok)) && rows.len() as u64 == packed.length,
        "what was packed here"
    );
    rows.chunks_exact(width + 1)
        .flat_map(|row| &row[1..])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn pieces_join_into_one_zlib_stream() {
        let mut packer = Packer::new();
        let noise = |seed: u32| {
            (0..3000u32)
                .map(move |i| (i.wrapping_mul(seed) >> 7) as u8)
                .collect::<Vec<_>>()
        };
        let pieces = [noise(2_654_435_761), vec![7; 3000], noise(40503)];
        let mut stream = vec![0x78, 0x9c];
        let mut sum = Packed::checksum_start();
        for pixels in &pieces {
            let packed = packer.pack(pixels, 100);
            assert_eq!(&unpack(&packed, 100), pixels);
            stream.extend_from_slice(&packed.bytes);
            sum = packed.checksum_after(sum);
        }
        stream.extend_from_slice(&[3, 0]);
        stream.extend_from_slice(&sum.to_be_bytes());
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&stream[..])
            .read_to_end(&mut plain)
            .expect("a whole stream");
        assert_eq!(plain.len(), 3 * 30 * 101);
    }
}
