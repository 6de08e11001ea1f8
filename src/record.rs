//! Readings of all memory, one after the other, as blocks of a recording.
//!
//! Workers read and encode chunks side by side; blocks come in order. What is kept between two frames
//! is two bytes a page and the chunks' dictionaries.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::kernel::{Pfn, PfnSet};
use crate::recording::{
    Block, CHUNK_PAGES, ChunkEntry, ChunkState, Directory, Encoded, FrameHead, MachineHead, Plane,
    ProcessTable, Tag,
};
use crate::scan::Watcher;
use crate::source::{Clock, Extent, FILES_EACH, FILES_ONCE, FILES_THAT_NAME, PageSize, Source};

/// Frames from one key frame to the next. During a compile a delta takes a tenth of a key or less, so
/// keys more often cost room; keys more rarely cost who seeks.
const FRAMES_PER_KEY: u32 = 60;

/// Chunks that are read before the first of them is written, per worker.
const CHUNKS_PER_WORKER: usize = 4;

/// Whether a recording tells the host's name, and texts that may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It does.
    Kept,
    /// It does not.
    Withheld,
}

/// How workers are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// SCHED_IDLE: only when nobody else wants the processor. A compile that fills two processors took
    /// up to 12 % longer beside `record --budget 100` so, and 90 % longer with `--nice none`; but it
    /// leaves the recorder little, and one frame may take as long as the compile.
    Idle,
    /// As the process is.
    Normal,
}

impl Priority {
    /// For the calling thread alone, so that a command that is started runs as always.
    fn take(self) {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        if self == Self::Idle {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            // Any thread may become idle; where a sandbox forbids it, the budget still holds.
            let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
        }
    }
}

/// Makes the blocks of a recording.
#[derive(Debug)]
pub struct Recorder {
    planes: Vec<Plane>,
    names: Names,
    machine: MachineHead,
    /// For each chunk, its state in each plane.
    chunks: Vec<Vec<ChunkState>>,
    frames: u32,
    workers: rayon::ThreadPool,
}

/// Takes blocks in order.
pub type Sink<'a> = dyn FnMut(&Block) -> Result<()> + 'a;

impl Recorder {
    /// Of these planes, with so many workers.
    ///
    /// # Errors
    /// They cannot be started.
    pub fn new(planes: &[Plane], names: Names, threads: usize, priority: Priority) -> Result<Self> {
        let workers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(move |_| priority.take())
            .build();
        let workers = workers.map_err(|cause| Error::Threads {
            threads,
            cause: cause.to_string(),
        })?;
        Ok(Self {
            planes: planes.to_vec(),
            names,
            machine: MachineHead::default(),
            chunks: Vec::new(),
            frames: 0,
            workers,
        })
    }

    /// The first block: what the machine of `source` says once.
    pub fn machine(&mut self, source: &dyn Source) -> Block {
        self.machine = self.head_of(source);
        self.block(Tag::Machine, self.machine.encode())
    }

    fn head_of(&self, source: &dyn Source) -> MachineHead {
        let machine = source.machine();
        let ranges = |set: &Option<PfnSet>| {
            let ranges = set.as_ref()?.ranges().iter();
            Some(ranges.map(|range| (range.start.0, range.end.0)).collect())
        };
        let mut texts = texts(source, &FILES_ONCE);
        if self.names == Names::Withheld {
            FILES_THAT_NAME
                .iter()
                .for_each(|path| drop(texts.remove(*path)));
        }
        MachineHead {
            writer: concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")).to_owned(),
            host: machine.host.clone().filter(|_| self.names == Names::Kept),
            kernel: machine.kernel.clone(),
            page_bytes: machine.page_size.bytes(),
            page_size_assumed: matches!(machine.page_size, PageSize::Assumed(_)),
            pmd_pages: machine.pmd_pages,
            ram: ranges(&machine.ram),
            blocks: ranges(&machine.blocks),
            texts,
        }
    }

    /// Reads all memory of `source` once and gives the blocks of a frame, `processes` among them where some
    /// were chosen.
    ///
    /// # Errors
    /// The source or the sink failed, there is no page, or the watcher said stop.
    pub fn frame(
        &mut self,
        source: &dyn Source,
        processes: Option<ProcessTable>,
        watcher: &dyn Watcher,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let start = source.time();
        let head = FrameHead {
            key: self.is_key(),
            start: start.to_string(),
            live: source.clock() != Clock::FileDate,
            machine: Some(self.head_of(source)).filter(|machine| *machine != self.machine),
            texts: texts(source, &FILES_EACH),
        };
        sink(&self.block(Tag::Frame, head.encode()))?;
        if let Some(table) = processes {
            let encoded = self.named(table).encode();
            let contents = encoded.map_err(|reason| Error::Processes { reason: reason.0 })?;
            sink(&self.block(Tag::Processes, contents))?;
        }
        let mut directory = self.chunks_of(source, watcher, sink)?;
        if directory.pages == 0 {
            return Err(Error::Empty {
                path: source.path().to_owned(),
            });
        }
        self.chunks
            .truncate(directory.pages.div_ceil(CHUNK_PAGES as u64) as usize);
        let duration = source.end_time().duration_since(start);
        directory.duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(0);
        sink(&self.block(Tag::Directory, directory.encode()))?;
        self.frames += 1;
        Ok(())
    }

