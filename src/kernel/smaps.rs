//! `/proc/PID/smaps` and `smaps_rollup`: what a process uses, each shared page divided by those who map it.

use std::ops::{Add, AddAssign};

use super::maps::{Mapping, parse_maps};

/// Sums over a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Proportional memory.
    pub pss: u64,
    /// Of it anonymous memory; with the next two, since 5.4.
    pub anon: u64,
    /// Of it files.
    pub file: u64,
    /// Of it shared memory.
    pub shmem: u64,
    /// Proportional swap.
    pub swap: u64,
}

/// Proportional memory of a process by what it is used for, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// System V shared memory.
    pub sysv: u64,
    /// Other shared mappings.
    pub shared: u64,
    /// Stacks of all threads.
    pub stack: u64,
    /// Private mappings that cannot be written to.
    pub text: u64,
    /// Private mappings that can.
    pub data: u64,
}

impl Parts {
    /// All of it.
    pub fn total(&self) -> u64 {
        [self.sysv, self.shared, self.stack, self.text, self.data]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl Add for Parts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sysv: self.sysv.saturating_add(other.sysv),
            shared: self.shared.saturating_add(other.shared),
            stack: self.stack.saturating_add(other.stack),
            text: self.text.saturating_add(other.text),
            data: self.data.saturating_add(other.data),
        }
    }
}

impl AddAssign for Parts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// `smaps_rollup`; `None` when there is nothing in it, as of a process that ended.
pub fn parse_rollup(bytes: &[u8]) -> Option<Rollup> {
    let mut rollup = Rollup::default();
    let mut is_one = false;
    for line in lines(bytes) {
        let Some((name, bytes)) = property(line) else {
            continue;
        };
        let field = match name {
            b"Pss" => &mut rollup.pss,
            b"Pss_Anon" => &mut rollup.anon,
            b"Pss_File" => &mut rollup.file,
            b"Pss_Shmem" => &mut rollup.shmem,
            b"SwapPss" => &mut rollup.swap,
            _ => continue,
        };
        *field = bytes;
        is_one = true;
    }
    is_one.then_some(rollup)
}

/// Anonymous memory that a process maps, and how much of it in huge pages by a PMD each, in bytes.
pub fn parse_anonymous(bytes: &[u8]) -> Option<(u64, u64)> {
    let (mut all, mut huge) = (None, 0);
    for (name, bytes) in lines(bytes).filter_map(property) {
        match name {
            b"Anonymous" => all = Some(bytes),
            b"AnonHugePages" => huge = bytes,
            _ => {}
        }
    }
    Some((all?, huge))
}

/// Pages that guard a thread's stack are this many bytes at most; what is larger keeps room for a heap.
const MAX_GUARD_BYTES: u64 = 1 << 20;

/// `smaps`, put together by what mappings are used for. The kernel rounds each mapping down to whole KiB.
pub fn parse_parts(bytes: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let mut open: Option<Use> = None;
    // Where the last mapping ended that may guard a stack.
    let mut guard_end = None;
    for line in lines(bytes) {
        // Values begin with a letter, mappings with a digit or a to f: only mappings have the hyphen.
        match property(line) {
            Some((b"Pss", bytes)) => {
                if let Some(open) = open {
                    let sum = open.of(&mut parts);
                    *sum = sum.saturating_add(bytes);
                }
            }
            Some(_) => {}
            None => {
                if let Some(mapping) = parse_maps(line).pop() {
                    open = Some(Use::of_mapping(&mapping, guard_end));
                    guard_end = is_guard(&mapping).then_some(mapping.end);
                }
            }
        }
    }
    parts
}

/// What a mapping is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Sysv,
    Shared,
    Stack,
    Text,
    Data,
}

impl Use {
    fn of_mapping(mapping: &Mapping, guard_end: Option<u64>) -> Self {
        let permissions = mapping.permissions.as_bytes();
        let is_shared = permissions.get(3) == Some(&b's');
        let is_writable = permissions.get(1) == Some(&b'w');
        match mapping.name.as_slice() {
            name if is_shared && name.starts_with(b"/SYSV") => Self::Sysv,
            _ if is_shared => Self::Shared,
            name if name.starts_with(b"[stack") => Self::Stack,
            name if is_writable && is_anonymous(name) && guard_end == Some(mapping.start) => {
                Self::Stack
            }
            _ if is_writable || permissions.starts_with(b"---") => Self::Data,
            _ => Self::Text,
        }
    }

