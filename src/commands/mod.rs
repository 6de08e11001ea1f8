//! The verbs: one file each, which reads as a sentence.

mod ages;
mod asking;
mod chosen;
mod diff;
mod doctor;
mod export;
mod flags;
mod info;
mod orders;
mod owner;
mod pagetable;
mod palette;
mod pss;
mod record;
mod report;
mod segments;
mod snapshot;
mod sought;
mod system;
mod system_orders;
mod thp;
mod timelapse;
mod watching;

use std::process::ExitStatus;

use crate::cli::Request;
use crate::error::Result;
use crate::terminal::Terminal;

/// Does what was asked. A command that went along gives its exit status.
///
/// # Errors
/// What stopped it.
pub fn run(request: &Request, terminal: &Terminal) -> Result<Option<ExitStatus>> {
    match request {
        Request::Snapshot(request) => snapshot::draw(request, terminal)?,
        Request::Timelapse(request) => return timelapse::draw(request, terminal),
        Request::Report(request) => report::tell(request, terminal)?,
        Request::Check(request) => return watching::check(request, terminal).map(Some),
        Request::Metrics(request) => watching::metrics(request, terminal)?,
        Request::Flags(request) => flags::answer(request, terminal)?,
        Request::Doctor(request) => doctor::examine(request, terminal)?,
        Request::Diff(request) => diff::compare(request, terminal)?,
        Request::Orders(request) => orders::list(request, terminal)?,
        Request::SystemOrders(request) => system_orders::count(request, terminal)?,
        Request::Thp(request) => thp::list(request, terminal)?,
        Request::Pss(request) => pss::watch(request, terminal)?,
        Request::Segments(request) => segments::list(request, terminal)?,
        Request::Owner(request) => owner::tell(request, terminal)?,
        Request::Pagetable(request) => pagetable::list(request, terminal)?,
        Request::Record(request) => return record::record(request, terminal),
        Request::Info(recording) => info::list(recording)?,
        Request::Export(request) => export::export(request, terminal)?,
        Request::Palette(request) => palette::answer(request)?,
        Request::System(request) => system::provide(request)?,
    }
    Ok(None)
}
