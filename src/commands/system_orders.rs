//! `pagemap-viz orders --system`: all memory by order.

use crate::cli::SystemOrdersRequest;
use crate::error::Result;
use crate::facts::{agreement_lines, system_columns, system_rows};
use crate::orders::{FreeOrders, SystemOrders, agreements};
use crate::output::{TableFormat, Target, write_table};
use crate::source::{free_blocks, highest_order, zones};
use crate::terminal::Terminal;

/// Counts free blocks and folios and prints them.
pub(super) fn count(request: &SystemOrdersRequest, terminal: &Terminal) -> Result<()> {
    let source = request.source.open()?;
    let source = source.as_ref();
    terminal.take_signals();
    let free = FreeOrders::new(zones(source), highest_order(source));
    let before = free_blocks(source);
    let orders = SystemOrders::count(source, &free, request.threads, terminal)?;
    let after = free_blocks(source);
    let counted = [before.as_slice(), &after];
    let checked = agreements(source.machine(), free.zones(), &orders.free, counted);
    terminal.clear();
    // Programs always get what was counted beside what was found.
    let is_shown = request.verbose || request.format != TableFormat::Aligned;
    let shown = if is_shown { checked.as_slice() } else { &[] };
    let page_bytes = source.machine().page_size.bytes();
    let (rows, highest) = system_rows(&orders, free.zones(), shown, free.highest(), page_bytes);
    let mut out = Target::Stdout.begin()?;
    write_table(
        request.format,
        &system_columns(highest, page_bytes),
        &rows,
        &mut out,
    )?;
    out.finish()?;
    if request.verbose && !request.quiet {
        agreement_lines(&checked)
            .iter()
            .for_each(|line| terminal.remark(line));
    }
    Ok(())
}
