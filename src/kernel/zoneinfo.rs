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
    let zones = parse_zone_pages(text);
    zones
        .iter()
        .fold(0, |sum, zone| sum.saturating_add(zone.waiting))
}

/// What the kernel counts in a zone, in pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZonePages {
    /// NUMA node.
    pub node: u32,
    /// The kernel's name of the zone.
    pub zone: String,
    /// Free.
    pub free: u64,
    /// Below so many free ones only those in need are served.
    pub min: u64,
    /// Below so many kswapd begins to reclaim.
    pub low: u64,
    /// At so many it stops.
    pub high: u64,
    /// That exist.
    pub present: u64,
    /// That the allocator has or gave away.
    pub managed: u64,
    /// That wait on processors' lists.
    pub waiting: u64,
    /// Reclaimable slab of the whole node; kernels say it once, with the node's first zone.
    pub node_reclaimable_slab: Option<u64>,
}

impl ZonePages {
    /// The row of a zone.
    pub fn of<'a>(table: &'a [Self], zone: &Zone) -> Option<&'a Self> {
        let is_it = |row: &&Self| row.node == zone.node && row.zone == zone.name;
        table.iter().find(is_it)
    }
}

/// The zones, unpopulated ones too, in the order of the file.
pub fn parse_zone_pages(text: &str) -> Vec<ZonePages> {
    let mut zones: Vec<ZonePages> = Vec::new();
    for line in text.lines() {
        if let Some((node, zone)) = parse_header(line) {
            zones.push(ZonePages {
                node,
                zone: zone.to_owned(),
                ..ZonePages::default()
            });
            continue;
        }
        // "pages free 3840" says two things in one line.
        let line = line.trim_start();
        let pair = parse_pair(line.strip_prefix("pages ").unwrap_or(line));
        let (Some(zone), Some((name, value))) = (zones.last_mut(), pair) else {
            continue;
        };
        match name {
            "free" => zone.free = value,
            "min" => zone.min = value,
            "low" => zone.low = value,
            "high" => zone.high = value,
            "present" => zone.present = value,
            "managed" => zone.managed = value,
            "count:" => zone.waiting = zone.waiting.saturating_add(value),
            "nr_slab_reclaimable" => zone.node_reclaimable_slab = Some(value),
            _ => {}
        }
    }
    zones
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
    fn each_zone_has_its_counts() {
        let text = "Node 0, zone DMA32\n  per-node stats\n      nr_slab_reclaimable 4804\n  pages free     24569\n\
            \x20       min      11088\n        high     16632\n        present  258010\n  pagesets\n    cpu: 0\n\
            \x20             count: 135\n              high:  6930\n    cpu: 1\n              count: 318\n";
        let zones = parse_zone_pages(text);
        let expected = ZonePages {
            zone: "DMA32".into(),
            free: 24_569,
            min: 11_088,
            high: 16_632,
            present: 258_010,
            waiting: 453,
            node_reclaimable_slab: Some(4804),
            ..ZonePages::default()
        };
        assert_eq!(zones, [expected]);
        assert_eq!(parse_waiting_pages(text), 453);
    }

    #[test]
    fn nonsense_gives_no_zone() {
        assert_eq!(parse_zones("start_pfn: x\nNode , zone\nspanned 1 2"), []);
    }
}
