//! Other formats, through the image crate. They carry the pixels and nothing else.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader};

use super::Pending;
use crate::error::{Error, Result};

/// A picture's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Indexed, with everything that is known in text chunks.
    Png,
    /// Lossless; at most 16,383 pixels high.
    WebP,
    /// At most 65,535 pixels high.
    Gif,
    /// Uncompressed.
    Bmp,
    /// Uncompressed.
    Tiff,
}

impl Format {
    /// The format that a file's extension asks for: PNG when it has none, `None` for an unknown one.
    pub fn of(path: &Path) -> Option<Self> {
        let Some(extension) = path.extension() else {
            return Some(Self::Png);
        };
        match extension.to_str()?.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "webp" => Some(Self::WebP),
            "gif" => Some(Self::Gif),
            "bmp" => Some(Self::Bmp),
            "tif" | "tiff" => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The tallest picture it can hold, where an encoder would fail late or wrongly.
    fn max_height(self) -> u32 {
        match self {
            Self::WebP => 16_383,
            Self::Gif => 65_535,
            Self::Png | Self::Bmp | Self::Tiff => i32::MAX as u32,
        }
    }

    fn image_format(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
        }
    }
}

/// Turns a finished PNG into another format.
pub(super) fn convert(png: &[u8], format: Format, to: &mut Pending) -> Result<()> {
    let path = to.path().to_owned();
    let failed = |cause: String| Error::Format {
        path: path.clone(),
        cause: cause.replace('\n', " "),
    };
    let reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    let picture = reader.decode().map_err(|error| failed(error.to_string()))?;
    let (height, limit) = (picture.height(), format.max_height());
    if height > limit {
        return Err(failed(format!(
            "the picture is {height} pixels high and the format ends at {limit}"
        )));
    }
    let mut bytes = Vec::new();
    let rgb = DynamicImage::ImageRgb8(picture.into_rgb8());
    rgb.write_to(&mut Cursor::new(&mut bytes), format.image_format())
        .map_err(|error| failed(error.to_string()))?;
    to.write_all(&bytes).map_err(|cause| to.failed(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides() {
        assert_eq!(Format::of(Path::new("a/b.PNG")), Some(Format::Png));
        assert_eq!(Format::of(Path::new("a.b/c")), Some(Format::Png));
        assert_eq!(Format::of(Path::new("c.tif")), Some(Format::Tiff));
        assert_eq!(Format::of(Path::new("c.jpg")), None);
    }
}
