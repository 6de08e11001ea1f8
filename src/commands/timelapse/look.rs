//! How one reading of a series is looked at.

use super::Lapse;
use crate::classify::KsmVerdict;
use crate::cli::Marking;
use crate::compare::Changes;
use crate::error::Result;
use crate::overlay::Overlay;
use crate::record::Names;
use crate::render::{Series, Subject};
use crate::scan::{Against, Known, Lens, Marks, Part, Rekey, Scan, View, scan};
use crate::source::Source;

/// What came of looking at a reading.
pub(super) struct Look {
    pub(super) scan: Scan,
    pub(super) subject: Subject,
    /// Pages of what is looked for, by name.
    pub(super) found: Vec<(String, u64)>,
    /// Pages of each thing that an overlay met.
    pub(super) pages_met: Vec<u64>,
}

impl<'a> Lapse<'a> {
    /// The second look at a reading, beside the one before it where changes are marked.
    pub(super) fn scan_again(
        &self,
        series: &Series,
        number: usize,
        part: &Part<'_>,
    ) -> Result<Look> {
        let (lens, known) = (self.request.lens(), series.known());
        match self.request.marking {
            Marking::Changes if number > 0 => self.scan_beside(number, lens, known, part),
            Marking::Ages => self.scan_beside(number, lens, known, part),
            _ => self.scan_alone(number, lens, known, part),
        }
    }

    /// A reading by itself.
    pub(super) fn scan_alone(
        &self,
        number: usize,
        lens: Lens,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<Look> {
        let source = self.source(number)?;
        let overlay = self.overlay(source.as_ref())?;
        let view = View {
            overlay: overlay.as_ref().map(|overlay| overlay as &dyn Rekey),
            ..View::alone(lens, self.layout, known)
        };
        let scan = scan(source.as_ref(), view, self.threads(), part)?;
        let subject = self.subject(source.as_ref(), &scan, &view, overlay.as_ref());
        let kinds = overlay.iter().flat_map(|overlay| overlay.kinds(&scan.met));
        let found = kinds.map(|kind| (kind.name, scan.keys.of(kind.key)));
        Ok(Look {
            found: found.collect(),
            pages_met: overlay.map_or_else(Vec::new, |overlay| overlay.pages_met()),
            subject,
            scan,
        })
    }

    /// A reading beside the one before it; the first beside itself.
    pub(super) fn scan_beside(
        &self,
        number: usize,
        lens: Lens,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<Look> {
        let source = self.source(number)?;
        let before = self.source(number.saturating_sub(1))?;
        let ages = self.ages.as_ref().map(|ages| ages.marks(number));
        let ages = ages.transpose()?;
        let marks = ages.as_ref().map_or(&Changes as &dyn Marks, |ages| ages);
        let view = View {
            against: Some(Against {
                source: before.as_ref(),
                end: source.machine().end(),
                ksm: known.ksm,
                marks,
            }),
            ..View::alone(lens, self.layout, known)
        };
        let scan = scan(source.as_ref(), view, self.threads(), part)?;
        let subject = self.subject(source.as_ref(), &scan, &view, None);
        let lines = subject.sought.iter().flat_map(|lines| &lines.kinds);
        let found = lines.map(|(name, key, _)| (name.clone(), scan.keys.of(*key)));
        Ok(Look {
            found: found.collect(),
            pages_met: Vec::new(),
            subject,
            scan,
        })
    }

    pub(super) fn source(&self, number: usize) -> Result<Box<dyn Source>> {
        let frame = self.recording.frame(Some(number as u64))?;
        self.selection.of(Box::new(frame))
    }

    fn subject(
        &self,
        source: &dyn Source,
        scan: &Scan,
        view: &View<'_>,
        overlay: Option<&Overlay>,
    ) -> Subject {
        let mut subject = Subject::new(
            source,
            scan,
            (view.lens, view.layout),
            self.request.look.reducer.1.clone(),
        );
        subject.host = subject
            .host
            .filter(|_| self.request.recording.names == Names::Kept);
        if overlay.is_some() && scan.ksm == KsmVerdict::Doubted {
            subject.doubted_pages = scan.classes.anonymous();
        }
        let sought = self.seeker.as_ref().zip(overlay);
        subject.sought = sought.map(|(seeker, overlay)| seeker.lines(overlay, scan, source));
        if let Some(ages) = &self.ages {
            subject.sought = Some(ages.lines());
        }
        subject
    }

    pub(super) fn threads(&self) -> usize {
        self.request.recording.threads
    }

    /// Every reading is scanned twice.
    pub(super) fn part(&self, number: usize) -> Part<'a> {
        Part {
            watcher: self.terminal,
            number,
            parts: 2 * self.recording.frames(),
        }
    }
}
