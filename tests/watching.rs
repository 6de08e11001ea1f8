//! Metrics say what the report says, checks hold where the numbers do, and what packages install is there.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::reports::{number, report_of, row};
use common::{SYSTEMS, assert_refused, facts, has, package, run, scratch, succeed, system, text};

/// Metrics of a system: values by name and labels.
fn metrics(root: &Path) -> BTreeMap<String, f64> {
    let told = succeed(["metrics", "--sysroot", text(root)]);
    let told = String::from_utf8(told).expect("UTF-8");
    assert!(told.ends_with("# EOF\n"), "{told}");
    let lines = told.lines().filter(|line| !line.starts_with('#'));
    let value = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(value).collect()
}

#[test]
fn metrics_are_the_numbers_of_picture_and_report() {
    for (name, _) in SYSTEMS {
        let root = system(name);
        let metrics = metrics(&root);
        let facts = facts(name, &["--every-page"]);
        let report = report_of(&root, &[]);
        let outside = report["quality"]["outside_zones"]
            .as_u64()
            .expect("a count");
        let page = report["page_size"].as_u64().expect("a size");
        let mut missing = 0;
        for (class, counts) in facts["classes"].as_object().expect("classes") {
            if class == "hole" {
                continue;
            }
            let label = format!("class=\"{class}\"");
            let own = metrics.iter().filter(|(name, _)| name.contains(&label));
            let sum: f64 = own.map(|(_, value)| value).sum();
            let all = number(&counts["bytes"]);
            assert!(sum as u64 <= all, "{name}: {class}");
            missing += (all - sum as u64) / page;
        }
        assert_eq!(missing, outside, "{name}");
        for row in report["contiguity"].as_array().expect("rows") {
            if row["scope"] != "zone" {
                continue;
            }
            let labels = format!(
                "node=\"{}\",zone={},size_bytes=\"{}\"",
                row["node"], row["zone"], row["size"]
            );
            let value = |name: &str| metrics[&format!("pagemap_{name}")] as u64;
            assert_eq!(
                value(&format!("blocks{{{labels},state=\"free\"}}")),
                number(&row["free"])
            );
            assert_eq!(
                value(&format!("blocks{{{labels},state=\"solid\"}}")),
                number(&row["solid"])
            );
            let after = format!("obtainable_blocks{{{labels},after=\"compaction\"}}");
            assert_eq!(
                value(&after),
                number(&row["after_compaction"]),
                "{name}: {row}"
            );
        }
        // Of two nodes there are some hundreds, whatever is in memory.
        assert!(metrics.len() < 700, "{name}: {}", metrics.len());
    }
}

#[test]
fn metrics_repeat_and_a_file_is_replaced_as_a_whole() {
    let directory = scratch();
    let file = directory.path().join("pagemap.prom");
    let root = system("numa-6.1");
    let without_cost = |told: &str| -> Vec<String> {
        let lines = told.lines().filter(|line| !line.contains("pagemap_scan_"));
        lines.map(str::to_owned).collect()
    };
    succeed([
        "metrics",
        "--sysroot",
        text(&root),
        "--textfile",
        text(&file),
        "--quiet",
    ]);
    let first = fs::read_to_string(&file).expect("the file");
    succeed([
        "metrics",
        "--sysroot",
        text(&root),
        "--textfile",
        text(&file),
        "--threads",
        "1",
    ]);
    let again = fs::read_to_string(&file).expect("the file");
    assert_eq!(without_cost(&first), without_cost(&again));
    let output = run(["metrics", "--from", "/nowhere", "--textfile", text(&file)]);
    assert_refused(&output, 1, "/nowhere");
    assert_eq!(fs::read_to_string(&file).expect("the file"), again);
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        1
    );
}

