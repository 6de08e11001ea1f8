//! `/proc/pagetypeinfo`: blocks by the kind of page that the kernel means them for.

/// The blocks of one zone by migration type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTypes {
    /// NUMA node.
    pub node: u32,
    /// The kernel's name of the zone.
    pub zone: String,
    /// Blocks by the kernel's name of the type: Unmovable, Movable, Reclaimable, …
    pub blocks: Vec<(String, u64)>,
}

/// The last table of each node: one row a zone. Nothing where there is none.
pub fn parse_block_types(text: &str) -> Vec<BlockTypes> {
    let tables = text.split("Number of blocks type").skip(1);
    tables.flat_map(block_types).collect()
}

/// From behind the first words of a table's head to its end.
fn block_types(table: &str) -> Vec<BlockTypes> {
    let mut lines = table.lines();
    let types: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let row = |line: &str| {
        let (node, rest) = line.strip_prefix("Node ")?.split_once(", zone")?;
        let mut words = rest.split_whitespace();
        let zone = words.next()?.to_owned();
        let counts: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
        let counts = counts.filter(|counts| counts.len() == types.len())?;
        let names = types.iter().map(|&name| name.to_owned());
        Some(BlockTypes {
            node: node.trim().parse().ok()?,
            zone,
            blocks: names.zip(counts).collect(),
        })
    };
    lines.map_while(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_table_is_read() {
        let text = "Page block order: 9\n\nFree pages count per migrate type at order 0 1\n\
            Node    0, zone      DMA, type    Unmovable      2      2\n\n\
            Number of blocks type     Unmovable      Movable\nNode 0, zone      DMA            1            7\n\
            Node 0, zone    DMA32           56          437\n\nmore\n\
            Number of blocks type     Unmovable      Movable\nNode 1, zone      Normal            3            4\n";
        let zones = parse_block_types(text);
        assert_eq!(zones.len(), 3);
        assert_eq!((zones[2].node, zones[2].zone.as_str()), (1, "Normal"));
        assert_eq!((zones[1].node, zones[1].zone.as_str()), (0, "DMA32"));
        let blocks = [("Unmovable".to_owned(), 56), ("Movable".to_owned(), 437)];
        assert_eq!(zones[1].blocks, blocks);
        assert_eq!(parse_block_types("Node 0, zone DMA 1 7\n"), []);
    }
}
