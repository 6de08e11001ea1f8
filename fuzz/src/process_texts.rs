//! Texts of processes: no name steers a terminal, parts are not above their sum.

use pagemap_viz::kernel::{
    Area, PagemapEntry, parse_anonymous, parse_maps, parse_parts, parse_rollup,
};

/// Bytes that describe a process.
pub fn process_texts(data: &[u8]) {
    for mapping in parse_maps(data) {
        assert!(mapping.start < mapping.end && !mapping.name.contains(&b'\n'));
        assert!(!mapping.shown_name().chars().any(char::is_control));
        let area = Area::of(&mapping);
        assert!(area != Area::Program || mapping.is_executable() && mapping.is_of_file());
    }
    let parts = parse_parts(data);
    let sums = [
        parts.sysv,
        parts.shared,
        parts.stack,
        parts.text,
        parts.data,
    ];
    assert!(sums.iter().all(|&sum| sum <= parts.total()));
    parse_rollup(data);
    if let Some((all, huge)) = parse_anonymous(data) {
        assert!(all.is_multiple_of(1024) && huge.is_multiple_of(1024));
    }
    let entries = data.chunks_exact(8);
    let entries: Vec<PagemapEntry> = entries
        .map(|entry| PagemapEntry(u64::from_le_bytes(entry.try_into().expect("eight bytes"))))
        .collect();
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let count = PagemapEntry::consecutive(rest);
        let (run, after) = rest.split_at(count);
        let first = run[0].pfn();
        let last = run[count - 1].pfn();
        assert_eq!(
            first.map(|pfn| pfn.0 + count as u64 - 1),
            last.map(|pfn| pfn.0)
        );
        assert!(first.is_none_or(|pfn| pfn.0 < 1 << 55));
        assert_eq!(run[0].swap().is_some(), run[0].is_swap());
        rest = after;
    }
}
