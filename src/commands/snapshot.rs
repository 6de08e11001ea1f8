//! `pagemap-viz snapshot`: one picture of memory.

use std::iter;

use super::sought::Seeker;
use crate::classify::KsmVerdict;
use crate::cli::{SnapshotRequest, SoughtRequest, open_palette};
use crate::error::Result;
use crate::facts::{Facts, agreement_lines, reading_line};
use crate::inventory::ksm_verdict;
use crate::orders::agreements;
use crate::output::{Target, finish_all, write_picture, write_text};
use crate::overlay::{Overlay, largest_first};
use crate::render::{Style, Subject, picture};
use crate::scan::{Effort, Known, Lens, Rekey, View, scan};
use crate::source::{Clock, Source, free_blocks};
use crate::terminal::Terminal;

/// Draws one picture of memory.
pub(super) fn draw(request: &SnapshotRequest, terminal: &Terminal) -> Result<()> {
    let palette = open_palette(&request.look.palette)?;
    request.picture.check_binary()?;
    request.json.as_ref().map_or(Ok(()), Target::check)?;
    let source = request.source.open()?;
    terminal.take_signals();
    let machine = source.machine();
    let layout = request.look.layout(machine.end(), machine.ram.as_ref());

    let sought = request.sought.as_ref();
    let root = request.source.root();
    let find = |sought| Seeker::find(sought, root, source.as_ref(), request.redact, terminal);
    let mut sought = sought.map(find).transpose()?;
    let mut known = Known::default();
    if sought.is_some() {
        known.ksm = ksm_verdict(source.as_ref(), request.threads, terminal)?;
    }
    let before = free_blocks(source.as_ref());
    let effort = effort(request, source.as_ref());
    let look = |known: &Known, overlay: Option<&Overlay>| {
        let view = View {
            overlay: overlay.map(|overlay| overlay as &dyn Rekey),
            effort,
            ..View::alone(request.look.lens, layout, known)
        };
        scan(source.as_ref(), view, request.threads, terminal)
    };
    let mut scan = look(&known, sought.as_ref().map(|(_, overlay)| overlay))?;
    if let Some((seeker, overlay)) = &mut sought
        && let Some(met) = largest_first(&scan.met, &overlay.pages_met())
    {
        known.met = met;
        *overlay = seeker.overlay(source.as_ref())?;
        scan = look(&known, Some(overlay))?;
    }
    terminal.clear();
    let checked = sought.as_ref().and_then(|(_, overlay)| {
        let (zones, free) = overlay.free_blocks()?;
        let after = free_blocks(source.as_ref());
        Some(agreements(machine, zones, &free, [&before, &after]))
    });
    if request.verbose {
        terminal.remark(&reading_line(scan.spent));
        let lines = checked.as_deref().map(agreement_lines);
        lines
            .iter()
            .flatten()
            .for_each(|line| terminal.remark(line));
    }

    let mut subject = Subject::new(
        source.as_ref(),
        &scan,
        (request.look.lens, layout),
        request.look.reducer.1.clone(),
    );
    subject.host = subject.host.filter(|_| !request.redact);
    if sought.is_some() && known.ksm == KsmVerdict::Doubted {
        subject.doubted_pages = scan.classes.anonymous();
    }
    subject.sought = sought.map(|(seeker, overlay)| seeker.lines(&overlay, &scan, source.as_ref()));
    let counts = scan.classes.clone();
    let style = Style {
        palette,
        legend: request.look.legend,
        columns: request.look.columns,
    };
    let mut picture = picture(scan, &subject, &style, None)?;
    let facts = Facts::new(&picture, &subject, &counts, &style.palette).checked(checked.as_deref());

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
    finish_all(iter::once(drawn).chain(twin).collect())
}

/// Proofs give classes, so pictures of flags need every page; and free blocks are to be checked by what is counted,
/// not proved by it. A copy is read faster than it is asked.
fn effort(request: &SnapshotRequest, source: &dyn Source) -> Effort {
    let shows_flags = matches!(request.look.lens, Lens::Flags(_) | Lens::FreeOrder)
        || matches!(request.sought, Some(SoughtRequest::Flags(..)));
    match source.clock() {
        Clock::Now if !shows_flags && !request.every_page => Effort::Proofs,
        _ => Effort::EveryPage,
    }
}
