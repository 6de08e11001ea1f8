//! The verbs: one file each, which reads as a sentence.

mod palette;
mod snapshot;

use crate::cli::Request;
use crate::error::Result;
use crate::terminal::Terminal;

/// Does what was asked.
///
/// # Errors
/// What stopped it.
pub fn run(request: &Request, terminal: &Terminal) -> Result<()> {
    match request {
        Request::Snapshot(request) => snapshot::draw(request, terminal),
        Request::Palette(request) => palette::answer(request),
    }
}
