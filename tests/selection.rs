//! Parts of memory: nodes, zones and ranges add up to the whole, everywhere.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{
    assert_golden, assert_refused, bytes, decode, draw, facts, json, pictures, recording_of, run,
    scratch, succeed, system, text,
};
use serde_json::Value;

/// Pages per class, of those that exist.
fn classes(facts: &Value) -> BTreeMap<String, u64> {
    let classes = facts["classes"].as_object().expect("classes");
    let pages =
        |(name, value): (&String, &Value)| (name.clone(), value["pages"].as_u64().expect("pages"));
    let mut classes: BTreeMap<_, _> = classes.iter().map(pages).collect();
    classes.remove("hole");
    classes
}

fn sum(parts: &[BTreeMap<String, u64>]) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (name, pages) in parts.iter().flatten() {
        *sum.entry(name.clone()).or_insert(0) += pages;
    }
    sum
}

#[test]
fn nodes_and_zones_add_up_to_the_machine() {
    let part = |options: &[&str]| classes(&facts("numa-6.1", options));
    let all = part(&[]);
    let nodes = ["0", "1"].map(|node| part(&["--node", node]));
    assert_eq!(sum(&nodes), all);
    let zones = ["DMA", "dma32", "Normal"].map(|zone| part(&["--zone", zone]));
    assert_eq!(sum(&zones), all);
    let crossed = [
        ("0", "DMA"),
        ("0", "DMA32"),
        ("1", "DMA32"),
        ("1", "Normal"),
    ];
    let crossed = crossed.map(|(node, zone)| part(&["--node", node, "--zone", zone]));
    assert_eq!(sum(&crossed), all);
    assert_eq!(sum(&crossed[2..]), nodes[1]);
    assert_eq!(part(&["--node", "0", "--node", "1"]), all);
}

#[test]
fn a_range_may_begin_and_end_within_a_huge_page() {
    let part = |range: &str| classes(&facts("thp-6.1", &["--range", range]));
    let all = classes(&facts("thp-6.1", &[]));
    assert!(all["anon-thp"] > 100_000);
    for border in ["0x1a7b3", "0x15001", "0x20200", "0x3ffff"] {
        let parts = [format!("pfn:0-{border}"), format!("pfn:{border}-0x40000")];
        assert_eq!(sum(&parts.map(|range| part(&range))), all, "{border}");
    }
    // Addresses are those of the same pages, in any spelling.
    let pages = part("pfn:0x20000-0x24000");
    for range in [
        "512MiB+64MiB",
        "0x20000000-0x24000000",
        "512M-576M",
        "0x20000000-0x23ffffff",
    ] {
        assert_eq!(part(range), pages, "{range}");
    }
}

#[test]
fn a_picture_shows_its_part_and_says_so() {
    let picture = decode(&draw("numa-6.1", &["--node", "1"]));
    let facts = &picture.facts;
    assert_eq!(facts["selection"]["name"], "node 1");
    let first = &facts["picture"]["rows"][0];
    assert_eq!(first["first_pfn"], 0x40000);
    let (_, title) = picture
        .texts
        .iter()
        .find(|(key, _)| key == "Title")
        .expect("a title");
    assert_eq!(title, "Physical memory, node 1");
    let pages: u64 = classes(facts).values().sum();
    let holes = facts["classes"]["hole"]["pages"].as_u64().expect("pages");
    assert_eq!(facts["selection"]["pages"], pages + holes);
    assert_golden(
        "numa-ranges",
        &draw(
            "numa-6.1",
            &["--range", "1GiB+300MiB", "--range", "pfn:0x100000-0x110000"],
        ),
    );
}

#[test]
fn every_lens_counts_only_its_part() {
    for by in [
        "flags",
        "node",
        "zone",
        "sharing",
        "cgroup",
        "folio-order",
        "free-order",
    ] {
        let legend = |options: &[&str]| -> u64 {
            let facts = facts("zoo-6.1", &[&["--by", by], options].concat());
            let legend = facts["picture"]["legend"].as_array().expect("a legend");
            let exists = |entry: &&Value| entry["name"] != "hole";
            let pages = legend
                .iter()
                .filter(exists)
                .map(|entry| entry["pages"].as_u64());
            pages.map(|pages| pages.expect("pages")).sum()
        };
        let parts =
            ["pfn:0-0x12345", "pfn:0x12345-0x40000"].map(|range| legend(&["--range", range]));
        assert_eq!(parts[0] + parts[1], legend(&[]), "{by}");
    }
}

