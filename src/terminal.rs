//! The terminal: progress, errors, and the signals that end a run. The only module that knows indicatif.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};

use crate::error::{Error, Result, printable};
use crate::scan::Watcher;
use crate::source::ignores;

/// How long processes are asked before progress is shown.
const LONG: Duration = Duration::from_millis(500);

/// What the user sees while a run goes on, and how the user ends it.
#[derive(Debug)]
pub struct Terminal {
    progress: ProgressBar,
    started: Instant,
    signal: Arc<AtomicUsize>,
    /// While true, a signal ends the process the system's way.
    at_once: Arc<AtomicBool>,
}

impl Terminal {
    /// Progress goes to standard error if that is a terminal, and nowhere when `quiet`.
    pub fn new(quiet: bool) -> Self {
        let signal = Arc::new(AtomicUsize::new(0));
        let at_once = Arc::new(AtomicBool::new(true));
        let hang_ups = [SIGHUP, SIGQUIT].into_iter();
        // Who started us under nohup wants us to outlive the terminal.
        let hang_ups = hang_ups.filter(|number| !ignores(*number));
        for number in [SIGINT, SIGTERM].into_iter().chain(hang_ups) {
            // What cannot be registered keeps the system's own way, which ends the run as well.
            let _ = signal_hook::flag::register_conditional_default(number, Arc::clone(&at_once));
            if number != SIGHUP {
                // A terminal that goes away may say so twice.
                let _ = signal_hook::flag::register(number, Arc::clone(&at_once));
            }
            let _ = signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize);
        }
        // A file that may not grow any more is a disk that is full, and no reason to be killed.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        let shown = !quiet && std::io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let progress = ProgressBar::with_draw_target(None, target).with_style(style("pages"));
        Self {
            progress,
            started: Instant::now(),
            signal,
            at_once,
        }
    }

    /// From now on the run looks for signals itself: a first SIGINT, SIGTERM, SIGHUP or SIGQUIT ends it between two
    /// reads or writes, with nothing left behind, a second one, but for SIGHUP, at once.
    pub fn take_signals(&self) {
        self.at_once.store(false, Ordering::Relaxed);
    }

    /// The reason to stop, as a result.
    ///
    /// # Errors
    /// A signal came.
    pub fn check(&self) -> Result<()> {
        self.stop().map_or(Ok(()), Err)
    }

    /// A SIGINT that came ended one part of the work, and the next begins; another ends that as well.
    ///
    /// # Errors
    /// It was another, which ends everything.
    pub fn go_on(&self) -> Result<()> {
        let sigint = SIGINT as usize;
        let _ = self
            .signal
            .compare_exchange(sigint, 0, Ordering::Relaxed, Ordering::Relaxed);
        self.check()
    }

    /// Says something that is no error.
    pub fn remark(&self, text: &str) {
        complain(text);
    }

    /// Takes the progress away.
    pub fn clear(&self) {
        self.progress.finish_and_clear();
    }
}

impl Watcher for Terminal {
    fn on_pages(&self, done: u64, expected: u64) {
        self.progress.set_length(expected);
        self.progress.set_position(done);
    }

    fn on_processes(&self, done: usize, all: usize) {
        // Most questions are answered before anybody would look.
        if self.started.elapsed() < LONG {
            return;
        }
        if self.progress.length() != Some(all as u64) {
            self.progress.set_style(style("processes"));
            self.progress.set_length(all as u64);
        }
        self.progress.set_position(done as u64);
    }

    fn stop(&self) -> Option<Error> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(Error::Stopped {
                signal: signal as i32,
            }),
        }
    }
}

fn style(unit: &str) -> ProgressStyle {
    let template =
        format!("{{bar:32}} {{percent:>3}} %  {{human_pos}} of {{human_len}} {unit}  {{eta}}");
    ProgressStyle::with_template(&template).expect("the template is well formed")
}

/// Says on standard error, in one line, what went wrong. Names of files cannot steer the terminal.
pub fn complain(message: &str) {
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "pagemap-viz: {}", printable(message));
}
