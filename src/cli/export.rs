//! Numbers to be taken elsewhere, resolved.

use std::path::{Path, PathBuf};

use super::args::{ExportArgs, PlaneArg, RowFormatArg};
use super::selection::selection;
use super::source::SourceRequest;
use super::workers::threads;
use crate::facts::Rows;
use crate::output::{RowFormat, Target};
use crate::recording::Plane;
use crate::source::Selection;

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
    /// Where the pages are read.
    pub inputs: Vec<Input>,
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

/// Something that is exported.
#[derive(Debug)]
pub struct Input {
    /// How it is read.
    pub source: SourceRequest,
    /// Where it stands, whatever way it was named.
    pub path: PathBuf,
    /// What a file of a data set is called after.
    pub stem: String,
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
            Self::Rows(request) => request.inputs.iter().any(|input| input.source.is_running()),
        }
    }

    /// True when standard error shall stay silent but for errors.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Words(_) => true,
            Self::Rows(request) => request.quiet,
        }
    }

    /// The directories below which something is written. Parts of a data set may lie elsewhere, behind links.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let target = match self {
            Self::Words(request) => &request.output,
            Self::Rows(request) => match &request.to {
                RowTarget::File(target) => target,
                RowTarget::DataSet(directory) => {
                    let part = directory.join(request.rows.name());
                    return vec![directory.clone(), part];
                }
            },
        };
        target.directory().map(Path::to_owned).into_iter().collect()
    }
}

pub(super) fn export(args: ExportArgs) -> Result<ExportRequest, String> {
    if args.raw {
        return words(&args).map(ExportRequest::Words);
    }
    let selection = selection(args.selection)?;
    let page_size = args.page_size.as_deref();
    let (to, format) = place(&args.output, args.format)?;
    let is_set = matches!(to, RowTarget::DataSet(_));
    if is_set && selection != Selection::default() {
        return Err(
            "a data set holds whole readings: --node, --zone and --range are for a file".to_owned(),
        );
    }
    let mut inputs = Vec::new();
    for path in &args.inputs {
        let source = SourceRequest::readings(path, page_size)?;
        if is_set && source.is_one_of_several() {
            return Err(format!(
                "{}: a data set holds whole recordings, and this is a frame",
                path.display()
            ));
        }
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if is_set && inputs.iter().any(|input: &Input| input.path == real) {
            return Err(format!("{} is named twice", path.display()));
        }
        inputs.push(Input {
            source: source.only(selection.clone()),
            path: real,
            stem: stem(path),
        });
    }
    if inputs.is_empty() {
        inputs.push(Input {
            source: SourceRequest::live(page_size)?.only(selection),
            path: PathBuf::from("/"),
            stem: "live".to_owned(),
        });
    }
    Ok(ExportRequest::Rows(RowsRequest {
        inputs,
        rows: if args.blocks {
            Rows::Blocks
        } else {
            Rows::Runs
        },
        to,
        format,
        redact: args.redact,
        threads: threads(&args.work),
        quiet: args.work.quiet,
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
            None | Some(PlaneArg::Flags) => Plane::Flags,
            Some(PlaneArg::Counts) => Plane::Counts,
            Some(PlaneArg::Cgroups) => Plane::Cgroups,
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
