//! `pagemap-viz record`: frames into a recording.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGTERM};

use super::chosen::Chooser;
use crate::cli::{LONGEST, RecordRequest, SourceRequest, Until};
use crate::error::{Error, Result};
use crate::output::RecordingFile;
use crate::record::Recorder;
use crate::recording::{Plane, ProcessPages, ProcessTable};
use crate::source::{Source, cgroup_directories, cgroup_inode, cpu_time};
use crate::terminal::Terminal;

/// How long a signal or the end of the command may stay unnoticed between two frames.
const NAP: Duration = Duration::from_millis(20);

/// A recording in the making.
struct Session<'a> {
    request: &'a RecordRequest,
    terminal: &'a Terminal,
    recorder: Recorder,
    chooser: Option<Chooser<'a>>,
    /// Whether any of the processes that are chosen was there once.
    has_found: bool,
    cgroups: BTreeMap<String, u64>,
    /// From the first source on.
    file: Option<RecordingFile>,
    /// The longest interval that the budget asked for.
    stretched: Option<Duration>,
}

/// Records what was asked for, and gives the exit status of the command that went along.
pub(super) fn record(request: &RecordRequest, terminal: &Terminal) -> Result<Option<ExitStatus>> {
    request.recording.check()?;
    let recorder = Recorder::new(
        &request.planes,
        request.names,
        request.threads,
        request.priority,
    )?;
    let mut session = Session {
        request,
        terminal,
        recorder,
        chooser: request
            .chosen
            .as_ref()
            .map(|chosen| Chooser::new(chosen, terminal)),
        has_found: false,
        cgroups: cgroups(request)?,
        file: None,
        stretched: None,
    };
    match &request.until {
        Until::Command(words) => session.with_command(words).map(Some),
        Until::Bounds { frames, duration } => {
            let result = session.all_sources(*frames, *duration);
            session.finish(result)?;
            Ok(None)
        }
    }
}

impl Session<'_> {
    fn all_sources(&mut self, frames: u64, duration: Duration) -> Result<()> {
        for source in &self.request.sources {
            let root = source.root();
            source.each(&mut |source| {
                let started = Instant::now();
                let goes_on = |taken| taken < frames && started.elapsed() < duration;
                self.repeat(source, root, |taken| taken == 0 || goes_on(taken))
            })?;
        }
        Ok(())
    }

    fn frame(&mut self, source: &dyn Source, root: Option<&Path>) -> Result<()> {
        let processes = self.processes(source, root)?;
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                self.terminal.take_signals();
                let machine = self.recorder.machine(source);
                empty.insert(RecordingFile::create(&self.request.recording, &machine)?)
            }
        };
        self.recorder
            .frame(source, processes, self.terminal, &mut |block| {
                file.put(block)
            })
    }

    /// What the frame carries of processes: those that are chosen, or those that its source carries.
    fn processes(
        &mut self,
        source: &dyn Source,
        root: Option<&Path>,
    ) -> Result<Option<ProcessTable>> {
        let carried = source.processes()?;
        let Some(chooser) = &mut self.chooser else {
            return Ok(carried.or_else(|| self.table(Vec::new())));
        };
        let processes = chooser.pages(root, source)?;
        self.has_found |= !processes.is_empty();
        let mut table = self.table(processes);
        if let (Some(table), Some(carried)) = (&mut table, carried) {
            table.cgroups.extend(carried.cgroups);
        }
        Ok(table)
    }

    /// Nothing where nothing was chosen.
    fn table(&self, processes: Vec<ProcessPages>) -> Option<ProcessTable> {
        let table = ProcessTable {
            processes,
            cgroups: self.cgroups.clone(),
        };
        (self.chooser.is_some() || !self.cgroups.is_empty()).then_some(table)
    }

    /// Frame after frame while `goes_on`, which is told how many were taken.
    fn repeat(
        &mut self,
        source: &dyn Source,
        root: Option<&Path>,
        mut goes_on: impl FnMut(u64) -> bool,
    ) -> Result<()> {
        let mut taken = 0;
        while goes_on(taken) {
            let (started, spent) = (Instant::now(), cpu_time());
            self.frame(source, root)?;
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
        let affordable = frame_cost.as_secs_f64() / (self.request.budget * processors as f64);
        let affordable = Duration::try_from_secs_f64(affordable)
            .unwrap_or(LONGEST)
            .min(LONGEST);
        if affordable > self.request.every {
            self.stretched = self.stretched.max(Some(affordable));
        }
        affordable.max(self.request.every)
    }

    /// The command's exit status, whatever becomes of the recording, unless that fails.
    fn with_command(mut self, words: &[OsString]) -> Result<ExitStatus> {
        let place = self.request.sources.first();
        let place = place.expect("the running kernel at least");
        let source = place.open()?;
        // Who is not there shall not cost a build.
        self.chooser
            .as_ref()
            .map_or(Ok(()), |chooser| chooser.check_there(place.root()))?;
        self.terminal.take_signals();
        let mut child = start(words, self.request.as_root)?;
        let is_running = |child: &mut Child| matches!(child.try_wait(), Ok(None));
        let recorded = self.repeat(source.as_ref(), place.root(), |taken| {
            taken == 0 || is_running(&mut child)
        });
        if let Err(Error::Stopped {
            signal: SIGTERM | SIGHUP,
        }) = &recorded
        {
            // What keys send goes to both, these may go to us alone. A command that has ended cannot be told.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        }
        let finished = self.finish(recorded);
        let status = child.wait().map_err(|cause| failed(words, cause))?;
        finished.map(|()| status)
    }

    /// A signal is one way to end; what was recorded until then is kept.
    fn finish(self, result: Result<()>) -> Result<()> {
        let frames = self.file.as_ref().map_or(0, RecordingFile::frames);
        let finished = self.file.map_or(Ok(()), RecordingFile::finish);
        self.terminal.clear();
        if self.chooser.is_some() && !self.has_found && frames > 0 && !self.request.quiet {
            self.terminal
                .remark("none of the processes that are to be kept was there");
        }
        if let (Some(stretched), false) = (self.stretched, self.request.quiet) {
            self.terminal.remark(&format!(
                "a frame every {:?} instead of {:?}, to take no more than {} % of the machine (--budget)",
                Duration::from_millis(stretched.as_millis() as u64),
                self.request.every,
                self.request.budget * 100.0,
            ));
        }
        match result {
            Err(Error::Stopped { .. }) if frames > 0 => finished,
            Ok(()) => finished,
            error => error,
        }
    }
}

/// Directories of cgroups and their numbers: of the one that was named, or of all where pages are kept by cgroup.
fn cgroups(request: &RecordRequest) -> Result<BTreeMap<String, u64>> {
    let is_live = |source: &SourceRequest| source.root() == Some(Path::new("/"));
    let are_wanted = request.planes.contains(&Plane::Cgroups);
    let mut cgroups = match are_wanted && request.sources.iter().any(is_live) {
        true => cgroup_directories(Path::new("/")),
        false => BTreeMap::new(),
    };
    if let Some(path) = &request.cgroup {
        cgroups.insert(path.display().to_string(), cgroup_inode(path)?);
    }
    Ok(cgroups)
}

/// Under sudo the command runs as the user who called sudo, by runuser, which sets the user's groups,
/// HOME, SHELL, USER and LOGNAME; the rest of the environment is sudo's.
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

fn failed(words: &[OsString], cause: std::io::Error) -> Error {
    Error::Command {
        command: words[0].display().to_string(),
        cause,
    }
}
