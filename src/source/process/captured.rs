//! Page tables of a captured system: `pagemap.idx` has a line `START END OFFSET` for each mapping
//! (hexadecimal addresses, a decimal offset in bytes), `pagemap.bin` the entries.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::kernel::PagemapEntry;
use crate::source::text::{open_regular, read_regular};

#[derive(Debug)]
pub(super) struct Captured {
    mappings: Vec<Mapping>,
    entries: File,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
}

impl Captured {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let index = read_regular(&directory.join("pagemap.idx"))?;
        let index = String::from_utf8_lossy(&index);
        let mappings = index.lines().filter_map(parse).collect();
        let entries = open_regular(&directory.join("pagemap.bin"))?;
        Ok(Self { mappings, entries })
    }

    /// Entries from an address on, as far as its mapping goes.
    pub(super) fn read(
        &self,
        address: u64,
        page_bytes: u64,
        into: &mut [PagemapEntry],
    ) -> io::Result<usize> {
        let holds = |mapping: &&Mapping| (mapping.start..mapping.end).contains(&address);
        let Some(mapping) = self.mappings.iter().find(holds) else {
            return Ok(0);
        };
        let pages = ((mapping.end - address) / page_bytes).min(into.len() as u64) as usize;
        let at = mapping.offset + (address - mapping.start) / page_bytes * 8;
        let into = &mut into[..pages];
        self.entries
            .read_exact_at(bytemuck::cast_slice_mut(into), at)?;
        Ok(pages)
    }
}

fn parse(line: &str) -> Option<Mapping> {
    let mut fields = line.split_whitespace();
    let mut address = || u64::from_str_radix(fields.next()?, 16).ok();
    let (start, end) = (address()?, address()?);
    let offset = fields.next()?.parse().ok()?;
    (start < end).then_some(Mapping { start, end, offset })
}
