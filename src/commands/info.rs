//! `pagemap-viz info`: what a recording holds.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::Result;
use crate::output::print;
use crate::recording::MachineHead;
use crate::render::{grouped, size};
use crate::source::{Recording, Source};

/// Lists machine and frames.
pub(super) fn list(path: &Path) -> Result<()> {
    let recording = Recording::open(path)?;
    let mut text = machine(recording.machine(), recording.ram_pages());
    text += &processes(&recording)?;
    text += &format!(
        "{} in {} frames",
        size(recording.bytes()),
        recording.frames()
    );
    text += if recording.is_finished() {
        "\n\n"
    } else {
        ", not finished: what follows the last is lost\n\n"
    };
    text += "frame  kind   start                           took        pages       size\n";
    for number in 0..recording.frames() as u64 {
        let (start, is_key, directory, bytes) = recording.describe(number)?;
        let kind = if is_key { "key" } else { "delta" };
        let took = format!("{:.3} s", directory.duration_ns as f64 / 1e9);
        let (pages, bytes) = (grouped(directory.pages), size(bytes));
        text += &format!(
            "{number:>5}  {kind:<5}  {:<30}  {took:>8}  {pages:>11}  {bytes:>9}\n",
            start.to_string()
        );
    }
    print(&text)
}

/// Processes that are named at most.
const MOST_NAMED: usize = 8;

/// Whose pages are kept, in any of the frames.
fn processes(recording: &Recording) -> Result<String> {
    let mut all = BTreeSet::new();
    let mut are_kept = false;
    for number in 0..recording.frames() as u64 {
        // Frames are listed even where what they say of processes does not read.
        let Ok(table) = recording.frame(Some(number))?.processes() else {
            return Ok("processes  do not read\n".to_owned());
        };
        are_kept |= table.is_some();
        let processes = table.into_iter().flat_map(|table| table.processes);
        all.extend(processes.map(|process| (process.pid, process.name)));
    }
    if all.is_empty() {
        let none = if are_kept { "processes  none\n" } else { "" };
        return Ok(none.to_owned());
    }
    let shown = |(pid, name): &(u32, String)| format!("{pid} {name}").trim_end().to_owned();
    let mut names: Vec<String> = all.iter().take(MOST_NAMED).map(shown).collect();
    if all.len() > MOST_NAMED {
        names.push(format!("{} more", all.len() - MOST_NAMED));
    }
    Ok(format!("processes  {}\n", names.join(", ")))
}

fn machine(head: &MachineHead, ram_pages: Option<u64>) -> String {
    let unknown = "not known".to_owned();
    let assumed = if head.page_size_assumed {
        ", assumed"
    } else {
        ""
    };
    let ram = ram_pages.map(|pages| size(pages.saturating_mul(head.page_bytes)));
    format!(
        "host    {}\nkernel  {}\nRAM     {}\npages   {}{assumed}, PMD {}\nwriter  {}\n",
        head.host.as_ref().unwrap_or(&unknown).escape_debug(),
        head.kernel.as_ref().unwrap_or(&unknown).escape_debug(),
        ram.unwrap_or_else(|| unknown.clone()),
        size(head.page_bytes),
        size(head.page_bytes.saturating_mul(head.pmd_pages)),
        head.writer.escape_debug(),
    )
}
