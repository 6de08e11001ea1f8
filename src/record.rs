//! Readings of all memory, one after the other, as blocks of a recording.
//!
//! Workers read and encode chunks side by side; blocks come in order. What is kept between two frames
//! is a byte a page and the chunks' dictionaries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn, PfnSet};
use crate::recording::{
    Block, CHUNK_PAGES, ChunkEntry, ChunkState, Directory, Encoded, FrameHead, MachineHead, Plane,
    Tag,
};
use crate::scan::Watcher;
use crate::source::{Clock, Extent, PageSize, Source};

/// Frames from one key frame to the next: at a change of one per cent a frame, deltas then take about
/// as much room as keys.
const FRAMES_PER_KEY: u32 = 60;

/// Chunks that are read before the first of them is written, per worker.
const CHUNKS_PER_WORKER: usize = 4;

/// Files that a machine shows once.
const ONCE: [&str; 4] = [
    "proc/iomem",
    "proc/version",
    "proc/cmdline",
    "sys/kernel/mm/transparent_hugepage/enabled",
];

/// Files that go with each frame.
const EACH: [&str; 5] = [
    "proc/buddyinfo",
    "proc/zoneinfo",
    "proc/meminfo",
    "proc/vmstat",
    "proc/pagetypeinfo",
];

/// How workers are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// SCHED_IDLE: only when nobody else wants the processor. A build beside a frame a second took
    /// 10 % longer so, 32 % at normal priority, 21 % at nice 19.
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
    chunks: Vec<ChunkState>,
    frames: u32,
    workers: rayon::ThreadPool,
}

/// What one frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCost {
    /// Page numbers.
    pub pages: u64,
    /// From the first read to the last block.
    pub duration: Duration,
}

/// Takes blocks in order.
pub type Sink<'a> = dyn FnMut(&Block) -> Result<()> + 'a;

impl Recorder {
    /// With so many workers.
    ///
    /// # Errors
    /// They cannot be started.
    pub fn new(threads: usize, priority: Priority) -> Result<Self> {
        let workers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(move |_| priority.take())
            .build();
        let workers = workers.map_err(|cause| Error::Threads {
            threads,
            cause: cause.to_string(),
        })?;
        Ok(Self {
            chunks: Vec::new(),
            frames: 0,
            workers,
        })
    }

    /// What the machine says once, as the first block. `host` is withheld by passing `None`.
    pub fn machine(source: &dyn Source, host: Option<String>) -> Block {
        let machine = source.machine();
        let ranges = |set: &Option<PfnSet>| {
            let ranges = set.as_ref()?.ranges().iter();
            Some(ranges.map(|range| (range.start.0, range.end.0)).collect())
        };
        let head = MachineHead {
            writer: concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")).to_owned(),
            host,
            kernel: machine.kernel.clone(),
            page_bytes: machine.page_size.bytes(),
            page_size_assumed: matches!(machine.page_size, PageSize::Assumed(_)),
            pmd_pages: machine.pmd_pages,
            ram: ranges(&machine.ram),
            blocks: ranges(&machine.blocks),
            texts: texts(source, &ONCE),
        };
        Block {
            tag: Tag::Machine,
            frame: 0,
            contents: head.encode(),
        }
    }

    /// Reads all memory of `source` once and gives the blocks of a frame.
    ///
    /// # Errors
    /// The source or the sink failed, there is no page, or the watcher said stop.
    pub fn frame(
        &mut self,
        source: &dyn Source,
        watcher: &dyn Watcher,
        sink: &mut Sink<'_>,
    ) -> Result<FrameCost> {
        let started = Instant::now();
        let start = source.time();
        let is_key = self.frames % FRAMES_PER_KEY == 0;
        let head = FrameHead {
            key: is_key,
            start: start.to_string(),
            live: source.clock() != Clock::FileDate,
            texts: texts(source, &EACH),
        };
        sink(&Block {
            tag: Tag::Frame,
            frame: self.frames,
            contents: head.encode(),
        })?;
        let mut directory = Directory::default();
        loop {
            watcher.stop().map_or(Ok(()), Err)?;
            let first = (directory.pages / CHUNK_PAGES as u64) as usize;
            let Some(wanted) = self.next_chunks(source.machine().extent, first) else {
                break;
            };
            let encoded = self.read(source, first, wanted, is_key)?;
            let full = (encoded.len() * CHUNK_PAGES) as u64;
            let pages: u64 = encoded.iter().map(|(pages, _)| *pages as u64).sum();
            for (at, (_, encoded)) in encoded
                .into_iter()
                .enumerate()
                .filter(|(_, (pages, _))| *pages > 0)
            {
                self.put((first + at) as u64, encoded, &mut directory, sink)?;
            }
            directory.pages += pages;
            watcher.on_pages(
                directory.pages,
                source.machine().end().0.max(directory.pages),
            );
            if pages < full {
                break;
            }
        }
        if directory.pages == 0 {
            return Err(Error::Empty {
                path: source.path().to_owned(),
            });
        }
        self.chunks
            .truncate(directory.pages.div_ceil(CHUNK_PAGES as u64) as usize);
        let end = source.end_time().duration_since(start);
        directory.duration_ns = u64::try_from(end.as_nanos()).unwrap_or(0);
        sink(&Block {
            tag: Tag::Directory,
            frame: self.frames,
            contents: directory.encode(),
        })?;
        self.frames += 1;
        Ok(FrameCost {
            pages: directory.pages,
            duration: started.elapsed(),
        })
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

    /// Pages and contents of each chunk; after the end no pages.
    fn read(
        &mut self,
        source: &dyn Source,
        first: usize,
        count: usize,
        is_key: bool,
    ) -> Result<Vec<(usize, Encoded)>> {
        if self.chunks.len() < first + count {
            self.chunks.resize_with(first + count, ChunkState::default);
        }
        let chunks = &mut self.chunks[first..first + count];
        let read = |(at, chunk): (usize, &mut ChunkState)| {
            let mut words = vec![PageFlags::NONE; CHUNK_PAGES];
            let start = Pfn(((first + at) * CHUNK_PAGES) as u64);
            let pages = source.read_flags(start, &mut words)?;
            let words: &[u64] = bytemuck::cast_slice(&words[..pages]);
            let encoded = if is_key {
                Encoded::Key(chunk.key(words))
            } else {
                chunk.next(words)
            };
            Ok((pages, encoded))
        };
        let encoded: Result<Vec<(usize, Encoded)>> = self
            .workers
            .install(|| chunks.par_iter_mut().enumerate().map(read).collect());
        let mut ended = false;
        Ok(encoded?
            .into_iter()
            .map(|(pages, encoded)| {
                let pages = if ended { 0 } else { pages };
                ended |= pages < CHUNK_PAGES;
                (pages, encoded)
            })
            .collect())
    }

    fn put(
        &self,
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
            plane: Plane::Flags,
            number,
            key,
            length,
        });
        sink(&Block {
            tag,
            frame: self.frames,
            contents,
        })
    }
}

fn texts(source: &dyn Source, paths: &[&str]) -> BTreeMap<String, String> {
    let text = |path: &&str| Some(((*path).to_owned(), source.text(path)?));
    paths.iter().filter_map(text).collect()
}
