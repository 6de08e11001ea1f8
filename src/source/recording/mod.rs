//! Recordings: a file of frames, and one frame of it as a source.
//!
//! A file that was not finished has no index; its frames are found by walking from block to block, up
//! to the last that is whole. Seeking to a frame reads its key frame's directory and those after it,
//! and of their chunks what is asked for.

mod blocks;
mod frame;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

pub use frame::RecordedFrame;

use super::example;
use super::machine::{Extent, MAX_NAME, Machine, PageSize, is_page_size};
use crate::error::{Error, Result};
use crate::kernel::{Pfn, PfnRange, PfnSet};
use crate::recording::{
    CHUNK_PAGES, Directory, FILE_HEADER, FrameEntry, FrameHead, HEADER_BYTES, MachineHead,
    Malformed, Plane, Tag, check_file_header,
};
use blocks::{Blocks, read_index, walk};
use frame::{Chain, Chains};

/// Frames that are followed from a key frame on. Recorders make one every 60.
const MAX_FRAMES_TO_KEY: usize = 1024;

/// An open recording.
#[derive(Debug)]
pub struct Recording {
    blocks: Arc<Blocks>,
    machine: Arc<MachineHead>,
    frames: Vec<FrameEntry>,
    is_finished: bool,
}

impl Recording {
    /// True when the file begins as a recording does, whatever its version.
    pub fn is_one(path: &Path) -> bool {
        if example::is_meant(path) {
            return true;
        }
        let mut magic = [0; 8];
        let read = File::open(path).and_then(|file| file.read_exact_at(&mut magic, 0));
        read.is_ok() && magic == FILE_HEADER[..8]
    }

    /// Opens a recording, or the one that the program carries: [`EXAMPLE`](crate::source::EXAMPLE).
    ///
    /// # Errors
    /// It cannot be read, is of another version, or has no whole frame.
    pub fn open(path: &Path) -> Result<Self> {
        let read_error = |cause| Error::Read {
            path: path.to_owned(),
            cause,
        };
        let file = match example::is_meant(path) {
            true => example::open()?,
            false => File::open(path).map_err(read_error)?,
        };
        let bytes = file.metadata().map_err(read_error)?.len();
        let path = path.to_owned();
        let blocks = Arc::new(Blocks { file, path, bytes });
        let mut header = FILE_HEADER;
        blocks.read_exact(0, &mut header)?;
        check_file_header(&header).map_err(|reason| blocks.malformed(0, reason))?;
        let first = FILE_HEADER.len() as u64;
        let machine = blocks.decode(first, Tag::Machine, MachineHead::decode)?;
        let machine = sound(machine).map_err(|reason| blocks.malformed(first, reason))?;
        let indexed = read_index(&blocks);
        let is_finished = indexed.is_some();
        let frames = indexed.unwrap_or_else(|| walk(&blocks, first));
        if frames.is_empty() {
            return Err(blocks.malformed(first, Malformed::new("it has no whole frame")));
        }
        Ok(Self {
            blocks,
            machine: Arc::new(machine),
            frames,
            is_finished,
        })
    }