    /// Without names where they are withheld.
    fn named(&self, mut table: ProcessTable) -> ProcessTable {
        if self.names == Names::Withheld {
            table.cgroups.clear();
            for process in &mut table.processes {
                process.name.clear();
            }
        }
        table
    }

    fn is_key(&self) -> bool {
        self.frames.is_multiple_of(FRAMES_PER_KEY)
    }

    fn block(&self, tag: Tag, contents: Vec<u8>) -> Block {
        Block {
            tag,
            frame: self.frames,
            contents,
        }
    }

    /// All chunks of a frame, until the source says end.
    fn chunks_of(
        &mut self,
        source: &dyn Source,
        watcher: &dyn Watcher,
        sink: &mut Sink<'_>,
    ) -> Result<Directory> {
        let mut directory = Directory::default();
        loop {
            watcher.stop().map_or(Ok(()), Err)?;
            let first = (directory.pages / CHUNK_PAGES as u64) as usize;
            let Some(wanted) = self.next_chunks(source.machine().extent, first) else {
                return Ok(directory);
            };
            for (number, read) in (first as u64..).zip(self.read(source, first, wanted)?) {
                for (&plane, encoded) in self.planes.iter().zip(read.planes) {
                    self.put(plane, number, encoded, &mut directory, sink)?;
                }
                directory.pages += read.pages as u64;
                if read.pages < CHUNK_PAGES {
                    return Ok(directory);
                }
            }
            watcher.on_pages(
                directory.pages,
                source.machine().end().0.max(directory.pages),
            );
        }
    }

    /// How many chunks may be read side by side from `first` on: beyond the expected end of a kernel
    /// one by one, because nobody may read from beyond an end that was seen.
    fn next_chunks(&self, extent: Extent, first: usize) -> Option<usize> {
        let window = CHUNKS_PER_WORKER * self.workers.current_num_threads();
        let chunks = |end: Pfn| end.0.div_ceil(CHUNK_PAGES as u64) as usize;
        match extent {
            Extent::Exact(end) => {
                Some(chunks(end).saturating_sub(first).min(window)).filter(|&count| count > 0)
            }
            Extent::Expected(end) => Some(
                (end.0 as usize / CHUNK_PAGES)
                    .saturating_sub(first)
                    .clamp(1, window),
            ),
        }
    }

    /// Chunks that were read side by side, in order.
    fn read(&mut self, source: &dyn Source, first: usize, count: usize) -> Result<Vec<ReadChunk>> {
        let is_key = self.is_key();
        let planes = &self.planes;
        if self.chunks.len() < first + count {
            self.chunks
                .resize_with(first + count, || vec![ChunkState::default(); planes.len()]);
        }
        let chunks = &mut self.chunks[first..first + count];
        let read = |(at, states): (usize, &mut Vec<ChunkState>)| {
            let start = Pfn(((first + at) * CHUNK_PAGES) as u64);
            read_chunk(source, planes, start, states, is_key)
        };
        self.workers
            .install(|| chunks.par_iter_mut().enumerate().map(read).collect())
    }

    fn put(
        &self,
        plane: Plane,
        number: u64,
        encoded: Encoded,
        directory: &mut Directory,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let (tag, contents) = match encoded {
            Encoded::Same => return Ok(()),
            Encoded::Key(contents) => (Tag::Key, contents),
            Encoded::Delta(contents) => (Tag::Delta, contents),
        };
        let (key, length) = (tag == Tag::Key, contents.len() as u64);
        directory.chunks.push(ChunkEntry {
            plane,
            number,
            key,
            length,
        });
        sink(&self.block(tag, contents))
    }
}

/// One chunk as it was read.
struct ReadChunk {
    /// Fewer than a chunk has only at the end.
    pages: usize,
    /// Its contents in each plane; empty when there are no pages.
    planes: Vec<Encoded>,
}

/// Flags, counts and cgroups of one chunk, one right after the other: the closer their readings, the
/// better they fit each other.
fn read_chunk(
    source: &dyn Source,
    planes: &[Plane],
    start: Pfn,
    states: &mut [ChunkState],
    is_key: bool,
) -> Result<ReadChunk> {
    let mut words = vec![0; CHUNK_PAGES];
    let pages = source.read_plane(Plane::Flags, start, &mut words)?;
    let mut read = ReadChunk {
        pages,
        planes: Vec::new(),
    };
    for (&plane, state) in planes.iter().zip(states).filter(|_| pages > 0) {
        if plane != Plane::Flags {
            words[..pages].fill(0);
            // A file that ends early belongs to other flags.
            let got = source.read_plane(plane, start, &mut words[..pages])?;
            if got < pages {
                let (at, expected) = (start.0 + got as u64, start.0 + pages as u64);
                return Err(Error::Shrunk {
                    path: source.path().to_owned(),
                    at,
                    expected,
                });
            }
        }
        let words = &words[..pages];
        read.planes.push(if is_key {
            Encoded::Key(state.key(words))
        } else {
            state.next(words)
        });
    }
    Ok(read)
}

fn texts(source: &dyn Source, paths: &[&str]) -> BTreeMap<String, String> {
    let text = |path: &&str| Some(((*path).to_owned(), source.text(path)?));
    paths.iter().filter_map(text).collect()
}
