//! How a time-lapse is asked for wrongly, and how it ends before its time: nothing is half-written, and what
//! was read is kept.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{
    SmallDisk, assert_empty, assert_refused, pictures, recording_of, run, scratch, succeed, system,
    text, tool,
};

const STATES: [&str; 3] = ["boot-6.1", "light-6.1", "thp-6.1"];

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
fn no_result_goes_to_anothers_place() {
    let directory = scratch();
    let at = |name: &str| text(&directory.path().join(name)).to_owned();
    let recording = recording_of(&STATES[..2], directory.path());
    fs::copy(&recording, at("copy.gif")).expect("a copy");
    let (out, copy) = (at("series"), at("copy.gif"));
    let table: [(&[&str], &str); 7] = [
        (&["--animate", &at("a.png"), "--mp4", &at("a.mp4")], ""),
        (
            &["--animate", &at("series/0001.png")],
            "--animate would replace a file of the series",
        ),
        (
            &["--animate", &copy],
            "--animate would replace the recording",
        ),
        (&["--mp4", &at("series/counts.csv")], "unknown film format"),
        (&["--mp4", "-"], "unknown film format"),
        (
            &["--count", "3"],
            "nothing can be said of how they are read",
        ),
        (
            &["--page-size", "64k"],
            "nothing can be said of how they are read",
        ),
    ];
    for (words, part) in &table[1..] {
        let fixed = ["timelapse", "--from", &copy, &out];
        assert_refused(&run(fixed.iter().chain(*words)), 2, part);
    }
    let same = at("same.mp4");
    let both = [
        "timelapse",
        "--from",
        &copy,
        &out,
        "--mp4",
        &same,
        "--animate",
    ];
    assert_refused(
        &run(both.iter().chain(&[same.as_str()])),
        2,
        "unknown animation format",
    );
    assert!(!Path::new(&out).exists());
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
    let recording = recording_of(&STATES, directory.path());
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
    let waits = "[ \"$1\" = -version ] && exit 0; cat > /dev/null; kill -INT $PPID; exec sleep 60";
    let (out, output) = shoot("waits", &stand_in(directory.path(), "ffmpeg", waits));
    assert_refused(&output, 130, "stopped by signal 2; nothing is half-written");
    assert!(
        !film.exists() && pictures(&out).len() == 3,
        "the pictures stay"
    );

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

#[test]
fn a_disk_that_fills_keeps_what_was_read_and_says_so() {
    let Some(disk) = SmallDisk::mount("64k") else {
        return;
    };
    let mut arguments = vec![
        "timelapse".to_owned(),
        text(&disk.path().join("series")).to_owned(),
    ];
    for name in ["boot-6.1", "fragmented", "zoo-6.1", "thp-6.1"] {
        arguments.extend(["--sysroot".to_owned(), text(&system(name)).to_owned()]);
    }
    let output = run(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no space left on device"), "{said}");
    assert!(!said.contains(".pagemap-viz-"), "{said}");
    let series = disk.path().join("series");
    assert!(pictures(&series).is_empty());
    if series.join("recording.pmv").exists() {
        assert!(said.contains("is kept in"), "{said}");
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
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("is kept in") && said.contains("nothing is half-written"),
        "{said}"
    );
    assert!(pictures(&out).is_empty());
    fs::remove_file(out.join("recording.pmv")).expect("the readings are kept");
    assert_empty(&out);
}
