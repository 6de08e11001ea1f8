//! `pagemap-viz orders`: present memory of processes by order.

use super::asking::{Asking, meant};
use crate::cli::OrdersRequest;
use crate::error::Result;
use crate::facts::{mem_hist_text, order_columns, order_rows};
use crate::mappings::orders_of;
use crate::output::{Target, write_table};
use crate::source::machine_of;
use crate::terminal::Terminal;

/// Asks the processes that are meant and prints what they answered.
pub(super) fn list(request: &OrdersRequest, terminal: &Terminal) -> Result<()> {
    let machine = machine_of(&request.asked.root);
    let page_bytes = machine.page_size.bytes();
    let max_order = machine.pmd_pages.ilog2();
    let pids = meant(&request.asked)?;
    terminal.take_signals();
    let question = |process, name| orders_of(process, name, request.contiguity, max_order);
    let asking = Asking::new(&request.asked, page_bytes);
    let mut answers = asking.ask(&pids, terminal, question)?;
    answers.retain(|process| !process.mappings.is_empty());
    answers.sort_by_key(|process| (process.blocks.largest_first(), process.pid));
    let mut out = Target::Stdout.begin()?;
    match request.format {
        None => out.write_text(&mem_hist_text(&answers, request.omitted))?,
        Some(format) => {
            let columns = order_columns(max_order, page_bytes, request.mappings);
            let listed = request.mappings.then_some(request.omitted);
            let rows = order_rows(&answers, page_bytes, listed);
            write_table(format, &columns, &rows, &mut out)?;
        }
    }
    out.finish()
}