    fn of(self, parts: &mut Parts) -> &mut u64 {
        match self {
            Self::Sysv => &mut parts.sysv,
            Self::Shared => &mut parts.shared,
            Self::Stack => &mut parts.stack,
            Self::Text => &mut parts.text,
            Self::Data => &mut parts.data,
        }
    }
}

/// Without a name, or with one that a program gave it by prctl.
fn is_anonymous(name: &[u8]) -> bool {
    name.is_empty() || name.starts_with(b"[anon:")
}

/// A small mapping that nobody may touch: below a thread's stack, which grows towards it.
fn is_guard(mapping: &Mapping) -> bool {
    mapping.permissions.starts_with("---p")
        && is_anonymous(&mapping.name)
        && mapping.end - mapping.start <= MAX_GUARD_BYTES
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n')
}

/// Name and bytes of a line `Name:   12 kB`. A mapping's line may hold anything in its name, a colon and kB
/// at its end too, but its first word has a hyphen.
fn property(line: &[u8]) -> Option<(&[u8], u64)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = &line[..colon];
    if !name.first()?.is_ascii_uppercase() || name.contains(&b' ') {
        return None;
    }
    let digits = line[colon + 1..].strip_suffix(b" kB")?.trim_ascii();
    let kib: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((name, kib.checked_mul(1024)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_are_read_by_name() {
        let text =
            b"56-7f ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss:   474 kB\nPss_Dirty: 1 kB\n\
            Pss_Anon: 112 kB\nPss_File: 360 kB\nPss_Shmem: 2 kB\nSwap: 8 kB\nSwapPss: 4 kB\n";
        let expected = Rollup {
            pss: 474 << 10,
            anon: 112 << 10,
            file: 360 << 10,
            shmem: 2 << 10,
            swap: 4 << 10,
        };
        assert_eq!(parse_rollup(text), Some(expected));
        assert_eq!(parse_rollup(b""), None);
    }

    #[test]
    fn mappings_are_put_together_by_use() {
        let table = [
            ("1000-2000 r-xp 00000000 fe:00 5 /bin/x", 1),
            ("2000-3000 rw-p 00000000 fe:00 5 /bin/x", 2),
            ("3000-4000 rw-s 00000000 00:01 5 /SYSV0000 (deleted)", 4),
            ("4000-5000 rw-s 00000000 00:01 5 /memfd:Pss: 9 kB", 8),
            ("5000-6000 rw-p 00000000 00:00 0 [stack]", 16),
            // A thread's stack above its guard.
            ("10000-11000 ---p 00000000 00:00 0", 0),
            ("11000-811000 rw-p 00000000 00:00 0", 32),
            // A heap with room to grow, and another mapping behind it.
            ("900000-921000 rw-p 00000000 00:00 0", 64),
            ("921000-4900000 ---p 00000000 00:00 0", 0),
            ("4900000-4901000 rw-p 00000000 00:00 0", 128),
            // A guard that is not next to it.
            ("5000000-5001000 ---p 00000000 00:00 0", 0),
            ("5002000-5003000 rw-p 00000000 00:00 0", 256),
        ];
        let text = table.map(|(mapping, kib)| {
            format!("{mapping}\nSize: 4 kB\nPss:  {kib} kB\nPss_Dirty: 7 kB\nVmFlags: rd wr\n")
        });
        let expected = Parts {
            sysv: 4 << 10,
            shared: 8 << 10,
            stack: 48 << 10,
            text: 1 << 10,
            data: (2 + 64 + 128 + 256) << 10,
        };
        assert_eq!(parse_parts(text.concat().as_bytes()), expected);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_rollup(&bytes);
            parse_parts(&bytes);
        }

        #[test]
        fn no_lines_are_a_panic(text in "([0-9a-f]{1,4}-[0-9a-f]{1,9} [rwxps-]{0,5} [ 0-9:/a-z]{0,20}\n|Pss: [0-9]{0,22} kB\n){0,9}") {
            parse_parts(text.as_bytes());
        }
    }
}