/// Pages of each set of flags.
fn sets(options: &[&str]) -> BTreeMap<String, u64> {
    let root = system("numa-6.1");
    let fixed = ["flags", "--format", "json", "--sysroot", text(&root)];
    let rows = json(&succeed(fixed.iter().chain(options)));
    let set = |row: &Value| {
        let flags = row["flags"].as_str()?.to_owned();
        Some((flags, row["pages"].as_u64().expect("pages")))
    };
    // The last row is the sum.
    rows.as_array()
        .expect("rows")
        .iter()
        .filter_map(set)
        .collect()
}

#[test]
fn flags_counts_and_lists_parts() {
    let nodes = ["0", "1"].map(|node| sets(&["--node", node]));
    let all = sets(&["--node", "0", "--node", "1"]);
    assert_eq!(sum(&nodes), all);
    assert_eq!(
        sets(&["--range", "pfn:0x50000-0x58000"]),
        sets(&["--addr", "0x50000,0x58000"])
    );
    // A walk in order leaves the others out, too.
    assert_eq!(
        sets(&["--node", "1", "--addr", "0x50000,0x58000"]),
        sets(&["--addr", "0x50000,0x58000"])
    );
    assert_eq!(
        sets(&["--node", "0", "--addr", "0x50000,0x58000"]),
        BTreeMap::new()
    );
}

#[test]
fn a_comparison_and_a_series_take_a_part() {
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "thp-6.1"], directory.path());
    let recording = text(&recording);
    let picture = directory.path().join("difference.png");
    let first = format!("{recording}@0");
    let range = ["--range", "pfn:0x10000-0x20000"];
    let compared = ["diff", &first, recording, text(&picture), "--json", "-"];
    let compared = json(&succeed(compared.iter().chain(&range)));
    let matrix = compared["matrix"].as_object().expect("a matrix");
    let rows = matrix
        .values()
        .flat_map(|row| row.as_object().expect("a row").values());
    let pages: u64 = rows.map(|pages| pages.as_u64().expect("pages")).sum();
    assert_eq!(pages, 0x10000);
    assert_eq!(compared["picture"]["rows"][0]["first_pfn"], 0x10000);

    let churn = directory.path().join("churn.png");
    let words = ["diff", "--series", recording, text(&churn), "--json", "-"];
    let churn = json(&succeed(words.iter().chain(&range)));
    assert_eq!(churn["selection"]["pages"], 0x10000);

    let series = directory.path().join("series");
    let words = [
        "timelapse",
        "--from",
        recording,
        text(&series),
        "--zone",
        "DMA",
    ];
    succeed(words);
    for picture in pictures(&series) {
        let facts = decode(&fs::read(picture).expect("a picture")).facts;
        assert_eq!(
            facts["selection"]["ranges"][0],
            serde_json::json!([1, 4096])
        );
    }
}

#[test]
fn what_is_not_there_is_one_line() {
    let directory = scratch();
    let raw = directory.path().join("raw.bin");
    fs::write(&raw, bytes(&[0; 512])).expect("flags");
    let root = system("numa-6.1");
    let there = ["--sysroot", text(&root)];
    let raw = ["--from", text(&raw)];
    let table: [(&[&str], &[&str], i32, &str); 8] = [
        (
            &there,
            &["--node", "7"],
            1,
            "there is no node 7 here (node 0 DMA, node 0 DMA32,",
        ),
        (
            &there,
            &["--zone", "Movable"],
            1,
            "there is no zone Movable here",
        ),
        (
            &there,
            &["--range", "1TiB+1GiB"],
            1,
            "has no page in 1TiB+1GiB",
        ),
        (
            &there,
            &["--node", "0", "--range", "pfn:0x50000+1"],
            1,
            "has no page in node 0, pfn:0x50000+1",
        ),
        (&raw, &["--node", "0"], 1, "no zoneinfo"),
        (&raw, &["--range", "1GiB"], 2, "--range 1GiB is no range"),
        (
            &raw,
            &["--range", "2GiB-1GiB"],
            2,
            "the end is above the start",
        ),
        (
            &raw,
            &["--node", "x"],
            2,
            "invalid value 'x' for '--node <N>'",
        ),
    ];
    for (source, words, code, part) in table {
        let all = ["snapshot", "-"].iter().chain(source).chain(words);
        assert_refused(&run(all), code, part);
    }
}

