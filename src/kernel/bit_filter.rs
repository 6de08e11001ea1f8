//! Conditions on flags, in the language of page-types' `-b`, and ranges in that of its `-a`.
//!
//! | condition | holds when |
//! | --- | --- |
//! | `lru,active` | any of them is set |
//! | `lru,active=active` | of these, exactly those after the sign are set |
//! | `lru,!active` or `lru,~active` | lru is set and active is not |
//! | `=uptodate,lru` | exactly these are set and no other |
//! | `buddy=` | buddy is not set |

use super::flags::PageFlags;
use super::page_types::Edition;

/// One condition on flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitFilter {
    mask: PageFlags,
    /// `None`: any bit of the mask.
    bits: Option<PageFlags>,
}

impl BitFilter {
    /// True when it holds for `flags`.
    pub fn holds(self, flags: PageFlags) -> bool {
        match self.bits {
            None => flags.has(self.mask),
            Some(bits) => flags.0 & self.mask.0 == bits.0,
        }
    }

    /// Reads a condition. Names are those of `edition`, or what they begin with; a number stands for its
    /// bits. The remarks say which flag was taken where more than one begins so.
    ///
    /// # Errors
    /// The name that nothing has, in a sentence.
    pub fn parse(text: &str, edition: Edition) -> Result<(Self, Vec<String>), String> {
        let mut remarks = Vec::new();
        let mut set = |list: &str, wanted: &dyn Fn(bool) -> bool| {
            let mut flags = PageFlags::NONE;
            for name in list.split(',') {
                let bare = name.strip_prefix(['~', '!']);
                if wanted(bare.is_some()) {
                    flags = flags.with(flag(bare.unwrap_or(name), edition, &mut remarks)?);
                }
            }
            Ok::<_, String>(flags)
        };
        let (set_ones, all) = (|is_clear: bool| !is_clear, |_: bool| true);
        let filter = match text.split_once('=') {
            Some(("", exactly)) => Self {
                mask: PageFlags(!0),
                bits: Some(set(exactly, &set_ones)?),
            },
            Some((mask, bits)) => Self {
                mask: set(mask, &set_ones)?,
                bits: Some(set(bits, &set_ones)?),
            },
            None if text.contains(['~', '!']) => Self {
                mask: set(text, &all)?,
                bits: Some(set(text, &set_ones)?),
            },
            None => Self {
                mask: set(text, &set_ones)?,
                bits: None,
            },
        };
        remarks.dedup();
        Ok((filter, remarks))
    }
}

/// Flags by names, as page-types' `-d` reads them: up to an equals sign, without those that are to be
/// clear. The remarks are those of [`BitFilter::parse`].
///
/// # Errors
/// The name that nothing has, in a sentence.
pub fn parse_flags(text: &str, edition: Edition) -> Result<(PageFlags, Vec<String>), String> {
    let mut remarks = Vec::new();
    let names = text.split('=').next().unwrap_or_default().split(',');
    let mut set = names.filter(|name| !name.starts_with(['~', '!']));
    let flags = set.try_fold(PageFlags::NONE, |flags, name| {
        Ok::<_, String>(flags.with(flag(name, edition, &mut remarks)?))
    });
    Ok((flags?, remarks))
}

/// What begins so first, in the order of bits; any beginning of `compound` is both bits of it.
fn flag(name: &str, edition: Edition, remarks: &mut Vec<String>) -> Result<PageFlags, String> {
    if name.is_empty() {
        return Ok(PageFlags::NONE);
    }
    if "compound".starts_with(name) {
        return Ok(PageFlags::COMPOUND);
    }
    let begins = edition.bits().filter(|(_, _, long)| long.starts_with(name));
    let found: Vec<_> = begins.collect();
    match found.as_slice() {
        [] => edition
            .bit_named(name)
            .map(|bit| 1 << bit)
            .or_else(|| numbered(name))
            .or_else(|| parse_number(name))
            .map(PageFlags)
            .ok_or_else(|| {
                let names: Vec<_> = edition.bits().map(|(_, _, long)| long).collect();
                format!(
                    "'{name}' is neither a flag nor a number (flags: {})",
                    names.join(", ")
                )
            }),
        [(bit, _, long), others @ ..] => {
            if !others.is_empty() && *long != name {
                let others: Vec<_> = others.iter().map(|(_, _, long)| *long).collect();
                remarks.push(format!(
                    "'{name}' is taken for {long}, not for {}",
                    others.join(", ")
                ));
            }
            Ok(PageFlags(1 << bit))
        }
    }
}

/// `bit27`: a bit by its number, as one without a name is shown.
fn numbered(name: &str) -> Option<u64> {
    let number: u32 = name.strip_prefix("bit")?.parse().ok()?;
    1u64.checked_shl(number)
}

