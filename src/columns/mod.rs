//! Pages as rows of tables, for engines that read columns: runs of pages that are alike, or aligned blocks of the size
//! of a PMD-sized huge page. Holes have no rows.

mod blocks;
mod runs;

pub use blocks::{BlockRow, blocks};
pub use runs::{RunRow, runs};

use crate::kernel::{PfnRange, ZoneMap};

/// The parts of `pages`, ascending and without gaps, each with the number of its zone where it is in one.
fn by_zone(zones: &ZoneMap, pages: PfnRange) -> Vec<(PfnRange, Option<usize>)> {
    let mut parts = Vec::new();
    let mut at = pages.start.0;
    let mut push = |start: u64, end: u64, zone| {
        if start < end {
            parts.push((PfnRange::new(start, end), zone));
        }
    };
    for (run, zone) in zones.inside(pages) {
        push(at, run.start.0, None);
        push(run.start.0, run.end.0, Some(zone));
        at = run.end.0;
    }
    push(at, pages.end.0, None);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Zone;

    #[test]
    fn pages_between_zones_are_parts_of_their_own() {
        let zone = |start, end| Zone {
            node: 0,
            name: "Normal".into(),
            span: PfnRange::new(start, end),
        };
        let zones = ZoneMap::new(vec![zone(2, 4), zone(4, 6)]);
        let part = |start, end, zone| (PfnRange::new(start, end), zone);
        let expected = [
            part(0, 2, None),
            part(2, 4, Some(0)),
            part(4, 6, Some(1)),
            part(6, 9, None),
        ];
        assert_eq!(by_zone(&zones, PfnRange::new(0, 9)), expected);
        assert_eq!(by_zone(&zones, PfnRange::new(3, 4)), [part(3, 4, Some(0))]);
        assert_eq!(
            by_zone(&ZoneMap::default(), PfnRange::new(0, 1)),
            [part(0, 1, None)]
        );
    }
}
