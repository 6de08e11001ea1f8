//! Pages by node, zone and sharing, counted again.

mod common;

use std::fs;
use std::path::Path;

use common::{
    assert_golden, assert_refused, bytes, decode, draw, facts, pictures, run, scratch, succeed,
    text,
};
use serde_json::Value;

const ANON: u64 = 1 << 12 | 1 << 11;
const BUDDY: u64 = 1 << 10;

/// Name and pages of each line of the legend, without shares of large folios.
fn legend(facts: &Value) -> Vec<(String, u64)> {
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let of = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name");
        let name = name.split(", ").next().expect("a first part").to_owned();
        (name, entry["pages"].as_u64().expect("pages"))
    };
    legend.iter().map(of).collect()
}

fn owned(lines: &[(&str, u64)]) -> Vec<(String, u64)> {
    lines
        .iter()
        .map(|(name, pages)| ((*name).to_owned(), *pages))
        .collect()
}

/// Two nodes, the second inside the first one's span; free memory in both; counts from 0 to 20.
fn write_system(root: &Path) {
    let proc = root.join("proc");
    fs::create_dir_all(&proc).expect("a directory");
    let mut flags = vec![ANON; 1024];
    flags[100..200].fill(BUDDY);
    flags[500..520].fill(BUDDY);
    let counts: Vec<u64> = (0..1024)
        .map(|pfn| if pfn < 700 { pfn % 21 } else { 0 })
        .collect();
    fs::write(proc.join("kpageflags"), bytes(&flags)).expect("flags");
    fs::write(proc.join("kpagecount"), bytes(&counts)).expect("counts");
    let zone = |node: u32, name: &str, start: u64, spanned: u64| {
        format!(
            "Node {node}, zone   {name}\n        spanned  {spanned}\n  start_pfn:           {start}\n"
        )
    };
    let zones = [
        zone(0, "DMA", 0, 64),
        zone(0, "Normal", 64, 960),
        zone(1, "Normal", 400, 200),
    ];
    fs::write(proc.join("zoneinfo"), zones.concat()).expect("zones");
}

fn drawn(root: &Path, by: &str) -> Value {
    let picture = succeed(["snapshot", "-", "--sysroot", text(root), "--by", by]);
    decode(&picture).facts
}

#[test]
fn used_pages_are_counted_where_they_are() {
    let root = scratch();
    write_system(root.path());
    let zones = drawn(root.path(), "zone");
    assert_eq!(zones["lens"], "zone");
    let expected = [
        ("Node 0 DMA", 64),
        ("Node 0 Normal", 960 - 100 - 200),
        ("Node 1 Normal", 200 - 20),
        ("free", 120),
    ];
    assert_eq!(legend(&zones), owned(&expected));
    let expected = [("Node 0", 64 + 660), ("Node 1", 180), ("free", 120)];
    assert_eq!(legend(&drawn(root.path(), "node")), owned(&expected));
}

#[test]
fn mapped_pages_are_counted_by_how_often() {
    let root = scratch();
    write_system(root.path());
    let is_free = |pfn: &u64| (100..200).contains(pfn) || (500..520).contains(pfn);
    let used: Vec<u64> = (0..700u64)
        .filter(|pfn| !is_free(pfn))
        .map(|pfn| pfn % 21)
        .collect();
    let between =
        |from: u64, to: u64| used.iter().filter(|n| (from..to).contains(*n)).count() as u64;
    let expected = [
        ("mapped once", between(1, 2)),
        ("mapped 2 to 3 times", between(2, 4)),
        ("mapped 4 to 7 times", between(4, 8)),
        ("mapped 8 to 15 times", between(8, 16)),
        ("mapped 16 times or more", between(16, 99)),
        ("free", 120),
        ("anon", between(0, 1) + 324),
    ];
    let sharing = drawn(root.path(), "sharing");
    assert_eq!(legend(&sharing), owned(&expected));
    assert!(
        sharing["picture"]["notes"]
            .to_string()
            .contains("Dim: what no process maps")
    );
}

#[test]
fn a_real_machine_of_two_nodes_adds_up() {
    let by = |by: &str| legend(&facts("numa-6.1", &["--by", by]));
    let sum = |lines: &[(String, u64)], part: &str| -> u64 {
        lines
            .iter()
            .filter(|(name, _)| name.starts_with(part))
            .map(|(_, pages)| pages)
            .sum()
    };
    let (nodes, zones, classes) = (by("node"), by("zone"), by("class"));
    for node in ["Node 0", "Node 1"] {
        assert!(sum(&nodes, node) > 0);
        assert_eq!(sum(&nodes, node), sum(&zones, node));
    }
    for class in ["free", "hole"] {
        assert_eq!(sum(&zones, class), sum(&classes, class));
    }
    assert_eq!(sum(&zones, ""), sum(&classes, ""));
}

#[test]
fn a_picture_by_zone_looks_as_it_should() {
    assert_golden("numa-by-zone", &draw("numa-6.1", &["--by", "zone"]));
}

