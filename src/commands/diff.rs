//! `pagemap-viz diff`: what became of pages.

use crate::classify::KsmVerdict;
use crate::cli::{Compared, DiffRequest, open_palette};
use crate::compare::{ChangeCounts, Churn, Difference};
use crate::error::{Error, Result};
use crate::facts::{Facts, matrix_text};
use crate::kernel::{Pfn, PfnSet};
use crate::layout::Layout;
use crate::output::{Target, finish_all, print, write_picture, write_text};
use crate::render::{Since, Style, Subject, picture};
use crate::scan::{Against, Known, Lens, Marks, Part, Scan, View, scan};
use crate::source::{Clock, MemorySpan, Recording, Source};
use crate::terminal::Terminal;

/// A comparison in work.
struct Comparison<'a> {
    request: &'a DiffRequest,
    terminal: &'a Terminal,
    layout: Layout,
    end: Pfn,
    /// Pages of one reading that say KSM and are not believed.
    doubted_pages: u64,
}

/// Compares, draws and counts.
pub(super) fn compare(request: &DiffRequest, terminal: &Terminal) -> Result<()> {
    let palette = open_palette(&request.look.palette)?;
    if let Some((picture, _)) = &request.picture {
        picture.check_binary()?;
    }
    request.json.as_ref().map_or(Ok(()), Target::check)?;
    terminal.take_signals();
    let (scan, subject) = match &request.readings {
        Compared::Two { before, after } => {
            let selection = [before, after].into_iter().map(|source| source.open());
            let selection = request.selection.in_all(selection)?;
            let [before, after] = [before, after].map(|source| selection.of(source.open()?));
            two(request, terminal, before?.as_ref(), after?.as_ref())?
        }
        Compared::Series(path) => churn(request, terminal, &Recording::open(path)?)?,
    };
    terminal.clear();
    let style = Style {
        palette,
        legend: request.look.legend,
        columns: request.look.columns,
    };
    finish(request, terminal, scan, &subject, &style)
}

/// Two readings: the first pass over each says whether its KSM bit is believed, the second compares.
fn two(
    request: &DiffRequest,
    terminal: &Terminal,
    before: &dyn Source,
    after: &dyn Source,
) -> Result<(Scan, Subject)> {
    let mut span = MemorySpan::default();
    for source in [before, after] {
        span.take(source.machine());
    }
    let mut comparison = Comparison::new(request, terminal, &[before, after], span.end_and_ram())?;
    let mut known = Vec::new();
    for (number, source) in [before, after].into_iter().enumerate() {
        known.push(comparison.first_look(source, number, 3)?);
    }
    let scan = comparison.scan([before, after], [&known[0], &known[1]], &Difference, (2, 3))?;
    Ok(comparison.with_subject(after, scan, before, 2))
}

/// Every reading against the one before, and a last pass that draws what was counted.
fn churn(
    request: &DiffRequest,
    terminal: &Terminal,
    recording: &Recording,
) -> Result<(Scan, Subject)> {
    let frames = recording.frames();
    let whole = |number: usize| -> Result<Box<dyn Source>> {
        Ok(Box::new(recording.frame(Some(number as u64))?))
    };
    let selection = request.selection.in_all((0..frames).map(whole))?;
    let frame = |number: usize| selection.of(whole(number)?);
    let (first, last) = (frame(0)?, frame(frames - 1)?);
    if frames < 2 {
        return Err(Error::OneFrame {
            path: first.path().to_owned(),
        });
    }
    let mut span = MemorySpan::default();
    for number in 0..frames {
        span.take(frame(number)?.machine());
    }
    let ends = [first.as_ref(), last.as_ref()];
    let mut comparison = Comparison::new(request, terminal, &ends, span.end_and_ram())?;
    let mut known = Known::default();
    for number in 0..frames {
        let found = comparison.first_look(frame(number)?.as_ref(), number, 2 * frames)?;
        // One reading's proof holds for all.
        if found.ksm == KsmVerdict::Believed {
            known.ksm = found.ksm;
        }
    }
    let counts = ChangeCounts::new()?;
    let mut before = first;
    for number in 1..frames {
        let after = frame(number)?;
        let part = (frames + number - 1, 2 * frames);
        comparison.scan(
            [before.as_ref(), after.as_ref()],
            [&known, &known],
            &counts,
            part,
        )?;
        before = after;
    }
    let churn = Churn::new(counts);
    let part = (2 * frames - 1, 2 * frames);
    let first = frame(0)?;
    let ends = [first.as_ref(), last.as_ref()];
    let scan = comparison.scan(ends, [&known, &known], &churn, part)?;
    Ok(comparison.with_subject(last.as_ref(), scan, first.as_ref(), frames))
}

