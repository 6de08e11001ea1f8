//! The parts of a recording: what was encoded is decoded again.

use pagemap_viz::recording::{
    Block, BlockHeader, ChunkState, Directory, FrameHead, HEADER_BYTES, Index, MachineHead,
    ProcessTable, TRAILER_BYTES, apply, check_file_header, decode_trailer, trailer,
};

use super::shared::{Bytes, pack};

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
