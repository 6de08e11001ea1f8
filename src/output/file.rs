//! Results appear whole under their name, or not at all.
//!
//! A result is written under a temporary name in the same directory and renamed. It replaces only
//! regular files: a rename over a device would destroy it.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::source::{caller, is_systems_link};

/// What errors call standard output.
const STDOUT: &str = "standard output";

/// Where a result shall go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, named `-`.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// A result that is being written.
pub struct Pending {
    path: PathBuf,
    /// What errors call it where that is another name.
    shown: Option<PathBuf>,
    sink: Sink,
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<NamedTempFile>),
    Memory(Vec<u8>),
    /// Memory that goes to standard output as a whole.
    Held(Vec<u8>),
}

impl Target {
    /// What errors call it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Stdout => Path::new(STDOUT),
            Self::File(path) => path,
        }
    }

    /// `-` is standard output.
    pub fn new(path: &Path) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdout
        } else {
            Self::File(path.to_owned())
        }
    }

    /// Fails early where writing would fail late, after a scan of minutes. Leaves nothing behind.
    ///
    /// # Errors
    /// No directory, no permission there, something that is not a file, or bytes to a terminal.
    pub fn check_binary(&self) -> Result<()> {
        if *self == Target::Stdout && io::stdout().is_terminal() {
            return Err(Error::BinaryToTerminal);
        }
        self.check()
    }

    /// As [`Target::check_binary`], for text.
    ///
    /// # Errors
    /// No directory, no permission there, or something that is not a file.
    pub fn check(&self) -> Result<()> {
        let Target::File(path) = self else {
            return Ok(());
        };
        refuse_non_files(path)?;
        let directory = directory_of(path);
        if !directory.is_dir() {
            return Err(Error::NoDirectory {
                path: path.clone(),
                directory: directory.to_owned(),
            });
        }
        tempfile::tempfile_in(directory).map_err(|cause| Error::Write {
            path: path.clone(),
            cause,
        })?;
        Ok(())
    }

    /// The directory that a file goes to.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(directory_of(path)),
        }
    }

    /// What a file is called without its ending; nothing for standard output.
    pub fn stem(&self) -> String {
        let stem = match self {
            Self::Stdout => None,
            Self::File(path) => path.file_stem(),
        };
        stem.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A file of that name in the same directory; beside standard output there is none but itself.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        match self {
            Self::Stdout => Self::Stdout,
            Self::File(path) => Self::File(path.with_file_name(name)),
        }
    }

    /// Begins to write.
    ///
    /// # Errors
    /// No temporary file can be made beside the target.
    pub fn begin(&self) -> Result<Pending> {
        if *self == Target::Stdout {
            return Ok(Pending {
                path: STDOUT.into(),
                shown: None,
                sink: Sink::Stdout(BufWriter::new(io::stdout())),
            });
        }
        let (path, file) = self.begin_file()?;
        Ok(Pending {
            path,
            shown: None,
            sink: Sink::File(BufWriter::with_capacity(1 << 16, file)),
        })
    }

    /// The file that will take the target's name, and that name.
    pub(super) fn begin_file(&self) -> Result<(PathBuf, NamedTempFile)> {
        let Target::File(path) = self else {
            return Err(Error::NotAFile {
                path: STDOUT.into(),
                what: "no file",
            });
        };
        refuse_non_files(path)?;
        let permissions = fs::Permissions::from_mode(0o666);
        let temporary = tempfile::Builder::new()
            .prefix(".pagemap-viz-")
            .permissions(permissions)
            .tempfile_in(directory_of(path));
        let temporary = temporary.map_err(|cause| Error::Write {
            path: path.clone(),
            cause,
        })?;
        Ok((path.clone(), temporary))
    }
}

impl Target {
    /// As [`Target::begin`]; what goes to standard output is held until it is finished, so that a
    /// reader who went away costs no other result.
    pub(super) fn begin_text(&self) -> Result<Pending> {
        match self {
            Target::File(_) => self.begin(),
            Target::Stdout => Ok(Pending {
                path: STDOUT.into(),
                shown: None,
                sink: Sink::Held(Vec::new()),
            }),
        }
    }

    /// True when both would be written to one place, however it is spelled.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |path: &Path| {
            let directory = directory_of(path).canonicalize();
            directory
                .map(|directory| directory.join(path.file_name().unwrap_or_default()))
                .ok()
        };
        match (self, other) {
            (Target::File(one), Target::File(two)) => {
                one == two || place(one).is_some_and(|p| Some(p) == place(two))
            }
            (one, two) => one == two,
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn refuse_non_files(path: &Path) -> Result<()> {
    if is_systems_link(path) {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            what: "a link of the system's (- is standard output)",
        });
    }
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    let kind = metadata.file_type();
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(Error::NotAFile {
        path: path.to_owned(),
        what,
    })
}