fn finish(
    request: &DiffRequest,
    terminal: &Terminal,
    scan: Scan,
    subject: &Subject,
    style: &Style,
) -> Result<()> {
    let (counts, matrix) = (scan.classes.clone(), scan.matrix.clone());
    let mut picture = picture(scan, subject, style, None)?;
    let facts = Facts::new(&picture, subject, &counts, &style.palette).with_matrix(&matrix);
    let drawn = match &request.picture {
        None => None,
        Some((target, format)) => {
            let mut drawn = target.begin()?;
            let title = subject.title();
            write_picture(&mut picture, &facts, &title, *format, terminal, &mut drawn)?;
            Some(drawn)
        }
    };
    let twin = request.json.as_ref();
    let twin = twin.map(|target| write_text(target, &facts.to_json()));
    let twin = twin.transpose()?;
    // All are whole before any appears.
    finish_all(drawn.into_iter().chain(twin).collect())?;
    match request.tells() {
        true => print(&matrix_text(&matrix)),
        false => Ok(()),
    }
}

impl<'a> Comparison<'a> {
    fn new(
        request: &'a DiffRequest,
        terminal: &'a Terminal,
        sources: &[&dyn Source; 2],
        (end, ram): (Pfn, Option<PfnSet>),
    ) -> Result<Self> {
        for source in sources {
            if source.clock() == Clock::Now {
                return Err(Error::LiveComparison {
                    path: source.path().to_owned(),
                });
            }
        }
        let machines = sources.map(Source::machine);
        let [first, second] = machines.map(|machine| machine.page_size.bytes());
        if first != second {
            return Err(Error::PageSizesDiffer { first, second });
        }
        Ok(Self {
            request,
            terminal,
            layout: request.look.layout(end, ram.as_ref()),
            end,
            doubted_pages: 0,
        })
    }

    /// What a reading finds out by itself.
    fn first_look(&mut self, source: &dyn Source, number: usize, parts: usize) -> Result<Known> {
        let known = Known::default();
        let view = View::alone(Lens::Class, self.layout, &known);
        let scan = scan(
            source,
            view,
            self.request.threads,
            &self.part(number, parts),
        )?;
        let found = scan.known();
        if found.ksm == KsmVerdict::Doubted {
            self.doubted_pages = self.doubted_pages.max(scan.keys.says_ksm());
        }
        Ok(found)
    }

    fn scan(
        &self,
        [before, after]: [&dyn Source; 2],
        [known_before, known]: [&Known; 2],
        marks: &dyn Marks,
        (number, parts): (usize, usize),
    ) -> Result<Scan> {
        let view = View {
            against: Some(Against {
                source: before,
                end: self.end,
                ksm: known_before.ksm,
                marks,
            }),
            ..View::alone(self.request.look.lens, self.layout, known)
        };
        scan(after, view, self.request.threads, &self.part(number, parts))
    }

    fn with_subject(
        &self,
        source: &dyn Source,
        scan: Scan,
        first: &dyn Source,
        readings: usize,
    ) -> (Scan, Subject) {
        let known = Known::default();
        let view = View::alone(self.request.look.lens, self.layout, &known);
        let reducer = self.request.look.reducer.1.clone();
        let mut subject = Subject::new(source, &scan, (view.lens, view.layout), reducer);
        subject.host = subject.host.filter(|_| !self.request.redact);
        subject.doubted_pages = self.doubted_pages;
        subject.since = Some(Since {
            time: first.time(),
            readings,
        });
        (scan, subject)
    }

    fn part(&self, number: usize, parts: usize) -> Part<'a> {
        Part {
            watcher: self.terminal,
            number,
            parts,
        }
    }
}
