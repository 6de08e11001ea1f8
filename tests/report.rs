//! `pagemap-viz report`: every number recounted, reproduced from the kernel's own, or compared with a golden report.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use common::{
    SYSTEMS, SmallDisk, assert_empty, assert_golden_text, assert_refused, bytes, json,
    may_ask_the_kernel, package, recording_of, run, scratch, succeed, system, text, words,
};
use serde_json::Value;

const SLAB: u64 = 1 << 7;
const BUDDY: u64 = 1 << 10;
const LRU: u64 = 1 << 5;
const ANON: u64 = LRU | 1 << 11 | 1 << 12 | 1 << 14;
const FILE: u64 = LRU | 1 << 3;
const DIRTY: u64 = 1 << 4;
const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;
const THP: u64 = 1 << 22;
const MIB: u64 = 1 << 20;

fn report_of(root: &Path, options: &[&str]) -> Value {
    let fixed = ["report", "-", "--format", "json", "--sysroot", text(root)];
    json(&succeed(fixed.iter().chain(options)))
}

fn html_of(options: &[&str]) -> String {
    let fixed = ["report", "-", "--format", "html"];
    String::from_utf8(succeed(fixed.iter().chain(options))).expect("UTF-8")
}

fn row<'a>(report: &'a Value, part: &str, scope: &str, size: Option<u64>) -> &'a Value {
    let rows = report[part].as_array().expect("rows");
    let is_it = |row: &&Value| {
        row["scope"] == scope && size.is_none_or(|size| row["size"].as_u64() == Some(size))
    };
    rows.iter().find(is_it).expect("a row")
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number: {value}"))
}

/// A machine of so many pages in one zone, with a high watermark.
fn machine(root: &Path, flags: &[u64], high: u64) {
    let proc = root.join("proc");
    fs::create_dir_all(&proc).expect("directories");
    let pages = flags.len();
    let zones = format!(
        "Node 0, zone   Normal\n  per-node stats\n      nr_slab_reclaimable 3\n  pages free     600\n        min      1\n        \
        high     {high}\n        spanned  {pages}\n        present  {pages}\n        managed  {pages}\n  \
        pagesets\n    cpu: 0\n              count: 2\n  start_pfn:           0\n"
    );
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    fs::write(proc.join("kpageflags"), bytes(flags)).expect("flags");
}

/// Eight blocks of 2 MiB, each of another kind.
fn eight_blocks() -> Vec<u64> {
    let mut flags = vec![0; 8 * 512];
    let (free, polluted, huge) = (0..512, 512..1024, 1024..1536);
    flags[free].fill(BUDDY);
    flags[polluted].fill(ANON);
    flags[700] = SLAB;
    flags[huge].fill(ANON | THP | TAIL);
    flags[1024] = ANON | THP | HEAD;
    // Compactable: 100 free, 12 of clean cache, the rest anonymous.
    flags[1536..2048].fill(ANON);
    flags[1536..1636].fill(BUDDY);
    flags[1636..1648].fill(FILE);
    // Solid: half of it is slab.
    flags[2048..2560].fill(FILE | DIRTY);
    flags[2048..2304].fill(SLAB);
    // Nothing has a mark.
    // Compactable, and one page without a mark.
    flags[3072..3584].fill(ANON);
    flags[3100] = 0;
    // Polluted by two classes.
    flags[3584..4096].fill(ANON);
    flags[3600..3603].fill(SLAB);
    flags[4000..4002].fill(1 << 26);
    flags
}

