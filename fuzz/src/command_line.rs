//! Command lines: a request or a sentence.

use std::os::unix::ffi::OsStringExt;

use pagemap_viz::cli::{Request, Usage, parse};

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
