//! What all pictures of a series share, so that they lie on each other: size, scale, legend, strip.
//!
//! It is known when every reading was seen once; only then can the first picture be drawn.

use std::time::Duration;

use jiff::Timestamp;

use super::entries::{Entry, Meaning};
use super::legend::{Widths, note_lines, widths};
use super::numbers::{grouped, size};
use super::palette::Palette;
use super::subject::{SoughtLines, Subject, TOOL};
use super::typeface::SMALL;
use crate::classify::KsmVerdict;
use crate::kernel::{Pfn, PfnSet, ZoneMap};
use crate::scan::{Known, Lens, Scan};
use crate::source::{Clock, SelectedPages};
use crate::tally::Tally;

/// The readings of a series as they are seen for the first time.
#[derive(Debug, Default)]
pub struct Readings {
    moments: Vec<Moment>,
    known: Known,
    holes: Option<PfnSet>,
    end: Pfn,
}

/// What is kept of one reading.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// When it began.
    pub(super) time: Timestamp,
    clock: Clock,
    duration: Option<Duration>,
    /// Pages per key, before any were marked.
    pub(super) keys: Tally,
    /// What was looked for and found in it.
    sought: Option<SoughtLines>,
}

impl Readings {
    /// Readings of which something is known already.
    pub fn knowing(known: Known) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// Takes what a scan of the next reading came to. The scans share `known`.
    pub fn push(&mut self, subject: &Subject, scan: &Scan) {
        let holes = scan.grid.holes(subject.layout.row_pages());
        self.holes = Some(match &self.holes {
            Some(others) => others.intersect(&holes),
            None => holes,
        });
        self.end = self.end.max(scan.end);
        self.known.sets.clone_from(&scan.sets);
        self.known.met.clone_from(&scan.met);
        if scan.ksm == KsmVerdict::Believed {
            self.known.ksm = scan.ksm;
        }
        self.moments.push(Moment {
            time: subject.time,
            clock: subject.clock,
            duration: scan.duration,
            keys: scan.keys.clone(),
            sought: subject.sought.clone(),
        });
    }

    /// What they found out so far.
    pub fn known(&self) -> &Known {
        &self.known
    }
}

/// What all pictures of a series share.
#[derive(Debug)]
pub struct Series {
    pub(super) moments: Vec<Moment>,
    /// The first page number after the last of all readings.
    pub(super) end: Pfn,
    /// Rows that are hole in every reading, in pages.
    pub(super) holes: PfnSet,
    /// Where zones, blocks and selected pages are, in every picture the same: those of one reading.
    zones: ZoneMap,
    blocks: (Option<PfnSet>, Option<u64>),
    selected: Option<SelectedPages>,
    notes: Vec<String>,
    pub(super) widths: Widths,
    pub(super) all: Tally,
    /// The legend's lines of each reading, before any page was marked: what the strip shows.
    pub(super) entries: Vec<Vec<Entry>>,
    known: Known,
    /// Whether all readings say when they began.
    has_times: bool,
}

impl Series {
    /// Of all readings, as pictures by `lens` like that of `subject`, which is one of them.
    pub fn new(readings: Readings, subject: &Subject, lens: Lens, palette: &Palette) -> Self {
        let mut all = Tally::default();
        for moment in &readings.moments {
            all.merge(&moment.keys);
        }
        let holes = readings.holes.unwrap_or_default();
        let is_known = |moment: &Moment| moment.clock != Clock::FileDate;
        let mut series = Self {
            has_times: readings.moments.iter().all(is_known),
            entries: Vec::new(),
            end: readings.end,
            holes,
            zones: subject.zones.clone(),
            blocks: subject.blocks.clone(),
            selected: subject.selected.clone(),
            moments: readings.moments,
            notes: Vec::new(),
            widths: Widths::default(),
            all,
            known: readings.known,
        };
        series.notes = series.notes_of(subject);
        let of = |moment: &Moment| {
            let meaning = series.meaning(lens, palette, moment.sought.as_ref());
            meaning.entries(&moment.keys)
        };
        series.entries = series.moments.iter().map(of).collect();
        series.widths = series.widths_of(subject.page_size.bytes(), lens);
        series
    }

    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// What its scans found out.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Time from the first reading's beginning to that of `number`; `None` where that is not known.
    pub fn elapsed(&self, number: usize) -> Option<Duration> {
        let first = self.moments.first().filter(|_| self.has_times)?.time;
        self.moments[number]
            .time
            .duration_since(first)
            .try_into()
            .ok()
    }

