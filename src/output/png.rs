//! Indexed PNG, 8 bit: parts are joined as they are, and the text chunks say what it is.

use std::io::Write;

use png::{BitDepth, ColorType, Encoder, EncodingError, SrgbRenderingIntent, Writer, chunk};

use super::Pending;
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::grid::{Packed, Packer};
use crate::render::{Part, Picture};
use crate::scan::Watcher;

/// zlib's header for deflate with a window of 32 KiB.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];
/// A last deflate block without contents.
const EMPTY_LAST_BLOCK: [u8; 2] = [3, 0];

/// Writes the picture.
pub(super) fn write(
    picture: &mut Picture,
    facts: &Facts,
    title: &str,
    watcher: &dyn Watcher,
    to: &mut Pending,
) -> Result<()> {
    let path = to.path().to_owned();
    let failed = move |error: EncodingError| match error {
        EncodingError::IoError(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
            Error::ClosedPipe
        }
        EncodingError::IoError(cause) => Error::Write {
            path: path.clone(),
            cause,
        },
        other => Error::Format {
            path: path.clone(),
            cause: other.to_string(),
        },
    };
    let mut writer = header(picture, facts, title, to)
        .and_then(Encoder::write_header)
        .map_err(&failed)?;
    writer
        .write_chunk(chunk::IDAT, &ZLIB_HEADER)
        .map_err(&failed)?;
    let mut packer = Packer::new();
    let mut sum = Packed::checksum_start();
    for number in 0..picture.parts() {
        watcher.stop().map_or(Ok(()), Err)?;
        let packed = match picture.part(number)? {
            Part::Packed(packed) => packed,
            Part::Pixels(pixels) => packer.pack(&pixels, picture.width),
        };
        sum = packed.checksum_after(sum);
        write_data(&mut writer, &packed.bytes).map_err(&failed)?;
    }
    let end = [EMPTY_LAST_BLOCK.as_slice(), &sum.to_be_bytes()].concat();
    writer.write_chunk(chunk::IDAT, &end).map_err(&failed)?;
    writer.finish().map_err(&failed)
}

fn write_data<W: Write>(writer: &mut Writer<W>, bytes: &[u8]) -> Result<(), EncodingError> {
    if bytes.is_empty() {
        Ok(())
    } else {
        writer.write_chunk(chunk::IDAT, bytes)
    }
}

fn header<'a, W: Write>(
    picture: &Picture,
    facts: &Facts,
    title: &str,
    to: W,
) -> Result<Encoder<'a, W>, EncodingError> {
    let mut encoder = Encoder::new(to, picture.width as u32, picture.height as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(
        picture
            .colours
            .iter()
            .flat_map(|colour| colour.0)
            .collect::<Vec<u8>>(),
    );
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    encoder.add_itxt_chunk("Title".to_owned(), title.to_owned())?;
    encoder.add_itxt_chunk("Description".to_owned(), facts.description())?;
    encoder.add_text_chunk("Creation Time".to_owned(), facts.created().to_owned())?;
    encoder.add_text_chunk(
        "Software".to_owned(),
        concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")).to_owned(),
    )?;
    encoder.add_itxt_chunk("pagemap-viz".to_owned(), facts.to_json_line())?;
    Ok(encoder)
}
