//! Recordings: what goes in comes out bit for bit, and damage costs what follows it and nothing else.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::{SYSTEMS, decode, frame_words, run, scratch, succeed, system, text, words};
use pagemap_viz::source::Recording;

fn write_words(path: &Path, words: &[u64]) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    fs::write(path, bytes).expect("room");
}

/// A small recording of three frames, and what they hold.
fn small(directory: &Path) -> (Vec<u8>, Vec<Vec<u64>>) {
    let first: Vec<u64> = (0..3000).map(|page| page / 100 * 7).collect();
    let mut second = first.clone();
    second[500..700].fill(1 << 10);
    let mut third = second.clone();
    third.truncate(2500);
    let frames = vec![first, second, third];
    let mut command = vec![
        "record".to_owned(),
        text(&directory.join("small.pmv")).to_owned(),
    ];
    for (number, words) in frames.iter().enumerate() {
        let path = directory.join(format!("{number}.bin"));
        write_words(&path, words);
        command.extend(["--from".to_owned(), text(&path).to_owned()]);
    }
    succeed(command);
    (
        fs::read(directory.join("small.pmv")).expect("a recording"),
        frames,
    )
}

#[test]
fn every_captured_system_comes_back_bit_for_bit_and_looks_the_same() {
    let directory = scratch();
    let path = directory.path().join("one.pmv");
    for (name, _) in SYSTEMS {
        let root = system(name);
        succeed(["record", "--sysroot", text(&root), text(&path)]);
        let raw = succeed(["export", text(&path), "--frame", "0", "--raw"]);
        let expected: Vec<u8> = words(name)
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        assert!(raw == expected, "{name}: the words come back");
        let draw =
            |option: &str, from: &Path| decode(&succeed(["snapshot", option, text(from), "-"]));
        let (original, recorded) = (draw("--sysroot", &root), draw("--from", &path));
        assert!(
            original.rgb() == recorded.rgb(),
            "{name}: the picture is the same"
        );
        assert_eq!(
            original.facts["classes"], recorded.facts["classes"],
            "{name}"
        );
        assert_eq!(
            original.facts["page_size"], recorded.facts["page_size"],
            "{name}"
        );
    }
}

#[test]
fn frames_of_other_machines_keep_their_own() {
    let directory = scratch();
    let path = directory.path().join("mixed.pmv");
    let roots = ["fragmented", "numa-6.1", "host-6.18"].map(system);
    let sources = roots.each_ref().map(|root| ["--sysroot", text(root)]);
    succeed(
        ["record", text(&path)]
            .iter()
            .chain(sources.iter().flatten()),
    );
    for (number, root) in roots.iter().enumerate() {
        let frame = format!("{}@{number}", text(&path));
        let draw = |option: &str, from: &str| decode(&succeed(["snapshot", option, from, "-"]));
        let (original, recorded) = (draw("--sysroot", text(root)), draw("--from", &frame));
        assert!(original.rgb() == recorded.rgb(), "frame {number}");
        assert_eq!(original.facts["classes"], recorded.facts["classes"]);
    }
}

