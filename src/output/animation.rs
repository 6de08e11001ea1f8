//! Pictures of a series as one file: GIF or APNG. Only pixels that change are told again; the others
//! are transparent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use gif::{DisposalMethod, Repeat};
use png::{BitDepth, BlendOp, ColorType, Decoder, Encoder, EncodingError, Transformations, Writer};

use super::{Pending, Target};
use crate::error::{Error, Result};
use crate::scan::Watcher;

/// How long the first picture stands, so that the eye can settle, and the last.
const FIRST_MS: u32 = 1000;
const LAST_MS: u32 = 2000;

/// GIF keeps lengths in 16 bits.
const GIF_LIMIT: u64 = u16::MAX as u64;

/// An animation's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnimationFormat {
    /// Everybody shows it. Times in 1/100 s, sides of at most 65,535 pixels.
    Gif,
    /// Animated PNG: larger, and without GIF's limits.
    Apng,
}

impl AnimationFormat {
    /// The format that a file's extension asks for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "gif" => Some(Self::Gif),
            "apng" | "png" => Some(Self::Apng),
            _ => None,
        }
    }
}

impl AnimationFormat {
    /// Refuses pictures that are too high for it.
    ///
    /// # Errors
    /// They are.
    pub fn check_size(self, height: u64, target: &Target) -> Result<()> {
        if self == Self::Apng || height <= GIF_LIMIT {
            return Ok(());
        }
        Err(Error::Format {
            path: target.path().to_owned(),
            cause: format!(
                "the pictures are {height} pixels high and the format ends at {GIF_LIMIT}"
            ),
        })
    }
}

/// Colours of a palette, red green blue one after the other.
type Colours = Vec<u8>;

/// A picture of a series, read back.
struct Drawn {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    colours: Colours,
}

/// Pixels that are told again.
struct Step {
    pixels: Vec<u8>,
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// Writes the pictures of a series, which are of one size and one palette, as one animation.
///
/// # Errors
/// A picture cannot be read, the format has a limit, the target cannot be written, or the watcher
/// said stop.
pub fn animate(
    pictures: &[PathBuf],
    format: AnimationFormat,
    per_second: f64,
    watcher: &dyn Watcher,
    to: &mut Pending,
) -> Result<()> {
    let Some(first) = pictures.first() else {
        return Ok(());
    };
    let first = Drawn::read(first)?;
    let numbers = Numbers::new(&first.colours);
    let mut film = match format {
        AnimationFormat::Gif => Film::gif(&first, &numbers, to)?,
        AnimationFormat::Apng => Film::apng(&first, &numbers, pictures.len(), to)?,
    };
    let usual_ms = (1000.0 / per_second).round() as u32;
    let mut last: Option<Vec<u8>> = None;
    for (number, path) in pictures.iter().enumerate() {
        watcher.stop().map_or(Ok(()), Err)?;
        let drawn = Drawn::read(path)?;
        let pixels = numbers.of(&drawn);
        let step = match &last {
            None => Step::whole(&drawn, &pixels),
            Some(last) => Step::change(&drawn, last, &pixels, numbers.transparent),
        };
        film.put(&step, stands_ms(number, pictures.len(), usual_ms))?;
        last = Some(pixels);
    }
    film.finish()
}

fn stands_ms(number: usize, count: usize, usual: u32) -> u32 {
    match number {
        number if number + 1 == count => LAST_MS.max(usual),
        0 => FIRST_MS.max(usual),
        _ => usual,
    }
}

impl Step {
    fn whole(drawn: &Drawn, pixels: &[u8]) -> Self {
        Self {
            pixels: pixels.to_vec(),
            left: 0,
            top: 0,
            width: drawn.width,
            height: drawn.height,
        }
    }

    /// The smallest rectangle that holds every pixel that differs, the others transparent; one pixel at
    /// least.
    fn change(drawn: &Drawn, before: &[u8], after: &[u8], transparent: u8) -> Self {
        let width = drawn.width as usize;
        let pairs = || before.chunks_exact(width).zip(after.chunks_exact(width));
        let spans = pairs().enumerate().filter_map(|(y, (before, after))| {
            let differs = |at: &usize| before[*at] != after[*at];
            let first = (0..width).find(differs)?;
            let last = (0..width).rfind(differs)?;
            Some((y, first, last))
        });
        let all = spans.fold(None, |all, (y, first, last)| match all {
            None => Some((first, y, last, y)),
            Some((left, top, right, _)) => Some((first.min(left), top, last.max(right), y)),
        });
        let (left, top, right, bottom) = all.unwrap_or_default();
        let pixel = |(before, after): (&u8, &u8)| match before == after {
            true => transparent,
            false => *after,
        };
        let rows = pairs().skip(top).take(bottom - top + 1);
        let pixels = rows.flat_map(|(before, after)| {
            let (before, after) = (&before[left..=right], &after[left..=right]);
            before.iter().zip(after).map(pixel)
        });
        Self {
            pixels: pixels.collect(),
            left: left as u32,
            top: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        }
    }
}

impl Drawn {
    fn read(path: &Path) -> Result<Self> {
        let failed = |cause: png::DecodingError| Error::Read {
            path: path.to_owned(),
            cause: match cause {
                png::DecodingError::IoError(cause) => cause,
                other => io::Error::other(other),
            },
        };
        let file = File::open(path).map_err(|cause| failed(cause.into()))?;
        let mut decoder = Decoder::new(BufReader::new(file));
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(failed)?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
        reader.next_frame(&mut pixels).map_err(failed)?;
        let info = reader.info();
        Ok(Self {
            width: info.width,
            height: info.height,
            colours: info.palette.as_deref().unwrap_or_default().to_vec(),
            pixels,
        })
    }
}

/// Distinct colours by number: fewer than a picture's indices, so that there is room for one that is
/// transparent, and few enough that GIF's codes are short.
struct Numbers {
    /// The number of each palette index.
    of: Vec<u8>,
    colours: Colours,
    transparent: u8,
}

impl Numbers {
    fn new(palette: &[u8]) -> Self {
        let mut known: HashMap<&[u8], u8> = HashMap::new();
        let mut colours = Colours::new();
        let mut number = |colour| {
            *known.entry(colour).or_insert_with(|| {
                colours.extend_from_slice(colour);
                (colours.len() / 3 - 1) as u8
            })
        };
        let of = palette.chunks_exact(3).map(&mut number).collect();
        let transparent = (colours.len() / 3) as u8;
        colours.extend([0; 3]);
        Self {
            of,
            colours,
            transparent,
        }
    }

