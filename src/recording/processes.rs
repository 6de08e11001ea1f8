//! Pages of processes in a recording: which runs of memory each has, and what part of it they are.

use std::collections::BTreeMap;

use super::Malformed;
use super::varint::{put, take, take_bytes};
use crate::kernel::{Area, PfnRange};

/// Longest unpacked contents: 20 million runs of a few bytes.
const MAX_BYTES: usize = 256 << 20;

/// zstd reaches more on runs that repeat than on any other part of a recording.
const MOST_PACKED: usize = 4096;

/// One process and where its pages are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessPages {
    /// Its number.
    pub pid: u32,
    /// Its name; nothing where names are withheld.
    pub name: String,
    /// Its pages, ascending. A page that it maps twice is in two runs, one behind the other.
    pub runs: Vec<(PfnRange, Area)>,
}

/// What a frame says of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessTable {
    /// Those that were chosen and had not ended, by number.
    pub processes: Vec<ProcessPages>,
    /// Inodes of cgroups that were chosen, by the paths of their directories.
    pub cgroups: BTreeMap<String, u64>,
}

impl ProcessTable {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.cgroups.len() as u64);
        for (path, inode) in &self.cgroups {
            put_text(&mut out, path);
            put(&mut out, *inode);
        }
        put(&mut out, self.processes.len() as u64);
        for process in &self.processes {
            put(&mut out, u64::from(process.pid));
            put_text(&mut out, &process.name);
            put(&mut out, process.runs.len() as u64);
            let mut at = 0;
            for (run, area) in &process.runs {
                put(&mut out, run.start.0 - at);
                put(&mut out, run.pages() << 2 | *area as u64);
                at = run.start.0;
            }
        }
        zstd::bulk::compress(&out, 3).expect("zstd packs memory into memory")
    }

    /// From bytes.
    ///
    /// # Errors
    /// They do not unpack, are cut off, or say what cannot be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let most = bytes.len().saturating_mul(MOST_PACKED).min(MAX_BYTES);
        let plain = zstd::bulk::decompress(bytes, most)
            .map_err(|error| Malformed::new(format!("processes do not unpack: {error}")))?;
        let mut rest = plain.as_slice();
        let mut table = Self::default();
        for _ in 0..take(&mut rest)? {
            let path = take_text(&mut rest)?;
            table.cgroups.insert(path, take(&mut rest)?);
        }
        for _ in 0..take(&mut rest)? {
            let process = take_process(&mut rest)?;
            table.processes.push(process);
        }
        match rest.is_empty() {
            true => Ok(table),
            false => Err(Malformed::new("processes go on behind their end")),
        }
    }
}

fn take_process(rest: &mut &[u8]) -> Result<ProcessPages, Malformed> {
    let pid =
        u32::try_from(take(rest)?).map_err(|_| Malformed::new("no process has that number"))?;
    let name = take_text(rest)?;
    let mut runs = Vec::new();
    let mut at = 0u64;
    for _ in 0..take(rest)? {
        let (step, pages) = (take(rest)?, take(rest)?);
        let start = at.checked_add(step);
        let end = start.and_then(|start| start.checked_add(pages >> 2));
        let area = Area::ALL[(pages & 3) as usize];
        let run = start.zip(end).filter(|(start, end)| end > start);
        let (start, end) = run.ok_or_else(|| Malformed::new("a run of pages that cannot be"))?;
        runs.push((PfnRange::new(start, end), area));
        at = start;
    }
    Ok(ProcessPages { pid, name, runs })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn take_text(rest: &mut &[u8]) -> Result<String, Malformed> {
    let length = usize::try_from(take(rest)?).unwrap_or(usize::MAX);
    let bytes = take_bytes(rest, length)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::new("a name that is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_come_back_and_cut_ones_do_not() {
        let run = |start, end, area| (PfnRange::new(start, end), area);
        let process = |pid, runs| ProcessPages {
            pid,
            name: "a b\u{e9}".into(),
            runs,
        };
        let table = ProcessTable {
            processes: vec![
                process(7, vec![run(5, 9, Area::Heap), run(5, 6, Area::Other)]),
                process(u32::MAX, vec![]),
            ],
            cgroups: BTreeMap::from([("/a/b c".to_owned(), 99)]),
        };
        let bytes = table.encode();
        assert_eq!(ProcessTable::decode(&bytes), Ok(table));
        for end in 0..bytes.len() {
            assert!(ProcessTable::decode(&bytes[..end]).is_err());
        }
        let plain = zstd::bulk::decompress(&bytes, 1 << 20).expect("whole");
        for end in 0..plain.len() {
            let cut = zstd::bulk::compress(&plain[..end], 3).expect("packed");
            assert!(ProcessTable::decode(&cut).is_err(), "{end}");
        }
    }
}
