//! Recordings: a file of frames, and one frame of it as a source.
//!
//! A file that was not finished has no index; its frames are found by walking from block to block, up
//! to the last that is whole. Seeking to a frame reads its key frame's directory and those after it,
//! and of their chunks what is asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::machine::{Extent, Machine, PageSize};
use super::{Clock, Source};
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn, PfnRange, PfnSet};
use crate::recording::{
    BlockHeader, CHUNK_PAGES, Directory, FILE_HEADER, FrameEntry, FrameHead, HEADER_BYTES, Index,
    MachineHead, Malformed, Plane, TRAILER_BYTES, Tag, apply, check_file_header, decode_trailer,
};

/// Unpacked chunks that are kept: what workers read side by side, and the chunk after.
const CACHED_CHUNKS: usize = 16;

/// An open recording.
#[derive(Debug)]
pub struct Recording {
    blocks: Arc<Blocks>,
    machine: MachineHead,
    frames: Vec<FrameEntry>,
    is_finished: bool,
}

/// The blocks of a file, read at their places.
#[derive(Debug)]
struct Blocks {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Blocks {
    fn malformed(&self, at: u64, Malformed(reason): Malformed) -> Error {
        Error::Recording {
            path: self.path.clone(),
            cause: format!("{reason} (at byte {at})"),
        }
    }

    fn read_exact(&self, at: u64, into: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(into, at)
            .map_err(|cause| match cause.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    self.malformed(at, Malformed::new("it is cut off"))
                }
                _ => Error::Read {
                    path: self.path.clone(),
                    cause,
                },
            })
    }

    fn header(&self, at: u64) -> Result<BlockHeader> {
        let mut bytes = [0; HEADER_BYTES];
        self.read_exact(at, &mut bytes)?;
        let header = BlockHeader::decode(&bytes).map_err(|reason| self.malformed(at, reason))?;
        let end = (at + HEADER_BYTES as u64).checked_add(header.length);
        match end.is_some_and(|end| end <= self.bytes) {
            true => Ok(header),
            false => Err(self.malformed(at, Malformed::new("a block is cut off"))),
        }
    }

    /// The contents of a block of that kind, whole. A length beyond the file's end was refused
    /// before, so memory follows the file's own size.
    fn contents(&self, at: u64, tag: Tag) -> Result<Vec<u8>> {
        let header = self.header(at)?;
        if header.tag != tag {
            return Err(self.malformed(at, Malformed::new("a block is not of the expected kind")));
        }
        let mut contents = vec![0; header.length as usize];
        self.read_exact(at + HEADER_BYTES as u64, &mut contents)?;
        match header.fits(&contents) {
            true => Ok(contents),
            false => Err(self.malformed(at, Malformed::new("a block fails its checksum"))),
        }
    }

    fn decode<T>(
        &self,
        at: u64,
        tag: Tag,
        decode: impl Fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T> {
        let contents = self.contents(at, tag)?;
        decode(&contents).map_err(|reason| self.malformed(at, reason))
    }
}

impl Recording {
    /// True when the file begins as a recording does, whatever its version.
    pub fn is_one(path: &Path) -> bool {
        let mut magic = [0; 8];
        let read = File::open(path).and_then(|file| file.read_exact_at(&mut magic, 0));
        read.is_ok() && magic == FILE_HEADER[..8]
    }

