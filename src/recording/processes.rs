//! Pages of processes in a recording: which runs of memory each has, and what part of it they are.

use std::collections::BTreeMap;
use std::io::Read;

use super::Malformed;
use super::varint::{put, take, take_bytes};
use crate::error::printable;
use crate::kernel::{Area, PfnRange};

/// Longest unpacked contents: what the most runs take.
const MAX_BYTES: u64 = 256 << 20;

/// Runs of all processes of a frame: 64 GiB of pages no two of which follow each other. A reader holds some fifty
/// bytes of each.
const MAX_RUNS: u64 = 1 << 24;

/// Processes of a frame.
const MAX_PROCESSES: u64 = 1 << 16;

/// Cgroups that are named.
const MAX_CGROUPS: u64 = 16;

/// Letters of a name, and of a path.
const MAX_NAME: usize = 64;
const MAX_PATH: usize = 4096;

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
    ///
    /// # Errors
    /// There is more than a reader would take.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let runs: usize = self
            .processes
            .iter()
            .map(|process| process.runs.len())
            .sum();
        if runs as u64 > MAX_RUNS || self.processes.len() as u64 > MAX_PROCESSES {
            return Err(too_much(runs as u64));
        }
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
        Ok(zstd::bulk::compress(&out, 3).expect("zstd packs memory into memory"))
    }

    /// From bytes.
    ///
    /// # Errors
    /// They do not unpack, are cut off, or say what cannot be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let plain = unpack(bytes)?;
        let mut rest = plain.as_slice();
        let mut table = Self::default();
        for _ in 0..take_count(&mut rest, MAX_CGROUPS)? {
            let path = take_text(&mut rest, MAX_PATH)?;
            table.cgroups.insert(path, take(&mut rest)?);
        }
        let mut runs_left = MAX_RUNS;
        for _ in 0..take_count(&mut rest, MAX_PROCESSES)? {
            let process = take_process(&mut rest, runs_left)?;
            runs_left -= process.runs.len() as u64;
            table.processes.push(process);
        }
        match rest.is_empty() {
            true => Ok(table),
            false => Err(Malformed::new("processes go on behind their end")),
        }
    }
}

fn too_much(count: u64) -> Malformed {
    Malformed::new(format!(
        "{count} runs of pages or processes are more than a frame carries ({MAX_RUNS} runs, {MAX_PROCESSES} processes)"
    ))
}

/// Room grows with what comes out and not with what is claimed.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let failed =
        |error: std::io::Error| Malformed::new(format!("processes do not unpack: {error}"));
    let mut plain = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(failed)?;
    let mut limited = decoder.take(MAX_BYTES + 1);
    limited.read_to_end(&mut plain).map_err(failed)?;
    match plain.len() as u64 <= MAX_BYTES {
        true => Ok(plain),
        false => Err(Malformed::new(
            "processes of more bytes than a frame carries",
        )),
    }
}

fn take_count(rest: &mut &[u8], most: u64) -> Result<u64, Malformed> {
    let count = take(rest)?;
    if count > most {
        return Err(too_much(count));
    }
    Ok(count)
}

fn take_process(rest: &mut &[u8], most_runs: u64) -> Result<ProcessPages, Malformed> {
    let pid =
        u32::try_from(take(rest)?).map_err(|_| Malformed::new("no process has that number"))?;
    let name = take_text(rest, MAX_NAME)?;
    let mut runs = Vec::new();
    let mut at = 0u64;
    for _ in 0..take_count(rest, most_runs)? {
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

/// Names are anybody's: control characters are escaped, and what is longer than names are is cut.
fn take_text(rest: &mut &[u8], most: usize) -> Result<String, Malformed> {
    let length = usize::try_from(take(rest)?).unwrap_or(usize::MAX);
    let bytes = take_bytes(rest, length)?;
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new("a name that is no text"))?;
    let cut: String = text.chars().take(most).collect();
    Ok(printable(&cut))
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
        let bytes = table.encode().expect("few");
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

    #[test]
    fn runs_that_repeat_pack_well_and_come_back() {
        let run = (PfnRange::new(5, 6), Area::Other);
        let process = ProcessPages {
            runs: vec![run; 1 << 20],
            ..ProcessPages::default()
        };
        let mut table = ProcessTable::default();
        table.processes.push(process);
        let bytes = table.encode().expect("a million");
        assert!(bytes.len() < 10_000);
        assert_eq!(ProcessTable::decode(&bytes), Ok(table.clone()));
        table.processes[0].runs = vec![run; (1 << 24) + 1];
        assert!(table.encode().is_err());
    }

    #[test]
    fn counts_that_nobody_has_are_refused() {
        let decode =
            |plain: &[u8]| ProcessTable::decode(&zstd::bulk::compress(plain, 3).expect("packed"));
        // 100 million processes of three bytes; of one process as many runs.
        let mut many = vec![0];
        put(&mut many, 100_000_000);
        many.extend([7, 0, 0].repeat(1000));
        assert!(
            decode(&many)
                .expect_err("too many")
                .0
                .contains("more than a frame")
        );
        let mut runs = vec![0, 1, 7, 0];
        put(&mut runs, 100_000_000);
        runs.extend([1, 7].repeat(1000));
        assert!(decode(&runs).is_err());
        // A name that would steer a terminal, and one without end.
        let mut named = vec![0, 1, 7];
        put(&mut named, 1000);
        named.extend(b"\x1b[31m".iter().chain(&[b'x'; 995]));
        named.push(0);
        let table = decode(&named).expect("a process");
        assert!(table.processes[0].name.starts_with("\\u{1b}[31mxxx"));
        assert!(table.processes[0].name.len() < 80);
        let bomb = zstd::bulk::compress(&vec![0; 300 << 20], 3).expect("packed");
        assert!(
            ProcessTable::decode(&bomb)
                .expect_err("a bomb")
                .0
                .contains("more bytes")
        );
    }
}
