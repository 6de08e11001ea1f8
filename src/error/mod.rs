//! Everything that can stop a run, as one enum. Display makes the sentence; the caller adds the program's name.
//!
//! A variant exists when the user should act differently. Wrong usage never comes here: `cli` answers it.

mod words;

use std::io;
use std::path::PathBuf;

pub use words::printable;
use words::{plain, process_cause};

/// What stopped a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel's file is there and not for this user.
    #[error(
        "cannot read {}: permission denied (run it as root; without root this draws an example: \
         pagemap-viz snapshot --from example example.png)", .path.display()
    )]
    NotPermitted {
        /// The kernel's file.
        path: PathBuf,
    },

    /// There is no file of page flags.
    #[error(
        "cannot read {}: no such file ({why})", .path.display()
    )]
    NoPageFlags {
        /// Where it was looked for.
        path: PathBuf,
        /// What may be the reason, and what helps.
        why: String,
    },

    /// Any other failure to read.
    #[error("cannot read {}: {}", .path.display(), plain(.cause))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// A directory was given where a file of flags is expected.
    #[error("cannot read {}: it is a directory (a captured system is named with --sysroot)", .path.display())]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },

    /// A file of flags holds whole words of 8 bytes only.
    #[error(
        "cannot read {}: its length of {bytes} bytes is not a multiple of 8 (it is no copy of kpageflags, or a cut one)",
        .path.display()
    )]
    UnevenLength {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },

    /// A file of flags without a page.
    #[error("cannot read {}: it is empty (a copy of kpageflags has 8 bytes a page)", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },

    /// The kernel's file is not what it was named as.
    #[error("cannot read {} as page flags: it is a file of the kernel's, but not kpageflags", .path.display())]
    NotPageFlags {
        /// The file.
        path: PathBuf,
    },

    /// A page size that is not the running kernel's.
    #[error(
        "cannot take pages of {asked} bytes: the running kernel's have {own} (--page-size is for copies)"
    )]
    PageSize {
        /// What was asked for.
        asked: u64,
        /// What the kernel has.
        own: u64,
    },

    /// A recording, or what claims to be one, is damaged or of another version.
    #[error("cannot read {}: {cause}", .path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: String,
    },

    /// Words that were not kept.
    #[error("cannot read the {plane} of {}: it has none", .path.display())]
    NoPlane {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        plane: &'static str,
    },

    /// A frame of something that has none.
    #[error("cannot read a frame of {}: it is no recording", .path.display())]
    NoFrames {
        /// The file.
        path: PathBuf,
    },

    /// A block that is wanted is smaller than a page.
    #[error("cannot say whether blocks of {size} bytes can be had: a page has {page_bytes}")]
    BelowPage {
        /// Bytes of the block.
        size: u64,
        /// Bytes of a page.
        page_bytes: u64,
    },

    /// The command that a recording goes along with did not start.
    #[error("cannot run {command}: {}", plain(.cause))]
    Command {
        /// Its name.
        command: String,
        /// What the system said.
        cause: io::Error,
    },

    /// A recording has no such frame.
    #[error("cannot read frame {asked} of {}: it has {frames} (frames count from 0)", .path.display())]
    NoFrame {
        /// The file.
        path: PathBuf,
        /// The frame that was asked for.
        asked: u64,
        /// How many there are.
        frames: usize,
    },

    /// A file became shorter during the scan.
    #[error("cannot read {}: it ended at page {at} of {expected} while it was read", .path.display())]
    Shrunk {
        /// The file.
        path: PathBuf,
        /// The first page that was not there.
        at: u64,
        /// Pages that it had when it was opened.
        expected: u64,
    },

    /// A compressed or piped file could not be taken in.
    #[error("cannot unpack {}: {}", .path.display(), plain(.cause))]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What the system or the decoder said.
        cause: io::Error,
    },

    /// A scratch file could not be written.
    #[error("cannot keep {what} in {}: {} (TMPDIR names another place)", .scratch.display(), plain(.cause))]
    Scratch {
        /// What it is for.
        what: &'static str,
        /// The directory.
        scratch: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// A result could not be written.
    #[error("cannot write {}: {}", .path.display(), plain(.cause))]
    Write {
        /// The result.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// The directory of a result is missing.
    #[error("cannot write {}: there is no directory {}", .path.display(), .directory.display())]
    NoDirectory {
        /// The result.
        path: PathBuf,
        /// The directory.
        directory: PathBuf,
    },

    /// A result would replace something that is not a file.
    #[error("cannot write {}: it is {what} (only regular files are replaced)", .path.display())]
    NotAFile {
        /// The result.
        path: PathBuf,
        /// `a directory`, `a device`, …
        what: &'static str,
    },

    /// The directory of a series holds something.
    #[error("cannot draw a series into {}: it is not empty (name a new directory)", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },

    /// Others were exported.
    #[error("{bad} of {all} inputs could not be read and were not exported")]
    NotAllExported {
        /// Inputs that could not be read.
        bad: usize,
        /// All of them.
        all: usize,
    },

    /// MP4 is ffmpeg's work, and it does not start.
    #[error(
        "cannot write {}: ffmpeg does not start, {} (install it, or let --animate write a GIF)", .path.display(), plain(.cause)
    )]
    NoFfmpeg {
        /// The film.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// ffmpeg failed.
    #[error("cannot write {}: ffmpeg says: {cause}", .path.display())]
    Ffmpeg {
        /// The film.
        path: PathBuf,
        /// Its last line.
        cause: String,
    },

    /// The running kernel is no copy.
    #[error(
        "cannot compare {}: it changes while it is read (record it first: pagemap-viz record)", .path.display()
    )]
    LiveComparison {
        /// The kernel's file.
        path: PathBuf,
    },

    /// A cgroup is a directory.
    #[error("cannot take {} for a cgroup: it is not a cgroup's directory (one below /sys/fs/cgroup)", .path.display())]
    NotACgroup {
        /// What was given.
        path: PathBuf,
    },

    /// A block of several pages.
    #[error("--cont of {bytes} bytes is less than two pages of {page_bytes} bytes")]
    BlockTooSmall {
        /// What was asked.
        bytes: u64,
        /// The base page size.
        page_bytes: u64,
    },

    /// Only files have pages in the page cache.
    #[error("cannot look for the pages of {}: it is neither a file nor a directory", .path.display())]
    NoPageCache {
        /// What was given.
        path: PathBuf,
    },

    /// A process cannot be read.
    #[error("cannot read process {pid}: {}", process_cause(.cause))]
    Process {
        /// Its number.
        pid: u32,
        /// What the system said.
        cause: io::Error,
    },

    /// A page number beyond the last.
    #[error("cannot find page {pfn:#x} of {}: memory ends before it", .path.display())]
    NoSuchPage {
        /// The number.
        pfn: u64,
        /// The file of flags.
        path: PathBuf,
    },

    /// A process has no mapping like that.
    #[error("cannot find such an area of process {pid} (pagetable {pid} --quiet lists them)")]
    NoSuchArea {
        /// Its number.
        pid: u32,
    },

    /// No process has that name.
    #[error(
        "cannot find a process called {name}: there is none (a name is what /proc/PID/comm says)"
    )]
    NoProcessNamed {
        /// The name.
        name: String,
    },

    /// More than a recording carries.
    #[error("cannot record processes: {reason}")]
    Processes {
        /// What is too much.
        reason: String,
    },

    /// A raw copy has no zoneinfo beside it.
    #[error("cannot tell the zones of {}: nothing says where they are (no zoneinfo)", .path.display())]
    NoZones {
        /// The file.
        path: PathBuf,
    },

    /// Others are.
    #[error("there is no {what} here ({there})")]
    NoSuchZone {
        /// The node or zone that was asked for.
        what: String,
        /// Zones that are there.
        there: String,
    },

    /// It lies beyond the end, or nodes and ranges do not meet.
    #[error("{} has no page in {selection}", .path.display())]
    NothingSelected {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        selection: String,
    },

    /// Nobody chose processes when it was recorded.
    #[error("cannot find processes in {}: it carries none (record them with --pid or --comm)", .path.display())]
    NoProcesses {
        /// The file.
        path: PathBuf,
    },

    /// Others were chosen, or it had ended.
    #[error("cannot find process {pid} in {}: it is not among the processes that were recorded then", .path.display())]
    NotCarried {
        /// Its number.
        pid: u32,
        /// The file.
        path: PathBuf,
    },

    /// More processes than colours.
    #[error("cannot tell {asked} processes apart: {limit} is the most (name some with --pid)")]
    TooManyProcesses {
        /// How many are meant.
        asked: usize,
        /// How many can be drawn.
        limit: usize,
    },

    /// The kernel says that pages are there and not which.
    #[error(
        "cannot find the pages of process {pid}: the kernel withholds page numbers without CAP_SYS_ADMIN (run it as root)"
    )]
    PfnsWithheld {
        /// Its number.
        pid: u32,
    },

    /// Two sources of different page sizes.
    #[error("cannot compare pages of {first} bytes with pages of {second} bytes")]
    PageSizesDiffer {
        /// Of the first source.
        first: u64,
        /// Of the second.
        second: u64,
    },

    /// A series of one reading.
    #[error("cannot tell what changed in {}: it has one frame", .path.display())]
    OneFrame {
        /// The recording.
        path: PathBuf,
    },

    /// Standard output is a screen.
    #[error(
        "a terminal cannot show what would be written (redirect standard output, or name a file)"
    )]
    BinaryToTerminal,

    /// The reader of standard output went away; not a failure.
    #[error("standard output was closed")]
    ClosedPipe,

    /// The format's limits, or its encoder's.
    #[error("cannot write {}: {cause} (PNG has no such limit; --max-rows and --columns say how large a picture gets)", .path.display())]
    Format {
        /// The result.
        path: PathBuf,
        /// What the encoder said.
        cause: String,
    },

    /// The picture would be higher than PNG allows.
    #[error(
        "cannot draw {rows} rows: PNG ends at {limit} (raise --pages-per-pixel, or leave it to the program)"
    )]
    TooManyRows {
        /// Rows of the picture.
        rows: u64,
        /// PNG's limit.
        limit: u64,
    },

    /// A palette file cannot be read as one.
    #[error("cannot use palette {name}: {cause}")]
    Palette {
        /// Name or path.
        name: String,
        /// Line, and what was expected there.
        cause: String,
    },

    /// A palette falls below its floors.
    #[error(
        "palette {name} does not keep what it claims: {failures} of the distances above are below their floor"
    )]
    PaletteCheck {
        /// Name or path.
        name: String,
        /// How many lines of the check fail.
        failures: usize,
    },

    /// The workers could not be started.
    #[error("cannot start {threads} threads: {cause}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        cause: String,
    },

    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    #[error("stopped by signal {signal}; nothing is half-written")]
    Stopped {
        /// Its number.
        signal: i32,
    },
}

/// Result of anything that can stop a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether it would be the same whatever is read: of the result, or of who waits for it.
    pub fn is_of_output(&self) -> bool {
        matches!(
            self,
            Self::Write { .. }
                | Self::NotAFile { .. }
                | Self::NoDirectory { .. }
                | Self::Stopped { .. }
                | Self::ClosedPipe
        )
    }
}
