//! What changed between readings, counted again from pictures of each reading.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{
    Decoded, SYSTEMS, assert_golden, assert_refused, decode, json, package, recording_of, run,
    scratch, succeed, system, text,
};
use serde_json::Value;

fn systems(one: &str, other: &str) -> [String; 2] {
    [one, other].map(|name| text(&system(name)).to_owned())
}

fn diff(one: &str, other: &str) -> Value {
    let [one, other] = systems(one, other);
    json(&succeed(["diff", &one, &other, "--json", "-"]))
}

fn pages(value: &Value) -> u64 {
    value.as_u64().expect("pages")
}

#[test]
fn margins_of_the_matrix_are_the_class_counts_of_each_reading() {
    let names = SYSTEMS.map(|(name, _)| name);
    for (at, one) in names.iter().enumerate() {
        let other = names[(at + 2) % names.len()];
        let matrix = diff(one, other)["matrix"].clone();
        let [before, after] = [one, &other].map(|name| common::facts(name, &[]));
        let rows = matrix.as_object().expect("a matrix");
        let mut columns: BTreeMap<&str, u64> = BTreeMap::new();
        for (from, row) in rows {
            let row = row.as_object().expect("a row");
            let sum: u64 = row.values().map(pages).sum();
            // Beyond the shorter reading's end there is hole.
            if from != "hole" {
                assert_eq!(
                    sum,
                    pages(&before["classes"][from]["pages"]),
                    "{one} {from}"
                );
            }
            for (to, cell) in row {
                *columns.entry(to).or_default() += pages(cell);
            }
        }
        for (to, sum) in columns.into_iter().filter(|(to, _)| *to != "hole") {
            assert_eq!(sum, pages(&after["classes"][to]["pages"]), "{other} {to}");
        }
    }
}

/// The legend's name of every map pixel, one page each, and of the rows that are drawn.
fn map(picture: &Decoded) -> Vec<String> {
    let place = &picture.facts["picture"];
    assert_eq!(picture.facts["pages_per_pixel"], 1);
    let mut names = BTreeMap::new();
    for entry in place["legend"].as_array().expect("a legend") {
        for index in entry["index"].as_array().expect("indices") {
            names.insert(pages(index), entry["name"].as_str().expect("a name"));
        }
    }
    let mut map = Vec::new();
    for rows in place["rows"].as_array().expect("rows") {
        assert_eq!(rows["drawn"], true, "these systems have no long hole");
        let [y, height] = ["y", "height"].map(|field| pages(&rows[field]) as usize);
        let end = pages(&rows["end_pfn"]) - pages(&rows["first_pfn"]);
        let cells = &picture.indices[y * 512..(y + height) * 512][..end as usize];
        map.extend(
            cells
                .iter()
                .map(|&index| names[&u64::from(index)].to_owned()),
        );
    }
    map
}

fn class_map(from: &str) -> Vec<String> {
    map(&decode(&succeed(["snapshot", "-", "--from", from])))
}

#[test]
fn every_pixel_says_what_became_of_its_page() {
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "light-6.1", "thp-6.1"], directory.path());
    let frame = |number: usize| format!("{}@{number}", text(&recording));
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        let (before, after) = (class_map(&frame(one)), class_map(&frame(other)));
        let picture = decode(&succeed(["diff", &frame(one), &frame(other), "-"]));
        for ((before, after), shown) in before.iter().zip(&after).zip(map(&picture)) {
            let expected = match (before.as_str(), after.as_str()) {
                ("hole", "hole") => "hole".to_owned(),
                (before, after) if before == after => format!("unchanged {after}"),
                (_, "free") => "freed".to_owned(),
                ("free", _) => "newly used".to_owned(),
                _ => "changed class".to_owned(),
            };
            assert_eq!(shown, expected, "from {before} to {after}");
        }
    }
}

#[test]
fn churn_counts_the_changes_of_every_page() {
    let directory = scratch();
    let states = ["boot-6.1", "light-6.1", "thp-6.1", "boot-6.1", "thp-6.1"];
    let recording = recording_of(&states, directory.path());
    let frames = (0..states.len()).map(|at| class_map(&format!("{}@{at}", text(&recording))));
    let frames: Vec<_> = frames.collect();
    let picture = decode(&succeed(["diff", "--series", text(&recording), "-"]));
    for (page, shown) in map(&picture).iter().enumerate() {
        let class = |frame: &Vec<String>| frame.get(page).map_or("hole", String::as_str).to_owned();
        let changes = frames
            .windows(2)
            .filter(|pair| class(&pair[0]) != class(&pair[1]));
        let last = class(&frames[states.len() - 1]);
        let expected = match changes.count() {
            0 if last == "hole" => "hole".to_owned(),
            0 => format!("unchanged {last}"),
            1 => "changed once".to_owned(),
            2 | 3 => "2 to 3 times".to_owned(),
            _ => "4 to 7 times".to_owned(),
        };
        assert_eq!(*shown, expected, "page {page:#x}");
    }
}