#[test]
fn blocks_are_told_by_what_stands_in_them() {
    let root = scratch();
    machine(root.path(), &eight_blocks(), 100);
    let report = report_of(root.path(), &["--want", "2M=2", "--want", "2M=5"]);
    let blocks = row(&report, "contiguity", "machine", Some(2 * MIB));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(of("blocks"), 8);
    assert_eq!((of("free"), of("huge"), of("compactable")), (1, 1, 2));
    assert_eq!((of("polluted"), of("solid"), of("unmarked")), (2, 1, 1));
    assert_eq!((of("blocked_strict"), of("blocked_pessimistic")), (3, 5));
    // 612 pages are free; 512 above the high watermark make one block, which is there.
    assert_eq!((of("after_compaction"), of("after_reclaim")), (1, 1));
    // 512 + 511 + 512 + 512 + 256 + 511 + 507 free or movable pages.
    assert_eq!(of("ideal"), (512 + 511 + 512 + 512 + 256 + 511 + 507) / 512);
    // Three blocks are blocked by 262 pages, which need one.
    assert_eq!(of("lost_to_pollution"), 2);
    assert_eq!(
        blocks["cost"],
        json(b"[{\"blocks\":1,\"pages_to_migrate\":0}]")
    );
    let answers: Vec<_> = report["want"].as_array().expect("answers").iter().collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(
        (answers[0]["scope"].as_str(), answers[0]["verdict"].as_str()),
        (Some("Node 0"), Some("no"))
    );

    let obstacles = &report["obstacles"];
    let slab = &obstacles["classes"][0];
    assert_eq!(slab["class"], "slab");
    let of = |name: &str| number(&slab[name]);
    assert_eq!(
        (of("only_obstacle"), of("blocks"), of("pages")),
        (2, 3, 260)
    );
    let steps: Vec<u64> = obstacles["histogram"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| number(&step["blocks"]))
        .collect();
    assert_eq!(steps, [1, 1, 0, 1, 0, 0]);
    let cheapest = obstacles["cheapest"].as_array().expect("blocks");
    let pfns: Vec<u64> = cheapest.iter().map(|block| number(&block["pfn"])).collect();
    assert_eq!(pfns, [512, 3584]);
    assert_eq!(
        cheapest[0]["contents"],
        json(b"[{\"class\":\"anon\",\"pages\":511},{\"class\":\"slab\",\"pages\":1}]")
    );
    let quality = &report["quality"];
    assert_eq!(
        (
            number(&quality["unmarked"]),
            number(&quality["unmarked_waiting"])
        ),
        (513, 2)
    );
}

#[test]
fn room_to_move_pages_to_bounds_what_can_be_had() {
    let root = scratch();
    machine(root.path(), &eight_blocks(), 0);
    let blocks = report_of(root.path(), &[]);
    let blocks = row(&blocks, "contiguity", "machine", Some(2 * MIB));
    assert_eq!(number(&blocks["after_compaction"]), 1);
    // A block more is free: three of 512 pages fit, and there are three candidates beside it.
    let mut flags = eight_blocks();
    flags.extend([BUDDY; 512]);
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "2M=2", "--want", "2M=3"]);
    let blocks = row(&report, "contiguity", "node", Some(2 * MIB));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(
        (of("free"), of("after_compaction"), of("after_reclaim")),
        (2, 2, 2)
    );
    let verdicts: Vec<_> = report["want"]
        .as_array()
        .expect("answers")
        .iter()
        .map(|answer| answer["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["now", "no"]);
    // Enough room: the cheapest comes first, 400 pages of anonymous memory and 12 of cache.
    flags.extend([BUDDY; 500]);
    flags.extend([ANON; 12]);
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "2M=3"]);
    assert_eq!(report["want"][0]["verdict"], "after-compaction");
    assert_eq!(number(&report["want"][0]["pages_to_migrate"]), 12);
}

/// Blocks of 1 GiB are larger than what is read at once.
#[test]
fn a_block_of_a_gibibyte_is_put_together_from_parts() {
    let root = scratch();
    let mut flags = vec![BUDDY; 3 << 18];
    flags[(1 << 18) + 77_777] = ANON;
    flags[(2 << 18) + 200_000] = SLAB;
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "128M=20"]);
    let blocks = row(&report, "contiguity", "machine", Some(1 << 30));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(
        (of("blocks"), of("free"), of("compactable"), of("polluted")),
        (3, 1, 1, 1)
    );
    assert_eq!(of("after_compaction"), 2);
    let cost =
        json(b"[{\"blocks\":1,\"pages_to_migrate\":0},{\"blocks\":2,\"pages_to_migrate\":1}]");
    assert_eq!(blocks["cost"], cost);
    let free = row(&report, "free", "machine", None);
    assert_eq!(
        number(&free["longest_run_pages"]),
        (1 << 18) + 200_000 - 77_778
    );
    // It begins behind the one page and ends before the other.
    assert_eq!(number(&free["longest_run_order"]), 17);
    // Free: 24 blocks of 128 MiB but for two.
    assert_eq!(number(&report["want"][0]["free"]), 22);
}

/// A zone's border inside a block takes it from both.
#[test]
fn a_block_that_two_zones_share_belongs_to_neither() {
    let root = scratch();
    machine(root.path(), &vec![BUDDY; 2048], 0);
    let zones = "Node 0, zone DMA\n spanned 700\n start_pfn: 0\nNode 0, zone Normal\n spanned 1348\n start_pfn: 700\n";
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let report = report_of(root.path(), &[]);
    let blocks = row(&report, "contiguity", "machine", Some(2 * MIB));
    assert_eq!(
        (number(&blocks["blocks"]), number(&blocks["partial"])),
        (3, 1)
    );
}

