//! One frame of a recording as a source: chunks are unpacked when they are asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::super::{Clock, Source};
use super::blocks::Blocks;
use crate::error::{Error, Result};
use crate::kernel::{PageFlags, Pfn};
use crate::recording::{CHUNK_PAGES, FrameHead, MachineHead, Plane, ProcessTable, Tag, apply};
use crate::source::machine::Machine;

/// Unpacked chunks that are kept: what workers read side by side, and the chunk after.
const CACHED_CHUNKS: usize = 16;

/// Where the blocks of one chunk are: its last key, and the deltas after it.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) key: u64,
    pub(super) deltas: Vec<u64>,
}

impl Chain {
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            deltas: Vec::new(),
        }
    }
}

/// The chunks of each plane.
pub(super) type Chains = BTreeMap<Plane, Vec<Chain>>;

/// Unpacked chunks, the latest last.
type Cache = Vec<((Plane, usize), Arc<Vec<u64>>)>;

/// One frame of a recording.
#[derive(Debug)]
pub struct RecordedFrame {
    pub(super) blocks: Arc<Blocks>,
    pub(super) machine: Machine,
    pub(super) once: Arc<MachineHead>,
    pub(super) head: FrameHead,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) chains: Chains,
    pub(super) processes_at: Option<u64>,
    pub(super) pages: u64,
    pub(super) cache: Mutex<Cache>,
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

    fn processes(&self) -> Result<Option<ProcessTable>> {
        let decode = |at| self.blocks.decode(at, Tag::Processes, ProcessTable::decode);
        self.processes_at.map(decode).transpose()
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
