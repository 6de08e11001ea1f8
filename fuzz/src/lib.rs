//! What each fuzz target does with its bytes: call what reads bytes or text from outside, and hold what comes
//! out against what must be true of it.
//!
//! `fuzz_targets` hands over what libFuzzer makes up, `tests/fuzz_corpus.rs` of the main package every file of
//! the corpora, so that `cargo test` covers them without a fuzzer.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use jiff::Timestamp;
use pagemap_viz::classify::{
    CLASS_KEYS, Class, Classifier, FlagSet, Key, KsmVerdict, Noise, SetKeys, settle,
};
use pagemap_viz::cli::{Request, Usage, parse};
use pagemap_viz::error::{Error, Result};
use pagemap_viz::inventory::Sight;
use pagemap_viz::kernel::{
    Area, BitFilter, Edition, Folding, PageFlags, PageSpan, PagemapEntry, Pfn, PfnRange, PfnSet,
    ZoneMap, parse_anonymous, parse_block_types, parse_counters, parse_flags, parse_free_blocks,
    parse_maps, parse_meminfo_bytes, parse_number, parse_parts, parse_rollup, parse_system_ram,
    parse_vmstat, parse_waiting_pages, parse_zone_pages, parse_zones,
};
use pagemap_viz::orders::FreeOrders;
use pagemap_viz::page::{Atlas, AtlasInputs, AtlasReadings};
use pagemap_viz::page::{html, labels, markdown};
use pagemap_viz::recording::{
    Block, BlockHeader, CHUNK_PAGES, ChunkState, Directory, Encoded, FILE_HEADER, FrameEntry,
    FrameHead, HEADER_BYTES, Index, MachineHead, Plane, ProcessTable, TRAILER_BYTES, Tag, apply,
    check_file_header, decode_trailer, trailer,
};
use pagemap_viz::render::{Palette, check};
use pagemap_viz::report::{Inputs, Report, Wish};
use pagemap_viz::scan::Watcher;
use pagemap_viz::source::{
    Clock, Extent, Machine, MemoryRange, PageSize, Recording, Selection, Source,
};
use pagemap_viz::survey::{Cells, Mobility, Survey, survey as survey_of};
use pagemap_viz::tally::{ClassCounts, Tally};

/// A target's name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("recording_parts", recording_parts),
    ("recording_file", recording_file),
    ("chunks", chunks),
    ("system_texts", system_texts),
    ("process_texts", process_texts),
    ("flag_names", flag_names),
    ("palettes", palettes),
    ("classes", classes),
    ("survey", survey),
    ("command_line", command_line),
];

/// Numbers taken from the front of bytes; zeros when they are used up.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.u8()))
    }

    /// As many as the next two bytes say.
    fn piece(&mut self) -> &[u8] {
        let length = usize::from(self.u16()).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }
}

fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).expect("memory into memory")
}

/// The pure decoders of a recording's parts. The first byte chooses one; its highest bit says that the bytes
/// after it are packed first, because no fuzzer guesses its way through zstd.
pub fn recording_parts(data: &[u8]) {
    let Some((&choice, plain)) = data.split_first() else {
        return;
    };
    let packed = match choice & 0x80 {
        0 => plain.to_vec(),
        _ => pack(plain),
    };
    match choice & 0x7f {
        0 => block(plain),
        1 => {
            if let Ok(head) = MachineHead::decode(&packed) {
                assert_eq!(MachineHead::decode(&head.encode()), Ok(head));
            }
        }
        2 => {
            if let Ok(head) = FrameHead::decode(&packed) {
                assert_eq!(FrameHead::decode(&head.encode()), Ok(head));
            }
        }
        3 => {
            if let Ok(directory) = Directory::decode(plain) {
                assert_eq!(Directory::decode(&directory.encode()), Ok(directory));
            }
        }
        4 => {
            if let Ok(index) = Index::decode(plain) {
                assert_eq!(Index::decode(&index.encode()), Ok(index));
            }
        }
        5 => key_and_deltas(plain, choice & 0x80 != 0),
        6 => process_table(&packed),
        _ => repeated_text(plain),
    }
}

fn block(bytes: &[u8]) {
    let _ = check_file_header(bytes);
    if let Some(last) = bytes.last_chunk::<TRAILER_BYTES>()
        && let Some(at) = decode_trailer(last)
    {
        assert_eq!(&trailer(at), last);
    }
    if let Some((head, contents)) = bytes.split_first_chunk::<HEADER_BYTES>()
        && let Ok(header) = BlockHeader::decode(head)
        && header.fits(contents)
    {
        let block = Block {
            tag: header.tag,
            frame: header.frame,
            contents: contents.to_vec(),
        };
        assert_eq!(block.encode(), bytes);
    }
}