#[test]
fn promtool_takes_metrics_and_rules() {
    if !has("promtool") {
        return;
    }
    for (name, _) in SYSTEMS {
        let told = succeed(["metrics", "--sysroot", text(&system(name))]);
        let directory = scratch();
        let file = directory.path().join("metrics");
        fs::write(&file, told).expect("a file");
        let output = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(fs::File::open(&file).expect("the file"))
            .output()
            .expect("it starts");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{name}: {output:?}"
        );
    }
    // What the dashboard asks, as rules.
    let dashboard = fs::read(package("docs/monitoring/dashboard.json")).expect("the dashboard");
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, question) in questions(&common::json(&dashboard)).iter().enumerate() {
        let question = serde_json::to_string(question).expect("a text");
        rules += &format!("      - record: pagemap:question:{number}\n        expr: {question}\n");
    }
    let directory = scratch();
    let asked = directory.path().join("dashboard.yml");
    fs::write(&asked, &rules).expect("a file");
    assert!(rules.lines().count() > 12, "{rules}");
    for words in [
        ["check", "rules", text(&asked)],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(words)
            .current_dir(package("docs/monitoring"))
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{output:?}");
    }
}

/// The queries of a dashboard, wherever they stand.
fn questions(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(fields) => {
            let own = fields.get("expr").and_then(serde_json::Value::as_str);
            let below = fields.values().flat_map(questions);
            own.map(str::to_owned).into_iter().chain(below).collect()
        }
        serde_json::Value::Array(values) => values.iter().flat_map(questions).collect(),
        _ => Vec::new(),
    }
}

/// Rules and dashboard ask for metrics that there are.
#[test]
fn what_is_asked_of_prometheus_is_there() {
    let metrics = metrics(&system("numa-6.1"));
    let live_only = [
        "pagemap_scan_duration_seconds",
        "pagemap_scan_changed_ratio",
    ];
    let manual = fs::read_to_string(package("docs/monitoring.md")).expect("the manual");
    for file in ["alerts.yml", "dashboard.json"] {
        let file = fs::read_to_string(package("docs/monitoring").join(file)).expect("a file");
        let names = file.split(|letter: char| {
            !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':'
        });
        let names: Vec<&str> = names.filter(|name| name.starts_with("pagemap_")).collect();
        assert!(names.len() > 3);
        for name in names {
            let is_there = metrics
                .keys()
                .any(|key| key.split('{').next() == Some(name));
            assert!(is_there || live_only.contains(&name), "{name}");
        }
    }
    for key in metrics.keys() {
        let name = key.split('{').next().expect("a name");
        assert!(
            manual.contains(&format!("`{name}`")),
            "{name} is not in the manual"
        );
    }
}

fn check(words: &[&str]) -> (Option<i32>, String) {
    let root = system("fragmented");
    let fixed = ["check", "--sysroot", text(&root)];
    let output = run(fixed.iter().chain(words));
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("UTF-8"),
    )
}

