//! `pagemap-viz pss`: who uses memory, proportionally.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;

use super::asking::refusal;
use crate::cli::PssRequest;
use crate::error::{Error, Result};
use crate::facts::{
    leader, usage_columns, usage_explained, usage_header, usage_json, usage_line, usage_rows,
};
use crate::output::{Pending, TableFormat, TableWriter, Target};
use crate::screen::{Screen, Show};
use crate::terminal::Terminal;
use crate::usage::{Kind, Monitor, Reading, Row, keep_top};

/// How long a signal may stay unnoticed between two readings.
const NAP: Duration = Duration::from_millis(20);

/// Reads once, or again and again until a key or a signal ends it.
pub(super) fn watch(request: &PssRequest, terminal: &Terminal) -> Result<()> {
    terminal.take_signals();
    let mut monitor = Monitor::new(request.question.clone(), request.threads)?;
    let is_shown = request.format == TableFormat::Aligned && std::io::stdout().is_terminal();
    let done = match request.every {
        Some(every) if is_shown => redraw(request, &mut monitor, every, terminal),
        every => print(request, &mut monitor, every, terminal),
    };
    match done {
        // Ctrl-C is how a loop ends.
        Err(Error::Stopped { signal: SIGINT }) if request.every.is_some() => Ok(()),
        done => done,
    }
}

/// Block after block: everything first, then what changed.
fn print(
    request: &PssRequest,
    monitor: &mut Monitor,
    every: Option<Duration>,
    terminal: &Terminal,
) -> Result<()> {
    let mut out = Target::Stdout.begin()?;
    let mut is_first = true;
    loop {
        let next = Instant::now() + every.unwrap_or_default();
        let reading = monitor.read(terminal)?;
        terminal.clear();
        let rows = if is_first {
            keep_top(&reading.rows, request.top)
        } else {
            let changed = |row: &&Row| row.kind != Kind::Same;
            reading.rows.iter().filter(changed).cloned().collect()
        };
        write(request, &reading, &rows, is_first, &mut out)?;
        out.flush().map_err(|cause| out.failed(cause))?;
        if is_first && reading.refused > 0 && !request.quiet {
            terminal.remark(&refusal(reading.refused, reading.all));
        }
        is_first = false;
        if every.is_none() {
            return out.finish();
        }
        while Instant::now() < next {
            terminal.check()?;
            std::thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
        }
    }
}

fn write(
    request: &PssRequest,
    reading: &Reading,
    rows: &[Row],
    is_first: bool,
    out: &mut Pending,
) -> Result<()> {
    match request.format {
        TableFormat::Aligned => {
            let mut lines = vec![
                leader(reading, request.unit),
                usage_header(request.unit, request.with_pss),
            ];
            let line = |row| usage_line(row, request.unit, request.with_pss);
            lines.extend(rows.iter().map(line));
            let mut text = lines.join("\n") + "\n";
            if request.explains && is_first {
                text += &usage_explained();
            }
            out.write_text(&text)
        }
        TableFormat::Json => out.write_text(&usage_json(reading, rows)),
        TableFormat::Csv | TableFormat::Tsv => {
            let columns = usage_columns();
            let mut table = match is_first {
                true => TableWriter::new(request.format, columns, out)?,
                false => TableWriter::going_on(request.format, columns, out),
            };
            usage_rows(reading, rows)
                .iter()
                .try_for_each(|row| table.row(row))?;
            table.finish()
        }
    }
}

/// A table on the whole terminal, drawn anew with each reading and each key.
fn redraw(
    request: &PssRequest,
    monitor: &mut Monitor,
    every: Duration,
    terminal: &Terminal,
) -> Result<()> {
    let mut reading = monitor.read(terminal)?;
    terminal.clear();
    let mut screen = Screen::open()?;
    loop {
        let next = Instant::now() + every;
        let notes = match reading.refused {
            0 => Vec::new(),
            refused => vec![refusal(refused, reading.all)],
        };
        while Instant::now() < next {
            let show = Show {
                head: [
                    leader(&reading, request.unit),
                    usage_header(request.unit, request.with_pss),
                ],
                rows: &reading.rows,
                top: request.top,
                notes: &notes,
                line: &|row| usage_line(row, request.unit, request.with_pss),
            };
            screen.draw(&show)?;
            if !screen.wait(next, &|| terminal.check())? {
                return Ok(());
            }
        }
        reading = monitor.read(terminal)?;
    }
}
