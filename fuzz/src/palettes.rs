//! Palettes: every class has a colour, an error is a sentence.

use pagemap_viz::classify::Class;
use pagemap_viz::render::{Palette, check};

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
