//! Pictures of a series lie on each other, the animation shows the same pixels, and what ends a
//! time-lapse leaves nothing half-written.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{
    Decoded, assert_empty, assert_golden, assert_refused, decode, json, recording_of, run, scratch,
    succeed, system, text, tool,
};
use image::{AnimationDecoder, Frames};
use serde_json::Value;

/// Four states of machines of 1 GiB, and one with more page numbers and a hole.
const STATES: [&str; 5] = ["boot-6.1", "light-6.1", "thp-6.1", "zoo-6.1", "numa-6.1"];

fn pictures(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a series").flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    paths.sort();
    paths
}

fn decoded(directory: &Path) -> Vec<Decoded> {
    let read = |path: &PathBuf| decode(&fs::read(path).expect("a picture"));
    pictures(directory).iter().map(read).collect()
}

fn names(picture: &Decoded) -> Vec<String> {
    let legend = picture.facts["picture"]["legend"].as_array();
    let name = |entry: &Value| entry["name"].as_str().expect("a name").to_owned();
    legend.expect("a legend").iter().map(name).collect()
}

#[test]
fn pictures_of_a_series_share_size_scale_colours_and_legend() {
    let directory = scratch();
    let recording = recording_of(&STATES, directory.path());
    for (number, options) in [
        &["--max-rows", "300"][..],
        &["--legend", "right", "--by", "flags"],
        &["--legend", "none", "--mark", "changes"],
    ]
    .into_iter()
    .enumerate()
    {
        let out = directory.path().join(number.to_string());
        let fixed = ["timelapse", "--from", text(&recording), text(&out)];
        succeed(fixed.iter().chain(options));
        let drawn = decoded(&out);
        assert_eq!(drawn.len(), STATES.len());
        let first = &drawn[0];
        for other in &drawn {
            assert_eq!((other.width, other.height), (first.width, first.height));
            assert_eq!(other.palette, first.palette);
            assert_eq!(names(other), names(first));
            let scale = |picture: &Decoded| picture.facts["pages_per_pixel"].clone();
            assert_eq!(scale(other), scale(first));
            let rows = |picture: &Decoded| {
                let rows = picture.facts["picture"]["rows"].as_array().expect("rows");
                let place = |row: &Value| (row["y"].clone(), row["first_pfn"].clone());
                rows.iter().map(place).collect::<Vec<_>>()
            };
            assert_eq!(
                rows(other),
                rows(first),
                "the same page is at the same place"
            );
        }
    }
}

#[test]
fn counts_beside_the_pictures_are_those_of_each_reading() {
    let directory = scratch();
    let recording = recording_of(&STATES, directory.path());
    let out = directory.path().join("series");
    succeed(["timelapse", "--from", text(&recording), text(&out)]);
    let index = json(&fs::read(out.join("index.json")).expect("an index"));
    let mut table = csv::Reader::from_path(out.join("counts.csv")).expect("a table");
    let rows: Vec<BTreeMap<String, String>> =
        table.deserialize().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), STATES.len());
    for (number, row) in rows.iter().enumerate() {
        let from = format!("{}@{number}", text(&recording));
        let picture = text(&directory.path().join("p.png")).to_owned();
        let facts = json(&succeed([
            "snapshot", "--json", "-", "--from", &from, &picture,
        ]));
        let reading = &index["readings"][number];
        assert_eq!(reading["classes"], facts["classes"]);
        assert_eq!(reading["file"], format!("{number:04}.png"));
        for (class, counted) in facts["classes"].as_object().expect("classes") {
            assert_eq!(row[class], counted["pages"].to_string(), "{class}");
        }
    }
    // A dump's date says nothing about when it was read.
    assert_eq!(index["readings"][1]["elapsed_seconds"], Value::Null);
}

/// An animation's pictures as a decoder of another make shows them, red green blue.
fn shown(frames: Frames<'_>) -> Vec<Vec<u8>> {
    let rgb = |frame: image::Frame| image::DynamicImage::from(frame.into_buffer()).into_rgb8();
    let frames = frames.map(|frame| rgb(frame.expect("a frame")).into_raw());
    frames.collect()
}

