//! Which part of memory is meant, resolved.

use super::args::SelectionArgs;
use super::source::size;
use crate::kernel::{PfnRange, parse_number};
use crate::source::{MemoryRange, Selection};

pub(super) fn selection(args: SelectionArgs) -> Result<Selection, String> {
    let nodes = args.node.iter().map(|node| format!("node {node}"));
    let zones = args.zone.iter().map(|zone| format!("zone {zone}"));
    let ranges: Vec<String> = match args.range.len() {
        0..=NAMED_RANGES => args.range.clone(),
        many => vec![format!("{many} ranges")],
    };
    let names = nodes.chain(zones).chain(ranges);
    let name = names.collect::<Vec<_>>().join(", ");
    let range = |text: &String| {
        range(text).ok_or_else(|| {
            format!(
                "--range {text} is no range (0x100000000-0x140000000, 4GiB+512MiB, or pfn:0x100000-0x140000; the end is above the start)"
            )
        })
    };
    Ok(Selection {
        ranges: args.range.iter().map(range).collect::<Result<_, _>>()?,
        nodes: args.node,
        zones: args.zone,
        name,
    })
}

/// More ranges are only counted in a title.
const NAMED_RANGES: usize = 4;

fn range(text: &str) -> Option<MemoryRange> {
    let (is_pages, text) = match text.strip_prefix("pfn:") {
        Some(pages) => (true, pages),
        None => (false, text),
    };
    let number = |text: &str| match is_pages {
        true => parse_number(text),
        false => address(text),
    };
    let (start, end) = match (text.split_once('-'), text.split_once('+')) {
        (Some((start, end)), _) => (number(start)?, number(end)?),
        (None, Some((start, length))) => {
            let start = number(start)?;
            (start, start.checked_add(number(length)?)?)
        }
        (None, None) if is_pages => (number(text)?, number(text)?.checked_add(1)?),
        (None, None) => return None,
    };
    (start < end && end <= LAST).then_some(match is_pages {
        true => MemoryRange::Pages(PfnRange::new(start, end)),
        false => MemoryRange::Bytes(start, end),
    })
}

/// Physical addresses have fewer bits.
const LAST: u64 = 1 << 60;

/// `0x1000`, `4GiB`, `4096`.
fn address(text: &str) -> Option<u64> {
    match text.starts_with("0x") {
        true => parse_number(text),
        false => size(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_addresses_or_page_numbers() {
        let pages = |start, end| Some(MemoryRange::Pages(PfnRange::new(start, end)));
        let table = [
            ("0x1000-0x2fff", Some(MemoryRange::Bytes(0x1000, 0x2fff))),
            (
                "4GiB+512MiB",
                Some(MemoryRange::Bytes(4 << 30, (4 << 30) + (512 << 20))),
            ),
            (
                "17408.125 GiB+1.5m",
                Some(MemoryRange::Bytes(
                    (17 << 40) + (128 << 20),
                    (17 << 40) + (128 << 20) + (3 << 19),
                )),
            ),
            ("0.3k+1", None),
            ("1.-2.5G", Some(MemoryRange::Bytes(1, 5 << 29))),
            (".+1", None),
            ("1.2.3G+1", None),
            ("1G-2G", Some(MemoryRange::Bytes(1 << 30, 2 << 30))),
            ("pfn:0x100-0x200", pages(0x100, 0x200)),
            ("pfn:256+16", pages(256, 272)),
            ("pfn:7", pages(7, 8)),
            ("0x2000-0x1000", None),
            ("0x1000-0x1000", None),
            ("4GiB", None),
            ("pfn:", None),
            ("a-b", None),
            ("1G+18446744073709551615", None),
        ];
        for (text, expected) in table {
            assert_eq!(range(text), expected, "{text}");
        }
    }
}