/// Pages, and then pieces: the first is a key, the others deltas.
fn key_and_deltas(bytes: &[u8], are_packed: bool) {
    let mut bytes = Bytes(bytes);
    let pages = usize::from(bytes.u16());
    let mut pieces = Vec::new();
    while !bytes.0.is_empty() && pieces.len() < 8 {
        let piece = bytes.piece();
        pieces.push(if are_packed {
            pack(piece)
        } else {
            piece.to_vec()
        });
    }
    if let Some((key, deltas)) = pieces.split_first()
        && let Ok(words) = apply(key, deltas, pages)
    {
        assert_eq!(words.len(), pages);
        let again = ChunkState::default().key(&words);
        assert_eq!(apply(&again, &[], pages), Ok(words));
    }
}

fn process_table(packed: &[u8]) {
    let Ok(table) = ProcessTable::decode(packed) else {
        return;
    };
    for process in &table.processes {
        assert!(!process.name.chars().any(char::is_control));
        let starts = process.runs.iter().map(|(run, _)| run.start);
        assert!(starts.is_sorted() && process.runs.iter().all(|(run, _)| !run.is_empty()));
    }
    let encoded = table.encode().expect("a reader took as much");
    let again = ProcessTable::decode(&encoded).expect("a reader takes what a writer wrote");
    assert_eq!(again.processes.len(), table.processes.len());
    for (again, process) in again.processes.iter().zip(&table.processes) {
        // Escaped letters may make a name longer than names are, and so cut once more.
        assert_eq!((again.pid, &again.runs), (process.pid, &process.runs));
        assert!(process.name.starts_with(&again.name));
    }
}

/// Heads with texts of few letters, repeated, which pack best.
fn repeated_text(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let count = usize::from(bytes.u16());
    let letters = String::from_utf8_lossy(bytes.piece()).into_owned();
    let text = letters.repeat(count.min((1 << 15) / letters.len().max(1)));
    let head = MachineHead {
        host: Some(text.clone()),
        ram: Some(vec![(bytes.u64(), bytes.u64()); count.min(1000)]),
        texts: [("proc/iomem".to_owned(), text)].into(),
        ..MachineHead::default()
    };
    let again = MachineHead::decode(&head.encode());
    assert!(again.as_ref() == Ok(&head), "a machine comes back");
    let head = FrameHead {
        machine: Some(head.clone()),
        texts: head.texts,
        ..FrameHead::default()
    };
    let again = FrameHead::decode(&head.encode());
    assert!(again.as_ref() == Ok(&head), "a frame comes back");
}

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

/// Readings of one chunk told as keys and changes, and followed again.
pub fn chunks(data: &[u8]) {
    let mut bytes = Bytes(data);
    let pages = 1 + usize::from(bytes.u16());
    // With this bit words are all different, so that dictionaries fill up.
    let is_diverse = bytes.u8() & 1 == 1;
    let mut words = vec![bytes.u64(); pages.min(CHUNK_PAGES)];
    let mut state = ChunkState::default();
    let (mut key, mut deltas) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        for _ in 0..bytes.u8() % 16 {
            let start = usize::from(bytes.u16()) % words.len();
            let end = (start + usize::from(bytes.u16())).min(words.len());
            let word = bytes.u64();
            for (at, place) in (0..).zip(&mut words[start..end]) {
                *place = match is_diverse {
                    true => word.wrapping_add(at),
                    false => word,
                };
            }
        }
        match state.next(&words) {
            Encoded::Same => {}
            Encoded::Key(bytes) => (key, deltas) = (bytes, Vec::new()),
            Encoded::Delta(bytes) => deltas.push(bytes),
        }
        let followed = apply(&key, &deltas, words.len());
        assert!(followed.as_ref() == Ok(&words), "a chunk comes back");
        if bytes.0.is_empty() {
            break;
        }
    }
}