#[test]
fn the_animation_shows_the_pixels_of_the_pictures() {
    let directory = scratch();
    let recording = recording_of(&STATES, directory.path());
    for name in ["film.gif", "film.apng", "film.png"] {
        let (out, film) = (directory.path().join(name), directory.path().join("f"));
        let film = film.with_extension(out.extension().expect("one"));
        let fixed = ["timelapse", "--from", text(&recording), text(&out)];
        let more = ["--max-rows", "200", "--fps", "10", "--animate", text(&film)];
        succeed(fixed.iter().chain(&more));
        let file = BufReader::new(fs::File::open(&film).expect("an animation"));
        let frames = match name {
            "film.gif" => {
                let decoder = image::codecs::gif::GifDecoder::new(file).expect("a GIF");
                shown(decoder.into_frames())
            }
            _ => {
                let decoder = image::codecs::png::PngDecoder::new(file).expect("a PNG");
                assert!(decoder.is_apng().expect("it says"));
                shown(decoder.apng().expect("animated").into_frames())
            }
        };
        let drawn: Vec<_> = decoded(&out).iter().map(Decoded::rgb).collect();
        assert!(frames == drawn, "{name}");
    }
}

#[test]
fn one_recording_gives_the_same_bytes_again() {
    let directory = scratch();
    let recording = recording_of(&STATES, directory.path());
    let draw = |name: &str, threads: &str| {
        let out = directory.path().join(name);
        let film = out.with_extension("gif");
        let fixed = ["timelapse", "--from", text(&recording), text(&out)];
        let more = ["--threads", threads, "--animate", text(&film)];
        succeed(fixed.iter().chain(&more));
        let mut files: Vec<_> = fs::read_dir(&out).expect("a series").flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        let mut bytes: Vec<_> = files
            .iter()
            .map(|f| fs::read(f.path()).expect("it"))
            .collect();
        bytes.push(fs::read(&film).expect("the animation"));
        bytes
    };
    assert!(draw("one", "1") == draw("seven", "7"));
}

#[test]
fn what_changed_is_marked_and_counted() {
    let directory = scratch();
    let recording = recording_of(&STATES, directory.path());
    let out = directory.path().join("series");
    let fixed = ["timelapse", "--from", text(&recording), text(&out)];
    succeed(fixed.iter().chain(&["--mark", "changes"]));
    for (number, picture) in decoded(&out).iter().enumerate() {
        let legend = picture.facts["picture"]["legend"].as_array().expect("one");
        let marked = legend.last().expect("a line");
        assert_eq!(marked["name"], "changed since the last");
        let expected = match number {
            0 => 0,
            _ => {
                let [before, after] =
                    [number - 1, number].map(|at| format!("{}@{at}", text(&recording)));
                changed(&json(&succeed(["diff", &before, &after, "--json", "-"])))
            }
        };
        assert_eq!(marked["pages"], expected, "picture {number}");
    }
}

/// Pages off the diagonal of a matrix.
fn changed(facts: &Value) -> u64 {
    let rows = facts["matrix"].as_object().expect("a matrix");
    let cells = rows.iter().flat_map(|(from, row)| {
        let row = row.as_object().expect("a row");
        row.iter().filter(move |(to, _)| *to != from)
    });
    cells.map(|(_, pages)| pages.as_u64().expect("pages")).sum()
}

#[test]
fn a_picture_of_a_series_looks_as_it_should() {
    let directory = scratch();
    let recording = recording_of(&STATES[..4], directory.path());
    let out = directory.path().join("series");
    let fixed = ["timelapse", "--from", text(&recording), text(&out)];
    succeed(fixed.iter().chain(&["--mark", "changes"]));
    assert_golden(
        "series-marked",
        &fs::read(out.join("0002.png")).expect("it"),
    );
}

#[test]
fn wrong_usage_of_timelapse_is_one_line() {
    let table: [(&[&str], &str); 7] = [
        (&[], "<DIRECTORY>"),
        (&["d", "--fps", "0"], "--fps 0 is not from"),
        (&["d", "--fps", "nan"], "--fps"),
        (&["d", "--animate", "x.jpg"], "one of .gif, .apng, .png"),
        (
            &["d", "--mark", "changes", "--by", "flags"],
            "--mark changes is for",
        ),
        (&["d", "--mark", "all"], "changes"),
        (&["d", "--budget", "101"], "--budget 101 is not a share"),
    ];
    for (words, part) in table {
        assert_refused(&run(["timelapse"].iter().chain(words)), 2, part);
    }
}

#[test]
fn what_cannot_be_drawn_leaves_no_directory() {
    let directory = scratch();
    let root = system("boot-6.1");
    let out = directory.path().join("series");
    let full = directory.path().join("full");
    fs::create_dir(&full).expect("a directory");
    fs::write(full.join("mine"), "").expect("a file");
    let nowhere = directory.path().join("no/gif.gif");
    let table: [(&[&str], &str); 4] = [
        (&[text(&full), "--sysroot", text(&root)], "it is not empty"),
        (
            &[
                text(&out),
                "--sysroot",
                text(&root),
                "--animate",
                text(&nowhere),
            ],
            "there is no directory",
        ),
        (&[text(&out), "--from", "missing.pmv"], "missing.pmv"),
        (
            &[
                text(&out),
                "--sysroot",
                text(&root),
                "--",
                "no-such-command",
            ],
            "no-such-command",
        ),
    ];
    for (words, part) in table {
        let output = run(["timelapse"].iter().chain(words));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
        assert!(!out.exists(), "{words:?}");
    }
    assert_eq!(fs::read_dir(&full).expect("it").count(), 1);
}

