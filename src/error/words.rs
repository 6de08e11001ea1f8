//! The words of sentences: what the system said, and names that anybody may choose.

use std::io;

/// The text with its control characters escaped, and those that turn lines round, end them, or are not seen: no
/// name steers a terminal or a reader.
pub fn printable(text: &str) -> String {
    let letter = |letter: char| match letter.is_control() || is_unseen(letter) {
        true => letter.escape_default().collect::<String>(),
        false => letter.to_string(),
    };
    text.chars().map(letter).collect()
}

/// Marks of direction, separators of lines, and letters without width.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Why a process cannot be read.
pub(super) fn process_cause(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "there is no such process".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (run it as root; some processes are kept from root, too)".to_owned()
        }
        _ if cause.raw_os_error() == Some(NO_ADDRESS_SPACE) => {
            "it has no address space (a kernel thread, or a process that ended)".to_owned()
        }
        _ => plain(cause),
    }
}

/// What the kernel answers for kernel threads, zombies and those that end meanwhile: ESRCH.
const NO_ADDRESS_SPACE: i32 = 3;

/// The system's words without its number: `no space left on device`.
pub(super) fn plain(cause: &io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_sentence_has_no_error_number() {
        let cause = io::Error::from_raw_os_error(28);
        let error = Error::Write {
            path: "out.png".into(),
            cause,
        };
        assert_eq!(
            error.to_string(),
            "cannot write out.png: no space left on device"
        );
    }
}