#[test]
fn a_recorded_system_differs_in_nothing_from_its_directory() {
    let directory = scratch();
    let recording = recording_of(&["zoo-6.1"], directory.path());
    let root = system("zoo-6.1");
    let facts = json(&succeed([
        "diff",
        text(&root),
        text(&recording),
        "--json",
        "-",
    ]));
    for (from, row) in facts["matrix"].as_object().expect("a matrix") {
        let row = row.as_object().expect("a row");
        assert_eq!(row.keys().collect::<Vec<_>>(), [from]);
    }
}

#[test]
fn the_matrix_is_printed_unless_something_else_goes_there() {
    let [one, other] = systems("boot-6.1", "thp-6.1");
    let printed = String::from_utf8(succeed(["diff", &one, &other])).expect("UTF-8");
    assert_eq!(
        printed,
        fs::read_to_string(package("tests/golden/matrix.txt")).expect("it")
    );
    let directory = scratch();
    let picture = directory.path().join("change.png");
    let again = succeed(["diff", &one, &other, text(&picture)]);
    assert_eq!(String::from_utf8(again).expect("UTF-8"), printed);
    assert_golden("difference", &fs::read(&picture).expect("a picture"));
}

#[test]
fn churn_looks_as_it_should() {
    let directory = scratch();
    let states = ["boot-6.1", "light-6.1", "thp-6.1", "boot-6.1"];
    let recording = recording_of(&states, directory.path());
    let light = ["--palette", "light", "--legend", "right"];
    let fixed = ["diff", "--series", text(&recording), "-"];
    assert_golden("churn-light", &succeed(fixed.iter().chain(&light)));
}

#[test]
fn a_hole_of_both_readings_is_cut_out() {
    let [one, other] = systems("numa-6.1", "numa-6.1");
    let picture = decode(&succeed(["diff", &one, &other, "-"]));
    let own = decode(&common::draw("numa-6.1", &[]));
    let rows = |picture: &Decoded| picture.facts["picture"]["rows"].clone();
    assert_eq!(rows(&picture), rows(&own));
}

#[test]
fn a_mark_that_is_not_believed_is_named_in_a_comparison_too() {
    let says = |words: &[&str]| {
        let facts = json(&succeed(["diff", "--json", "-"].iter().chain(words)));
        facts["picture"]["notes"].to_string().contains("KSM")
    };
    assert!(says(&["example@7", "example@8"]) && says(&["--series", "example"]));
    let plain = text(&system("boot-6.1")).to_owned();
    assert!(!says(&[&plain, &plain]));
}

#[test]
fn one_comparison_gives_the_same_bytes_again() {
    let [one, other] = systems("boot-6.1", "numa-6.1");
    let draw = |threads| {
        let fixed = ["diff", &one, &other, "-", "--max-rows", "100"];
        succeed(fixed.iter().chain(&["--threads", threads]))
    };
    assert!(draw("1") == draw("7"));
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let directory = scratch();
    let [one, other] = systems("boot-6.1", "thp-6.1");
    let recording = recording_of(&["boot-6.1"], directory.path());
    let large = directory.path().join("large.pmv");
    let words = directory.path().join("words.bin");
    fs::write(&words, [0; 8 * 1024]).expect("a dump");
    succeed([
        "record",
        text(&large),
        "--from",
        text(&words),
        "--page-size",
        "16K",
    ]);
    let picture = text(&directory.path().join("p.png")).to_owned();
    let table: [(&[&str], i32, &str); 9] = [
        (&[], 2, "two readings are compared"),
        (&[&one], 2, "two readings are compared"),
        (&[&one, &other, "x.jpg"], 2, "unknown picture format"),
        (
            &["--series", text(&recording), &picture, "more"],
            2,
            "what is more?",
        ),
        (
            &["--series", text(&recording), &picture],
            1,
            "it has one frame",
        ),
        (
            &[&one, text(&large), &picture],
            1,
            "pages of 4096 bytes with pages of 16384 bytes",
        ),
        (&[&one, "missing", &picture], 1, "cannot read missing"),
        (
            &[&one, &other, &picture, "--reducer", "any=anon"],
            2,
            "one of freed, used, changed",
        ),
        (
            &[&one, &format!("{}@9", text(&recording)), &picture],
            1,
            "cannot read frame 9",
        ),
    ];
    for (words, code, part) in table {
        assert_refused(&run(["diff"].iter().chain(words)), code, part);
        assert!(!Path::new(&picture).exists());
    }
}
