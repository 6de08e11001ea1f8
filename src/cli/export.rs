//! Numbers to be taken elsewhere, resolved.

use std::path::{Path, PathBuf};

use super::args::{ExportArgs, PlaneArg, RowFormatArg};
use super::request::threads;
use super::selection::selection;
use super::source::SourceRequest;
use crate::facts::Rows;
use crate::output::{RowFormat, Target};
use crate::recording::Plane;

/// What is exported.
#[derive(Debug)]
pub enum ExportRequest {
    /// The words of a frame.
    Words(WordsRequest),
    /// Rows of pages.
    Rows(RowsRequest),
}

/// Words of a frame to be given back.
#[derive(Debug)]
pub struct WordsRequest {
    /// The recording.
    pub recording: PathBuf,
    /// The frame; the last when none is named.
    pub frame: Option<u64>,
    /// What of each page.
    pub plane: Plane,
    /// Where to.
    pub output: Target,
}

/// Rows of pages to be written.
#[derive(Debug)]
pub struct RowsRequest {
    /// Where the pages are read, and what each is called in a data set.
    pub inputs: Vec<(SourceRequest, String)>,
    /// What a row is.
    pub rows: Rows,
    /// Where to.
    pub to: RowTarget,
    /// The format.
    pub format: RowFormat,
    /// Leave the host out.
    pub redact: bool,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// Where rows go.
#[derive(Debug)]
pub enum RowTarget {
    /// All into one file.
    File(Target),
    /// By host and day into files below a directory.
    DataSet(PathBuf),
}

impl ExportRequest {
    /// Whether the running kernel is asked.
    pub(super) fn asks_the_kernel(&self) -> bool {
        match self {
            Self::Words(_) => false,
            Self::Rows(request) => request.inputs.iter().any(|(source, _)| source.is_running()),
        }
    }

    /// True when standard error shall stay silent but for errors.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Words(_) => true,
            Self::Rows(request) => request.quiet,
        }
    }

    /// The directory below which something is written.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Words(request) => request.output.directory(),
            Self::Rows(request) => match &request.to {
                RowTarget::File(target) => target.directory(),
                RowTarget::DataSet(directory) => Some(directory),
            },
        }
    }
}

pub(super) fn export(args: ExportArgs) -> Result<ExportRequest, String> {
    if args.raw {
        return words(&args).map(ExportRequest::Words);
    }
    let selection = selection(args.selection)?;
    let page_size = args.page_size.as_deref();
    let mut inputs = Vec::new();
    for path in &args.inputs {
        let source = SourceRequest::readings(path, page_size)?;
        inputs.push((source.only(selection.clone()), stem(path)));
    }
    if inputs.is_empty() {
        inputs.push((
            SourceRequest::live(page_size)?.only(selection),
            "live".to_owned(),
        ));
    }
    let (to, format) = place(&args.output, args.format)?;
    Ok(ExportRequest::Rows(RowsRequest {
        inputs,
        rows: if args.blocks {
            Rows::Blocks
        } else {
            Rows::Runs
        },
        to,
        format,
        redact: args.run.redact,
        threads: threads(&args.run),
        quiet: args.run.quiet,
    }))
}

fn words(args: &ExportArgs) -> Result<WordsRequest, String> {
    let [recording] = args.inputs.as_slice() else {
        return Err("--raw gives the words of one recording".to_owned());
    };
    Ok(WordsRequest {
        recording: recording.clone(),
        frame: args.frame,
        plane: match args.plane {
            PlaneArg::Flags => Plane::Flags,
            PlaneArg::Counts => Plane::Counts,
            PlaneArg::Cgroups => Plane::Cgroups,
        },
        output: Target::new(&args.output),
    })
}

/// What a file of a data set is called after: a system's directory, or a file without its ending.
fn stem(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = if real.is_dir() {
        real.file_name()
    } else {
        path.file_stem()
    };
    name.map_or_else(
        || "pages".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// A directory is one that exists, or ends with a slash.
fn place(path: &Path, said: Option<RowFormatArg>) -> Result<(RowTarget, RowFormat), String> {
    let said = said.map(|format| match format {
        RowFormatArg::Parquet => RowFormat::Parquet,
        RowFormatArg::Csv => RowFormat::Csv,
        RowFormatArg::Json => RowFormat::Json,
    });
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let format = said.unwrap_or(RowFormat::Parquet);
        return Ok((RowTarget::DataSet(path.to_owned()), format));
    }
    let target = Target::new(path);
    match said.or_else(|| RowFormat::of(path)) {
        Some(format) => Ok((RowTarget::File(target), format)),
        None if target == Target::Stdout => {
            Err("rows on standard output need --format csv, json or parquet".to_owned())
        }
        None => Err(format!(
            "unknown format of {} (one of .parquet, .csv, .json, or --format; a directory ends with /)",
            path.display()
        )),
    }
}