    /// How many whole frames there are.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// True when the recorder ended in peace; else what follows the last whole frame is lost.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.blocks.bytes
    }

    /// What the machine said once, names cut.
    pub fn machine(&self) -> &MachineHead {
        &self.machine
    }

    /// Pages of RAM, where that is known.
    pub fn ram_pages(&self) -> Option<u64> {
        machine(&self.machine, 0).ram.map(|ram| ram.pages())
    }

    /// When frame `number` began, whether it is a key frame, what its end says, and its bytes.
    ///
    /// # Errors
    /// No such frame, or a damaged one.
    pub fn describe(&self, number: u64) -> Result<(Timestamp, bool, Directory, u64)> {
        let (_, entry) = self.entry(number)?;
        let (head, start) = self.head(entry)?;
        let directory = self.directory(entry)?;
        let end = self.blocks.after(entry.directory)?;
        Ok((start, head.key, directory, end - entry.start))
    }

    fn entry(&self, number: u64) -> Result<(usize, FrameEntry)> {
        let at = usize::try_from(number).ok();
        let entry = at.and_then(|at| Some((at, *self.frames.get(at)?)));
        entry.ok_or_else(|| Error::NoFrame {
            path: self.blocks.path.clone(),
            asked: number,
            frames: self.frames.len(),
        })
    }

    /// What was said at a frame's beginning, and when that was.
    fn head(&self, entry: FrameEntry) -> Result<(FrameHead, Timestamp)> {
        let at = entry.start;
        let head = self.blocks.decode(at, Tag::Frame, FrameHead::decode)?;
        let reason = Malformed::new("a frame's time is no time");
        let start = head.start.parse();
        Ok((head, start.map_err(|_| self.blocks.malformed(at, reason))?))
    }

    fn directory(&self, entry: FrameEntry) -> Result<Directory> {
        self.blocks
            .decode(entry.directory, Tag::Directory, Directory::decode)
    }

    /// One frame as a source; the last when none is named.
    ///
    /// # Errors
    /// No such frame, or a damaged one.
    pub fn frame(&self, number: Option<u64>) -> Result<RecordedFrame> {
        let number = number.unwrap_or(self.frames.len() as u64 - 1);
        let (at, entry) = self.entry(number)?;
        let key = self.frames[..=at].iter().rposition(|frame| frame.key);
        let key = key.ok_or_else(|| {
            self.blocks
                .malformed(entry.start, Malformed::new("no key frame stands before it"))
        })?;
        if at - key > MAX_FRAMES_TO_KEY {
            let reason = Malformed::new("its key frame is too far away");
            return Err(self.blocks.malformed(entry.start, reason));
        }
        let mut chains = Chains::new();
        let mut last = Directory::default();
        for &frame in &self.frames[key..=at] {
            last = self.directory(frame)?;
            self.follow(frame, &last, &mut chains)?;
        }
        let (head, start) = self.head(entry)?;
        let malformed = |reason| self.blocks.malformed(entry.start, reason);
        let once = match head.machine.clone() {
            Some(other) => Arc::new(sound(other).map_err(malformed)?),
            None => Arc::clone(&self.machine),
        };
        let end = start.checked_add(Duration::from_nanos(last.duration_ns));
        let end = end.map_err(|_| malformed(Malformed::new("a frame that never ended")))?;
        Ok(RecordedFrame {
            blocks: Arc::clone(&self.blocks),
            machine: machine(&once, last.pages),
            start,
            end,
            head,
            once,
            chains,
            processes_at: self.processes_at(entry)?,
            pages: last.pages,
            cache: Mutex::default(),
        })
    }

    /// Where a frame's processes are, if it carries any.
    fn processes_at(&self, frame: FrameEntry) -> Result<Option<u64>> {
        let at = self.blocks.after(frame.start)?;
        let header = self.blocks.header(at)?;
        Ok((header.tag == Tag::Processes && at < frame.directory).then_some(at))
    }

    /// Where a frame's chunks begin.
    fn chunks_at(&self, frame: FrameEntry) -> Result<u64> {
        match self.processes_at(frame)? {
            Some(processes) => self.blocks.after(processes),
            None => self.blocks.after(frame.start),
        }
    }

    /// Adds what a frame says of each chunk.
    fn follow(&self, frame: FrameEntry, directory: &Directory, chains: &mut Chains) -> Result<()> {
        let blocks = &self.blocks;
        let chunks = directory.pages.div_ceil(CHUNK_PAGES as u64);
        let mut last: BTreeMap<Plane, u64> = BTreeMap::new();
        let mut at = self.chunks_at(frame)?;
        for chunk in &directory.chunks {
            let next = (at + HEADER_BYTES as u64).checked_add(chunk.length);
            let next = next
                .filter(|&next| next <= frame.directory)
                .ok_or_else(|| {
                    blocks.malformed(at, Malformed::new("a directory leads outside its frame"))
                })?;
            // Chunks of a plane ascend, so a chain is the next one or a known one.
            let before = last.insert(chunk.plane, chunk.number);
            if before.is_some_and(|before| before >= chunk.number) {
                return Err(blocks.malformed(at, Malformed::new("a chunk is out of order")));
            }
            let chains = chains.entry(chunk.plane).or_default();
            let number = usize::try_from(chunk.number)
                .ok()
                .filter(|_| chunk.number < chunks);
            let is_next = |&number: &usize| number < chains.len() + usize::from(chunk.key);
            let number = number
                .filter(is_next)
                .ok_or_else(|| blocks.malformed(at, Malformed::new("a chunk is out of order")))?;
            match (chunk.key, chains.get_mut(number)) {
                (false, Some(chain)) => chain.deltas.push(at),
                (_, Some(chain)) => *chain = Chain::new(at),
                (_, None) => chains.push(Chain::new(at)),
            }
            at = next;
        }
        if at != frame.directory {
            return Err(blocks.malformed(at, Malformed::new("a directory does not list its frame")));
        }
        let is_whole = |chains: &Vec<Chain>| chains.len() as u64 >= chunks;
        match chains.contains_key(&Plane::Flags) && chains.values().all(is_whole) {
            true => Ok(()),
            false => Err(blocks.malformed(frame.start, Malformed::new("a frame lacks chunks"))),
        }
    }
}

/// The same, names cut to what names can be.
///
/// # Errors
/// Sizes that no machine has.
fn sound(head: MachineHead) -> Result<MachineHead, Malformed> {
    if !is_page_size(head.page_bytes)
        || !head.pmd_pages.is_power_of_two()
        || head.pmd_pages > 1 << 24
    {
        return Err(Malformed::new("page sizes that no machine has"));
    }
    let cut = |name: Option<String>| Some(name?.chars().take(MAX_NAME).collect());
    Ok(MachineHead {
        host: cut(head.host),
        kernel: cut(head.kernel),
        writer: head.writer.chars().take(MAX_NAME).collect(),
        ..head
    })
}

/// What a machine's record says, for `pages` page numbers.
fn machine(head: &MachineHead, pages: u64) -> Machine {
    let set = |ranges: &Option<Vec<(u64, u64)>>| -> Option<PfnSet> {
        let ranges = ranges.as_ref()?;
        Some(
            ranges
                .iter()
                .map(|&(start, end)| PfnRange::new(start, end))
                .collect(),
        )
    };
    let page_size = match head.page_size_assumed {
        true => PageSize::Assumed(head.page_bytes),
        false => PageSize::Known(head.page_bytes),
    };
    Machine {
        host: head.host.clone(),
        kernel: head.kernel.clone(),
        page_size,
        pmd_pages: head.pmd_pages,
        ram: set(&head.ram),
        blocks: set(&head.blocks),
        expected_end: Pfn(pages),
        extent: Extent::Exact(Pfn(pages)),
        selected: None,
        block_pages: None,
    }
}