impl Pending {
    /// Kept in memory, for a result that another step takes on. Errors name `path`.
    pub(super) fn memory(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            shown: None,
            sink: Sink::Memory(Vec::new()),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self.sink {
            Sink::Memory(bytes) => bytes,
            _ => Vec::new(),
        }
    }

    /// What errors call it.
    pub(super) fn path(&self) -> &Path {
        self.shown.as_ref().unwrap_or(&self.path)
    }

    /// The same; errors call it `path`.
    pub(super) fn known_as(self, path: PathBuf) -> Self {
        let shown = Some(path);
        Self { shown, ..self }
    }

    /// The error of this result for what the system said.
    pub fn failed(&self, cause: io::Error) -> Error {
        failed(self.path(), cause)
    }

    /// Writes a text.
    ///
    /// # Errors
    /// What the system said.
    pub fn write_text(&mut self, text: &str) -> Result<()> {
        self.write_all(text.as_bytes())
            .map_err(|cause| self.failed(cause))
    }

    /// Makes the result appear under its name. Under sudo it belongs to the user who called sudo.
    ///
    /// # Errors
    /// What the system said; then there is no result.
    pub fn finish(self) -> Result<()> {
        let Self { path, shown, sink } = self;
        let shown = shown.unwrap_or_else(|| path.clone());
        match sink {
            Sink::Memory(_) => Ok(()),
            Sink::Held(text) => write_stdout(&text).map_err(|cause| failed(&shown, cause)),
            Sink::Stdout(mut out) => out.flush().map_err(|cause| failed(&shown, cause)),
            Sink::File(out) => {
                let temporary = out
                    .into_inner()
                    .map_err(|error| failed(&shown, error.into_error()))?;
                give_to_caller(temporary.as_file());
                temporary
                    .persist(&path)
                    .map_err(|error| failed(&shown, error.error))?;
                Ok(())
            }
        }
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::File(out) => out.write(bytes),
            Sink::Memory(out) | Sink::Held(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            Sink::File(out) => out.flush(),
            Sink::Memory(_) | Sink::Held(_) => Ok(()),
        }
    }
}

pub(super) fn failed(path: &Path, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::BrokenPipe => Error::ClosedPipe,
        _ => Error::Write {
            path: path.to_owned(),
            cause,
        },
    }
}

/// Refuses a link that another user made where a directory of ours shall be: it leads where that user wants.
///
/// # Errors
/// It is one.
pub fn refuse_planted(path: &Path) -> Result<()> {
    let own = rustix::process::geteuid().as_raw();
    let caller = caller().map_or(own, |(user, _)| user.as_raw());
    let is_planted =
        |link: &fs::Metadata| link.is_symlink() && ![0, own, caller].contains(&link.uid());
    // Behind a line at its end is what a link leads to.
    let bare: PathBuf = path.components().collect();
    match fs::symlink_metadata(bare) {
        Ok(link) if is_planted(&link) => Err(Error::NotAFile {
            path: path.to_owned(),
            what: "a link that another user made",
        }),
        _ => Ok(()),
    }
}

/// Makes a directory and those above it; those that were made belong to the caller.
pub(super) fn make_directory(path: &Path) -> Result<()> {
    refuse_planted(path)?;
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_directory(above)?;
    }
    let made = fs::create_dir(path).and_then(|()| fs::File::open(path));
    match made {
        Ok(directory) => give_to_caller(&directory),
        // Somebody was faster.
        Err(_) if path.is_dir() => {}
        Err(cause) => return Err(failed(path, cause)),
    }
    Ok(())
}

/// Under sudo whoever stays root, because it runs a command, gives what it makes to who called sudo. A file system
/// without owners refuses this, and then there is nothing to give.
pub(super) fn give_to_caller(file: &fs::File) {
    if let Some((user, group)) = caller().filter(|_| rustix::process::geteuid().is_root()) {
        let (user, group) = (user.as_raw(), group.as_raw());
        let _ = std::os::unix::fs::fchown(file, Some(user), Some(group));
    }
}

/// Makes several results appear, once all of them are written: a disk that is full costs all of them, and not some.
///
/// # Errors
/// What the system said.
pub fn finish_all(mut results: Vec<Pending>) -> Result<()> {
    for result in &mut results {
        result.flush().map_err(|cause| result.failed(cause))?;
    }
    results.into_iter().try_for_each(Pending::finish)
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a text to standard output at once.
///
/// # Errors
/// What the system said.
pub fn print(text: &str) -> Result<()> {
    write_stdout(text.as_bytes()).map_err(|cause| failed(Path::new(STDOUT), cause))
}