/// What the kernel said of zones that stood still while they were copied: the indices of debugfs, and buddyinfo.
#[test]
fn quiet_zones_have_the_indices_that_the_kernel_says() {
    let quiet = [
        ("boot-6.1", "Node 0 DMA"),
        ("thp-6.1", "Node 0 DMA"),
        ("numa-6.1", "Node 0 DMA"),
        ("zoo-6.1", "Node 0 DMA"),
        ("zoo-6.1", "Node 0 Movable"),
        ("fragmented", "Node 0 DMA"),
    ];
    for (name, zone) in quiet {
        let root = match name {
            "fragmented" => package("examples/fragmented"),
            name => system(name),
        };
        let report = report_of(&root, &[]);
        let rows = report["free"].as_array().expect("rows");
        let is_it = |row: &&Value| {
            let own = format!(
                "Node {} {}",
                row["node"],
                row["zone"].as_str().unwrap_or_default()
            );
            row["scope"] == "zone" && own == zone
        };
        let row = rows.iter().find(is_it).expect("the zone");
        let said = |file: &str| -> Vec<i64> {
            let path = root.join("sys/kernel/debug/extfrag").join(file);
            let table = fs::read_to_string(path).expect("what debugfs said");
            let is_zone = |line: &&str| {
                line.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .replace(", zone", "")
                    .starts_with(zone)
            };
            let line = table.lines().find(is_zone).expect("the zone");
            let values = line.split_whitespace().skip(4);
            values
                .map(|value| (value.parse::<f64>().expect("a number") * 1000.0).round() as i64)
                .collect()
        };
        let told = |name: &str| -> Vec<i64> {
            let values = row[name].as_array().expect("numbers");
            values
                .iter()
                .map(|value| value.as_i64().expect("a number"))
                .collect()
        };
        assert_eq!(
            told("unusable_index"),
            said("unusable_index"),
            "{name} {zone}"
        );
        assert_eq!(
            told("fragmentation_index"),
            said("extfrag_index"),
            "{name} {zone}"
        );
    }
}

#[test]
fn every_captured_system_has_its_golden_report() {
    for (name, path) in SYSTEMS {
        let report = report_of(&package(path), &[]);
        let told = serde_json::to_string_pretty(&report).expect("JSON") + "\n";
        assert_golden_text(&format!("report-{name}.json"), &told);
    }
}

#[test]
fn numbers_of_a_report_agree_with_each_other() {
    for (name, path) in SYSTEMS {
        let report = report_of(&package(path), &[]);
        for row in report["contiguity"].as_array().expect("rows") {
            let of = |name: &str| number(&row[name]);
            let states = [
                "free",
                "huge",
                "compactable",
                "polluted",
                "solid",
                "unmarked",
            ];
            assert_eq!(
                states.map(of).iter().sum::<u64>(),
                of("blocks"),
                "{name} {row}"
            );
            assert_eq!(of("polluted") + of("solid"), of("blocked_strict"));
            assert!(
                of("free") <= of("after_compaction")
                    && of("after_compaction") <= of("after_reclaim")
            );
            assert!(
                of("after_reclaim") <= of("free") + of("compactable"),
                "{name} {row}"
            );
            assert!(
                of("blocked_strict") <= of("blocked_pessimistic"),
                "{name} {row}"
            );
        }
        for size in [64 << 10, 2 * MIB, 32 * MIB, 1 << 30] {
            let rows: Vec<&Value> = report["contiguity"]
                .as_array()
                .expect("rows")
                .iter()
                .filter(|row| row["size"] == size)
                .collect();
            let sum = |scope: &str, name: &str| -> u64 {
                rows.iter()
                    .filter(|row| row["scope"] == scope)
                    .map(|row| number(&row[name]))
                    .sum()
            };
            for column in [
                "blocks",
                "free",
                "after_compaction",
                "after_reclaim",
                "blocked_strict",
            ] {
                let machine = sum("machine", column);
                if rows.len() > 1 {
                    assert_eq!(
                        (sum("node", column), sum("zone", column)),
                        (machine, machine),
                        "{name} {column}"
                    );
                }
            }
        }
        let free = row(&report, "free", "machine", None);
        let counts = free["free_blocks"].as_array().expect("orders");
        let pages: u64 = counts
            .iter()
            .enumerate()
            .map(|(order, blocks)| number(blocks) << order)
            .sum();
        assert_eq!(pages, number(&free["free_pages"]));
    }
}

