//! `pagemap-viz pagetable`: the page table of a process, page by page.

use crate::cli::PagetableRequest;
use crate::error::{Error, Result};
use crate::facts::{PAGETABLE_COLUMNS, area_line, page_line, pagetable_row, unmapped_line};
use crate::inventory::{Manner, Page, Place, Sight, Walk, Wanted};
use crate::kernel::{Edition, Folding, Mapping, PageSpan};
use crate::output::{Pending, TableFormat, TableWriter, Target};
use crate::source::{Overrides, Process, Source, System};
use crate::terminal::Terminal;

/// Prints the areas that are meant, and what is behind their pages.
pub(super) fn list(request: &PagetableRequest, terminal: &Terminal) -> Result<()> {
    let source = System::open(&request.root, Overrides::default())?;
    let page_bytes = source.machine().page_size.bytes();
    let process = Process::open(&request.root, request.pid, page_bytes)?;
    let areas = meant(request, &process.mappings()?)?;
    let mut out = Target::Stdout.begin()?;
    if request.areas_only {
        for area in &areas {
            out.write_text(&area_line(area))?;
        }
        return out.finish();
    }
    let spans = areas.iter().map(|area| match request.address {
        Some(address) => PageSpan {
            start: address / page_bytes,
            end: address / page_bytes + 1,
        },
        None => PageSpan {
            start: area.start / page_bytes,
            end: area.end / page_bytes,
        },
    });
    let spans: Vec<PageSpan> = spans.collect();
    let place = Place::Process(process);
    let sight = Sight {
        edition: Edition::V6_12,
        folding: Folding::Unfolded,
        filters: Vec::new(),
    };
    let walk = |spans: &[PageSpan], take: &mut dyn FnMut(&Page) -> Result<()>| {
        let walk = Walk {
            source: &source,
            sight: &sight,
            place: &place,
            spans,
            wanted: Wanted {
                counts: true,
                ..Wanted::default()
            },
            manner: Manner::Own,
            watcher: terminal,
        };
        walk.run(take).map(|_| ())
    };
    terminal.take_signals();
    match request.format {
        TableFormat::Aligned => print_areas(&areas, &spans, page_bytes, &walk, &mut out)?,
        format => {
            let mut table = TableWriter::new(format, PAGETABLE_COLUMNS.to_vec(), &mut out)?;
            for (area, span) in areas.iter().zip(&spans) {
                walk(&[*span], &mut |page| {
                    table.row(&pagetable_row(page, area, page_bytes))
                })?;
            }
            table.finish()?;
        }
    }
    out.finish()
}

type WalkSpans<'a> = dyn Fn(&[PageSpan], &mut dyn FnMut(&Page) -> Result<()>) -> Result<()> + 'a;

fn print_areas(
    areas: &[Mapping],
    spans: &[PageSpan],
    page_bytes: u64,
    walk: &WalkSpans<'_>,
    out: &mut Pending,
) -> Result<()> {
    for (area, span) in areas.iter().zip(spans) {
        out.write_text(&format!("\n{}\n", area_line(area)))?;
        let mut next = span.start;
        walk(&[*span], &mut |page| {
            out.write_text(&unmapped_line(page.place - next))?;
            next = page.place + 1;
            out.write_text(&page_line(page, page_bytes))
        })?;
        out.write_text(&unmapped_line(span.end - next))?;
    }
    Ok(())
}

/// The areas whose name holds one of the words, in the order of the words, that hold the address.
fn meant(request: &PagetableRequest, mappings: &[Mapping]) -> Result<Vec<Mapping>> {
    let holds_address = |area: &&Mapping| {
        let is_in = |address| (area.start..area.end).contains(&address);
        request.address.is_none_or(is_in)
    };
    let named = |word: &String| {
        let holds = |area: &&Mapping| match area.name.is_empty() {
            true => "anonymous".contains(word.as_str()),
            false => area.shown_name().contains(word.as_str()),
        };
        mappings
            .iter()
            .filter(move |area| holds(area))
            .collect::<Vec<_>>()
    };
    let areas: Vec<&Mapping> = match request.areas.is_empty() {
        true => mappings.iter().collect(),
        false => request.areas.iter().flat_map(named).collect(),
    };
    let areas: Vec<Mapping> = areas.into_iter().filter(holds_address).cloned().collect();
    match areas.is_empty() && (request.address.is_some() || !request.areas.is_empty()) {
        true => Err(Error::NoSuchArea { pid: request.pid }),
        false => Ok(areas),
    }
}
