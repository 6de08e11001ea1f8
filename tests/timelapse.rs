//! Pictures of a series lie on each other, counts are those of each reading, and the animation shows the
//! same pixels.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use common::{
    Decoded, assert_golden, decode, json, pictures, recording_of, scratch, succeed, text,
};
use image::{AnimationDecoder, Frames};
use serde_json::Value;

/// Four states of machines of 1 GiB, and one with more page numbers and a hole.
const STATES: [&str; 5] = ["boot-6.1", "light-6.1", "thp-6.1", "zoo-6.1", "numa-6.1"];

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
        assert_eq!(marked["name"], "marked: changed");
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
fn marks_change_no_counts_where_a_frame_is_shorter_than_the_one_before() {
    let directory = scratch();
    let mut arguments = vec![
        "record".to_owned(),
        text(&directory.path().join("r.pmv")).to_owned(),
    ];
    for (number, pages) in [600u64, 1100, 600].into_iter().enumerate() {
        let path = directory.path().join(format!("{number}.bin"));
        let words = (0..pages).map(|page| ((page * 7 + number as u64) % 3) << 10);
        let bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
        fs::write(&path, bytes).expect("a dump");
        arguments.extend(["--from".to_owned(), text(&path).to_owned()]);
    }
    succeed(&arguments);
    let counts = |name: &str, more: &[&str]| {
        let out = directory.path().join(name);
        let fixed = ["timelapse", "--from", &arguments[1], text(&out)];
        succeed(fixed.iter().chain(more));
        fs::read_to_string(out.join("counts.csv")).expect("counts")
    };
    assert_eq!(
        counts("marked", &["--mark", "changes"]),
        counts("plain", &[])
    );
}

/// A series of the example goes into a directory that may have its name.
#[test]
fn a_directory_called_example_hides_nothing() {
    let directory = common::scratch();
    let drawn = common::tool()
        .args(["timelapse", "--from", "example", "--quiet", "example"])
        .current_dir(directory.path())
        .status();
    assert!(drawn.is_ok_and(|status| status.success()));
    let again = common::tool()
        .args(["diff", "example@7", "example@8", "--quiet"])
        .current_dir(directory.path())
        .output();
    assert!(again.is_ok_and(|output| output.status.success()));
}
