//! `pagemap-viz snapshot`: one picture of memory.

use crate::cli::{SnapshotRequest, open_palette};
use crate::error::Result;
use crate::facts::{Asked, Facts};
use crate::output::{Pending, Target, write_picture, write_text};
use crate::render::{Style, Subject, picture};
use crate::scan::scan;
use crate::terminal::Terminal;

/// Draws one picture of memory.
pub(super) fn draw(request: &SnapshotRequest, terminal: &Terminal) -> Result<()> {
    let palette = open_palette(&request.palette)?;
    request.picture.check_binary()?;
    request.json.as_ref().map_or(Ok(()), Target::check)?;
    let source = request.source.open()?;
    terminal.take_signals();
    let machine = source.machine();
    let layout = request.layout(machine);

    let scan = scan(
        source.as_ref(),
        request.lens,
        layout,
        request.threads,
        terminal,
    )?;
    terminal.clear();

    let host = machine.host.clone().filter(|_| !request.redact);
    let subject = Subject::new(source.as_ref(), &scan, host, request.reducer.1.clone());
    let counts = scan.classes.clone();
    let style = Style {
        palette,
        legend: request.legend,
    };
    let mut picture = picture(scan, &subject, layout, &style)?;
    let asked = Asked {
        lens: request.lens,
        layout,
        palette: &style.palette,
    };
    let facts = Facts::new(&picture, &subject, &counts, &asked);

    let mut drawn = request.picture.begin()?;
    write_picture(
        &mut picture,
        &facts,
        &subject.title(),
        request.format,
        terminal,
        &mut drawn,
    )?;
    let twin = request
        .json
        .as_ref()
        .map(|target| write_text(target, &facts.to_json()))
        .transpose()?;
    // Both are whole before either appears.
    drawn.finish()?;
    twin.map_or(Ok(()), Pending::finish)
}
