//! Arguments → request → run → message and exit code.

use std::process::ExitCode;

use pagemap_viz::cli::{Request, Usage, parse};
use pagemap_viz::commands::run;
use pagemap_viz::error::Error;
use pagemap_viz::output::print;
use pagemap_viz::terminal::{Terminal, complain};

fn main() -> ExitCode {
    let request = match parse(std::env::args_os()).and_then(Request::new) {
        Ok(request) => request,
        Err(Usage::Answer(text)) => return finish(print(&text)),
        Err(Usage::Wrong(message)) => {
            complain(&message);
            return ExitCode::from(2);
        }
    };
    let terminal = Terminal::new(request.is_quiet());
    let result = run(&request, &terminal);
    terminal.clear();
    finish(result)
}

fn finish(result: Result<(), Error>) -> ExitCode {
    match result {
        // Whoever read our output has had enough.
        Ok(()) | Err(Error::ClosedPipe) => ExitCode::SUCCESS,
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
