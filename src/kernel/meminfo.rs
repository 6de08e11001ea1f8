//! `/proc/meminfo` and `/proc/vmstat`: what the kernel counts, by name.

/// Size of the line `name`, in bytes; `None` when there is no such line or its unit is not kB.
pub fn parse_meminfo_bytes(text: &str, name: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Counter `name` of `/proc/vmstat`, in pages or events.
pub fn parse_vmstat(text: &str, name: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    rest.trim().parse().ok()
}

/// All counters of `/proc/vmstat`, in the order of the file.
pub fn parse_counters(text: &str) -> Vec<(&str, u64)> {
    let counter = |line| {
        let (name, value): (&str, &str) = str::split_once(line, ' ')?;
        Some((name, value.trim().parse().ok()?))
    };
    text.lines().filter_map(counter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text =
            "MemTotal:         798736 kB\nMemFree:          472792 kB\nHugePages_Total:      20\n";
        assert_eq!(parse_meminfo_bytes(text, "MemTotal"), Some(798_736 * 1024));
        assert_eq!(parse_meminfo_bytes(text, "Mem"), None);
        assert_eq!(parse_meminfo_bytes(text, "HugePages_Total"), None);
    }

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let text = "nr_free_pages 118513\nnr_free_cma 0\n";
        assert_eq!(parse_vmstat(text, "nr_free_pages"), Some(118_513));
        assert_eq!(parse_vmstat(text, "nr_free"), None);
    }
}
