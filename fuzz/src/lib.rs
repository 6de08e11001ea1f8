//! What each fuzz target does with its bytes: call what reads bytes or text from outside, and hold what comes
//! out against what must be true of it.
//!
//! `fuzz_targets` hands over what libFuzzer makes up, `tests/fuzz_corpus.rs` of the main package every file of
//! the corpora, so that `cargo test` covers them without a fuzzer.
//!
//! A target has the module of its name; what several of them use is in `shared`.

mod chunks;
mod classes;
mod command_line;
mod flag_names;
mod palettes;
mod process_texts;
mod recording_file;
mod recording_parts;
mod shared;
mod survey;
mod system_texts;

pub use chunks::chunks;
pub use classes::classes;
pub use command_line::command_line;
pub use flag_names::flag_names;
pub use palettes::palettes;
pub use process_texts::process_texts;
pub use recording_file::recording_file;
pub use recording_parts::recording_parts;
pub use survey::survey;
pub use system_texts::system_texts;

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
