//! Pictures of a series as MP4, through ffmpeg when there is one: no codec is ours.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::file::{Target, give_to_caller};
use crate::error::{Error, Result};
use crate::scan::Watcher;

const FFMPEG: &str = "ffmpeg";

/// How long its end may stay unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// Of what ffmpeg says the last line, or its beginning, stands in our error.
const SAID_BYTES: u64 = 64 << 10;

/// Fails early where there is no ffmpeg.
///
/// # Errors
/// There is none.
pub fn check_video(target: &Target) -> Result<()> {
    let mut ffmpeg = Command::new(FFMPEG);
    ffmpeg.arg("-version").stdin(Stdio::null());
    let status = ffmpeg.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status
        .map(|_| ())
        .map_err(|cause| failed_start(target.path(), cause))
}

fn failed_start(path: &Path, cause: io::Error) -> Error {
    Error::NoFfmpeg {
        path: path.to_owned(),
        cause,
    }
}

/// Writes the pictures of a series as H.264, `per_second` of them a second.
///
/// # Errors
/// There is no ffmpeg or it fails, a picture cannot be read, the target cannot be written, or the
/// watcher said stop.
pub fn film(
    pictures: &[PathBuf],
    per_second: f64,
    watcher: &dyn Watcher,
    target: &Target,
) -> Result<()> {
    let (path, temporary) = target.begin_file()?;
    let mut ffmpeg = Command::new(FFMPEG);
    ffmpeg.args(["-nostdin", "-loglevel", "error", "-y"]);
    ffmpeg.args(["-f", "image2pipe", "-c:v", "png"]);
    ffmpeg.args(["-framerate", &per_second.to_string(), "-i", "pipe:0"]);
    // Half as many colours as pixels need even sides.
    ffmpeg.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]);
    ffmpeg.args(["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "16"]);
    ffmpeg.args(["-movflags", "+faststart", "-f", "mp4"]);
    // By its handle: it may lie in a directory that is closed to ffmpeg, which has no rights of ours.
    let into = temporary.as_file().try_clone();
    let into = into.map_err(|cause| failed_start(&path, cause))?;
    ffmpeg.arg("/dev/stdout");
    ffmpeg.stdin(Stdio::piped()).stdout(into);
    let child = ffmpeg.stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|cause| failed_start(&path, cause))?;
    let said = listen(child.stderr.take());
    let fed = feed(&mut child, pictures, watcher);
    if fed.is_err() {
        // What it would make of a part is of no use; it may have ended by itself.
        let _ = child.kill();
    }
    let ended = wait(&mut child, watcher);
    let said = said.join().unwrap_or_default();
    // A signal may have gone to both, and then ours is the reason.
    watcher.stop().map_or(Ok(()), Err)?;
    let status = ended.map_err(|cause| failed_start(&path, cause))?;
    match fed {
        // It closed its end because it failed: what it said is the cause.
        Err(Error::ClosedPipe) => {}
        fed => fed?,
    }
    if !status.success() {
        let cause = said.lines().next_back().unwrap_or("no reason").to_owned();
        return Err(Error::Ffmpeg { path, cause });
    }
    give_to_caller(temporary.as_file());
    let persisted = temporary.persist(&path);
    persisted.map(|_| ()).map_err(|error| Error::Write {
        path,
        cause: error.error,
    })
}

/// Waits, and ends it when the watcher says stop.
fn wait(child: &mut Child, watcher: &dyn Watcher) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if watcher.stop().is_some() {
            // It may have ended by itself.
            let _ = child.kill();
            return child.wait();
        }
        std::thread::sleep(NAP);
    }
}

/// Reads along, or ffmpeg would wait for room to speak.
fn listen(from: Option<ChildStderr>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut from) = from {
            // What cannot be read was not said. The rest is taken off and forgotten.
            let _ = from.by_ref().take(SAID_BYTES).read_to_end(&mut said);
            let _ = io::copy(&mut from, &mut io::sink());
        }
        String::from_utf8_lossy(&said).trim_end().to_owned()
    })
}

fn feed(child: &mut Child, pictures: &[PathBuf], watcher: &dyn Watcher) -> Result<()> {
    let mut into = child.stdin.take().expect("it was asked for");
    for path in pictures {
        watcher.stop().map_or(Ok(()), Err)?;
        let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut into));
        copied.map_err(|cause| match cause.kind() {
            io::ErrorKind::BrokenPipe => Error::ClosedPipe,
            _ => Error::Read {
                path: path.clone(),
                cause,
            },
        })?;
    }
    Ok(())
}
