//! `/proc/PID/maps`: the mappings of a process. Names are bytes that anybody may choose, so that nothing is
//! taken for granted of them.

use crate::error::printable;

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its first address.
    pub start: u64,
    /// The first address after it.
    pub end: u64,
    /// `rwxp` or `rw-s`.
    pub permissions: String,
    /// What the kernel calls it: a path, `[heap]`, nothing.
    pub name: Vec<u8>,
}

impl Mapping {
    /// True where it may be executed.
    pub fn is_executable(&self) -> bool {
        self.permissions.as_bytes().get(2) == Some(&b'x')
    }

    /// True where it is of a file that has a name in a directory.
    pub fn is_of_file(&self) -> bool {
        self.name.starts_with(b"/") && !self.name.starts_with(b"/memfd:")
    }

    /// Its name for people: control characters are escaped, and so is what is not UTF-8.
    pub fn shown_name(&self) -> String {
        printable(&String::from_utf8_lossy(&self.name))
    }
}

/// Part of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// What brk gave.
    Heap,
    /// The first thread's stack.
    Stack,
    /// A file that is executed.
    Program,
    /// Anything else.
    Other,
}

impl Area {
    /// Every area; its number is its place.
    pub const ALL: [Area; 4] = [Area::Heap, Area::Stack, Area::Program, Area::Other];

    /// What a mapping is.
    pub fn of(mapping: &Mapping) -> Self {
        match mapping.name.as_slice() {
            b"[heap]" => Self::Heap,
            name if name.starts_with(b"[stack") => Self::Stack,
            _ if mapping.is_of_file() && mapping.is_executable() => Self::Program,
            _ => Self::Other,
        }
    }
}

/// Reads the lines of a `maps`; one that is none is left out.
pub fn parse_maps(bytes: &[u8]) -> Vec<Mapping> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter_map(parse_line)
        .collect()
}

/// `START-END PERMS OFFSET DEVICE INODE   NAME`: the name begins behind the spaces after the fifth field.
fn parse_line(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let (start, end) = text()?.split_once('-')?;
    let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).ok());
    let permissions = text()?.to_owned();
    let (_offset, _device, _inode) = (text()?, text()?, text()?);
    let name = fields.next().unwrap_or_default();
    let spaces = name.iter().take_while(|&&byte| byte == b' ').count();
    let (start, end) = (start?, end?);
    (start < end).then(|| Mapping {
        start,
        end,
        permissions,
        name: name[spaces..].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_may_hold_anything() {
        let text =
            b"00400000-00401000 r-xp 00000000 fe:00 13                         /a b (deleted)\n\
            7f00-8000 rw-p 00000000 00:00 0 \n\
            9000-a000 rw-s 00000000 00:01 5 /SYSVhello\n\
            b000-c000 rw-s 00000000 00:01 5 /memfd:\xff\x1b[31m (deleted)\n\
            nonsense\n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let maps = parse_maps(text);
        let names: Vec<String> = maps.iter().map(Mapping::shown_name).collect();
        assert_eq!(
            names,
            [
                "/a b (deleted)",
                "",
                "/SYSVhello",
                "/memfd:\u{fffd}\\u{1b}[31m (deleted)",
                "[vsyscall]"
            ]
        );
        assert_eq!((maps[0].start, maps[0].end), (0x40_0000, 0x40_1000));
        let of_file: Vec<bool> = maps.iter().map(Mapping::is_of_file).collect();
        assert_eq!(of_file, [true, false, true, false, false]);
        assert!(maps[0].is_executable() && !maps[1].is_executable());
    }

    proptest! {
        #[test]
        fn no_line_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for mapping in parse_maps(&bytes) {
                prop_assert!(mapping.start < mapping.end);
            }
        }
    }
}