/// Texts that describe a machine: each parser reads each text, whatever it was meant to be.
pub fn system_texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for page_bytes in [1 << 10, 4096, 1 << 16] {
        if let Some(ram) = parse_system_ram(&text, page_bytes) {
            assert!(ram.pages() > 0);
            ascending(&ram);
        }
    }
    zones(&text);
    let free = parse_free_blocks(&text);
    assert!(
        free.iter()
            .all(|zone| zone.blocks.len() == free[0].blocks.len())
    );
    for zone in parse_block_types(&text) {
        assert!(!zone.zone.contains(char::is_whitespace));
    }
    for (name, _) in parse_counters(&text).iter().take(50) {
        assert!(!name.contains(' '));
        parse_vmstat(&text, name);
    }
    parse_meminfo_bytes(&text, "MemTotal");
    parse_meminfo_bytes(&text, "Hugepagesize");
}

fn ascending(set: &PfnSet) {
    let pairs = set.ranges().windows(2);
    assert!(pairs.into_iter().all(|pair| pair[0].end < pair[1].start));
    assert!(set.ranges().iter().all(|range| !range.is_empty()));
}

/// No page is in two zones, none is lost, and each lies inside its zone's span.
fn zones(text: &str) {
    let zones = parse_zones(text);
    let rows = parse_zone_pages(text);
    let sum = rows
        .iter()
        .fold(0u64, |sum, row| sum.saturating_add(row.waiting));
    assert_eq!(parse_waiting_pages(text), sum);
    let claimed: PfnSet = zones.iter().map(|zone| zone.span).collect();
    let map = ZoneMap::new(zones);
    assert_eq!(map.is_empty(), claimed.pages() == 0);
    for pair in map.runs().windows(2) {
        assert!(pair[0].0.end <= pair[1].0.start);
    }
    for &(run, zone) in map.runs() {
        assert!(!run.is_empty() && run.intersect(map.zones()[zone].span) == run);
    }
    assert_eq!(map.pages_of(|_| true), claimed);
    let all = PfnRange::new(0, u64::MAX);
    assert_eq!(map.inside(all).count(), map.runs().len());
    assert!(
        claimed
            .gaps(all)
            .iter()
            .all(|gap| map.inside(*gap).count() == 0)
    );
}

/// Bytes that describe a process.
pub fn process_texts(data: &[u8]) {
    for mapping in parse_maps(data) {
        assert!(mapping.start < mapping.end && !mapping.name.contains(&b'\n'));
        assert!(!mapping.shown_name().chars().any(char::is_control));
        let area = Area::of(&mapping);
        assert!(area != Area::Program || mapping.is_executable() && mapping.is_of_file());
    }
    let parts = parse_parts(data);
    let sums = [
        parts.sysv,
        parts.shared,
        parts.stack,
        parts.text,
        parts.data,
    ];
    assert!(sums.iter().all(|&sum| sum <= parts.total()));
    parse_rollup(data);
    if let Some((all, huge)) = parse_anonymous(data) {
        assert!(all.is_multiple_of(1024) && huge.is_multiple_of(1024));
    }
    let entries = data.chunks_exact(8);
    let entries: Vec<PagemapEntry> = entries
        .map(|entry| PagemapEntry(u64::from_le_bytes(entry.try_into().expect("eight bytes"))))
        .collect();
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let count = PagemapEntry::consecutive(rest);
        let (run, after) = rest.split_at(count);
        let first = run[0].pfn();
        let last = run[count - 1].pfn();
        assert_eq!(
            first.map(|pfn| pfn.0 + count as u64 - 1),
            last.map(|pfn| pfn.0)
        );
        assert!(first.is_none_or(|pfn| pfn.0 < 1 << 55));
        assert_eq!(run[0].swap().is_some(), run[0].is_swap());
        rest = after;
    }
}

const EDITIONS: [Edition; 3] = [Edition::V5_10, Edition::V6_1, Edition::V6_12];

