//! What a recording takes beyond the read: bytes of a key frame, CPU time of encoding.

use pagemap_viz::kernel::PageFlags;
use pagemap_viz::recording::{CHUNK_PAGES, ChunkState, Encoded};

use super::{ROUNDS, Table, cpu_s, median_of};

/// Pages from one that changes to the next: a compile changes half a per cent in a second.
const CHANGE_EVERY: usize = 200;

/// Key frames and deltas of a captured machine.
pub(super) fn recordings(table: &mut Table, host: &[PageFlags]) {
    let words: Vec<u64> = host.iter().map(|flags| flags.0).collect();
    let mut later = words.clone();
    for at in (CHANGE_EVERY..later.len()).step_by(CHANGE_EVERY) {
        later[at] = words[at - CHANGE_EVERY];
    }
    let raw_bytes = (words.len() * size_of::<u64>()) as f64;
    let (keys, _) = encode(&words, &later);
    table.at_least("recording, raw / key frame", raw_bytes / keys as f64, 80.0);
    let spent = median_of(ROUNDS, || {
        let before = cpu_s();
        encode(&words, &later);
        (cpu_s() - before) * 1e9 / (2 * words.len()) as f64
    });
    table.at_most("recording, ns a page beyond the read", spent, 5.0);
}

/// Bytes of a key frame and of the delta after it.
fn encode(words: &[u64], later: &[u64]) -> (usize, usize) {
    let mut sum = (0, 0);
    for (words, later) in words.chunks(CHUNK_PAGES).zip(later.chunks(CHUNK_PAGES)) {
        let mut state = ChunkState::default();
        sum.0 += state.key(words).len();
        sum.1 += match state.next(later) {
            Encoded::Same => 0,
            Encoded::Key(bytes) | Encoded::Delta(bytes) => bytes.len(),
        };
    }
    sum
}
