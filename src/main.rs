//! Arguments → request → run → message and exit code.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use pagemap_viz::cli::{Request, Usage, parse, status_of_wrong_usage};
use pagemap_viz::commands::run;
use pagemap_viz::error::Error;
use pagemap_viz::output::print;
use pagemap_viz::source::{become_caller, fence, gain_none, give_up, keep_what_is_needed};
use pagemap_viz::terminal::{Terminal, complain};

fn main() -> ExitCode {
    let request = match parse(std::env::args_os()).and_then(Request::new) {
        Ok(request) => request,
        Err(Usage::Answer(text)) => return finish(print(&text).map(|()| None)),
        Err(Usage::Wrong(message)) => {
            complain(&message);
            return ExitCode::from(status_of_wrong_usage(std::env::args_os()));
        }
    };
    // Before anything that a user names is opened.
    if !request.asks_the_kernel() {
        give_up();
    }
    if !request.runs_a_command() {
        become_caller();
        gain_none();
        keep_what_is_needed();
        if !request.asks_processes() {
            // A second line: where it cannot be put up, results are the same.
            let _ = fence(&request.writes(), request.runs_ffmpeg());
        }
    }
    let terminal = Terminal::new(request.is_quiet());
    let result = run(&request, &terminal);
    terminal.clear();
    finish(result)
}

fn finish(result: Result<Option<ExitStatus>, Error>) -> ExitCode {
    match result {
        // Whoever read our output has had enough.
        Ok(None) | Err(Error::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Some(status)) => pass_on(status),
        Err(error @ Error::Stopped { signal }) => {
            complain(&error.to_string());
            ExitCode::from(128u8.saturating_add(signal as u8))
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A shell's way: 128 and the signal's number when a signal ended it.
fn pass_on(status: ExitStatus) -> ExitCode {
    let signal = status.signal().unwrap_or(0);
    ExitCode::from(status.code().unwrap_or(128 + signal) as u8)
}