/// A program of that name and text, in a directory of its own to be searched first.
fn stand_in(directory: &Path, name: &str, script: &str) -> String {
    let bin = directory.join(format!("bin-{}", script.len()));
    fs::create_dir_all(&bin).expect("a directory");
    let path = bin.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may run");
    let old = std::env::var("PATH").expect("a search path");
    format!("{}:{old}", text(&bin))
}

#[test]
fn a_film_is_ffmpegs_work_and_its_failure_ours_to_tell() {
    let directory = scratch();
    let recording = recording_of(&STATES[..3], directory.path());
    let film = directory.path().join("film.mp4");
    let shoot = |name: &str, path: &str| {
        let out = directory.path().join(name);
        let mut command = tool();
        command
            .env("PATH", path)
            .args(["timelapse", "--from", text(&recording)]);
        let output = command.args([text(&out), "--mp4", text(&film)]).output();
        (out, output.expect("it starts"))
    };
    let (out, output) = shoot("none", "/nonexistent");
    assert_refused(&output, 1, "ffmpeg does not start");
    assert!(!out.exists(), "it is missed before anything is drawn");

    let fails = "[ \"$1\" = -version ] && exit 0; echo one >&2; echo the reason >&2; exit 3";
    let (out, output) = shoot("fails", &stand_in(directory.path(), "ffmpeg", fails));
    assert_refused(&output, 1, "ffmpeg says: the reason");
    assert!(
        !film.exists() && pictures(&out).len() == 3,
        "the pictures stay"
    );

    // Its last argument is the film.
    let copies = "[ \"$1\" = -version ] && exit 0; for last; do :; done; exec cat > \"$last\"";
    let (out, output) = shoot("copies", &stand_in(directory.path(), "ffmpeg", copies));
    assert!(output.status.success());
    let all: Vec<u8> = pictures(&out)
        .iter()
        .flat_map(|p| fs::read(p).expect("it"))
        .collect();
    assert!(
        fs::read(&film).expect("a film") == all,
        "every picture went in, in order"
    );
}

#[test]
fn a_command_goes_along_and_its_exit_status_is_passed_on() {
    let directory = scratch();
    let (root, out) = (system("boot-6.1"), directory.path().join("series"));
    let fixed = [
        "timelapse",
        text(&out),
        "--sysroot",
        text(&root),
        "--every",
        "50ms",
    ];
    let along = ["--budget", "100", "--", "sh", "-c", "sleep 0.3; exit 7"];
    let output = run(fixed.iter().chain(&along));
    assert_eq!(output.status.code(), Some(7));
    let drawn = pictures(&out);
    assert!(drawn.len() > 1 && out.join("recording.pmv").exists());
    let again = directory.path().join("again");
    let kept = out.join("recording.pmv");
    succeed(["timelapse", "--from", text(&kept), text(&again)]);
    for (one, other) in drawn.iter().zip(pictures(&again)) {
        assert!(fs::read(one).expect("it") == fs::read(other).expect("it"));
    }
}

/// A time-lapse without end, stopped by `signal` when the first reading is kept.
fn stopped_by(signal: &str, directory: &Path) -> (PathBuf, std::process::Output) {
    let (root, out) = (system("boot-6.1"), directory.join("series"));
    let mut command = tool();
    command.args(["timelapse", text(&out), "--sysroot", text(&root)]);
    command.args(["--every", "10ms", "--budget", "100"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("it starts");
    let kept = out.join("recording.pmv");
    while !kept.exists() {
        std::thread::yield_now();
    }
    let mut kill = Command::new("kill");
    let status = kill.args([signal, &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
    (out, child.wait_with_output().expect("it ends"))
}

#[test]
fn ctrl_c_ends_the_readings_and_draws_them() {
    let directory = scratch();
    let (out, output) = stopped_by("-INT", directory.path());
    assert!(output.status.success(), "{output:?}");
    assert!(!pictures(&out).is_empty() && out.join("index.json").exists());
}

#[test]
fn sigterm_ends_everything_and_keeps_what_was_read() {
    let directory = scratch();
    let (out, output) = stopped_by("-TERM", directory.path());
    assert_eq!(output.status.code(), Some(128 + 15));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is kept in"));
    assert!(pictures(&out).is_empty());
    fs::remove_file(out.join("recording.pmv")).expect("the readings are kept");
    assert_empty(&out);
}