#[test]
fn counts_and_cgroups_are_kept_beside_the_flags() {
    let directory = scratch();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("proc")).expect("room");
    let plane = |seed: u64| {
        (0..70_000u64)
            .map(|page| page / 9 * seed)
            .collect::<Vec<_>>()
    };
    let files = [
        ("kpageflags", plane(1)),
        ("kpagecount", plane(3)),
        ("kpagecgroup", plane(5)),
    ];
    files
        .iter()
        .for_each(|(name, words)| write_words(&root.join("proc").join(name), words));
    let path = directory.path().join("all.pmv");
    succeed([
        "record",
        "-q",
        "--counts",
        "--cgroups",
        "--every",
        "1ms",
        "--count",
        "2",
        "--sysroot",
        text(&root),
        text(&path),
    ]);
    for (plane, (_, words)) in ["flags", "counts", "cgroups"].iter().zip(&files) {
        let raw = succeed([
            "export",
            text(&path),
            "--frame",
            "1",
            "--raw",
            "--plane",
            plane,
        ]);
        let expected: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert!(raw == expected, "{plane}");
    }
    succeed(["record", "--sysroot", text(&root), text(&path)]);
    let output = run(["export", text(&path), "--raw", "--plane", "counts"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read the counts of"));
    let output = run([
        "record",
        "--counts",
        text(&path),
        "--from",
        text(&root.join("proc/kpageflags")),
    ]);
    assert_eq!(output.status.code(), Some(1), "a dump has flags only");
}

#[test]
fn frames_follow_the_command_line_and_the_last_is_the_default() {
    let directory = scratch();
    let path = directory.path().join("two.pmv");
    let dump = directory.path().join("dump.bin");
    write_words(&dump, &[1 << 10; 700]);
    let (boot, thp) = (system("boot-6.1"), system("thp-6.1"));
    let sources = [
        "--sysroot",
        text(&boot),
        "--from",
        text(&dump),
        "--sysroot",
        text(&thp),
    ];
    succeed(["record", text(&path)].iter().chain(&sources));
    let recording = Recording::open(&path).expect("a recording");
    let expected = [words("boot-6.1"), vec![1 << 10; 700], words("thp-6.1")];
    assert_eq!(recording.frames(), expected.len());
    for (number, words) in expected.iter().enumerate() {
        assert!(
            frame_words(&recording, number as u64).as_ref() == Ok(words),
            "frame {number}"
        );
    }
    let pages =
        |from: &str| decode(&succeed(["snapshot", "--from", from, "-"])).facts["pfns"].clone();
    assert_eq!(pages(&format!("{}@1", text(&path))), 700);
    assert_eq!(pages(text(&path)), words("thp-6.1").len());
    let copy = directory.path().join("copy.pmv");
    succeed([
        "record",
        text(&copy),
        "--from",
        &format!("{}@all", text(&path)),
    ]);
    let copy = Recording::open(&copy).expect("a recording");
    assert_eq!(frame_words(&copy, 1), Ok(vec![1 << 10; 700]));
}

#[test]
fn a_cut_recording_reads_up_to_its_last_whole_frame() {
    let directory = scratch();
    let (bytes, frames) = small(directory.path());
    let cut = directory.path().join("cut.pmv");
    let mut seen = 0;
    for length in 0..bytes.len() {
        fs::write(&cut, &bytes[..length]).expect("room");
        let Ok(recording) = Recording::open(&cut) else {
            assert_eq!(seen, 0, "what was readable stays so: {length}");
            continue;
        };
        assert!(
            !recording.is_finished() && recording.frames() >= seen,
            "{length}"
        );
        seen = recording.frames();
        for (number, words) in frames[..seen].iter().enumerate() {
            assert!(
                frame_words(&recording, number as u64).as_ref() == Ok(words),
                "{length}"
            );
        }
    }
    assert_eq!(seen, frames.len(), "all frames are there without the index");
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let directory = scratch();
    let (bytes, frames) = small(directory.path());
    let flipped = directory.path().join("flipped.pmv");
    let mut errors = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&flipped, &damaged).expect("room");
        let Ok(recording) = Recording::open(&flipped) else {
            errors += 1;
            continue;
        };
        for number in 0..recording.frames() {
            match frame_words(&recording, number as u64) {
                Ok(words) => assert!(
                    frames.contains(&words),
                    "byte {at}: no words that were not recorded"
                ),
                Err(_) => errors += 1,
            }
        }
    }
    assert!(
        errors > bytes.len() / 2,
        "most of a file matters: {errors} of {}",
        bytes.len()
    );
}

#[test]
fn claims_of_size_ask_for_no_memory() {
    let directory = scratch();
    let (bytes, _) = small(directory.path());
    let path = directory.path().join("claim.pmv");
    fs::write(&path, &bytes).expect("room");
    // The length of the first block, and its checksum made good: 2^62 bytes that are not there.
    let mut header = bytes[16..40].to_vec();
    header[8..16].copy_from_slice(&(1u64 << 62).to_le_bytes());
    let sum = zlib_rs::crc32::crc32(0, &header[..20]);
    header[20..24].copy_from_slice(&sum.to_le_bytes());
    File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.write_all_at(&header, 16))
        .expect("room");
    let error = Recording::open(&path)
        .expect_err("nothing is that long")
        .to_string();
    assert!(error.contains("a block is cut off (at byte 16)"), "{error}");
}

#[test]
fn what_is_no_recording_or_no_frame_says_so() {
    let directory = scratch();
    let (_, _) = small(directory.path());
    let at = |name: &str| text(&directory.path().join(name)).to_owned();
    fs::write(at("version"), b"\x89PMV\r\n\x1a\n\x09\0\0\0\0\0\0\0").expect("room");
    let table: [(&[&str], i32, &str); 8] = [
        (&["info", &at("0.bin")], 1, "it is no recording"),
        (&["info", &at("missing")], 1, "no such file"),
        (
            &["info", &at("version")],
            1,
            "it is of version 9, and this program reads 1",
        ),
        (
            &["snapshot", "--from", &at("small.pmv@3"), "-"],
            1,
            "it has 3 (frames count from 0)",
        ),
        (
            &["snapshot", "--from", &at("small.pmv@x"), "-"],
            2,
            "'x' is no frame of",
        ),
        (
            &["snapshot", "--from", &at("small.pmv@all"), "-"],
            2,
            "is a series, and this is of one frame",
        ),
        (
            &["snapshot", "--from", &at("0.bin@1"), "-"],
            1,
            "it is no recording",
        ),
        (
            &["export", &at("small.pmv"), "--raw", "--frame", "9"],
            1,
            "cannot read frame 9",
        ),
    ];
    for (words, code, part) in table {
        let output = run(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        assert!(
            stderr.contains(part) && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}