#[test]
fn checks_hold_where_the_numbers_do() {
    let report = report_of(&system("fragmented"), &[]);
    let machine = row(&report, "contiguity", "machine", Some(2 << 20));
    let blocked = number(&machine["blocked_strict"]);
    let whole = number(&machine["blocks"]);
    let share = 100.0 * blocked as f64 / whole as f64;
    let slab = number(&report["classes"]["slab"]);
    for (words, holds) in [
        (["--blocked", &format!("2M={blocked}")], true),
        (["--blocked", &format!("2M<{blocked}")], false),
        (["--blocked", &format!("2M<={:.3}%", share + 0.01)], true),
        (["--blocked", &format!("2M<={:.3}%", share - 0.01)], false),
        (["--class", &format!("slab={slab}")], true),
        (["--class", &format!("slab>{}KiB", slab * 4)], false),
        (["--class", &format!("slab>={}KiB", slab * 4)], true),
        (["--free-blocks", "2M>=1"], false),
        (["--free-blocks", "2M>=0"], true),
        (
            [
                "--contiguous",
                &format!("2M={}", number(&machine["after_compaction"])),
            ],
            true,
        ),
    ] {
        let (code, told) = check(&words);
        assert_eq!(code, Some(if holds { 0 } else { 1 }), "{words:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        let nagios: Vec<&str> = words
            .iter()
            .copied()
            .chain(["--format", "nagios"])
            .collect();
        let (code, told) = check(&nagios);
        assert_eq!(code, Some(if holds { 0 } else { 2 }), "{words:?}: {told}");
    }
    // A size that no report has by itself.
    let (code, told) = check(&["--contiguous", "4M>=1"]);
    assert!(code == Some(0) && told.contains("4 MiB"), "{told}");
}

#[test]
fn a_check_says_the_same_in_every_format() {
    let both = ["--free-blocks", "2M>=1", "--class", "hwpoison=0"];
    let format = |format| check(&[&both[..], &["--format", format]].concat()).1;
    let text = check(&both).1;
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("failed  free blocks of 2 MiB: 0, wanted"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("ok      memory of class hwpoison"),
        "{text}"
    );
    let tap = format("tap");
    assert!(tap.starts_with("1..2\nnot ok 1 - free blocks"), "{tap}");
    assert!(tap.contains("\nok 2 - memory of class hwpoison"), "{tap}");
    let json: serde_json::Value = serde_json::from_str(&format("json")).expect("JSON");
    assert_eq!(
        (json[0]["ok"].as_bool(), json[1]["ok"].as_bool()),
        (Some(false), Some(true))
    );
    assert_eq!(json[0]["check"], "2M>=1");
    let nagios = format("nagios");
    let first = nagios.lines().next().expect("a line");
    assert!(
        first.starts_with("PAGEMAP CRITICAL - free blocks of 2 MiB: 0"),
        "{nagios}"
    );
    assert!(first.contains(" | 'free blocks of 2 MiB'=0 "), "{nagios}");
}

#[test]
fn what_cannot_be_checked_is_no_failure() {
    for (words, code, part) in [
        (&["check"][..], 2, "nothing is asserted"),
        (&["check", "--blocked", "2M"], 2, "--blocked 2M is no limit"),
        (&["check", "--blocked", "3M<=1"], 2, "power of two"),
        (&["check", "--class", "dirt=0"], 2, "dirt is no class"),
        (&["check", "--class", "hole=0"], 2, "hole is no class"),
        (&["check", "--blocked", "<=1"], 2, "is no limit"),
        (&["check", "--class", "free>=101%"], 2, "is no limit"),
        (
            &["check", "--class", "dirt=0", "--format", "nagios"],
            3,
            "dirt",
        ),
        (&["check", "--thp", ">=1%"], 2, "--pid"),
        (
            &["check", "--from", "/nowhere", "--class", "hwpoison=0"],
            2,
            "/nowhere",
        ),
        (
            &["check", "--from", "example", "--free-blocks", "1K>=1"],
            2,
            "a page has",
        ),
    ] {
        assert_refused(&run(words), code, part);
    }
    let output = run([
        "check", "--from", "/nowhere", "--class", "free>0", "--format", "nagios",
    ]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.starts_with("PAGEMAP UNKNOWN - cannot"), "{told}");
}

/// Limits that any process keeps, and one that none does.
#[test]
fn huge_pages_of_a_process_are_checked() {
    if !common::may_ask_the_kernel() {
        return;
    }
    let own = std::process::id().to_string();
    let output = run([
        "check",
        "--quiet",
        "--pid",
        &own,
        "--thp>=0%",
        "--thp",
        "<=100%",
        "--thp",
        ">=900TiB",
    ]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = told
        .lines()
        .map(|line| line.split(' ').next().expect("a word"))
        .collect();
    assert_eq!(words, ["ok", "ok", "failed"], "{told}");
}

/// The verdict is told by the status, whatever becomes of the text.
#[test]
fn who_goes_away_changes_no_verdict() {
    let command = |sink: &str| {
        let program = env!("CARGO_BIN_EXE_pagemap-viz");
        let script = format!(
            "({program} check --quiet --from example --class 'free>=99%'; echo $? >&2) {sink}"
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().last().expect("a status").to_owned()
    };
    assert_eq!(command("| true"), "1");
    assert_eq!(command("> /dev/full"), "2");
}

#[test]
fn digits_show_on_which_side_of_a_limit_a_number_lies() {
    let report = report_of(&system("fragmented"), &[]);
    let slab = number(&report["classes"]["slab"]);
    let existing: u64 = report["classes"]
        .as_object()
        .expect("classes")
        .values()
        .map(number)
        .sum();
    let share = format!("{:.1}", 100.0 * slab as f64 / existing as f64);
    let (code, told) = check(&["--class", &format!("slab={share}%")]);
    assert_eq!(code, Some(1));
    let found = told
        .split(": ")
        .nth(1)
        .expect("a number")
        .split(' ')
        .next()
        .expect("a number");
    assert!(found.len() > share.len() + 2, "{told}");
    let (code, told) = check(&["--blocked", "1T<=10%"]);
    assert!(
        code == Some(1) && told.contains("has none at all"),
        "{told}"
    );
}
