//! Results appear whole or not at all: bad targets, full disks, signals, readers who leave.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{SmallDisk, assert_empty, assert_refused, run, scratch, system, text, tool};

#[test]
fn a_target_that_cannot_be_written_is_refused_before_the_scan() {
    let directory = scratch();
    let root = system("boot-6.1");
    let fifo = directory.path().join("pipe.png");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo")
            .success()
    );
    let table = [
        ("/nowhere/at/all.png", "there is no directory /nowhere/at"),
        ("/dev/null", "it is a device"),
        (text(directory.path()), "it is a directory"),
        (text(&fifo), "it is a pipe"),
    ];
    for (target, part) in table {
        assert_refused(
            &run(["snapshot", "--sysroot", text(&root), target]),
            1,
            part,
        );
        let json = ["snapshot", "--sysroot", text(&root), "--json", target, "-"];
        assert_refused(&run(json), 1, part);
    }
    assert!(
        Path::new("/dev/null")
            .metadata()
            .is_ok_and(|metadata| !metadata.is_file()),
        "still a device"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let root = system("host-6.18");
    for words in [
        &[
            "snapshot",
            "--pages-per-pixel",
            "1",
            "--sysroot",
            text(&root),
            "-",
        ][..],
        &["palette", "show", "default"],
    ] {
        let mut child = tool()
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stderr.is_empty(), "silence");
    }
}

#[test]
fn a_reader_of_the_json_who_leaves_costs_no_picture() {
    let directory = scratch();
    let picture = directory.path().join("picture.png");
    let root = system("host-6.18");
    let words = [
        "snapshot",
        "--by",
        "flags",
        "--noise",
        "",
        "--json",
        "-",
        "--sysroot",
        text(&root),
        text(&picture),
    ];
    let mut child = tool()
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("it ends").success());
    assert!(picture.exists(), "the picture was asked for as well");
}

#[test]
fn one_place_has_room_for_one_result() {
    let directory = scratch();
    let mut command = tool();
    let root = system("boot-6.1");
    let words = [
        "snapshot",
        "--sysroot",
        text(&root),
        "--json",
        "./q.png",
        "q.png",
    ];
    let output = command
        .current_dir(directory.path())
        .args(words)
        .output()
        .expect("it runs");
    assert_refused(&output, 2, "cannot go to the same place");
    assert_empty(directory.path());
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing() {
    let root = system("boot-6.1");
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("the device that is always full");
    let mut command = tool();
    let child = command
        .args(["snapshot", "--sysroot", text(&root), "-"])
        .stdout(full)
        .stderr(Stdio::piped());
    let output = child
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("it runs");
    assert_refused(
        &output,
        1,
        "cannot write standard output: no space left on device",
    );
}

/// Needs root for the mount.
#[test]
fn a_full_file_system_keeps_the_old_picture() {
    let Some(disk) = SmallDisk::mount("12k") else {
        return;
    };
    let picture = disk.path().join("picture.png");
    fs::write(&picture, "the old picture").expect("there is room for a little");
    let output = run([
        "snapshot",
        "--sysroot",
        text(&system("fragmented")),
        text(&picture),
    ]);
    assert_refused(&output, 1, "picture.png: no space left on device");
    assert_eq!(
        fs::read_to_string(&picture).expect("it is still there"),
        "the old picture"
    );
    let left = fs::read_dir(disk.path()).expect("a directory").count();
    assert_eq!(left, 1, "no temporary file stays");
}

#[test]
fn a_signal_ends_a_run_that_waits_for_its_source() {
    let directory = scratch();
    let fifo = directory.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo")
            .success()
    );
    let mut command = tool();
    command.args([
        "snapshot",
        "--from",
        text(&fifo),
        text(&directory.path().join("picture.png")),
    ]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    // Opening the other end succeeds as soon as the program waits for data.
    let writer = File::options()
        .write(true)
        .open(&fifo)
        .expect("the program opens the pipe");
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    let status = child.wait().expect("it ends");
    drop(writer);
    assert!(!status.success(), "{status}");
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        1,
        "only the pipe is there"
    );
}

#[test]
fn a_signal_ends_the_run_and_leaves_nothing() {
    let directory = scratch();
    let pages = directory.path().join("flags");
    // Large enough that the scan is still going on: 2^32 pages of a file that is one hole.
    File::create(&pages)
        .and_then(|file| file.set_len(8 << 32))
        .expect("a sparse file");
    let results = directory.path().join("results");
    fs::create_dir(&results).expect("a directory");
    let mut command = tool();
    command.args([
        "snapshot",
        "--threads",
        "1",
        "--from",
        text(&pages),
        text(&results.join("picture.png")),
    ]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let number = child.id();
    while !opened(number, &pages) {
        std::thread::yield_now();
    }
    let kill = Command::new("kill")
        .args(["-INT", &number.to_string()])
        .status();
    assert!(kill.expect("kill").success());
    assert_refused(
        &child.wait_with_output().expect("it ends"),
        130,
        "stopped by signal 2; nothing is half-written",
    );
    assert_empty(&results);
}

/// True once the process has that file open and has started its workers: then it looks for signals itself.
fn opened(process: u32, file: &Path) -> bool {
    let listed = |what: &str| {
        let entries = fs::read_dir(format!("/proc/{process}/{what}"));
        entries.into_iter().flatten().flatten()
    };
    let is_open = listed("fd")
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target == file);
    is_open && listed("task").count() > 1
}

#[test]
fn results_are_readable_by_whom_the_umask_allows_and_replace_what_was_there() {
    let directory = scratch();
    let picture = directory.path().join("picture.png");
    fs::write(&picture, "old").expect("a file");
    common::succeed([
        "snapshot",
        "--sysroot",
        text(&system("boot-6.1")),
        text(&picture),
    ]);
    let metadata = fs::metadata(&picture).expect("a picture");
    let plain = directory.path().join("plain");
    File::create(&plain).expect("a file");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    assert_eq!(mode(&picture), mode(&plain), "as any new file");
    assert!(metadata.len() > 1000);
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        2,
        "no temporary file stays"
    );
}

/// The link would be replaced, and with it the standard output of everybody.
#[test]
fn a_link_of_the_systems_is_refused() {
    let directory = common::scratch();
    let kept = std::fs::File::create(directory.path().join("kept")).expect("a file");
    let output = common::tool()
        .args(["snapshot", "--from", "example", "/proc/self/fd/1"])
        .stdout(kept)
        .output()
        .expect("it starts");
    common::assert_refused(&output, 1, "a link of the system's");
}
