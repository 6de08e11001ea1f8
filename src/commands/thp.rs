//! `pagemap-viz thp`: large folios of processes by size, and how they are mapped.

use std::collections::BTreeSet;

use super::asking::{Asking, meant};
use crate::cli::{Detail, ThpRequest};
use crate::error::{Error, Result};
use crate::facts::{thp_columns, thp_rows, thp_sum_rows, thpmaps_sum_text, thpmaps_text};
use crate::mappings::{LargeFolios, folios_of};
use crate::output::{Target, write_table};
use crate::source::{Overrides, Source, System};
use crate::terminal::Terminal;

/// Asks the processes that are meant and prints what they answered.
pub(super) fn list(request: &ThpRequest, terminal: &Terminal) -> Result<()> {
    let source = System::open(&request.asked.root, Overrides::default())?;
    let page_bytes = source.machine().page_size.bytes();
    let blocks = request.blocks.iter().map(|&size| order(size, page_bytes));
    let blocks: Vec<u32> = blocks
        .collect::<Result<BTreeSet<u32>>>()?
        .into_iter()
        .collect();
    let pids = meant(&request.asked)?;
    terminal.take_signals();
    let asking = Asking::new(&request.asked, page_bytes);
    let mut answers = asking.ask(&pids, terminal, |process, name| {
        folios_of(&process, name, &source, &blocks)
    })?;
    answers.retain(|process| !process.mappings.is_empty());
    let mut sum = LargeFolios::default();
    if request.detail == Detail::Sum {
        answers
            .iter()
            .for_each(|process| sum.merge(&process.folios));
    }
    let (of_processes, of_mappings) = match request.detail {
        Detail::Sum => (false, false),
        Detail::Processes => (true, false),
        Detail::Mappings => (true, true),
    };
    let mut out = Target::Stdout.begin()?;
    match request.format {
        None if of_processes => out.write_text(&thpmaps_text(&answers, page_bytes))?,
        None => out.write_text(&thpmaps_sum_text(&sum, page_bytes))?,
        Some(format) => {
            let rows = match of_processes {
                true => thp_rows(&answers, of_mappings, page_bytes),
                false => thp_sum_rows(&sum, page_bytes),
            };
            let columns = thp_columns(of_processes, of_mappings);
            write_table(format, &columns, &rows, &mut out)?;
        }
    }
    out.finish()
}

/// The order of a block of so many bytes.
fn order(bytes: u64, page_bytes: u64) -> Result<u32> {
    if bytes < 2 * page_bytes {
        return Err(Error::BlockTooSmall { bytes, page_bytes });
    }
    Ok((bytes / page_bytes).ilog2())
}
