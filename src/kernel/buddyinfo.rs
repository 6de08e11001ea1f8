//! `/proc/buddyinfo`: free blocks of the buddy allocator by order.

use super::Zone;

/// Free blocks of one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeBlocks {
    /// NUMA node.
    pub node: u32,
    /// The kernel's name of the zone.
    pub zone: String,
    /// Blocks of 2^n pages each, from n = 0 up to the highest order of this kernel.
    pub blocks: Vec<u64>,
}

impl FreeBlocks {
    /// The row of a zone.
    pub fn of<'a>(table: &'a [Self], zone: &Zone) -> Option<&'a Self> {
        let is_it = |row: &&Self| row.node == zone.node && row.zone == zone.name;
        table.iter().find(is_it)
    }
}

/// The zones, in the order of the file. All have as many orders, or the file says nothing.
pub fn parse_free_blocks(text: &str) -> Vec<FreeBlocks> {
    let zones: Vec<FreeBlocks> = text.lines().filter_map(parse_line).collect();
    let orders = zones.first().map_or(0, |zone| zone.blocks.len());
    let agree = zones.iter().all(|zone| zone.blocks.len() == orders);
    if agree && (1..=MAX_ORDERS).contains(&orders) {
        zones
    } else {
        Vec::new()
    }
}

/// More orders than any kernel has.
const MAX_ORDERS: usize = 32;

fn parse_line(line: &str) -> Option<FreeBlocks> {
    let (node, rest) = line.strip_prefix("Node ")?.split_once(", zone")?;
    let mut words = rest.split_whitespace();
    let zone = words.next()?.to_owned();
    let blocks = words.map(|word| word.parse().ok());
    Some(FreeBlocks {
        node: node.trim().parse().ok()?,
        zone,
        blocks: blocks.collect::<Option<Vec<u64>>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_zone_has_a_count_for_each_order() {
        let text = "Node 0, zone      DMA      1      0      2 \nNode 1, zone   Normal    216     55    189 \n";
        let zones = parse_free_blocks(text);
        assert_eq!(zones.len(), 2);
        assert_eq!((zones[1].node, zones[1].zone.as_str()), (1, "Normal"));
        assert_eq!(zones[1].blocks, [216, 55, 189]);
    }

    #[test]
    fn what_is_not_one_table_says_nothing() {
        assert_eq!(
            parse_free_blocks("Node 0, zone DMA 1 2\nNode 0, zone Normal 1\n"),
            []
        );
        assert_eq!(
            parse_free_blocks("Node 0, zone DMA\nNode x, zone DMA 1\n"),
            []
        );
        assert_eq!(parse_free_blocks("Node 0, zone DMA 1 -2\n"), []);
    }
}
