//! Where results go: files that appear whole or not at all, standard output, picture formats, series
//! and animations.

mod animation;
mod convert;
mod directory;
mod file;
mod png;
mod recording_file;
mod rows;
mod table;
mod video;

pub use animation::{AnimationFormat, animate};
pub use convert::Format;
pub use directory::SeriesDirectory;
pub use file::{Pending, Target, finish_all, print, refuse_planted};
pub use recording_file::RecordingFile;
pub use rows::{DataSet, RowFormat, RowWriter};
pub use table::{TableFormat, TableWriter, write_table};
pub use video::{check_video, film};

use crate::error::Result;
use crate::facts::Facts;
use crate::render::Picture;
use crate::scan::Watcher;

/// A text that appears when it is finished. Standard output gets nothing before that.
///
/// # Errors
/// The target cannot be written.
pub fn write_text(to: &Target, text: &str) -> Result<Pending> {
    let mut pending = to.begin_text()?;
    pending.write_text(text)?;
    Ok(pending)
}

/// Writes a picture in the format of its target.
///
/// # Errors
/// The format has a limit, the scratch file cannot be read, the target cannot be written, or the
/// watcher said stop.
pub fn write_picture(
    picture: &mut Picture,
    facts: &Facts,
    title: &str,
    format: Format,
    watcher: &dyn Watcher,
    to: &mut Pending,
) -> Result<()> {
    match format {
        Format::Png => png::write(picture, facts, title, watcher, to),
        other => {
            let mut whole = Pending::memory(to.path());
            png::write(picture, facts, title, watcher, &mut whole)?;
            convert::convert(&whole.into_bytes(), other, to)
        }
    }
}
