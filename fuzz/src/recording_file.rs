//! A recording as a file: every page is there or an error says why, and reading again gives the same.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

use jiff::Timestamp;
use pagemap_viz::error::Result;
use pagemap_viz::kernel::{PageFlags, Pfn, PfnRange};
use pagemap_viz::recording::{
    Block, Directory, FILE_HEADER, FrameEntry, HEADER_BYTES, Index, Plane, Tag, trailer,
};
use pagemap_viz::report::Wish;
use pagemap_viz::scan::Nobody;
use pagemap_viz::source::{Clock, Machine, MemoryRange, Recording, Selection, Source};
use pagemap_viz::survey::survey as survey_of;

use super::shared::{pack, report};

/// A whole file, opened and read. The first byte says what is mended before, so that changes get beyond the
/// checksums: 0 nothing, 1 the checksums, 2 the contents are packed, too, and directories and index follow them; 3 the
/// same, and frames are surveyed.
pub fn recording_file(data: &[u8]) {
    let Some((&mending, bytes)) = data.split_first() else {
        return;
    };
    let bytes = match mending {
        0 => bytes.to_vec(),
        1 => mended(bytes, false),
        _ => mended(bytes, true),
    };
    let memory = rustix::fs::memfd_create("recording", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = File::from(memory.expect("a file in memory"));
    file.write_all(&bytes).expect("memory");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let Ok(recording) = Recording::open(Path::new(&path)) else {
        return;
    };
    assert!(recording.frames() > 0 && recording.bytes() == bytes.len() as u64);
    let _ = recording.ram_pages();
    for number in 0..recording.frames().min(16) as u64 {
        let _ = recording.describe(number);
        let Ok(frame) = recording.frame(Some(number)) else {
            continue;
        };
        let pages = frame.machine().end().0;
        let _ = frame.processes();
        assert!(frame.time() <= frame.end_time());
        for plane in Plane::ALL {
            read_plane(&frame, plane, pages);
        }
        if mending == 3 && pages <= 1 << 17 {
            survey_frame(&frame);
        }
    }
    assert!(recording.frame(Some(recording.frames() as u64)).is_err());
}

/// Whatever a recording says of its machine, its frames can be surveyed and reported, in whole and in part.
fn survey_frame(frame: &dyn Source) {
    let range = MemoryRange::Pages(PfnRange::new(3, 77));
    let selection = Selection {
        ranges: vec![range, MemoryRange::Bytes(1 << 17, 1 << 18)],
        ..Selection::default()
    };
    for selection in [Selection::default(), selection] {
        let Ok(part) = selection.of(Box::new(Borrowed(frame))) else {
            continue;
        };
        if let Ok(survey) = survey_of(part.as_ref(), &[], None, 1, &Nobody) {
            let wish = Wish {
                size: 1 << 21,
                blocks: 1,
            };
            report(part.as_ref(), &survey, wish).to_json();
        }
    }
}

/// A source of somebody else.
struct Borrowed<'a>(&'a dyn Source);

impl Source for Borrowed<'_> {
    fn machine(&self) -> &Machine {
        self.0.machine()
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        self.0.read_flags(start, into)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        self.0.read_plane(plane, start, into)
    }

    fn time(&self) -> Timestamp {
        self.0.time()
    }

    fn clock(&self) -> Clock {
        self.0.clock()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.0.text(path)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Every page is there, or an error says why not; reading the other way gives the same.
fn read_plane(frame: &dyn Source, plane: Plane, pages: u64) {
    const STEP: usize = 40_000;
    let mut at = 0;
    let mut words = vec![0; STEP];
    while let Ok(count) = frame.read_plane(plane, Pfn(at), &mut words) {
        assert_eq!(count as u64, (pages - at).min(STEP as u64));
        if count == 0 {
            break;
        }
        let mut last = [0];
        let one = frame.read_plane(plane, Pfn(at + count as u64 - 1), &mut last);
        assert_eq!((one.expect("it was read"), last[0]), (1, words[count - 1]));
        at += count as u64;
    }
}

/// The blocks of a file, their checksums computed anew.
fn mended(bytes: &[u8], are_plain: bool) -> Vec<u8> {
    const TAGS: [(&[u8; 4], Tag); 7] = [
        (b"MACH", Tag::Machine),
        (b"FRAM", Tag::Frame),
        (b"PROC", Tag::Processes),
        (b"KEYC", Tag::Key),
        (b"DELT", Tag::Delta),
        (b"ENDF", Tag::Directory),
        (b"INDX", Tag::Index),
    ];
    let mut out = FILE_HEADER.to_vec();
    let mut rest = bytes.get(FILE_HEADER.len()..).unwrap_or_default();
    let mut index = Index::default();
    let (mut start, mut is_key, mut lengths) = (0, false, Vec::new());
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let Some((_, tag)) = TAGS.iter().find(|(name, _)| header.starts_with(*name)) else {
            break;
        };
        let word = |at: usize| std::array::from_fn(|byte| header[at + byte]);
        let length = u64::from_le_bytes(std::array::from_fn(|byte| header[8 + byte]));
        let length = (length as usize).min(after.len());
        let (contents, after) = after.split_at(length);
        rest = after;
        let mut contents = contents.to_vec();
        let at = out.len() as u64;
        if are_plain {
            match tag {
                Tag::Frame => {
                    (start, is_key) =
                        (at, contents.windows(10).any(|part| part == b"\"key\":true"));
                    lengths.clear();
                    contents = pack(&contents);
                }
                Tag::Key | Tag::Delta => {
                    contents = pack(&contents);
                    lengths.push(contents.len() as u64);
                }
                Tag::Machine | Tag::Processes => contents = pack(&contents),
                Tag::Directory => {
                    if let Ok(mut directory) = Directory::decode(&contents) {
                        let chunks = directory.chunks.iter_mut().zip(&lengths);
                        chunks.for_each(|(chunk, &length)| chunk.length = length);
                        contents = directory.encode();
                    }
                    if start > 0 {
                        index.frames.push(FrameEntry {
                            start,
                            directory: at,
                            key: is_key,
                        });
                    }
                    start = 0;
                }
                Tag::Index => {}
            }
            if *tag == Tag::Index && contents.is_empty() {
                contents = index.encode();
            }
        }
        let block = Block {
            tag: *tag,
            frame: u32::from_le_bytes(word(4)),
            contents,
        };
        out.extend(block.encode());
        if are_plain && *tag == Tag::Index {
            out.extend(trailer(at));
        }
    }
    out.extend(rest);
    out
}
