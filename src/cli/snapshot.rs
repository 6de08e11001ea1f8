//! A picture as asked for, resolved.

use std::path::Path;

use super::args::SnapshotArgs;
use super::look::{Look, lens};
use super::selection::selection;
use super::sought::{SoughtRequest, sought};
use super::source::SourceRequest;
use super::workers::threads;
use crate::output::{Format, Target};
use crate::scan::Lens;

/// One picture, fully said.
#[derive(Debug)]
pub struct SnapshotRequest {
    /// Where the flags come from.
    pub source: SourceRequest,
    /// What is looked for.
    pub sought: Option<SoughtRequest>,
    /// How it looks.
    pub look: Look,
    /// Where the picture goes.
    pub picture: Target,
    /// The picture's format.
    pub format: Format,
    /// Where the JSON goes.
    pub json: Option<Target>,
    /// Read every page, whatever proves its class.
    pub every_page: bool,
    /// Say what was read and checked.
    pub verbose: bool,
    /// Leave the host out.
    pub redact: bool,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

pub(super) fn snapshot(args: SnapshotArgs) -> Result<SnapshotRequest, String> {
    let picture = Target::new(&args.picture);
    let json = args.json.as_deref().map(Target::new);
    differ(&picture, json.as_ref())?;
    let sought = sought(args.sought, args.look.reducer.as_ref())?;
    let (lens, reducer) = match &sought {
        Some(_) => (Lens::Overlay, "sought"),
        None => (lens(&args.lens)?, "proportional"),
    };
    if lens == Lens::Age {
        return Err("--by age is for a series (timelapse)".to_owned());
    }
    let sought = sought.or_else(|| SoughtRequest::of(lens));
    Ok(SnapshotRequest {
        look: Look::new(args.look, lens, reducer)?,
        sought,
        source: SourceRequest::one(args.source)?.only(selection(args.selection)?),
        format: format(&args.picture, &picture)?,
        picture,
        json,
        every_page: args.every_page,
        verbose: args.verbose,
        redact: args.run.redact,
        threads: threads(&args.run.work),
        quiet: args.run.work.quiet,
    })
}

/// Two results cannot go to one place.
pub(super) fn differ(picture: &Target, json: Option<&Target>) -> Result<(), String> {
    match json {
        Some(json) if json.is_same_place(picture) => {
            Err("the picture and --json cannot go to the same place".to_owned())
        }
        _ => Ok(()),
    }
}

/// The format of a picture.
pub(super) fn format(path: &Path, target: &Target) -> Result<Format, String> {
    match target {
        Target::Stdout => Ok(Format::Png),
        Target::File(_) => Format::of(path).ok_or_else(|| {
            format!(
                "unknown picture format of {} (one of .png, .webp, .gif, .bmp, .tiff)",
                path.display()
            )
        }),
    }
}
