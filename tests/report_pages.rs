//! `pagemap-viz report`: the pages that it writes, what is in them, and what is not.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use common::reports::*;
use common::{
    SmallDisk, assert_empty, assert_golden_text, assert_refused, json, package, recording_of, run,
    scratch, succeed, system, text, words,
};
use serde_json::Value;

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

/// Where a reader lives and what terminal it has is in no result.
#[test]
fn surroundings_change_nothing() {
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "thp-6.1"], directory.path());
    let verbs: [&[&str]; 5] = [
        &["snapshot", "-"],
        &["report", "-", "--format", "html"],
        &["report", "-", "--format", "json"],
        &["flags", "--format", "csv"],
        &["orders", "--system", "--format", "json"],
    ];
    for verb in verbs {
        let words: Vec<&str> = verb
            .iter()
            .chain(&["--from", text(&recording)])
            .copied()
            .collect();
        let with = |surroundings: &[(&str, &str)]| {
            let mut command = common::tool();
            command.args(&words).envs(surroundings.iter().copied());
            command.output().expect("the program starts").stdout
        };
        let plain = with(&[("LC_ALL", "C"), ("TZ", "UTC"), ("TERM", "dumb")]);
        assert!(!plain.is_empty());
        let elsewhere = [
            ("LC_ALL", "de_DE.UTF-8"),
            ("TZ", "Asia/Kathmandu"),
            ("TERM", "xterm-256color"),
            ("COLUMNS", "40"),
        ];
        assert!(with(&elsewhere) == plain, "{verb:?}");
        assert!(
            with(&[
                ("TZ", "America/St_Johns"),
                ("NO_COLOR", "1"),
                ("LANG", "tr_TR")
            ]) == plain,
            "{verb:?}"
        );
    }
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
            !text.contains("i&gt;host")
                && !text.contains("&#60;i")
                && !text.contains("<i>host")
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
            &["report", "--sysroot", root, "--want", "4k=1"],
            "a page has 4096",
        ),
    ];
    for (words, part) in cannot {
        assert_refused(&run(words), 1, part);
    }
}

#[test]
fn a_full_disk_leaves_nothing() {
    for size in ["16k", "48k"] {
        a_disk_of_leaves_nothing(size);
    }
}

fn a_disk_of_leaves_nothing(size: &str) {
    let Some(disk) = SmallDisk::mount(size) else {
        return;
    };
    let root = system("host-6.18");
    // Where the map fits and the text does not, too.
    for name in ["report.html", "report.md"] {
        let path = disk.path().join(name);
        let output = run(["report", text(&path), "--sysroot", text(&root)]);
        assert_refused(&output, 1, "no space left");
        assert_empty(disk.path());
    }
}