#[test]
fn a_part_of_a_gigantic_folio_is_what_the_whole_is() {
    const HEAD: u64 = 1 << 15;
    const TAIL: u64 = 1 << 16;
    const HUGE: u64 = 1 << 17 | 1 << 11;
    const ANON: u64 = 1 << 12 | 1 << 11;
    let directory = scratch();
    let raw = directory.path().join("raw.bin");
    let mut flags = vec![TAIL | HUGE; 1 << 17];
    flags[0] = HEAD | HUGE;
    flags[1 << 16..].fill(TAIL | ANON);
    flags[1 << 16] = HEAD | ANON;
    fs::write(&raw, bytes(&flags)).expect("flags");
    let drawn = |range: &str, by: &str| {
        let words = [
            "snapshot",
            "-",
            "--from",
            text(&raw),
            "--range",
            range,
            "--by",
            by,
        ];
        decode(&succeed(words)).facts
    };
    let legend = |range: &str| {
        let facts = drawn(range, "folio-order");
        let legend = facts["picture"]["legend"].as_array().expect("a legend");
        let names = legend
            .iter()
            .map(|entry| entry["name"].as_str().expect("a name"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(legend("pfn:5000-5100"), ["hugetlb 256 MiB"]);
    assert_eq!(legend("pfn:40000-41000"), ["hugetlb 256 MiB"]);
    assert_eq!(
        legend("pfn:65000-66000"),
        ["anon 256 MiB", "hugetlb 256 MiB"]
    );
    for (range, class, pages) in [
        ("pfn:70000-70100", "anon-large", 100),
        ("pfn:65536-66048", "anon-large", 512),
        ("pfn:131071-131072", "anon-large", 1),
        ("pfn:5000-5100", "hugetlb", 100),
    ] {
        let facts = drawn(range, "class");
        assert_eq!(classes(&facts)[class], pages, "{range}");
    }
}

#[test]
fn what_the_kernel_counts_is_compared_with_whole_zones() {
    let of = |options: &[&str]| facts("zoo-6.1", &[&["--by", "free-order"], options].concat());
    let checked = |facts: &Value| -> Vec<String> {
        let zones = facts["free_blocks"].as_array().expect("zones").iter();
        zones.map(|zone| zone["zone"].to_string()).collect()
    };
    let zone = of(&["--zone", "DMA"]);
    assert_eq!(checked(&zone), ["\"DMA\""]);
    let notes = zone["picture"]["notes"].to_string();
    assert!(!notes.contains("cut where"), "{notes}");
    let part = of(&["--range", "1MiB+8MiB"]);
    assert_eq!(checked(&part), Vec::<String>::new());
    let notes = part["picture"]["notes"].to_string();
    assert!(notes.contains("cut where the selection ends"), "{notes}");
}

#[test]
fn a_comparison_takes_the_same_pages_of_both() {
    // DMA32 ends where Movable begins in one, and goes on in the other.
    let directory = scratch();
    let picture = directory.path().join("difference.png");
    let (before, after) = (system("thp-6.1"), system("zoo-6.1"));
    let fixed = [
        "diff",
        text(&before),
        text(&after),
        text(&picture),
        "--json",
        "-",
    ];
    let facts = json(&succeed(fixed.iter().chain(&["--zone", "DMA32"])));
    let matrix = facts["matrix"].as_object().expect("a matrix");
    let all: u64 = matrix
        .values()
        .flat_map(|row| row.as_object().expect("a row").values())
        .map(|pages| pages.as_u64().expect("pages"))
        .sum();
    assert_eq!(facts["selection"]["pages"], all);
    let whole = json(&succeed(fixed));
    let row = |facts: &Value, class: &str| facts["matrix"][class]["free"].as_u64().unwrap_or(0);
    assert!(row(&facts, "hole") <= row(&whole, "hole"));
}

#[test]
fn thousands_of_ranges_and_zones_take_no_longer_than_memory() {
    let root = scratch();
    let proc = root.path().join("proc");
    fs::create_dir_all(&proc).expect("a directory");
    fs::write(proc.join("kpageflags"), bytes(&vec![1 << 10; 40_000])).expect("flags");
    let zone = |zone: u64| {
        format!(
            "Node {zone}, zone Normal\n spanned 4\n start_pfn: {}\n",
            zone * 4
        )
    };
    let zones: String = (0..10_000).map(zone).collect();
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    let ranges = (0..3000).flat_map(|at| ["--range".to_owned(), format!("pfn:{}+2", at * 9)]);
    let ranges: Vec<String> = ranges.collect();
    let started = std::time::Instant::now();
    for layout in ["rows", "hilbert"] {
        let fixed = [
            "snapshot",
            "-",
            "--sysroot",
            text(root.path()),
            "--layout",
            layout,
        ];
        let fixed = fixed.map(str::to_owned);
        succeed(fixed.iter().chain(&ranges));
        succeed(fixed);
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < 20.0, "{seconds}");
}

#[test]
fn a_time_lapse_of_nothing_fails_before_it_reads() {
    let directory = scratch();
    let root = system("numa-6.1");
    let series = directory.path().join("series");
    let words = [
        "timelapse",
        text(&series),
        "--sysroot",
        text(&root),
        "--zone",
        "Movable",
    ];
    assert_refused(&run(words), 1, "there is no zone Movable here");
    assert!(!series.join("recording.pmv").exists());
}