/// Names, numbers, conditions and ranges as options take them. The first eight bytes are a word that conditions
/// are held against, and that is shown and read again.
pub fn flag_names(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = PageFlags(bytes.u64());
    let text = String::from_utf8_lossy(bytes.0);
    assert_eq!(PageFlags::parse_list(&flags.names().join(",")), Ok(flags));
    let _ = PageFlags::parse_list(&text);
    if let Ok(span) = PageSpan::parse(&text) {
        assert!(span.start <= span.end);
        let inside = span.within(10, 20);
        assert!(
            inside.start >= 10 && inside.end >= inside.start && inside.end <= 20.max(span.start)
        );
    }
    if let Some(number) = parse_number(&text) {
        assert_eq!(parse_number(&format!("{number:#x}")), Some(number));
    }
    for edition in EDITIONS {
        assert_eq!(
            edition.letters(flags).chars().count(),
            edition.bits().count()
        );
        // "swap" is taken for swapcache, as page-types does.
        let named = flags.without(PageFlags(1 << 62));
        let names = edition.names(named).join(",");
        let read = parse_flags(&names, edition).expect("its own names");
        assert_eq!(read.0, named, "{names}");
        let _ = parse_flags(&text, edition);
        let filters = BitFilter::parse(&text, edition);
        for folding in [Folding::WellKnown, Folding::Raw, Folding::Unfolded] {
            let entry = PagemapEntry(flags.0.rotate_left(17));
            let folded = edition.fold(flags, entry, folding);
            let filters = filters.iter().map(|(filter, _)| *filter).collect();
            let sight = Sight {
                edition,
                folding,
                filters,
            };
            assert!(sight.see(flags, entry).is_none_or(|seen| seen == folded));
            if folding == Folding::WellKnown {
                assert!(
                    !folded.has(PageFlags(0xffff << 32))
                        && folded.without(flags) == PageFlags::NONE
                );
            }
        }
    }
}

/// Palette files.
pub fn palettes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Palette::parse("a file", &text) {
        Ok(palette) => {
            let check = check(&palette);
            assert!(check.failures().all(|finding| finding.floor.is_some()));
            palette.changes();
            for &class in Class::ALL {
                palette.class(class);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("cannot"), "{error}"),
    }
}

/// Words in runs: a byte that chooses a word and how long the run is, at most `most` in all.
fn words(bytes: &mut Bytes<'_>, most: usize) -> Vec<PageFlags> {
    const USUAL: [PageFlags; 15] = [
        PageFlags::BUDDY,
        PageFlags::NONE,
        PageFlags::NOPAGE,
        PageFlags::ANON.with(PageFlags::MMAP),
        PageFlags::ANON.with(PageFlags::MMAP).with(PageFlags::KSM),
        PageFlags::ANON
            .with(PageFlags::THP)
            .with(PageFlags::COMPOUND_HEAD),
        PageFlags::COMPOUND_TAIL.with(PageFlags::THP),
        PageFlags::COMPOUND_TAIL,
        PageFlags::SLAB.with(PageFlags::COMPOUND_HEAD),
        PageFlags::LRU.with(PageFlags::UPTODATE),
        PageFlags::SWAPBACKED.with(PageFlags::COMPOUND_HEAD),
        PageFlags::HUGE.with(PageFlags::COMPOUND_HEAD),
        PageFlags::RESERVED,
        PageFlags::PGTABLE,
        PageFlags::COMPOUND,
    ];
    let mut words = Vec::new();
    for _ in 0..bytes.u8() {
        let choice = bytes.u8();
        let word = match USUAL.get(usize::from(choice & 15)) {
            Some(&word) => word,
            None => PageFlags(bytes.u64()),
        };
        // Of one page, of up to 16, of up to 256, or of up to 64 Ki.
        let pages = match choice >> 4 & 3 {
            0 => 1,
            1 => 1 + usize::from(bytes.u8() & 15),
            2 => 1 + usize::from(bytes.u8()),
            _ => 1 + usize::from(bytes.u16()),
        };
        let pages = pages.min(most - words.len());
        words.extend(std::iter::repeat_n(word, pages));
    }
    words
}

