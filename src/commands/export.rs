//! `pagemap-viz export`: the words of a frame, bit for bit.

use std::io::Write;

use crate::cli::ExportRequest;
use crate::error::Result;
use crate::kernel::Pfn;
use crate::source::{Recording, Source};
use crate::terminal::Terminal;

/// Pages at a time: a chunk of the recording.
const PAGES: usize = 1 << 16;

/// Writes the raw words of a frame.
pub(super) fn raw(request: &ExportRequest, terminal: &Terminal) -> Result<()> {
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
