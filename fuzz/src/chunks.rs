//! Chunks of a recording: the words come back.

use pagemap_viz::recording::{CHUNK_PAGES, ChunkState, Encoded, apply};

use super::shared::Bytes;

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