    fn of(&self, drawn: &Drawn) -> Vec<u8> {
        let number = |&index: &u8| self.of[usize::from(index)];
        drawn.pixels.iter().map(number).collect()
    }
}

/// An animation in the making.
struct Film<'a> {
    path: PathBuf,
    /// The number that is not drawn.
    transparent: u8,
    sink: Sink<'a>,
}

enum Sink<'a> {
    Gif(gif::Encoder<&'a mut Pending>),
    Apng(Writer<&'a mut Pending>),
}

impl<'a> Film<'a> {
    fn gif(first: &Drawn, numbers: &Numbers, to: &'a mut Pending) -> Result<Self> {
        let path = to.path().to_owned();
        let failed = gif_failed(&path);
        let (width, height) = (first.width as u16, first.height as u16);
        let encoder = gif::Encoder::new(to, width, height, &numbers.colours);
        let mut encoder = encoder.map_err(&failed)?;
        encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
        Ok(Self {
            path,
            transparent: numbers.transparent,
            sink: Sink::Gif(encoder),
        })
    }

    fn apng(
        first: &Drawn,
        numbers: &Numbers,
        pictures: usize,
        to: &'a mut Pending,
    ) -> Result<Self> {
        let path = to.path().to_owned();
        let failed = apng_failed(&path);
        let mut encoder = Encoder::new(to, first.width, first.height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette(numbers.colours.clone());
        let mut alpha = vec![255; usize::from(numbers.transparent)];
        alpha.push(0);
        encoder.set_trns(alpha);
        // Filters hurt where numbers are names.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.set_compression(png::Compression::High);
        encoder.set_animated(pictures as u32, 0).map_err(&failed)?;
        encoder.set_blend_op(BlendOp::Over).map_err(&failed)?;
        let writer = encoder.write_header().map_err(failed)?;
        Ok(Self {
            path,
            transparent: numbers.transparent,
            sink: Sink::Apng(writer),
        })
    }

    fn put(&mut self, step: &Step, stands_ms: u32) -> Result<()> {
        match &mut self.sink {
            Sink::Gif(encoder) => {
                let frame = gif::Frame {
                    delay: (stands_ms / 10) as u16,
                    dispose: DisposalMethod::Keep,
                    transparent: Some(self.transparent),
                    left: step.left as u16,
                    top: step.top as u16,
                    width: step.width as u16,
                    height: step.height as u16,
                    buffer: Cow::Borrowed(&step.pixels),
                    ..gif::Frame::default()
                };
                encoder.write_frame(&frame).map_err(gif_failed(&self.path))
            }
            Sink::Apng(writer) => {
                put_apng(writer, step, stands_ms).map_err(apng_failed(&self.path))
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Gif(encoder) => {
                let to = encoder.into_inner().map_err(gif_failed(&self.path))?;
                to.flush().map_err(|cause| write_failed(&self.path, cause))
            }
            Sink::Apng(writer) => writer.finish().map_err(apng_failed(&self.path)),
        }
    }
}

fn put_apng(
    writer: &mut Writer<&mut Pending>,
    step: &Step,
    stands_ms: u32,
) -> Result<(), EncodingError> {
    writer.set_frame_delay(stands_ms.min(u32::from(u16::MAX)) as u16, 1000)?;
    // The position first: a picture may nowhere reach beyond the first one's edges.
    writer.reset_frame_position()?;
    writer.set_frame_dimension(step.width, step.height)?;
    writer.set_frame_position(step.left, step.top)?;
    writer.write_image_data(&step.pixels)
}

fn write_failed(path: &Path, cause: io::Error) -> Error {
    Error::Write {
        path: path.to_owned(),
        cause,
    }
}

fn gif_failed(path: &Path) -> impl Fn(gif::EncodingError) -> Error {
    let path = path.to_owned();
    move |error| match error {
        gif::EncodingError::Io(cause) => write_failed(&path, cause),
        other => Error::Format {
            path: path.clone(),
            cause: other.to_string(),
        },
    }
}

fn apng_failed(path: &Path) -> impl Fn(EncodingError) -> Error {
    let path = path.to_owned();
    move |error| match error {
        EncodingError::IoError(cause) => write_failed(&path, cause),
        other => Error::Format {
            path: path.clone(),
            cause: other.to_string(),
        },
    }
}