/// What stands in the map of a page.
struct Map {
    data: Value,
}

impl Map {
    fn of(page: &str) -> Self {
        let (_, rest) = page
            .split_once("id=\"map-data\">")
            .expect("the data of the map");
        let (data, _) = rest.split_once("</script>").expect("its end");
        Self {
            data: json(data.as_bytes()),
        }
    }

    fn numbers(packed: &Value) -> Vec<u64> {
        let packed =
            base64::engine::general_purpose::STANDARD.decode(packed.as_str().expect("letters"));
        let mut bytes = Vec::new();
        let packed = packed.expect("base64");
        let mut inflate = flate2::read::ZlibDecoder::new(packed.as_slice());
        std::io::copy(&mut inflate, &mut bytes).expect("zlib");
        let (mut numbers, mut number, mut shift) = (Vec::new(), 0, 0);
        for byte in bytes {
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                numbers.push(number);
                (number, shift) = (0, 0);
            }
        }
        numbers
    }

    /// The kind of every cell in every reading.
    fn readings(&self) -> Vec<Vec<u64>> {
        let mut readings: Vec<Vec<u64>> = Vec::new();
        for frame in self.data["frames"].as_array().expect("readings") {
            let runs = Self::numbers(&frame["values"])
                .into_iter()
                .zip(Self::numbers(&frame["lengths"]));
            let mut cells = readings.last().cloned().unwrap_or_default();
            let is_first = readings.is_empty();
            let mut at = 0;
            for (value, length) in runs {
                let end = at + length as usize;
                match (is_first, value) {
                    (true, value) => cells.resize(end, value),
                    (false, 0) => {}
                    (false, value) => cells[at..end].fill(value - 1),
                }
                at = end;
            }
            assert_eq!(at as u64, number(&self.data["cells"]));
            readings.push(cells);
        }
        readings
    }

    /// The flags of a kind, as the kernel's word.
    fn word(&self, kind: u64) -> u64 {
        let word = self.data["kinds"][kind as usize]["word"].as_str();
        word.map_or(0, |word| {
            u64::from_str_radix(&word[2..], 16).expect("hexadecimal")
        })
    }

    fn class(&self, kind: u64) -> &str {
        let class = number(&self.data["kinds"][kind as usize]["class"]);
        self.data["classes"][class as usize]["name"]
            .as_str()
            .expect("a name")
    }
}

#[test]
fn the_map_has_every_page_as_the_kernel_said_it() {
    let root = system("zoo-6.1");
    let page = html_of(&["--sysroot", text(&root)]);
    let map = Map::of(&page);
    let readings = map.readings();
    let said = words("zoo-6.1");
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    for (&kind, &word) in readings[0].iter().zip(&said) {
        let class = map.class(kind);
        assert!(
            class == "hole" || map.word(kind) == word,
            "{class} {word:#x}"
        );
        *classes.entry(class).or_insert(0) += 1;
    }
    let report = report_of(&root, &[]);
    for (class, pages) in report["classes"].as_object().expect("classes") {
        assert_eq!(
            classes.get(class.as_str()),
            pages.as_u64().as_ref(),
            "{class}"
        );
    }
}

#[test]
fn a_series_has_trends_and_every_reading_on_its_map() {
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "thp-6.1", "boot-6.1"], directory.path());
    let page = html_of(&["--from", text(&recording)]);
    let map = Map::of(&page);
    let readings = map.readings();
    assert_eq!(readings.len(), 3);
    assert_eq!(readings[0], readings[2]);
    for (reading, name) in readings.iter().zip(["boot-6.1", "thp-6.1"]) {
        let wrong = reading
            .iter()
            .zip(words(name))
            .filter(|&(&kind, word)| map.class(kind) != "hole" && map.word(kind) != word);
        assert_eq!(wrong.count(), 0, "{name}");
    }
    let fixed = [
        "report",
        "-",
        "--format",
        "json",
        "--from",
        text(&recording),
    ];
    let report = json(&succeed(fixed));
    let trend = report["trend"].as_array().expect("readings");
    let frames: Vec<u64> = trend
        .iter()
        .map(|moment| number(&moment["frame"]))
        .collect();
    assert_eq!(frames, [0, 1, 2]);
    assert!(report["counters_grown"].is_object());
    for (moment, name) in trend.iter().zip(["boot-6.1", "thp-6.1"]) {
        let single = report_of(&system(name), &[]);
        let blocks = row(&single, "contiguity", "machine", Some(2 * MIB));
        for column in ["free", "after_compaction", "blocked_strict", "huge"] {
            assert_eq!(moment[column], blocks[column], "{name} {column}");
        }
    }
    // One reading of it is no series.
    let one = format!("{}@1", text(&recording));
    let report = json(&succeed([
        "report", "-", "--format", "json", "--from", &one,
    ]));
    assert_eq!(report["trend"].as_array().map(Vec::len), Some(0));
}

