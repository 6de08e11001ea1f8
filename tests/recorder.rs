//! A recorder that is stopped in any way leaves a file that reads, and a command beside it is left alone.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{
    SmallDisk, assert_refused, frame_words, run, scratch, succeed, system, text, tool, words,
};
use pagemap_viz::source::Recording;

#[test]
fn wrong_usage_of_record_is_one_line() {
    let table: [(&[&str], &str); 10] = [
        (&["-"], "a recording needs a file"),
        (&["o.pmv", "--every", "soon"], "--every soon is no time"),
        (&["o.pmv", "--for", "0s"], "--for 0s is no time"),
        (&["o.pmv", "--count", "0"], "at least 1"),
        (&["o.pmv", "--budget", "0"], "--budget 0 is not a share"),
        (
            &["o.pmv", "--from", "a", "--from", "b", "--every", "1s"],
            "several sources give a frame each",
        ),
        (
            &["o.pmv", "--count", "3", "--", "true"],
            "cannot be used with",
        ),
        (&["o.pmv", "--as-root"], "COMMAND"),
        (
            &["o.pmv", "--sysroot", "a", "--sysroot", "b", "--", "true"],
            "a command goes along with one source",
        ),
        (&["o.pmv", "--every", "999999h"], "is no time"),
    ];
    for (words, part) in table {
        let output = run(["record"].iter().chain(words));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(
            stderr.contains(part) && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}

/// A recorder that goes on until it is stopped, once it has some whole frames.
fn recorder_at_work(path: &Path) -> Child {
    let mut command = tool();
    let root = system("boot-6.1");
    command.args([
        "record",
        "--quiet",
        "--every",
        "1ms",
        "--budget",
        "100",
        "--sysroot",
        text(&root),
        text(path),
    ]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    while Recording::open(path).map_or(0, |recording| recording.frames()) < 3 {
        std::thread::yield_now();
    }
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.expect("kill").success());
}

#[test]
fn a_signal_ends_a_recording_properly() {
    for name in ["-INT", "-TERM"] {
        let directory = scratch();
        let path = directory.path().join("live.pmv");
        let child = recorder_at_work(&path);
        signal(&child, name);
        let output = child.wait_with_output().expect("it ends");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        let recording = Recording::open(&path).expect("a recording");
        assert!(recording.is_finished() && recording.frames() >= 3);
        assert!(frame_words(&recording, 2) == Ok(words("boot-6.1")));
        assert_eq!(
            fs::read_dir(directory.path()).expect("a directory").count(),
            1,
            "nothing else is left"
        );
    }
}

#[test]
fn a_killed_recorder_leaves_whole_frames() {
    let directory = scratch();
    let path = directory.path().join("live.pmv");
    let mut child = recorder_at_work(&path);
    signal(&child, "-KILL");
    child.wait().expect("it ends");
    let recording = Recording::open(&path).expect("a recording");
    assert!(!recording.is_finished() && recording.frames() >= 3);
    let last = recording.frames() as u64 - 1;
    assert!(frame_words(&recording, last) == Ok(words("boot-6.1")));
    let info = String::from_utf8(succeed(["info", text(&path)])).expect("UTF-8");
    assert!(
        info.contains("not finished: what follows the last is lost"),
        "{info}"
    );
}

/// Needs root for the mount.
#[test]
fn a_full_disk_leaves_whole_frames_and_says_so() {
    let Some(disk) = SmallDisk::mount("64k") else {
        return;
    };
    let path = disk.path().join("full.pmv");
    let (large, small) = (system("fragmented"), system("boot-6.1"));
    let sources = [&large, &small, &large, &small].map(|root| ["--sysroot", text(root)]);
    let output = run(["record", text(&path)]
        .iter()
        .chain(sources.iter().flatten()));
    assert_refused(&output, 1, "full.pmv: no space left on device");
    let recording = Recording::open(&path).expect("a recording");
    assert!(
        frame_words(&recording, 0) == Ok(words("fragmented")),
        "the first frame was whole"
    );
}

#[test]
fn a_command_keeps_its_output_and_its_exit_status() {
    let directory = scratch();
    let path = directory.path().join("beside.pmv");
    let root = system("boot-6.1");
    let words = [
        "record",
        "-q",
        "--sysroot",
        text(&root),
        text(&path),
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ];
    let output = run(words);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(
        (&output.stdout[..], &output.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert!(Recording::open(&path).expect("a recording").frames() >= 1);
    let output = run([
        "record",
        "-q",
        "--sysroot",
        text(&root),
        text(&path),
        "--",
        "sh",
        "-c",
        "kill -9 $$",
    ]);
    assert_eq!(output.status.code(), Some(137));
    let output = run([
        "record",
        "-q",
        "--sysroot",
        text(&root),
        text(&path),
        "--",
        "/no/such/program",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("cannot run /no/such/program: no such file")
    );
}

#[test]
fn a_command_that_ends_at_once_is_recorded_all_the_same() {
    let directory = scratch();
    let path = directory.path().join("short.pmv");
    let root = system("boot-6.1");
    for _ in 0..5 {
        succeed([
            "record",
            "--sysroot",
            text(&root),
            text(&path),
            "--",
            "true",
        ]);
        assert!(Recording::open(&path).expect("a recording").is_finished());
        fs::remove_file(&path).expect("it was there");
    }
}

#[test]
fn a_recorder_that_is_ended_alone_ends_its_command_too() {
    let directory = scratch();
    let path = directory.path().join("beside.pmv");
    let root = system("boot-6.1");
    let mut command = tool();
    command.args([
        "record",
        "-q",
        "--sysroot",
        text(&root),
        text(&path),
        "--",
        "sleep",
        "1000",
    ]);
    let mut child = command.spawn().expect("it starts");
    while Recording::open(&path).is_err() {
        std::thread::yield_now();
    }
    signal(&child, "-TERM");
    assert_eq!(
        child.wait().expect("it ends").code(),
        Some(128 + 15),
        "the command's end"
    );
    assert!(Recording::open(&path).expect("a recording").is_finished());
}

#[test]
fn under_sudo_a_command_runs_as_the_user_who_called_it() {
    if !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_none(),
            "CI runs as root"
        );
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let directory = scratch();
    let path = directory.path().join("beside.pmv");
    let root = system("boot-6.1");
    let user_of = |options: &[&str]| {
        let fixed = ["record", "-q", "--sysroot", text(&root), text(&path)];
        let mut command = tool();
        command
            .env("SUDO_USER", "nobody")
            .env("SUDO_UID", "65534")
            .env("SUDO_GID", "65534");
        let output = command
            .args(fixed)
            .args(options)
            .args(["--", "id", "-u"])
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(user_of(&[]), "65534");
    assert_eq!(user_of(&["--as-root"]), "0");
}
