//! `pagemap-viz timelapse`: pictures over time.
//!
//! Everything is read first and kept as a recording, because no picture can be drawn before the last
//! reading is known: they share one scale, one legend and one strip.

mod look;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::ages::AgeSeries;
use super::record::record;
use super::sought::{Seeker, known_zones};
use crate::classify::KsmVerdict;
use crate::cli::{Marking, SoughtRequest, TimelapseRequest, open_palette};
use crate::error::Result;
use crate::facts::{Facts, Reading, SeriesFacts, count_columns, count_rows};
use crate::inventory::ksm_verdict;
use crate::layout::Layout;
use crate::output::{
    Format, SeriesDirectory, TableFormat, animate, check_video, film, write_picture, write_table,
};
use crate::overlay::{Overlay, largest_first};
use crate::record::Names;
use crate::render::{Palette, Picture, Place, Readings, Series, Style, Subject, picture};
use crate::scan::Known;
use crate::source::{MemorySpan, Recording, Selection, Source};
use crate::terminal::Terminal;

use look::Look;

/// A series in the making.
struct Lapse<'a> {
    request: &'a TimelapseRequest,
    terminal: &'a Terminal,
    recording: Recording,
    /// In every reading the same pages.
    selection: Selection,
    seeker: Option<Seeker<'a>>,
    ages: Option<AgeSeries>,
    layout: Layout,
    style: Style,
}

/// Draws a series, and gives the exit status of the command that went along.
pub(super) fn draw(request: &TimelapseRequest, terminal: &Terminal) -> Result<Option<ExitStatus>> {
    let palette = open_palette(&request.look.palette)?;
    // Before there is anything to be left behind.
    terminal.take_signals();
    let directory = SeriesDirectory::create(&request.directory)?;
    check(request)?;
    if let Some(recorded) = request.recorded() {
        Lapse::open(recorded, request, palette, terminal)?.draw(directory)?;
        return Ok(None);
    }
    check_there(request)?;
    let kept = request.kept();
    let drawn = record(&request.recording, terminal).and_then(|status| {
        // Ctrl-C is one way to end the readings.
        terminal.go_on()?;
        Lapse::open(&kept, request, palette, terminal)?.draw(directory)?;
        Ok(status)
    });
    if drawn.is_err() && kept.exists() && !request.recording.quiet {
        terminal.remark(&format!(
            "what was read is kept in {} (draw it with --from)",
            kept.display()
        ));
    }
    drawn
}

/// Fails early where writing would fail after hours.
fn check(request: &TimelapseRequest) -> Result<()> {
    if let Some((target, _)) = &request.animation {
        target.check_binary()?;
    }
    match &request.film {
        Some(target) => target.check_binary().and_then(|()| check_video(target)),
        None => Ok(()),
    }
}

/// Fails before hours of reading where nothing of it could be drawn.
fn check_there(request: &TimelapseRequest) -> Result<()> {
    for source in &request.recording.sources {
        let source = request.selection.of(source.open()?)?;
        if let Some(SoughtRequest::Nodes | SoughtRequest::Zones) = request.sought {
            known_zones(source.as_ref())?;
        }
    }
    Ok(())
}

impl<'a> Lapse<'a> {
    fn open(
        recorded: &Path,
        request: &'a TimelapseRequest,
        palette: Palette,
        terminal: &'a Terminal,
    ) -> Result<Self> {
        let recording = Recording::open(recorded)?;
        let whole = |number: usize| -> Result<Box<dyn Source>> {
            Ok(Box::new(recording.frame(Some(number as u64))?))
        };
        let frames = recording.frames();
        let selection = request.selection.in_all((0..frames).map(whole))?;
        let mut span = MemorySpan::default();
        for number in 0..frames {
            span.take(selection.of(whole(number)?)?.machine());
        }
        let (end, ram) = span.end_and_ram();
        let redact = request.recording.names == Names::Withheld;
        let find = |sought| Seeker::in_series(sought, &recording, redact);
        let seeker = request.sought.as_ref().map(find).transpose()?;
        let ages = match request.marking {
            Marking::Ages => Some(AgeSeries::new(&recording)?),
            Marking::None | Marking::Changes => None,
        };
        Ok(Self {
            request,
            terminal,
            layout: request.look.layout(end, ram.as_ref()),
            style: Style {
                palette,
                legend: request.look.legend,
                columns: request.look.columns,
            },
            recording,
            selection,
            seeker,
            ages,
        })
    }

    fn draw(&self, directory: SeriesDirectory) -> Result<()> {
        self.terminal.take_signals();
        let series = self.read_all()?;
        let pictures = self.draw_all(&series, directory)?;
        self.terminal.clear();
        let (request, terminal) = (self.request, self.terminal);
        if let Some((target, format)) = &request.animation {
            let mut animation = target.begin()?;
            animate(
                &pictures,
                *format,
                request.per_second,
                terminal,
                &mut animation,
            )?;
            animation.finish()?;
        }
        if let Some(target) = &request.film {
            film(&pictures, request.per_second, terminal, target)?;
        }
        Ok(())
    }

