//! `pagemap-viz segments`: the segments of a process, and the page sizes behind them.

use crate::cli::SegmentsRequest;
use crate::error::Result;
use crate::facts::{RANGE_COLUMNS, SIZE_COLUMNS, Segment, range_rows, segments_text, size_rows};
use crate::inventory::{Manner, Place, Sight, Walk, Wanted};
use crate::kernel::{Edition, Folding, Mapping, PageFlags, PageSpan, Pfn};
use crate::mappings::units;
use crate::output::{TableFormat, Target, write_table};
use crate::source::{Overrides, Process, Source, System, smaps};
use crate::terminal::Terminal;

/// Prints the largest segment that has pages, or all of them.
pub(super) fn list(request: &SegmentsRequest, terminal: &Terminal) -> Result<()> {
    let source = System::open(&request.root, Overrides::default())?;
    let page_bytes = source.machine().page_size.bytes();
    let mut segments = smaps(&request.root, request.pid)?;
    segments.sort_by_key(|(mapping, _, _)| std::cmp::Reverse(mapping.end - mapping.start));
    let process = Process::open(&request.root, request.pid, page_bytes)?;
    let place = Place::Process(process);
    terminal.take_signals();
    let mut found: Vec<Segment> = Vec::new();
    for (mapping, line, properties) in segments {
        let pages = pages(&mapping, &source, &place, terminal)?;
        if !pages.is_empty() {
            found.push(Segment {
                line,
                properties,
                units: units(pages),
            });
        }
        if !found.is_empty() && !request.all {
            break;
        }
    }
    let mut out = Target::Stdout.begin()?;
    match (request.format, request.ranges) {
        (TableFormat::Aligned, ranges) => {
            out.write_text(&segments_text(&found, ranges, page_bytes))?;
        }
        (format, true) => {
            write_table(
                format,
                &RANGE_COLUMNS,
                &range_rows(&found, page_bytes),
                &mut out,
            )?;
        }
        (format, false) => {
            write_table(
                format,
                &SIZE_COLUMNS,
                &size_rows(&found, page_bytes),
                &mut out,
            )?;
        }
    }
    out.finish()
}

type Pages = Vec<(Pfn, PageFlags)>;

fn pages(mapping: &Mapping, source: &System, place: &Place, terminal: &Terminal) -> Result<Pages> {
    let page_bytes = source.machine().page_size.bytes();
    let sight = Sight {
        edition: Edition::V6_12,
        folding: Folding::Unfolded,
        filters: Vec::new(),
    };
    let span = PageSpan {
        start: mapping.start / page_bytes,
        end: mapping.end / page_bytes,
    };
    let mut pages = Pages::new();
    let walk = Walk {
        source,
        sight: &sight,
        place,
        spans: &[span],
        wanted: Wanted::default(),
        manner: Manner::Own,
        watcher: terminal,
    };
    walk.run(&mut |page| {
        if page.class.is_some() {
            pages.push((Pfn(page.offset), page.flags));
        }
        Ok(())
    })?;
    Ok(pages)
}
