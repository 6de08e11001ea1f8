//! Processes in recordings and time-lapses: what was kept is found again as it was.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{
    assert_refused, decode, json, pictures, run, scratch, succeed, system, text, write_process,
};
use serde_json::Value;

const PRESENT: u64 = 1 << 63;
const ANON: u64 = 1 << 12 | 1 << 11;

/// A recording of the system with process 118, twice, with more options.
fn recorded(directory: &Path, options: &[&str]) -> PathBuf {
    let (path, root) = (directory.join("r.pmv"), system("thp-6.1"));
    let fixed = [
        "record",
        text(&path),
        "--sysroot",
        text(&root),
        "--sysroot",
        text(&root),
    ];
    succeed(fixed.iter().chain(options));
    path
}

/// The picture's facts and pixels.
fn drawn(options: &[&str]) -> (Value, Vec<u8>) {
    let fixed = ["snapshot", "-"];
    let picture = decode(&succeed(fixed.iter().chain(options)));
    (picture.facts["picture"].clone(), picture.indices)
}

fn kinds(picture: &Value) -> Vec<(String, u64)> {
    let legend = picture["legend"].as_array().expect("a legend");
    let of = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name").to_owned();
        (name, entry["pages"].as_u64().expect("pages"))
    };
    legend.iter().map(of).collect()
}

#[test]
fn a_recorded_process_looks_as_it_did() {
    let (directory, root) = (scratch(), system("thp-6.1"));
    let live = drawn(&["--sysroot", text(&root), "--pid", "118"]);
    for chosen in [["--pid", "118"], ["--comm", "memload"]] {
        let path = recorded(directory.path(), &chosen);
        for asked in [["--pid", "118"], ["--comm", "memload"]] {
            let later = drawn(&[&["--from", text(&path)][..], &asked].concat());
            assert_eq!(kinds(&later.0), kinds(&live.0));
            assert_eq!(later.0["map_rows"], live.0["map_rows"]);
            assert!(later.1 == live.1, "{chosen:?} {asked:?}");
        }
    }
}

#[test]
fn a_recording_of_a_recording_keeps_its_processes() {
    let directory = scratch();
    let first = recorded(directory.path(), &["--pid", "118"]);
    let second = directory.path().join("second.pmv");
    let all = format!("{}@all", text(&first));
    succeed(["record", text(&second), "--from", &all]);
    let of = |path: &Path| drawn(&["--from", text(path), "--pid", "118"]).1;
    assert!(of(&first) == of(&second));
}

#[test]
fn names_that_are_withheld_are_not_in_the_file() {
    let directory = scratch();
    let path = recorded(directory.path(), &["--pid", "118", "--redact"]);
    let (picture, _) = drawn(&["--from", text(&path), "--pid", "118"]);
    assert!(
        kinds(&picture)
            .iter()
            .any(|(name, _)| name.starts_with("anonymous"))
    );
    let drawn = decode(&succeed([
        "snapshot",
        "-",
        "--redact",
        "--sysroot",
        text(&system("thp-6.1")),
        "--pid",
        "118",
    ]));
    let all: Vec<_> = drawn.texts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!all.concat().contains("memload"));
    let refused = run(["snapshot", "-", "--from", text(&path), "--comm", "memload"]);
    assert_refused(&refused, 1, "cannot find a process called memload");
}

#[test]
fn who_was_not_recorded_is_not_found() {
    let directory = scratch();
    let with = recorded(directory.path(), &["--pid", "118"]);
    let without = directory.path().join("without.pmv");
    let root = system("thp-6.1");
    succeed(["record", text(&without), "--sysroot", text(&root)]);
    let table: [(&[&str], i32, &str); 6] = [
        (
            &["snapshot", "-", "--from", text(&with), "--pid", "7"],
            1,
            "cannot find process 7 in",
        ),
        (
            &["snapshot", "-", "--from", text(&without), "--pid", "118"],
            1,
            "it carries none",
        ),
        (
            &["snapshot", "-", "--pid", "118", "--reducer", "dominant"],
            2,
            "--reducer does not go",
        ),
        (
            &["snapshot", "-", "--pid", "118", "--by", "flags"],
            2,
            "cannot be used with",
        ),
        (
            &["record", "x.pmv", "--sysroot", text(&root), "--pid", "7"],
            1,
            "no such process",
        ),
        (
            &["record", "x.pmv", "--sysroot", text(&root), "--pid", "me"],
            2,
            "--pid me is no process",
        ),
    ];
    for (words, code, part) in table {
        assert_refused(&run(words), code, part);
    }
    assert!(!Path::new("x.pmv").exists());
}

#[test]
fn a_time_lapse_shows_a_process_as_snapshots_do() {
    let directory = scratch();
    let path = recorded(directory.path(), &["--pid", "118"]);
    let series = directory.path().join("series");
    succeed([
        "timelapse",
        text(&series),
        "--from",
        text(&path),
        "--pid",
        "118",
    ]);
    let single = drawn(&["--from", text(&path), "--pid", "118"]).0;
    let all = pictures(&series);
    assert_eq!(all.len(), 2);
    for picture in all {
        let picture = decode(&fs::read(picture).expect("a picture")).facts;
        let title = picture["picture"]["notes"].to_string();
        assert!(title.contains("contiguous runs"), "{title}");
        let found: Vec<_> = kinds(&picture["picture"]);
        assert_eq!(found, kinds(&single));
    }
}

