//! `pagemap-viz export`: rows of pages for engines that read tables, or the words of a frame, bit for bit.

use std::io::Write;

use crate::cli::{ExportRequest, Input, RowTarget, RowsRequest, WordsRequest};
use crate::columns::{blocks, runs};
use crate::error::{Error, Result};
use crate::facts::{Origin, Rows};
use crate::inventory::ksm_verdict;
use crate::kernel::Pfn;
use crate::output::{DataSet, RowFormat, RowWriter, Target};
use crate::source::{Recording, Selection, Source, zones};
use crate::terminal::{Terminal, complain};

/// Pages at a time: a chunk of the recording.
const PAGES: usize = 1 << 16;

/// Exports what was asked for.
pub(super) fn export(request: &ExportRequest, terminal: &Terminal) -> Result<()> {
    match request {
        ExportRequest::Words(request) => words(request, terminal),
        ExportRequest::Rows(request) => Exporter { request, terminal }.export(),
    }
}

/// Writes the raw words of a frame.
fn words(request: &WordsRequest, terminal: &Terminal) -> Result<()> {
    request.output.check_binary()?;
    let frame = Recording::open(&request.recording)?.frame(request.frame)?;
    let mut output = request.output.begin()?;
    terminal.take_signals();
    let mut words = vec![0u64; PAGES];
    let mut at = Pfn(0);
    loop {
        terminal.check()?;
        let pages = frame.read_plane(request.plane, at, &mut words)?;
        if pages == 0 {
            return output.finish();
        }
        let bytes: &[u8] = bytemuck::cast_slice(&words[..pages]);
        output
            .write_all(bytes)
            .map_err(|cause| output.failed(cause))?;
        at = Pfn(at.0 + pages as u64);
    }
}

struct Exporter<'a> {
    request: &'a RowsRequest,
    terminal: &'a Terminal,
}

/// Readings that follow each other in one input.
struct Part {
    input: usize,
    frames: Vec<Option<u64>>,
    selection: Selection,
}

impl Exporter<'_> {
    fn export(&self) -> Result<()> {
        if let RowTarget::File(target) = &self.request.to {
            match self.request.format {
                RowFormat::Parquet => target.check_binary()?,
                RowFormat::Csv | RowFormat::Json => target.check()?,
            }
        }
        self.terminal.take_signals();
        match &self.request.to {
            RowTarget::File(target) => {
                let inputs = 0..self.request.inputs.len();
                let parts: Vec<_> = inputs.map(|input| self.all(input)).collect::<Result<_>>()?;
                self.write(&parts, target)?;
            }
            RowTarget::DataSet(directory) => {
                let set = DataSet::new(directory, self.request.rows, self.request.format);
                self.export_all(&set)?;
            }
        }
        self.terminal.clear();
        Ok(())
    }

    /// Of many inputs one may be broken: the others are exported all the same.
    fn export_all(&self, set: &DataSet) -> Result<()> {
        let all = self.request.inputs.len();
        let mut bad = 0;
        for input in 0..all {
            match self.export_input(input, set) {
                Ok(()) => {}
                Err(error) if all == 1 || error.is_of_output() => return Err(error),
                Err(error) => {
                    self.terminal.clear();
                    complain(&error.to_string());
                    bad += 1;
                }
            }
        }
        match bad {
            0 => Ok(()),
            bad => Err(Error::NotAllExported { bad, all }),
        }
    }

    fn export_input(&self, input: usize, set: &DataSet) -> Result<()> {
        let Input { path, stem, .. } = &self.request.inputs[input];
        let stem = (!self.request.redact).then_some(stem.as_str());
        for (origin, part) in self.days(input)? {
            let target = set.file(&origin, path, stem)?;
            self.write(&[part], &target)?;
        }
        Ok(())
    }

    /// All readings of an input.
    fn all(&self, input: usize) -> Result<Part> {
        let source = &self.request.inputs[input].source;
        let frames = source.frames()?;
        let selection = source.selection_in_all(&frames)?;
        Ok(Part {
            input,
            frames,
            selection,
        })
    }

    /// The readings of an input, day by day, with the first of each.
    fn days(&self, input: usize) -> Result<Vec<(Origin, Part)>> {
        let all = self.all(input)?;
        let mut days: Vec<(Origin, Part)> = Vec::new();
        for &frame in &all.frames {
            let source = self.open(&all, frame)?;
            let origin = self.origin(source.as_ref(), frame);
            let day = |origin: &Origin| origin.time.as_second().div_euclid(24 * 3600);
            let is_same = |first: &Origin| first.host == origin.host && day(first) == day(&origin);
            match days.last_mut().filter(|(first, _)| is_same(first)) {
                Some((_, part)) => part.frames.push(frame),
                None => days.push((
                    origin,
                    Part {
                        input,
                        frames: vec![frame],
                        selection: all.selection.clone(),
                    },
                )),
            }
        }
        Ok(days)
    }

    fn open(&self, part: &Part, frame: Option<u64>) -> Result<Box<dyn Source>> {
        self.request.inputs[part.input]
            .source
            .open_frame(frame, &part.selection)
    }

    fn origin(&self, source: &dyn Source, frame: Option<u64>) -> Origin {
        let machine = source.machine();
        Origin {
            host: machine.host.clone().filter(|_| !self.request.redact),
            kernel: machine.kernel.clone(),
            frame: frame.unwrap_or(0),
            time: source.time(),
            page_bytes: machine.page_size.bytes(),
            zones: zones(source),
        }
    }

    /// Writes a file.
    fn write(&self, parts: &[Part], target: &Target) -> Result<()> {
        // The place of a data set's file says the host.
        let with_host = matches!(self.request.to, RowTarget::File(_));
        let rows = self.request.rows;
        let mut pending = target.begin()?;
        let mut writer = RowWriter::new(self.request.format, rows.fields(with_host), &mut pending)?;
        for part in parts {
            for &frame in &part.frames {
                let source = self.open(part, frame)?;
                let source = source.as_ref();
                let origin = self.origin(source, frame);
                let ksm = ksm_verdict(source, self.request.threads, self.terminal)?;
                match rows {
                    Rows::Runs => runs(source, &origin.zones, ksm, self.terminal, &mut |run| {
                        writer.row(origin.run(run, with_host))
                    })?,
                    Rows::Blocks => {
                        blocks(source, &origin.zones, ksm, self.terminal, &mut |block| {
                            writer.row(origin.block(block, with_host))
                        })?;
                    }
                }
            }
        }
        writer.finish()?;
        pending.finish()
    }
}