/// Raw words to classes: cutting memory anywhere changes nothing, and free blocks are the free pages.
pub fn classes(data: &[u8]) {
    let mut bytes = Bytes(data);
    let pmd_pages = 1 << (bytes.u8() % 11);
    let highest = u32::from(bytes.u8() % 16);
    let cuts: [u8; 4] = std::array::from_fn(|_| bytes.u8());
    let words = words(&mut bytes, 5000);
    let mut keys = vec![Key::default(); words.len()];
    Classifier::new(pmd_pages).classify(&words, None, &[], &mut keys);
    let mut cut_keys = vec![Key::default(); words.len()];
    let mut classifier = Classifier::new(pmd_pages);
    let (mut at, mut open) = (0, None);
    for step in cuts.iter().cycle() {
        let end = (at + 1 + usize::from(*step)).min(words.len());
        let block = &words[at..end];
        let wanted = classifier.pages_wanted_after(block).unwrap_or(0) as usize;
        let after = &words[end..words.len().min(end + wanted)];
        open = classifier.classify(block, open, after, &mut cut_keys[at..end]);
        at = end;
        if at == words.len() {
            break;
        }
    }
    assert!(keys == cut_keys, "a cut changes no class");
    assert!(keys.iter().all(|key| usize::from(key.0) < CLASS_KEYS));
    let mut tally = Tally::default();
    tally.add(&keys);
    for verdict in [KsmVerdict::Believed, KsmVerdict::Doubted] {
        let counts = ClassCounts::settle(&tally, verdict);
        assert_eq!(counts.total(), words.len() as u64);
        for &class in Class::ALL {
            let pages = keys.iter().filter(|&&key| settle(key, verdict) == class);
            assert_eq!(counts.of(class), pages.count() as u64);
        }
    }
    let start = u64::from(cuts[0]) << 15;
    let mut free = 0;
    let mut end = start;
    FreeOrders::new(ZoneMap::default(), highest).each(Pfn(start), &keys, &mut |block, order, _| {
        assert!(order <= highest && block.pages() == 1 << order && block.start.0 >= end);
        assert!(block.start.0.is_multiple_of(1 << order));
        end = block.end.0;
        free += block.pages();
    });
    assert_eq!(free, tally.of(Key(Class::Free as u8)));
    stripped(&words, bytes.u64());
}

