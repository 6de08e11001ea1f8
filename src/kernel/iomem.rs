//! `/proc/iomem`: where RAM is.

use super::{PfnRange, PfnSet};

/// Whole pages of the "System RAM" lines; `None` when the kernel hides the addresses.
///
/// Without CAP_SYS_ADMIN every address reads as zero, and a container's file may be empty: then
/// nothing is known. Ends are inclusive in the file. A page that RAM covers only in part does not
/// count, as the kernel does not use it either.
pub fn parse_system_ram(text: &str, page_bytes: u64) -> Option<PfnSet> {
    let ram = text.lines().filter_map(|line| parse_line(line, page_bytes));
    let ram: PfnSet = ram.collect();
    (ram.pages() > 0).then_some(ram)
}

fn parse_line(line: &str, page_bytes: u64) -> Option<PfnRange> {
    let (addresses, name) = line.split_once(" : ")?;
    // "System RAM (kmem)" and "System RAM (virtio_mem)" are RAM that was added later, and may be
    // nested below the device that brought it.
    if !name.trim().starts_with("System RAM") {
        return None;
    }
    let (start, last) = addresses.trim().split_once('-')?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(last, 16)
        .ok()
        .filter(|&last| last > 0)?
        .checked_add(1)?;
    Some(PfnRange::new(start.div_ceil(page_bytes), end / page_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_of_ram_count() {
        let text = "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n\
                    00100000-3ffd9fff : System RAM\n  01000000-02209987 : Kernel code\n\
                    100000000-1ffffffff : dax0.0\n  100000000-1ffffffff : System RAM (kmem)\n";
        let ram = parse_system_ram(text, 4096).expect("addresses are shown");
        let expected = [(1, 0x9f), (0x100, 0x3ffda), (0x10_0000, 0x20_0000)];
        assert_eq!(
            ram,
            expected.iter().map(|&(s, e)| PfnRange::new(s, e)).collect()
        );
    }

    #[test]
    fn hidden_addresses_are_not_a_machine_without_ram() {
        assert_eq!(
            parse_system_ram("00000000-00000000 : System RAM\n", 4096),
            None
        );
        assert_eq!(parse_system_ram("", 4096), None);
        assert_eq!(
            parse_system_ram("zz-yy : System RAM\n- : System RAM", 4096),
            None
        );
        assert_eq!(
            parse_system_ram("0-ffffffffffffffff : System RAM", 4096),
            None
        );
    }
}
