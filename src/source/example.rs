//! The recording that the program carries, so that there is something to draw without root.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};

/// The name that stands for it wherever a recording may be named, unless there is such a file.
pub const EXAMPLE: &str = "example";

const RECORDING: &[u8] = include_bytes!("../../examples/fragmented.pmv");

/// True when the carried recording is meant.
pub(super) fn is_meant(path: &Path) -> bool {
    path.as_os_str() == EXAMPLE && !path.is_file()
}

/// The carried recording as a file.
pub(super) fn open() -> Result<File> {
    let written = || -> io::Result<File> {
        let file = tempfile::tempfile()?;
        file.write_all_at(RECORDING, 0)?;
        Ok(file)
    };
    written().map_err(|cause| Error::Scratch {
        what: "the example",
        scratch: std::env::temp_dir(),
        cause,
    })
}
