//! A comparison as asked for, resolved.

use std::path::PathBuf;

use super::args::DiffArgs;
use super::look::Look;
use super::selection::selection;
use super::snapshot::{differ, format};
use super::source::SourceRequest;
use super::workers::threads;
use crate::output::{Format, Target};
use crate::scan::Lens;
use crate::source::Selection;

/// A comparison, fully said.
#[derive(Debug)]
pub struct DiffRequest {
    /// What is compared.
    pub readings: Compared,
    /// Which part of memory.
    pub selection: Selection,
    /// How the picture looks.
    pub look: Look,
    /// Where it goes, and in which format.
    pub picture: Option<(Target, Format)>,
    /// Where the JSON goes.
    pub json: Option<Target>,
    /// Leave the host out.
    pub redact: bool,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// What is compared.
#[derive(Debug)]
pub enum Compared {
    /// Two readings.
    Two {
        /// The earlier one.
        before: Box<SourceRequest>,
        /// The later one.
        after: Box<SourceRequest>,
    },
    /// Every reading of a recording with the one before it.
    Series(PathBuf),
}

impl DiffRequest {
    /// Whether standard output gets the matrix: when nothing else goes there.
    pub fn tells(&self) -> bool {
        let picture = self.picture.as_ref().map(|(target, _)| target);
        let taken = [picture, self.json.as_ref()];
        !taken
            .into_iter()
            .flatten()
            .any(|target| *target == Target::Stdout)
    }
}

pub(super) fn diff(args: DiffArgs) -> Result<DiffRequest, String> {
    let mut places = args.places.into_iter();
    let lens = match args.series {
        Some(_) => Lens::Churn,
        None => Lens::Difference,
    };
    let readings = match args.series {
        Some(_) if args.page_size.is_some() => {
            return Err("--page-size is for raw copies, and --series takes a recording".to_owned());
        }
        Some(recording) => Compared::Series(recording),
        None => {
            let mut reading = || {
                let place = places
                    .next()
                    .ok_or("two readings are compared: diff BEFORE AFTER PICTURE")?;
                SourceRequest::at(&place, args.page_size.as_deref()).map(Box::new)
            };
            Compared::Two {
                before: reading()?,
                after: reading()?,
            }
        }
    };
    let picture = places.next();
    if let Some(more) = places.next() {
        return Err(format!(
            "what is {}? (with --series there is one picture and nothing else)",
            more.display()
        ));
    }
    let picture = match picture {
        None => None,
        Some(path) => {
            let target = Target::new(&path);
            let format = format(&path, &target)?;
            Some((target, format))
        }
    };
    let json = args.json.as_deref().map(Target::new);
    if let Some((picture, _)) = &picture {
        differ(picture, json.as_ref())?;
    }
    Ok(DiffRequest {
        readings,
        selection: selection(args.selection)?,
        look: Look::new(args.look, lens, "proportional")?,
        picture,
        json,
        redact: args.run.redact,
        threads: threads(&args.run.work),
        quiet: args.run.work.quiet,
    })
}