/// Kernels up to 6.1 say the cgroup of a huge page's head only.
#[test]
fn pages_are_counted_by_the_cgroup_that_they_or_their_heads_are_charged_to() {
    const HEAD: u64 = 1 << 15;
    const TAIL: u64 = 1 << 16;
    let root = scratch();
    write_system(root.path());
    let proc = root.path().join("proc");
    let mut flags = vec![ANON; 4096];
    flags[1024] = ANON | HEAD;
    flags[1025..1536].fill(ANON | TAIL);
    flags[2048..3072].fill(BUDDY);
    // Twelve cgroups, the first with most pages; what is free is nobody's, whatever is said of it.
    let cgroup = |pfn: u64| match pfn {
        0..1024 => 100 + (pfn / 64) % 12,
        1024 => 7,
        1025..1536 => 0,
        1536..2048 => 100,
        2048..3072 => 99,
        _ => 0,
    };
    let cgroups: Vec<u64> = (0..4096).map(cgroup).collect();
    fs::write(proc.join("kpageflags"), bytes(&flags)).expect("flags");
    fs::write(proc.join("kpagecgroup"), bytes(&cgroups)).expect("cgroups");
    let facts = drawn(root.path(), "cgroup");
    let lines = legend(&facts);
    let pages = |name: &str| {
        lines
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, n)| *n)
    };
    assert_eq!(pages("@100"), Some(512 + 128));
    // The largest come first: those that go round twice.
    assert_eq!(pages("@101"), Some(128));
    assert_eq!(pages("free"), Some(1024));
    assert_eq!(pages("@99"), None);
    let charged: u64 = lines[..lines.len() - 2]
        .iter()
        .map(|(_, pages)| pages)
        .sum();
    assert_eq!(charged, 1024 + 512 + 512);
    assert_eq!(
        lines
            .iter()
            .filter(|(name, _)| name.starts_with('@'))
            .count(),
        8
    );
    // One cgroup alone is the same pages.
    let words = [
        "snapshot",
        "-",
        "--sysroot",
        text(root.path()),
        "--cgroup",
        "@7",
    ];
    let one = legend(&decode(&succeed(words)).facts);
    assert_eq!(one[0].1, 512);
}

/// Cgroups beyond the colours of a picture are one, and which have one does not hang on where they lie.
#[test]
fn the_largest_of_hundreds_of_cgroups_are_named_wherever_they_lie() {
    let (root, directory) = (scratch(), scratch());
    write_system(root.path());
    let proc = root.path().join("proc");
    // Several chunks. Of 300 cgroups the last ones to be met, with even numbers, are the largest.
    let pages = 3u64 << 18;
    let cgroup = |pfn: u64| match pfn {
        0..300_000 => 1000 + pfn % 300,
        _ => 1290 + (pfn / 512) % 5 * 2,
    };
    let cgroups: Vec<u64> = (0..pages).map(cgroup).collect();
    let flags = vec![ANON; pages as usize];
    fs::write(proc.join("kpageflags"), bytes(&flags)).expect("flags");
    fs::write(proc.join("kpagecgroup"), bytes(&cgroups)).expect("cgroups");
    let of = |inode: u64| cgroups.iter().filter(|&&other| other == inode).count() as u64;
    let lines = legend(&drawn(root.path(), "cgroup"));
    let mut expected: Vec<(u64, u64)> = (1000..1300).map(|inode| (inode, of(inode))).collect();
    expected.sort_by_key(|&(_, pages)| std::cmp::Reverse(pages));
    for inode in [1290, 1292, 1294, 1296, 1298] {
        let name = format!("@{inode}");
        assert!(lines[..5].contains(&(name, of(inode))), "{lines:?}");
    }
    assert_eq!(lines[8].0, "292 more");
    let named: u64 = lines[..8].iter().map(|(_, pages)| pages).sum();
    assert_eq!(lines[8].1, pages - named);
    assert_eq!(
        named,
        expected[..8].iter().map(|(_, pages)| pages).sum::<u64>()
    );
    let by_cgroup = |threads: &str| {
        let options = ["--by", "cgroup", "--threads", threads];
        succeed(
            ["snapshot", "-", "--sysroot", text(root.path())]
                .iter()
                .chain(&options),
        )
    };
    let pixels = |threads| decode(&by_cgroup(threads)).indices;
    assert!(pixels("1") == pixels("2") && pixels("1") == pixels("7"));
    // In a series as well.
    let series = directory.path().join("series");
    let twice = [
        "--sysroot",
        text(root.path()),
        "--sysroot",
        text(root.path()),
    ];
    let words = ["timelapse", text(&series), "--by", "cgroup"];
    succeed(words.iter().chain(&twice));
    let picture = fs::read(series.join("0001.png")).expect("the second picture");
    assert_eq!(legend(&decode(&picture).facts), lines);
}

#[test]
fn a_time_lapse_by_sharing_records_what_it_needs() {
    let (root, directory) = (scratch(), scratch());
    write_system(root.path());
    let series = directory.path().join("series");
    let from = [
        "--sysroot",
        text(root.path()),
        "--sysroot",
        text(root.path()),
    ];
    succeed(
        ["timelapse", text(&series), "--by", "sharing"]
            .iter()
            .chain(&from),
    );
    let single = legend(&drawn(root.path(), "sharing"));
    for picture in pictures(&series) {
        let facts = decode(&fs::read(picture).expect("a picture")).facts;
        assert_eq!(legend(&facts), single);
    }
}

#[test]
fn what_is_not_known_is_one_line() {
    let directory = scratch();
    let raw = directory.path().join("raw.bin");
    fs::write(&raw, bytes(&[ANON; 512])).expect("flags");
    let table: [(&[&str], i32, &str); 4] = [
        (
            &["--by", "zone", "--from", text(&raw)],
            1,
            "nothing says where they are (no zoneinfo)",
        ),
        (&["--by", "sharing", "--from", "example"], 1, "counts"),
        (
            &["--by", "node", "--noise", "lru"],
            2,
            "--noise is for --by flags",
        ),
        (&["--by", "node", "--pid", "1"], 2, "cannot be used with"),
    ];
    for (words, code, part) in table {
        assert_refused(&run(["snapshot", "-"].iter().chain(words)), code, part);
    }
}