/// A number with C's prefixes: `0x1f`, `017`, `10`.
pub fn parse_number(text: &str) -> Option<u64> {
    let digits = text.to_ascii_lowercase();
    match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(&digits, 8).ok(),
        None => digits.parse().ok(),
    }
}

/// Page numbers have 55 bits in the kernel's page tables.
const LAST_PAGE: u64 = 1 << 55;

/// Pages from `start` up to but not including `end`: page numbers, or those of addresses or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSpan {
    /// The first.
    pub start: u64,
    /// The first that is not in it; `u64::MAX` where there is no end.
    pub end: u64,
}

impl PageSpan {
    /// Everything.
    pub const ALL: PageSpan = PageSpan {
        start: 0,
        end: u64::MAX,
    };

    /// Reads `N`, `N+M`, `N,M`, `N,` or `,M`; numbers with C's prefixes.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = |digits: &str| {
            let found = parse_number(digits).filter(|&page| page <= LAST_PAGE);
            found.ok_or_else(|| {
                format!(
                    "'{text}' is no range of pages (N, N+M, N,M, N, or ,M; 0x10 is hexadecimal)"
                )
            })
        };
        match text.split_once([',', '+']) {
            None => {
                let start = value(text)?;
                let end = start.saturating_add(1);
                Ok(Self { start, end })
            }
            Some(("", end)) => Ok(Self {
                start: 0,
                end: value(end)?,
            }),
            Some((start, "")) => Ok(Self {
                start: value(start)?,
                end: u64::MAX,
            }),
            Some((start, size)) if text[start.len()..].starts_with('+') => {
                let (start, size) = (value(start)?, value(size)?);
                let end = start.saturating_add(size);
                Ok(Self { start, end })
            }
            Some((start, end)) => {
                let (start, end) = (value(start)?, value(end)?);
                if end < start {
                    return Err(format!("'{text}' ends before it begins"));
                }
                Ok(Self { start, end })
            }
        }
    }

    /// The part inside `start..end`; empty where they do not touch.
    pub fn within(self, start: u64, end: u64) -> Self {
        let start = self.start.max(start);
        Self {
            start,
            end: self.end.min(end).max(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (BitFilter, Vec<String>) {
        BitFilter::parse(text, Edition::V6_12).expect(text)
    }

    #[test]
    fn conditions_hold_as_page_types_says() {
        let table: [(&str, u64, bool); 14] = [
            ("lru,active", 1 << 5, true),
            ("lru,active", 1 << 7, false),
            ("lru,active=active", 1 << 6, true),
            ("lru,active=active", 1 << 5 | 1 << 6, false),
            ("lru,~active", 1 << 5, true),
            ("lru,!active", 1 << 5 | 1 << 6, false),
            ("!active", 0, true),
            ("=uptodate,lru", 1 << 3 | 1 << 5, true),
            ("=uptodate,lru", 1 << 3 | 1 << 5 | 1, false),
            ("buddy=", 0, true),
            ("buddy=", 1 << 10, false),
            ("0x400", 1 << 10, true),
            ("c", 1 << 16, true),
            ("anon", 1 << 12, true),
        ];
        for (text, flags, expected) in table {
            assert_eq!(parse(text).0.holds(PageFlags(flags)), expected, "{text}");
        }
    }

    #[test]
    fn the_first_flag_that_begins_so_is_taken_and_named() {
        let (filter, remarks) = parse("a");
        assert!(filter.holds(PageFlags::ACTIVE) && !filter.holds(PageFlags::ANON));
        let said = "'a' is taken for active, not for anonymous, arch, arch_2, anon_exclusive";
        assert_eq!(remarks, [said]);
        // A whole name is meant, though others begin so.
        assert!(parse("private").1.is_empty() && parse("arch").1.is_empty());
        // It has no letter, but is shown by its name.
        assert!(parse("arch_3").0.holds(PageFlags::ARCH_3));
        let error = BitFilter::parse("lru,bogus", Edition::V6_12).expect_err("no flag");
        assert!(error.starts_with("'bogus' is neither a flag nor a number"));
    }

    #[test]
    fn ranges_are_those_of_page_types() {
        let span = |start, end| Ok(PageSpan { start, end });
        let table = [
            ("16", span(16, 17)),
            ("0x10+2", span(16, 18)),
            ("020,0x20", span(16, 32)),
            ("5,", span(5, u64::MAX)),
            (",5", span(0, 5)),
        ];
        for (text, expected) in table {
            assert_eq!(PageSpan::parse(text), expected, "{text}");
        }
        for text in ["", "x", "5,3", "1+y", ","] {
            assert!(PageSpan::parse(text).is_err(), "{text}");
        }
    }
}