    /// The first look at every reading, and another where it takes that to know what is largest.
    fn read_all(&self) -> Result<Series> {
        let ksm = self.ksm()?;
        let read = |met| {
            let sets = Vec::new();
            self.read(Readings::knowing(Known { ksm, sets, met }))
        };
        let (readings, subject, pages_met) = read(Vec::new())?;
        let (readings, subject) = match largest_first(&readings.known().met, &pages_met) {
            Some(met) => {
                let (readings, subject, _) = read(met)?;
                (readings, subject)
            }
            None => (readings, subject),
        };
        let lens = self.request.lens();
        Ok(Series::new(readings, &subject, lens, &self.style.palette))
    }

    /// Looks at every reading. Gives the last one, and the pages of what was met in all.
    fn read(&self, mut readings: Readings) -> Result<(Readings, Subject, Vec<u64>)> {
        let (mut last, mut pages_met) = (None, Vec::new());
        for number in 0..self.recording.frames() {
            let known = readings.known().clone();
            let lens = self.request.look.lens;
            // What changed is marked in the second look only: the legend is that of classes.
            let look = match &self.ages {
                Some(_) => self.scan_beside(number, lens, &known, &self.part(number))?,
                None => self.scan_alone(number, lens, &known, &self.part(number))?,
            };
            readings.push(&look.subject, &look.scan);
            pages_met.resize(pages_met.len().max(look.pages_met.len()), 0);
            let sums = pages_met.iter_mut().zip(look.pages_met);
            sums.for_each(|(sum, pages): (&mut u64, u64)| *sum += pages);
            last = Some(look.subject);
        }
        Ok((readings, last.expect("a recording has a frame"), pages_met))
    }

    /// Whether the KSM bit is believed, where that has to be known before pages are looked for.
    fn ksm(&self) -> Result<KsmVerdict> {
        let mut verdict = KsmVerdict::Doubted;
        if self.seeker.is_none() && self.ages.is_none() {
            return Ok(verdict);
        }
        for number in 0..self.recording.frames() {
            let source = self.source(number)?;
            verdict = ksm_verdict(source.as_ref(), self.threads(), self.terminal)?;
            if verdict == KsmVerdict::Believed {
                break;
            }
        }
        Ok(verdict)
    }

    fn overlay(&self, source: &dyn Source) -> Result<Option<Overlay>> {
        let overlay = |seeker: &Seeker<'_>| seeker.overlay(source);
        self.seeker.as_ref().map(overlay).transpose()
    }

    /// Draws every reading, and says where the pictures are.
    fn draw_all(&self, series: &Series, mut directory: SeriesDirectory) -> Result<Vec<PathBuf>> {
        let count = series.len();
        let mut readings = Vec::with_capacity(count);
        let mut last = None;
        for number in 0..count {
            let file = SeriesDirectory::picture(number, count);
            let (picture, reading) = self.draw_one(series, number, &file, &mut directory)?;
            self.check_size(&picture)?;
            readings.push(reading);
            last = Some(picture);
        }
        let last = last.expect("a series has a reading");
        let facts = SeriesFacts::new(&readings, &last, &self.style.palette);
        let facts = facts.expect("a series has a reading");
        let mut table = directory.begin(SeriesDirectory::COUNTS)?;
        write_table(
            TableFormat::Csv,
            &count_columns(),
            &count_rows(&readings),
            &mut table,
        )?;
        table.finish()?;
        let mut index = directory.begin(SeriesDirectory::INDEX)?;
        index.write_text(&facts.to_json())?;
        index.finish()?;
        let mut paths = directory.finish()?;
        paths.truncate(count);
        Ok(paths)
    }

    /// Whether the animation can hold pictures like this one, before all are drawn.
    fn check_size(&self, picture: &Picture) -> Result<()> {
        match &self.request.animation {
            Some((target, format)) => format.check_size(picture.height, target),
            None => Ok(()),
        }
    }

    fn draw_one(
        &self,
        series: &Series,
        number: usize,
        file: &str,
        directory: &mut SeriesDirectory,
    ) -> Result<(Picture, Reading)> {
        let part = self.part(self.recording.frames() + number);
        let Look {
            scan,
            subject,
            found,
            ..
        } = self.scan_again(series, number, &part)?;
        let counts = scan.classes.clone();
        let place = Some(Place { series, number });
        let mut picture = picture(scan, &subject, &self.style, place)?;
        let elapsed = series.elapsed(number);
        let facts = Facts::new(&picture, &subject, &counts, &self.style.palette);
        let facts = facts.in_series(number, series.len(), elapsed);
        let mut pending = directory.begin(file)?;
        let (title, format) = (subject.title(), Format::Png);
        write_picture(&mut picture, &facts, &title, format, &part, &mut pending)?;
        pending.finish()?;
        let reading = Reading {
            file: file.to_owned(),
            subject,
            counts,
            found,
            elapsed,
        };
        Ok((picture, reading))
    }
}
