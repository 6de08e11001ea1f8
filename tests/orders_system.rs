//! All memory by order: free blocks beside what the kernel counts, folios counted again.

mod common;

use std::collections::BTreeMap;

use common::{
    SYSTEMS, assert_refused, facts, json, may_ask_the_kernel, run, succeed, system, text, words,
};
use serde_json::Value;

/// Rows of the table, by what they count and where.
fn rows(options: &[&str]) -> Vec<Value> {
    let fixed = ["orders", "--system", "--format", "json"];
    let rows = json(&succeed(fixed.iter().chain(options)));
    rows.as_array().expect("rows").clone()
}

fn of_system(name: &str) -> Vec<Value> {
    let root = system(name);
    rows(&["--sysroot", text(&root)])
}

/// Blocks by order: 4 KiB is order 0.
fn blocks(row: &Value) -> Vec<u64> {
    let name = |order: u32| {
        let kib = 4u64 << order;
        match kib {
            1048576.. => format!("{}GiB", kib >> 20),
            1024.. => format!("{}MiB", kib >> 10),
            _ => format!("{kib}KiB"),
        }
    };
    let counts = (0..25).map_while(|order| row.get(name(order))?.as_u64());
    counts.collect()
}

fn is_quiet(rows: &[Value], zone: &str) -> bool {
    let of = |what: &str| {
        let mut found = rows
            .iter()
            .filter(|row| row["what"] == what && row["zone"] == zone);
        found.next().map(blocks)
    };
    of("free") == of("counted before")
}

#[test]
fn zones_that_stood_still_are_those_that_the_kernel_counts() {
    // While a machine was copied some of its zones went on; these did not.
    let quiet = [
        ("boot-6.1", &["Node 0 DMA"][..]),
        ("thp-6.1", &["Node 0 DMA"]),
        ("numa-6.1", &["Node 0 DMA", "Node 1 Normal"]),
        ("zoo-6.1", &["Node 0 DMA", "Node 0 Movable"]),
        ("host-6.18", &["Node 0 DMA", "Node 0 DMA32"]),
        ("fragmented", &["Node 0 DMA"]),
    ];
    for (name, zones) in quiet {
        let rows = of_system(name);
        for zone in zones {
            assert!(is_quiet(&rows, zone), "{name} {zone}");
        }
    }
}

#[test]
fn free_blocks_are_all_of_free_memory() {
    for (name, _) in SYSTEMS {
        let rows = of_system(name);
        let free = rows.iter().filter(|row| row["what"] == "free");
        let mut pages = 0;
        for row in free {
            let blocks = blocks(row);
            let sum: u64 = (0u32..)
                .zip(&blocks)
                .map(|(order, &blocks)| blocks << order)
                .sum();
            assert_eq!(row["memory"], sum * 4096, "{name}");
            pages += sum;
        }
        assert_eq!(
            facts(name, &[])["classes"]["free"]["pages"],
            pages,
            "{name}"
        );
    }
}

#[test]
fn the_picture_and_the_table_count_the_same() {
    for name in ["zoo-6.1", "host-6.18"] {
        let rows = of_system(name);
        let drawn = facts(name, &["--by", "folio-order", "--threads", "5"]);
        let legend = drawn["picture"]["legend"].as_array().expect("a legend");
        for family in ["anon", "shmem", "file", "hugetlb", "kernel"] {
            let row = rows
                .iter()
                .find(|row| row["what"] == family)
                .expect("a row");
            let beginning = format!("{family} ");
            let mut drawn = BTreeMap::new();
            for entry in legend {
                let entry_name = entry["name"].as_str().expect("a name");
                if let Some(size) = entry_name.strip_prefix(&beginning) {
                    drawn.insert(
                        size.replace(' ', ""),
                        entry["pages"].as_u64().expect("pages"),
                    );
                }
            }
            let counted = row
                .as_object()
                .expect("columns")
                .iter()
                .filter(|(_, blocks)| blocks.as_u64().is_some_and(|blocks| blocks > 0));
            let counted: Vec<_> = counted.filter(|(name, _)| name.ends_with("iB")).collect();
            assert_eq!(counted.len(), drawn.len(), "{name} {family}");
            assert_eq!(
                row["memory"],
                drawn.values().sum::<u64>() * 4096,
                "{name} {family}"
            );
        }
    }
}

#[test]
fn folios_are_heads_with_their_tails() {
    let words = words("zoo-6.1");
    let is = |at: usize, bit: u32| words.get(at).is_some_and(|word| word >> bit & 1 == 1);
    let mut hugetlb = 0;
    for at in (0..words.len()).filter(|&at| is(at, 15) && is(at, 17)) {
        let tails = (at + 1..words.len())
            .take_while(|&page| is(page, 16))
            .count();
        assert_eq!(tails, 511);
        hugetlb += 1;
    }
    let rows = of_system("zoo-6.1");
    let row = rows
        .iter()
        .find(|row| row["what"] == "hugetlb")
        .expect("a row");
    assert_eq!((row["2MiB"].as_u64(), hugetlb), (Some(hugetlb), 20));
}

#[test]
fn a_raw_copy_and_a_frame_are_counted_too() {
    let frame = rows(&["--from", "example@3"]);
    assert!(frame.iter().any(|row| row["what"] == "counted before"));
    let output = run(["orders", "--system", "-v", "--from", "example@3"]);
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        remarks.contains("Node 0 DMA: free blocks are those that buddyinfo counts"),
        "{remarks}"
    );
    let table: [(&[&str], &str); 5] = [
        (
            &["--system", "--format", "mem_hist"],
            "--format mem_hist is for processes",
        ),
        (&["--system", "--physical"], "cannot be used with"),
        (&["--from", "example"], "--from is for --system"),
        (&["--from", "example", "1"], "--from is for --system"),
        (&["-v", "1"], "--verbose is for --system"),
    ];
    for (words, part) in table {
        assert_refused(&run(["orders"].iter().chain(words)), 2, part);
    }
}

#[test]
fn a_quiet_running_kernel_counts_the_same() {
    if !may_ask_the_kernel() {
        return;
    }
    // Other tests run beside: one zone that stood still during one of ten readings is enough.
    let is_any_zone_quiet = || {
        let rows = rows(&[]);
        let zones = rows
            .iter()
            .filter(|row| row["what"] == "free" && row["memory"] != 0);
        let zones: Vec<&str> = zones.filter_map(|row| row["zone"].as_str()).collect();
        zones.iter().any(|zone| is_quiet(&rows, zone))
    };
    assert!((0..10).any(|_| is_any_zone_quiet()));
}
