//! `/proc/zoneinfo`: the zones and the pages they span.

use super::PfnRange;

/// One populated zone of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// NUMA node.
    pub node: u32,
    /// The kernel's name: DMA, DMA32, Normal, Movable, Device.
    pub name: String,
    /// From the first to after the last page; holes and pages of other nodes may lie between.
    pub span: PfnRange,
}

/// The populated zones, in the order of the file.
///
/// An unpopulated zone has no `start_pfn` line and is left out.
pub fn parse_zones(text: &str) -> Vec<Zone> {
    let mut zones = Vec::new();
    let (mut node, mut name) = (0, String::new());
    let mut spanned = 0;
    for line in text.lines() {
        if let Some((number, zone)) = parse_header(line) {
            (node, name) = (number, zone.to_owned());
            spanned = 0;
        }
        match parse_pair(line) {
            Some(("spanned", value)) => spanned = value,
            Some(("start_pfn:", start)) => zones.push(Zone {
                node,
                name: name.clone(),
                span: PfnRange::new(start, start.saturating_add(spanned)),
            }),
            _ => {}
        }
    }
    zones
}

/// Pages that wait on the lists of processors, of all zones: free, and not in the buddy allocator.
pub fn parse_waiting_pages(text: &str) -> u64 {
    let counts = text.lines().filter_map(parse_pair);
    let counts = counts.filter(|(name, _)| *name == "count:");
    counts.fold(0, |sum, (_, pages)| sum.saturating_add(pages))
}

fn parse_header(line: &str) -> Option<(u32, &str)> {
    let (node, zone) = line.strip_prefix("Node ")?.split_once(", zone")?;
    Some((node.trim().parse().ok()?, zone.trim()))
}

fn parse_pair(line: &str) -> Option<(&str, u64)> {
    let mut words = line.split_whitespace();
    let (name, value) = (words.next()?, words.next()?);
    words.next().is_none().then_some(())?;
    Some((name, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Node 0, zone      DMA\n  per-node stats\n      nr_dirty 7\n  pages free     3840\n\
        \x20       spanned  4095\n        present  3998\n        managed  3840\n  start_pfn:           1\n\
        Node 0, zone   Normal\n        spanned  0\n        present  0\n        managed  0\n\
        Node 1, zone  Movable\n        spanned  32730\n        managed  18300\n  start_pfn:           229376\n";

    #[test]
    fn populated_zones_have_their_span() {
        let zones = parse_zones(TEXT);
        assert_eq!(zones.len(), 2);
        assert_eq!(
            (zones[0].name.as_str(), zones[0].span),
            ("DMA", PfnRange::new(1, 4096))
        );
        assert_eq!((zones[1].node, zones[1].name.as_str()), (1, "Movable"));
        assert_eq!(zones[1].span, PfnRange::new(229_376, 262_106));
    }

    #[test]
    fn nonsense_gives_no_zone() {
        assert_eq!(parse_zones("start_pfn: x\nNode , zone\nspanned 1 2"), []);
    }
}
