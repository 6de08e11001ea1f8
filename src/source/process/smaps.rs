//! `/proc/PID/smaps`: mappings with their properties, in the kernel's order.

use std::path::Path;

use crate::error::{Result, printable};
use crate::kernel::{Mapping, parse_maps};
use crate::source::text::read_regular;

/// A mapping, its line, and the names and values of its properties; sizes in bytes.
pub type MappingProperties = (Mapping, String, Vec<(String, String)>);

/// The mappings of process `pid` of the system below `root`.
///
/// # Errors
/// It cannot be read.
pub fn smaps(root: &Path, pid: u32) -> Result<Vec<MappingProperties>> {
    let path = root.join("proc").join(pid.to_string()).join("smaps");
    let bytes = read_regular(&path).map_err(|cause| super::failed(pid, cause))?;
    let mut mappings: Vec<MappingProperties> = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some(mapping) = parse_maps(line).pop() {
            let shown = printable(&String::from_utf8_lossy(line));
            mappings.push((mapping, shown.trim_end().to_owned(), Vec::new()));
        } else if let Some((_, _, properties)) = mappings.last_mut() {
            let line = String::from_utf8_lossy(line);
            if let Some((name, value)) = line.split_once(':') {
                properties.push((printable(name), in_bytes(value.trim())));
            }
        }
    }
    Ok(mappings)
}

/// `12 kB` is 12288; anything else stays.
fn in_bytes(value: &str) -> String {
    let kib = value
        .strip_suffix(" kB")
        .and_then(|digits| digits.parse::<u64>().ok());
    kib.map_or_else(|| printable(value), |kib| (kib << 10).to_string())
}
