//! `pagemap-viz completions` and `man`: what packages install beside the program.

use std::path::Path;

use crate::cli::{SystemRequest, completions, man_pages};
use crate::error::Result;
use crate::output::{Pending, Target, finish_all, print, refuse_planted, write_text};

/// Prints or writes it.
pub(super) fn provide(request: &SystemRequest) -> Result<()> {
    match request {
        SystemRequest::Completions(shell) => print(&completions(*shell)),
        SystemRequest::Man(directory) => write_pages(directory),
    }
}

/// All pages or none.
fn write_pages(directory: &Path) -> Result<()> {
    refuse_planted(directory)?;
    let write = |(name, text): (String, String)| {
        let target = Target::File(directory.join(name));
        target.check()?;
        write_text(&target, &text)
    };
    let pages: Vec<Pending> = man_pages().into_iter().map(write).collect::<Result<_>>()?;
    finish_all(pages)
}