    /// Opens a recording.
    ///
    /// # Errors
    /// It cannot be read, is of another version, or has no whole frame.
    pub fn open(path: &Path) -> Result<Self> {
        let read_error = |cause| Error::Read {
            path: path.to_owned(),
            cause,
        };
        let file = File::open(path).map_err(read_error)?;
        let bytes = file.metadata().map_err(read_error)?.len();
        let path = path.to_owned();
        let blocks = Arc::new(Blocks { file, path, bytes });
        let mut header = FILE_HEADER;
        blocks.read_exact(0, &mut header)?;
        check_file_header(&header).map_err(|reason| blocks.malformed(0, reason))?;
        let first = FILE_HEADER.len() as u64;
        let machine = blocks.decode(first, Tag::Machine, MachineHead::decode)?;
        let indexed = read_index(&blocks);
        let is_finished = indexed.is_some();
        let frames = indexed.unwrap_or_else(|| walk(&blocks, first));
        if frames.is_empty() {
            return Err(blocks.malformed(first, Malformed::new("it has no whole frame")));
        }
        Ok(Self {
            blocks,
            machine,
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

    /// What the machine said once.
    pub fn machine(&self) -> &MachineHead {
        &self.machine
    }

    /// What was said at the beginning and at the end of frame `number`, and its bytes.
    ///
    /// # Errors
    /// No such frame, or a damaged one.
    pub fn describe(&self, number: u64) -> Result<(FrameHead, Directory, u64)> {
        let (_, entry) = self.entry(number)?;
        let head = self
            .blocks
            .decode(entry.start, Tag::Frame, FrameHead::decode)?;
        let directory = self.directory(entry)?;
        let end =
            entry.directory + HEADER_BYTES as u64 + self.blocks.header(entry.directory)?.length;
        Ok((head, directory, end - entry.start))
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
        let mut chains = Chains::new();
        let mut last = Directory::default();
        for &frame in &self.frames[key..=at] {
            last = self.directory(frame)?;
            self.follow(frame, &last, &mut chains)?;
        }
        let head = self
            .blocks
            .decode(entry.start, Tag::Frame, FrameHead::decode)?;
        let wrong = || {
            let reason = Malformed::new("a frame's time is no time");
            self.blocks.malformed(entry.start, reason)
        };
        let start: Timestamp = head.start.parse().map_err(|_| wrong())?;
        let end = start.checked_add(Duration::from_nanos(last.duration_ns));
        Ok(RecordedFrame {
            blocks: Arc::clone(&self.blocks),
            machine: machine(&self.machine, last.pages),
            start,
            end: end.map_err(|_| wrong())?,
            head,
            once: self.machine.clone(),
            chains,
            pages: last.pages,
            cache: Mutex::default(),
        })
    }

    /// Adds what a frame says of each chunk.
    fn follow(&self, frame: FrameEntry, directory: &Directory, chains: &mut Chains) -> Result<()> {
        let blocks = &self.blocks;
        let chunks = directory.pages.div_ceil(CHUNK_PAGES as u64);
        let mut at = frame.start + HEADER_BYTES as u64 + blocks.header(frame.start)?.length;
        for chunk in &directory.chunks {
            let next = (at + HEADER_BYTES as u64).checked_add(chunk.length);
            let next = next
                .filter(|&next| next <= frame.directory)
                .ok_or_else(|| {
                    blocks.malformed(at, Malformed::new("a directory leads outside its frame"))
                })?;
            // Chunks of a plane are in order, so a chain is the next one or a known one.
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
        let is_whole = |chains: &Vec<Chain>| chains.len() as u64 >= chunks;
        match chains.contains_key(&Plane::Flags) && chains.values().all(is_whole) {
            true => Ok(()),
            false => Err(blocks.malformed(frame.start, Malformed::new("a frame lacks chunks"))),
        }
    }
}

/// The index that the trailer names, if both are whole and lead to frames.
fn read_index(blocks: &Blocks) -> Option<Vec<FrameEntry>> {
    let at = blocks.bytes.checked_sub(TRAILER_BYTES as u64)?;
    let mut bytes = [0; TRAILER_BYTES];
    blocks.read_exact(at, &mut bytes).ok()?;
    let index = decode_trailer(&bytes)?;
    let index = blocks.decode(index, Tag::Index, Index::decode).ok()?;
    let leads = |entry: &FrameEntry| {
        let tags =
            [entry.start, entry.directory].map(|at| blocks.header(at).map(|header| header.tag));
        matches!(tags, [Ok(Tag::Frame), Ok(Tag::Directory)]) && entry.start < entry.directory
    };
    index.frames.iter().all(leads).then_some(index.frames)
}

/// Frames by walking from block to block: all whole ones before the first damage.
fn walk(blocks: &Blocks, first: u64) -> Vec<FrameEntry> {
    let mut frames = Vec::new();
    let mut open: Option<(u64, bool)> = None;
    let mut at = first;
    while let Ok(header) = blocks.header(at) {
        match header.tag {
            Tag::Frame => {
                let head = blocks.decode(at, Tag::Frame, FrameHead::decode);
                open = head.ok().map(|head| (at, head.key));
            }
            Tag::Directory => {
                let whole = blocks.decode(at, Tag::Directory, Directory::decode).is_ok();
                if let Some((start, key)) = open.take().filter(|_| whole) {
                    frames.push(FrameEntry {
                        start,
                        directory: at,
                        key,
                    });
                }
            }
            Tag::Machine | Tag::Key | Tag::Delta | Tag::Index => {}
        }
        at += HEADER_BYTES as u64 + header.length;
    }
    frames
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
        true => PageSize::Assumed(head.page_bytes.max(1)),
        false => PageSize::Known(head.page_bytes.max(1)),
    };
    Machine {
        host: head.host.clone(),
        kernel: head.kernel.clone(),
        page_size,
        pmd_pages: head.pmd_pages.max(1),
        ram: set(&head.ram),
        blocks: set(&head.blocks),
        expected_end: Pfn(pages),
        extent: Extent::Exact(Pfn(pages)),
    }
}

/// Where the blocks of one chunk are: its last key, and the deltas after it.
#[derive(Clone, Debug)]
struct Chain {
    key: u64,
    deltas: Vec<u64>,
}

impl Chain {
    fn new(key: u64) -> Self {
        Self {
            key,
            deltas: Vec::new(),
        }
    }
}

/// The chunks of each plane.
type Chains = BTreeMap<Plane, Vec<Chain>>;

/// Unpacked chunks, the latest last.
type Cache = Vec<((Plane, usize), Arc<Vec<u64>>)>;

/// One frame of a recording.
#[derive(Debug)]
pub struct RecordedFrame {
    blocks: Arc<Blocks>,
    machine: Machine,
    once: MachineHead,
    head: FrameHead,
    start: Timestamp,
    end: Timestamp,
    chains: Chains,
    pages: u64,
    cache: Mutex<Cache>,
}

impl RecordedFrame {
    fn chunk(&self, plane: Plane, number: usize) -> Result<Arc<Vec<u64>>> {
        let find = |cache: &Cache| {
            cache
                .iter()
                .find(|(n, _)| *n == (plane, number))
                .map(|(_, words)| Arc::clone(words))
        };
        let lock = || self.cache.lock().expect("nobody panics while it is held");
        if let Some(words) = find(&lock()) {
            return Ok(words);
        }
        // Unpacked without the lock, so that workers unpack side by side.
        let words = Arc::new(self.unpack(plane, number)?);
        let mut cache = lock();
        if cache.len() == CACHED_CHUNKS {
            cache.remove(0);
        }
        cache.push(((plane, number), Arc::clone(&words)));
        Ok(words)
    }

    fn unpack(&self, plane: Plane, number: usize) -> Result<Vec<u64>> {
        let chains = self.chains.get(&plane).ok_or_else(|| Error::NoPlane {
            path: self.blocks.path.clone(),
            plane: plane.name(),
        })?;
        let chain = &chains[number];
        let key = self.blocks.contents(chain.key, Tag::Key)?;
        let deltas = chain
            .deltas
            .iter()
            .map(|&at| self.blocks.contents(at, Tag::Delta));
        let deltas = deltas.collect::<Result<Vec<_>>>()?;
        let first = (number * CHUNK_PAGES) as u64;
        let pages = (self.pages - first).min(CHUNK_PAGES as u64) as usize;
        apply(&key, &deltas, pages).map_err(|reason| self.blocks.malformed(chain.key, reason))
    }
}

impl Source for RecordedFrame {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.read_plane(Plane::Flags, start, bytemuck::cast_slice_mut(into))
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        let mut done = 0;
        while done < into.len() && start.0 + (done as u64) < self.pages {
            let at = start.0 + done as u64;
            let chunk = self.chunk(plane, (at / CHUNK_PAGES as u64) as usize)?;
            let words = &chunk[(at % CHUNK_PAGES as u64) as usize..];
            let count = words.len().min(into.len() - done);
            into[done..done + count].copy_from_slice(&words[..count]);
            done += count;
        }
        Ok(done)
    }

    fn time(&self) -> Timestamp {
        self.start
    }

    fn end_time(&self) -> Timestamp {
        self.end
    }

    fn path(&self) -> &Path {
        &self.blocks.path
    }

    fn clock(&self) -> Clock {
        if self.head.live {
            Clock::Then
        } else {
            Clock::FileDate
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        self.head
            .texts
            .get(path)
            .or_else(|| self.once.texts.get(path))
            .cloned()
    }
}