    /// A reading with what all pictures have in common.
    pub(super) fn alike(&self, subject: &Subject) -> Subject {
        Subject {
            zones: self.zones.clone(),
            blocks: self.blocks.clone(),
            selected: self.selected.clone(),
            ..subject.clone()
        }
    }

    /// What the keys mean in a reading in which this was found.
    pub(super) fn meaning<'a>(
        &'a self,
        lens: Lens,
        palette: &'a Palette,
        sought: Option<&'a SoughtLines>,
    ) -> Meaning<'a> {
        Meaning {
            lens,
            sets: &self.known.sets,
            ksm: self.known.ksm,
            all: &self.all,
            palette,
            sought,
        }
    }

    /// The notes at the foot of the legend of a reading in which `sought` was found, and how many of them are its
    /// own.
    pub(super) fn notes(&self, sought: Option<&SoughtLines>) -> (Vec<String>, usize) {
        let own = sought.map_or(&[][..], |sought| &sought.notes);
        let all = own.iter().chain(&self.notes).cloned().collect();
        (all, own.len())
    }

    /// Lines that the notes of single readings take at most, in a legend so many pixels wide.
    pub(super) fn varying_lines(&self, width: usize) -> usize {
        let sought = self.moments.iter().flat_map(|moment| &moment.sought);
        let lines = sought.map(|sought| note_lines(&sought.notes, width));
        lines.max().unwrap_or(0)
    }

    fn notes_of(&self, subject: &Subject) -> Vec<String> {
        let subject = Subject {
            ksm: self.known.ksm,
            // Said anew in each picture.
            sought: None,
            ..subject.clone()
        };
        let mut notes = subject.lasting_notes(match subject.lens {
            Lens::Class => self.all.says_ksm(),
            _ => subject.doubted_pages,
        });
        let seconds = |moment: &Moment| moment.duration.map(|time| time.as_secs_f64());
        let took: Vec<f64> = self.moments.iter().filter_map(seconds).collect();
        let (least, most) = took
            .iter()
            .fold((f64::MAX, 0.0f64), |(least, most), &time| {
                (least.min(time), most.max(time))
            });
        notes.push(match took.is_empty() {
            true => TOOL.to_owned(),
            false => {
                let [least, most] = [least, most].map(|time| format!("{time:.2}"));
                let took = if least == most {
                    most
                } else {
                    format!("{least} to {most}")
                };
                format!(
                    "Not atomic: each reading took {took} s while memory went on changing · {TOOL}"
                )
            }
        });
        notes
    }

    /// Of every picture's legend the widest column. A number may be wider in its middle than at its
    /// largest (999 MiB, 1 GiB).
    fn widths_of(&self, page_bytes: u64, lens: Lens) -> Widths {
        let of = |entries: &[Entry]| widths(entries, page_bytes);
        let wider = |one: Widths, other: Widths| std::array::from_fn(|at| one[at].max(other[at]));
        let all = self.entries.iter().map(|entries| of(entries));
        let widest = all.fold(Widths::default(), wider);
        if lens != Lens::Changes {
            return widest;
        }
        // How much changes is not known yet.
        let sizes = ["888 MiB", "88.8 GiB", &size(self.end.0 * page_bytes)];
        let size = sizes.map(|text| SMALL.width(text)).into_iter().max();
        let pages = SMALL.width(&grouped(self.end.0));
        wider(widest, [0, pages, size.unwrap_or(0), SMALL.width("88.8 %")])
    }
}
