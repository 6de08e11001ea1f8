//! `pagemap-viz record`: frames into a recording.

use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::cli::{RecordRequest, Until};
use crate::error::{Error, Result};
use crate::output::RecordingFile;
use crate::record::Recorder;
use crate::source::Source;
use crate::terminal::Terminal;

/// How long a signal or the end of the command may stay unnoticed between two frames.
const NAP: Duration = Duration::from_millis(20);

/// A recording in the making.
struct Session<'a> {
    request: &'a RecordRequest,
    terminal: &'a Terminal,
    recorder: Recorder,
    file: RecordingFile,
    /// The longest interval that the budget asked for.
    stretched: Option<Duration>,
}

/// Records what was asked for, and gives the exit status of the command that went along.
pub(super) fn record(request: &RecordRequest, terminal: &Terminal) -> Result<Option<ExitStatus>> {
    request.recording.check_raw()?;
    let mut sources = Vec::new();
    for source in &request.sources {
        sources.extend(source.open_all()?);
    }
    let first = sources.first().expect("every source has a frame").as_ref();
    let host = first.machine().host.clone().filter(|_| !request.redact);
    let mut session = Session {
        recorder: Recorder::new(&request.planes, request.threads, request.priority)?,
        file: RecordingFile::create(&request.recording, &Recorder::machine(first, host))?,
        request,
        terminal,
        stretched: None,
    };
    terminal.take_signals();
    let result = session.run(&sources);
    terminal.clear();
    session.finish(result)
}

impl Session<'_> {
    fn run(&mut self, sources: &[Box<dyn Source>]) -> Result<Option<ExitStatus>> {
        match (&self.request.until, sources) {
            (Until::Command(command), [source]) => {
                self.with_command(source.as_ref(), command).map(Some)
            }
            (Until::Bounds { frames, duration }, [source]) => {
                let started = Instant::now();
                let (frames, duration) = (*frames, *duration);
                self.repeat(source.as_ref(), |taken| {
                    taken < frames && started.elapsed() < duration
                })?;
                Ok(None)
            }
            (_, sources) => {
                for source in sources {
                    self.frame(source.as_ref())?;
                }
                Ok(None)
            }
        }
    }

    fn frame(&mut self, source: &dyn Source) -> Result<()> {
        let file = &mut self.file;
        self.recorder
            .frame(source, self.terminal, &mut |block| file.put(block))?;
        Ok(())
    }

    /// Frame after frame while `goes_on`, which is told how many were taken.
    fn repeat(&mut self, source: &dyn Source, mut goes_on: impl FnMut(u64) -> bool) -> Result<()> {
        let mut taken = 0;
        while goes_on(taken) {
            let (started, spent) = (Instant::now(), cpu_time());
            self.frame(source)?;
            taken += 1;
            if !goes_on(taken) {
                break;
            }
            let next = started + self.interval(cpu_time().saturating_sub(spent));
            while Instant::now() < next && goes_on(taken) {
                self.terminal.check()?;
                std::thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
            }
        }
        Ok(())
    }

    /// What was asked for, or longer where a frame takes more than the budget allows.
    fn interval(&mut self, frame_cost: Duration) -> Duration {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let affordable = frame_cost.div_f64(self.request.budget * processors as f64);
        if affordable > self.request.every {
            self.stretched = self.stretched.max(Some(affordable));
        }
        affordable.max(self.request.every)
    }

    fn with_command(&mut self, source: &dyn Source, words: &[OsString]) -> Result<ExitStatus> {
        let mut child = start(words, self.request.as_root)?;
        let recorded = self.repeat(source, |_| matches!(child.try_wait(), Ok(None)));
        // Ctrl-C goes to both; the recording ends with the command in any case.
        let status = wait(&mut child, words)?;
        match recorded {
            Ok(()) | Err(Error::Stopped { .. }) => Ok(status),
            Err(error) => Err(error),
        }
    }

    /// A signal is one way to end; what was recorded until then is kept.
    fn finish(self, result: Result<Option<ExitStatus>>) -> Result<Option<ExitStatus>> {
        let frames = self.file.frames();
        let finished = self.file.finish();
        let result = match result {
            Err(Error::Stopped { .. }) if frames > 0 => Ok(None),
            other => other,
        };
        if let (Some(stretched), false) = (self.stretched, self.request.quiet) {
            self.terminal.remark(&format!(
                "a frame every {:?} instead of {:?}, to take no more than {} % of the machine (--budget)",
                Duration::from_millis(stretched.as_millis() as u64),
                self.request.every,
                self.request.budget * 100.0,
            ));
        }
        let status = result?;
        finished?;
        Ok(status)
    }
}

/// CPU time of this process, its threads included, the command not.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Under sudo the command runs as the user who called sudo, by runuser, which sets groups and
/// environment as a login does.
fn start(words: &[OsString], as_root: bool) -> Result<Child> {
    let caller =
        std::env::var_os("SUDO_USER").filter(|_| !as_root && rustix::process::geteuid().is_root());
    let mut command = match caller {
        None => Command::new(&words[0]),
        Some(user) => {
            let mut command = Command::new("runuser");
            command.arg("-u").arg(user).arg("--").arg(&words[0]);
            command
        }
    };
    let child = command.args(&words[1..]).spawn();
    child.map_err(|cause| failed(words, cause))
}

fn wait(child: &mut Child, words: &[OsString]) -> Result<ExitStatus> {
    child.wait().map_err(|cause| failed(words, cause))
}

fn failed(words: &[OsString], cause: std::io::Error) -> Error {
    Error::Command {
        command: words[0].display().to_string(),
        cause,
    }
}