/// The sets that a picture by flags shows.
fn stripped(words: &[PageFlags], noise: u64) {
    let noise = Noise(PageFlags(noise));
    let mut keys = SetKeys::new();
    for &word in words {
        for noise in [noise, Noise::default()] {
            let set = noise.strip(word);
            assert!(matches!(set, FlagSet::Of(flags) if !flags.has(noise.0)));
            let key = keys.add(set);
            assert_eq!(keys.find(set), Some(key));
            assert!(usize::from(key.0) < keys.sets().len() && keys.sets().len() <= Key::LIMIT);
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

/// A machine in memory.
struct MadeUp {
    machine: Machine,
    words: Vec<PageFlags>,
    texts: Vec<(&'static str, String)>,
}

impl Source for MadeUp {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let rest = self.words.get(start.0 as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        match plane {
            Plane::Flags => self.read_flags(start, bytemuck::cast_slice_mut(into)),
            _ => Err(Error::NoPlane {
                path: self.path().to_owned(),
                plane: plane.name(),
            }),
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn clock(&self) -> Clock {
        Clock::FileDate
    }

    fn text(&self, path: &str) -> Option<String> {
        let text = self.texts.iter().find(|(name, _)| *name == path);
        text.map(|(_, text)| text.clone())
    }

    fn path(&self) -> &Path {
        Path::new("made up")
    }
}

struct Nobody;

impl Watcher for Nobody {
    fn on_pages(&self, _: u64, _: u64) {}

    fn stop(&self) -> Option<Error> {
        None
    }
}

/// A machine of a few bytes of settings, words in runs, and texts with a zero byte between them, surveyed and
/// reported.
pub fn survey(data: &[u8]) {
    let mut bytes = Bytes(data);
    let settings = bytes.u8();
    let page_bytes = 1 << (10 + bytes.u8() % 11);
    let pmd_pages = 1 << (bytes.u8() % 25);
    let wish = Wish {
        size: 1 << (bytes.u8() % 41),
        blocks: u64::from(bytes.u16()) + 1,
    };
    let words = words(&mut bytes, 80_000);
    let names = [
        "proc/zoneinfo",
        "proc/buddyinfo",
        "proc/vmstat",
        "proc/meminfo",
        "proc/pagetypeinfo",
        "proc/iomem",
        "sys/kernel/mm/transparent_hugepage/enabled",
    ];
    let texts = bytes.0.split(|&byte| byte == 0);
    let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
    let texts: Vec<_> = names
        .into_iter()
        .zip(texts)
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let iomem = texts.iter().find(|(name, _)| *name == "proc/iomem");
    let end = Pfn(words.len() as u64);
    let source = MadeUp {
        machine: Machine {
            pmd_pages,
            ram: iomem.and_then(|(_, text)| parse_system_ram(text, page_bytes)),
            ..Machine::unknown(PageSize::Known(page_bytes), Extent::Exact(end))
        },
        words,
        texts,
    };
    let cells = (settings & 1 == 1).then(|| 1 << (settings >> 1 & 3));
    let threads = 1 + usize::from(settings >> 3 & 1);
    let more = [wish.size / page_bytes];
    let survey = survey_of(&source, &more, cells, threads, &Nobody);
    let Ok(survey) = survey else {
        assert_eq!(end, Pfn(0), "memory can be read");
        return;
    };
    add_up(&survey, &source);
    let report = report(&source, &survey, wish);
    blocks_agree(&report);
    if threads == 2 {
        let again = survey_of(&source, &more, cells, 1, &Nobody).expect("memory can be read");
        assert_eq!(
            report.to_json(),
            self::report(&source, &again, wish).to_json()
        );
    }
    if settings & 16 != 0 {
        pages(&report, &survey, &source);
    }
}

fn report(source: &dyn Source, survey: &Survey, wish: Wish) -> Report {
    Report::new(Inputs {
        source,
        survey,
        processes: None,
        trend: Vec::new(),
        counters_before: None,
        wishes: &[wish],
        redact: false,
    })
}

fn add_up(survey: &Survey, source: &MadeUp) {
    let end = source.machine.end();
    assert_eq!(survey.end, end);
    assert!(survey.classes.total() <= end.0);
    let free = survey.classes.of(Class::Free);
    let in_blocks: u64 = survey.orders.free.iter().map(|counts| counts.pages).sum();
    let in_runs: u64 = survey.zones.iter().map(|zone| zone.runs.at_least(0)).sum();
    let in_zones: u64 = survey
        .zones
        .iter()
        .map(|zone| zone.pages_of(Mobility::Free))
        .sum();
    assert_eq!((in_blocks, in_runs), (in_zones, in_zones), "free pages");
    match survey.map.is_empty() {
        true => assert_eq!((free, 0), (in_zones, survey.outside_zones)),
        false => assert!(in_zones <= free && free - in_zones <= survey.outside_zones),
    }
    if let Some(Cells {
        runs,
        pages_per_cell,
        ..
    }) = &survey.cells
    {
        let cells: u64 = runs.iter().map(|&(_, length)| u64::from(length)).sum();
        assert_eq!(cells, end.0.div_ceil(*pages_per_cell));
    }
}

/// Every whole block is in one state, and what may be done to get blocks never leaves fewer of them.
fn blocks_agree(report: &Report) {
    for row in &report.contiguity {
        let free = [row.free, row.after_compaction, row.after_reclaim];
        assert!(free.is_sorted(), "{row:?}");
        let blocked = row.polluted + row.solid;
        let states = row.free + row.huge + row.compactable + blocked + row.unmarked;
        assert_eq!(
            (row.blocks, row.blocked_strict),
            (states, blocked),
            "{row:?}"
        );
        assert!(
            row.ideal <= row.blocks && row.lost_to_pollution <= blocked,
            "{row:?}"
        );
        let costs = row.cost.windows(2);
        assert!(costs.into_iter().all(|pair| {
            pair[0].blocks < pair[1].blocks && pair[0].pages_to_migrate <= pair[1].pages_to_migrate
        }));
    }
    for answer in &report.want {
        let free = [answer.free, answer.after_compaction, answer.after_reclaim];
        assert!(free.is_sorted(), "{answer:?}");
    }
}

/// The report as pages for people.
fn pages(report: &Report, survey: &Survey, source: &MadeUp) {
    let page = markdown(report, "report", "map.png");
    assert!(!page.text.is_empty());
    if let Some(cells) = &survey.cells {
        let mut readings = AtlasReadings::new(cells.len(), cells.pages_per_cell);
        readings.push(cells);
        let inputs = AtlasInputs {
            labels: &labels(report),
            zones: &survey.map,
            ksm: survey.ksm,
            page_bytes: report.page_size,
            pmd_pages: source.machine.pmd_pages,
            highest_order: pagemap_viz::source::highest_order(source),
        };
        assert!(html(report, &Atlas::new(readings, &inputs)).contains("</html>"));
    }
}

/// A command line, its words in lines. Names of files are left out: what is asked for is resolved, not done.
pub fn command_line(data: &[u8]) {
    let words = data.split(|&byte| byte == b'\n');
    let words = words.filter(|word| !word.contains(&b'/') && word != b"..");
    let words = words
        .take(40)
        .map(|word| std::ffi::OsString::from_vec(word.to_vec()));
    let program = std::ffi::OsString::from("pagemap-viz");
    match parse(std::iter::once(program).chain(words)).and_then(Request::new) {
        Ok(request) => {
            request.is_quiet();
        }
        Err(Usage::Answer(text) | Usage::Wrong(text)) => assert!(!text.is_empty()),
    }
}