#[test]
fn threads_change_nothing() {
    let root = system("host-6.18");
    let of = |threads: &str| html_of(&["--sysroot", text(&root), "--threads", threads]);
    let one = of("1");
    assert!(one == of("2") && one == of("7"));
    assert!(one.len() < 3_000_000, "{} bytes", one.len());
}

/// A process can call itself what it likes.
fn with_hostile_process(root: &Path) {
    machine(root, &eight_blocks(), 0);
    let process = root.join("proc/7");
    fs::create_dir_all(&process).expect("a process");
    fs::write(process.join("comm"), "</script><b>|`x\n").expect("a name");
    let rollup = "0-1 ---p 00000000 00:00 0 [rollup]\nRss: 100 kB\nPss: 100 kB\nAnonymous: 100 kB\nAnonHugePages: 40 kB\n";
    fs::write(process.join("smaps_rollup"), rollup).expect("its memory");
    fs::create_dir_all(root.join("proc/sys/kernel")).expect("a directory");
    fs::write(root.join("proc/sys/kernel/hostname"), "<i>host\n").expect("a name");
}

#[test]
fn no_name_becomes_markup_and_names_can_be_left_out() {
    let (root, directory) = (scratch(), scratch());
    with_hostile_process(root.path());
    let page = html_of(&["--sysroot", text(root.path())]);
    assert!(
        page.contains("&#60;b&#62;|`x") || page.contains("&lt;b&gt;|`x"),
        "the name is told"
    );
    assert!(!page.contains("</script><b>") && !page.contains("<i>host"));
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
    let report = directory.path().join("report.md");
    succeed(["report", text(&report), "--sysroot", text(root.path())]);
    let markdown = fs::read_to_string(&report).expect("the report");
    assert!(
        markdown.contains("&lt;b&gt;\\|\\`x") && !markdown.contains("<i>host"),
        "{markdown}"
    );
    for options in [["--format", "html"], ["--format", "json"]] {
        let fixed = ["report", "-", "--redact", "--sysroot", text(root.path())];
        let text = String::from_utf8(succeed(fixed.iter().chain(&options))).expect("UTF-8");
        assert!(
            !text.contains("host\u{22}:\u{22}")
                && !text.contains("b&gt;")
                && !text.contains("&#60;b")
        );
    }
    let report = report_of(root.path(), &["--redact"]);
    assert_eq!(report["host"], Value::Null);
    assert_eq!(report["processes"]["top"][0]["comm"], "");
    assert_eq!(
        number(&report["processes"]["top"][0]["anonymous"]),
        100 * 1024
    );
}

#[test]
fn markdown_has_its_pictures_beside_it() {
    let directory = scratch();
    let report = directory.path().join("my report.md");
    let root = package("examples/fragmented");
    succeed(["report", text(&report), "--sysroot", text(&root)]);
    let mut names: Vec<String> = fs::read_dir(directory.path())
        .expect("a directory")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = [
        "my report-coverage.svg",
        "my report-free.svg",
        "my report-map.png",
        "my report-unmovable.svg",
        "my report.md",
    ];
    assert_eq!(names, expected);
    let markdown = fs::read_to_string(&report).expect("the report");
    for name in &names[..4] {
        assert!(
            markdown.contains(&format!("]({})", name.replace(' ', "%20"))),
            "{name}"
        );
    }
    let told = markdown.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_golden_text("report-fragmented.md", &told);
}

#[test]
fn a_wish_alone_is_answered_on_standard_output() {
    let root = package("examples/fragmented");
    let fixed = [
        "report",
        "--sysroot",
        text(&root),
        "--want",
        "2M=10",
        "--want",
        "1G=1",
    ];
    let answer = String::from_utf8(succeed(fixed)).expect("UTF-8");
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 3, "{answer}");
    assert!(
        lines[1].contains("10 × 2 MiB") && lines[1].contains("yes, after compaction"),
        "{answer}"
    );
    assert!(
        lines[2].contains("1 × 1 GiB") && lines[2].ends_with("no"),
        "{answer}"
    );
}