/// A process of two pages, the second of which a later reading has not: its legend still has a line for it, and
/// the pictures do not move.
#[test]
fn a_process_that_shrinks_keeps_its_place_in_the_legend() {
    let directory = scratch();
    let maps = "1000-2000 rw-p 00000000 00:00 0                          [heap]\n\
        8000-9000 rw-p 00000000 00:00 0                          [stack]\n";
    let mut flags = vec![0u64; 1024];
    (flags[100], flags[700]) = (ANON, ANON);
    let states: [&[&[u64]]; 2] = [
        &[&[PRESENT | 100], &[PRESENT | 700]],
        &[&[PRESENT | 100], &[0]],
    ];
    let mut options = vec!["timelapse".to_owned(), "--pid".into(), "7".into()];
    for (number, entries) in states.iter().enumerate() {
        let root = directory.path().join(number.to_string());
        write_process(&root, &flags, maps, entries);
        options.extend(["--sysroot".to_owned(), text(&root).to_owned()]);
    }
    let series = directory.path().join("series");
    options.push(text(&series).to_owned());
    succeed(&options);
    let all: Vec<_> = pictures(&series)
        .iter()
        .map(|path| decode(&fs::read(path).expect("a picture")))
        .collect();
    let stacks: Vec<u64> = all
        .iter()
        .map(|picture| kinds(&picture.facts["picture"]))
        .map(|kinds| {
            kinds
                .iter()
                .find(|(name, _)| name == "stack")
                .expect("a line")
                .1
        })
        .collect();
    assert_eq!(stacks, [1, 0]);
    assert_eq!(all[0].height, all[1].height);
    let index = json(&fs::read(series.join("index.json")).expect("an index"));
    assert_eq!(index["lens"], "overlay");
    let found = |number: usize| index["readings"][number]["found"]["stack"].clone();
    assert_eq!((found(0), found(1)), (1.into(), 0.into()));
}

/// Flags are all in a recording, so that conditions on them need nothing beside.
#[test]
fn a_time_lapse_shows_flags_that_are_looked_for() {
    let directory = scratch();
    let path = recorded(directory.path(), &[]);
    let series = directory.path().join("series");
    succeed([
        "timelapse",
        text(&series),
        "--from",
        text(&path),
        "--highlight",
        "thp",
    ]);
    let first = decode(&fs::read(&pictures(&series)[0]).expect("a picture")).facts;
    let single = drawn(&["--from", text(&path), "--highlight", "thp"]).0;
    assert_eq!(kinds(&first["picture"]), kinds(&single));
    let refused = run([
        "timelapse",
        "/tmp/none",
        "--from",
        text(&path),
        "--highlight",
        "thp",
        "--mark",
        "changes",
    ]);
    assert_refused(&refused, 2, "cannot be used with");
}

#[test]
fn what_would_be_lost_later_is_refused_before() {
    let directory = scratch();
    let touched = directory.path().join("touched");
    let touch = text(&touched);
    let path = directory.path().join("r.pmv");
    let table: [(&[&str], i32, &str); 4] = [
        (
            &["timelapse", "x", "--redact", "--comm", "sh", "--count", "1"],
            2,
            "named by --pid",
        ),
        (
            &[
                "timelapse",
                "x",
                "--redact",
                "--cgroup",
                "/x",
                "--count",
                "1",
            ],
            2,
            "named by @INODE",
        ),
        (
            &[
                "record",
                text(&path),
                "--pid",
                "4194304",
                "--",
                "touch",
                touch,
            ],
            1,
            "no such process",
        ),
        (
            &["record", text(&path), "--cgroup", "/x", "--sysroot", "/x"],
            2,
            "for the running kernel",
        ),
    ];
    for (words, code, part) in table {
        if words[0] == "record" && code == 1 && !common::may_ask_the_kernel() {
            continue;
        }
        assert_refused(&run(words), code, part);
    }
    assert!(!touched.exists(), "the command did not run");
}

#[test]
fn frames_without_processes_stand_beside_those_with() {
    let directory = scratch();
    let with = recorded(directory.path(), &["--pid", "118"]);
    let (both, series) = (
        directory.path().join("both.pmv"),
        directory.path().join("series"),
    );
    let root = system("thp-6.1");
    succeed([
        "record",
        text(&both),
        "--from",
        text(&with),
        "--sysroot",
        text(&root),
    ]);
    succeed([
        "timelapse",
        text(&series),
        "--from",
        text(&both),
        "--pid",
        "118",
    ]);
    let told = String::from_utf8(succeed(["info", text(&both)])).expect("UTF-8");
    assert!(told.contains("processes  118 memload\n"), "{told}");
    let notes = |number: usize| {
        let picture = fs::read(&pictures(&series)[number]).expect("a picture");
        decode(&picture).facts["picture"]["notes"].to_string()
    };
    assert!(notes(0).contains("contiguous runs"));
    assert!(notes(1).contains("No such page was found."));
}
