//! Texts of the system: ranges ascend, zones are disjoint and cover what they claim.

use pagemap_viz::kernel::{
    PfnRange, PfnSet, ZoneMap, parse_block_types, parse_counters, parse_free_blocks,
    parse_meminfo_bytes, parse_system_ram, parse_vmstat, parse_waiting_pages, parse_zone_pages,
    parse_zones,
};

/// Texts that describe a machine: each parser reads each text, whatever it was meant to be.
pub fn system_texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for page_bytes in [1 << 10, 4096, 1 << 16] {
        if let Some(ram) = parse_system_ram(&text, page_bytes) {
            assert!(ram.pages() > 0);
            ascending(&ram);
        }
    }
    zones(&text);
    let free = parse_free_blocks(&text);
    assert!(
        free.iter()
            .all(|zone| zone.blocks.len() == free[0].blocks.len())
    );
    for zone in parse_block_types(&text) {
        assert!(!zone.zone.contains(char::is_whitespace));
    }
    for (name, _) in parse_counters(&text).iter().take(50) {
        assert!(!name.contains(' '));
        parse_vmstat(&text, name);
    }
    parse_meminfo_bytes(&text, "MemTotal");
    parse_meminfo_bytes(&text, "Hugepagesize");
}

fn ascending(set: &PfnSet) {
    let pairs = set.ranges().windows(2);
    assert!(pairs.into_iter().all(|pair| pair[0].end < pair[1].start));
    assert!(set.ranges().iter().all(|range| !range.is_empty()));
}

/// No page is in two zones, none is lost, and each lies inside its zone's span.
fn zones(text: &str) {
    let zones = parse_zones(text);
    let rows = parse_zone_pages(text);
    let sum = rows
        .iter()
        .fold(0u64, |sum, row| sum.saturating_add(row.waiting));
    assert_eq!(parse_waiting_pages(text), sum);
    let claimed: PfnSet = zones.iter().map(|zone| zone.span).collect();
    let map = ZoneMap::new(zones);
    assert_eq!(map.is_empty(), claimed.pages() == 0);
    for pair in map.runs().windows(2) {
        assert!(pair[0].0.end <= pair[1].0.start);
    }
    for &(run, zone) in map.runs() {
        assert!(!run.is_empty() && run.intersect(map.zones()[zone].span) == run);
    }
    assert_eq!(map.pages_of(|_| true), claimed);
    let all = PfnRange::new(0, u64::MAX);
    assert_eq!(map.inside(all).count(), map.runs().len());
    assert!(
        claimed
            .gaps(all)
            .iter()
            .all(|gap| map.inside(*gap).count() == 0)
    );
}