#[test]
fn what_cannot_be_meant_is_one_line() {
    let root = package("examples/fragmented");
    let root = text(&root);
    let wrong: [(&[&str], &str); 6] = [
        (&["report"], "<REPORT>"),
        (&["report", "x.pdf"], "one of .html, .md, .json"),
        (&["report", "-"], "--format html or json"),
        (&["report", "x.html", "--want", "3M=1"], "--want 3M=1"),
        (&["report", "x.html", "--want", "2M=0"], "--want 2M=0"),
        (
            &["report", "--want", "2M=1", "--format", "json"],
            "--format is for a report",
        ),
    ];
    for (words, part) in wrong {
        assert_refused(&run(words), 2, part);
    }
    let cannot: [(&[&str], &str); 2] = [
        (
            &["report", "/nowhere/x.html", "--sysroot", root],
            "/nowhere",
        ),
        (
            &["report", "--sysroot", root, "--want", "1k=1"],
            "a page has 4096",
        ),
    ];
    for (words, part) in cannot {
        assert_refused(&run(words), 1, part);
    }
}

#[test]
fn numbers_that_no_machine_has_end_no_report() {
    let (root, directory) = (scratch(), scratch());
    machine(root.path(), &eight_blocks(), 0);
    let proc = root.path().join("proc");
    let most = u64::MAX;
    let zones = format!(
        "Node 0, zone DMA\n  per-node stats\n      nr_slab_reclaimable {most}\n  pages free     {most}\n        high     {most}\n        \
        spanned  700\n        present  {most}\n        managed  {most}\n  pagesets\n              count: {most}\n              \
        count: {most}\n  start_pfn:           0\nNode 7, zone Normal\n        high     {most}\n        spanned  {most}\n        \
        present  {most}\n  start_pfn:           700\n"
    );
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    let orders = format!("{most} ").repeat(11);
    let blocks = format!("Node 0, zone DMA {orders}\nNode 7, zone Normal {orders}\n");
    fs::write(proc.join("buddyinfo"), blocks).expect("blocks");
    let counters = format!(
        "thp_fault_fallback {most}\nthp_fault_alloc 0\nnr_foll_pin_acquired {most}\nnr_foll_pin_released 1\n"
    );
    fs::write(proc.join("vmstat"), counters).expect("counters");
    fs::write(proc.join("meminfo"), format!("MemFree: {most} kB\n")).expect("sizes");
    let types = format!("Number of blocks type Unmovable\nNode 0, zone DMA {most}\n");
    fs::write(proc.join("pagetypeinfo"), types).expect("types");
    for name in ["report.html", "report.md", "report.json"] {
        let report = directory.path().join(name);
        succeed([
            "report",
            text(&report),
            "--sysroot",
            text(root.path()),
            "--want",
            "1T=1",
        ]);
    }
}

#[test]
fn a_full_disk_leaves_nothing() {
    let Some(disk) = SmallDisk::mount("16k") else {
        return;
    };
    let root = system("host-6.18");
    for name in ["report.html", "report.md"] {
        let path = disk.path().join(name);
        let output = run(["report", text(&path), "--sysroot", text(&root)]);
        assert_refused(&output, 1, "no space left");
        assert_empty(disk.path());
    }
}

#[test]
fn the_running_kernel_is_told() {
    if !may_ask_the_kernel() {
        return;
    }
    let report = json(&succeed(["report", "-", "--format", "json"]));
    let quality = &report["quality"];
    assert!(number(&quality["drift_sampled"]) > 10_000);
    // Memory that nobody disturbs changes little in half a second.
    assert!(
        number(&quality["drift_changed"]) * 5 < number(&quality["drift_sampled"]),
        "{quality}"
    );
    let free = row(&report, "free", "machine", None);
    assert!(number(&free["free_pages"]) > 0 && number(&free["longest_run_pages"]) > 0);
    assert!(
        report["processes"]["top"]
            .as_array()
            .is_some_and(|top| !top.is_empty())
    );
    let sum: u64 = report["classes"]
        .as_object()
        .expect("classes")
        .values()
        .map(number)
        .sum();
    assert!(sum > 0 && sum <= number(&report["pfns"]));
}
