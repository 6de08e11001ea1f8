//! The program with capabilities on its file, run by a user who has none.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{assert_refused, may_ask_the_kernel, text};
use pagemap_viz::source::fence;
use tempfile::TempDir;

/// A copy of the program that may read the kernel's files, in a directory for everybody.
fn lent() -> Option<(TempDir, PathBuf)> {
    if !may_ask_the_kernel() {
        return None;
    }
    let directory = TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let program = directory.path().join("pagemap-viz");
    // By another process: a file that ours has open for writing while another test starts one cannot be run.
    let copied = Command::new("cp")
        .args([env!("CARGO_BIN_EXE_pagemap-viz"), text(&program)])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    let lent = Command::new("setcap")
        .args(["cap_sys_admin,cap_dac_read_search+ep", text(&program)])
        .status();
    let is_lent = lent.is_ok_and(|status| status.success());
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    assert!(is_lent || !required, "CI can lend capabilities");
    if !is_lent {
        eprintln!("skipped: no capabilities can be lent here");
        return None;
    }
    Some((directory, program))
}

fn as_nobody(program: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(program).args(words).stdin(Stdio::null());
    command.output().expect("setpriv starts")
}

#[test]
fn who_has_no_rights_draws_by_those_of_the_program() {
    let Some((directory, program)) = lent() else {
        return;
    };
    let picture = directory.path().join("a.png");
    let output = as_nobody(&program, &["snapshot", text(&picture)]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        fs::read(&picture)
            .expect("the picture")
            .starts_with(b"\x89PNG")
    );
    let output = as_nobody(&program, &["doctor", "--format", "json"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && told.contains("in known places"),
        "{told}"
    );
}

/// Or it would read anybody's files to anybody.
#[test]
fn what_a_user_names_is_read_with_the_rights_of_the_user() {
    let Some((directory, program)) = lent() else {
        return;
    };
    let secret = directory.path().join("secret");
    fs::write(&secret, "eight by").expect("a secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let system = directory.path().join("system/proc");
    fs::create_dir_all(&system).expect("a directory");
    std::os::unix::fs::symlink(&secret, system.join("kpageflags")).expect("a link");
    let system = directory.path().join("system");
    let secret = text(&secret);
    let picture = directory.path().join("b.png");
    let picture = text(&picture);
    let words: [&[&str]; 7] = [
        &["flags", "--from", secret],
        &["flags", "-f", secret],
        &["flags", "--sysroot", text(&system)],
        &["snapshot", "--palette", secret, picture],
        &["palette", "check", secret],
        &["info", secret],
        &["export", secret, "--raw"],
    ];
    for words in words {
        let output = as_nobody(&program, words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {stderr}");
        assert!(
            !stderr.contains("eight") && output.stdout.is_empty(),
            "{words:?}: {stderr}"
        );
        assert!(
            stderr.contains("permi") || stderr.contains("denied"),
            "{words:?}: {stderr}"
        );
    }
    // Root reads them, so the test can fail.
    let output = Command::new(&program)
        .args(["flags", "--from", secret])
        .output();
    assert!(output.is_ok_and(|output| output.status.success()));
}

/// A link that somebody planted where the result shall be is replaced, and not followed.
#[test]
fn a_planted_link_is_not_followed() {
    let directory = TempDir::new().expect("a directory");
    let (victim, planted) = (
        directory.path().join("victim"),
        directory.path().join("a.png"),
    );
    fs::write(&victim, "whole").expect("a file");
    std::os::unix::fs::symlink(&victim, &planted).expect("a link");
    common::succeed(["snapshot", text(&planted), "--from", "example"]);
    assert_eq!(fs::read_to_string(&victim).expect("the file"), "whole");
    assert!(
        fs::symlink_metadata(&planted)
            .expect("the picture")
            .is_file()
    );
    // What is no file stays what it is.
    let output = common::run(["snapshot", "/dev/null", "--from", "example"]);
    assert_refused(&output, 1, "/dev/null");
}

/// Nor is one to a directory, at any level that the program makes.
#[test]
fn a_planted_link_to_a_directory_is_not_followed() {
    if !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_none(),
            "CI runs as root"
        );
        eprintln!("skipped: only root can make a link of another user");
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let victim = directory.path().join("victim");
    fs::create_dir(&victim).expect("a directory");
    let plant = |link: &Path| {
        std::os::unix::fs::symlink(&victim, link).expect("a link");
        std::os::unix::fs::lchown(link, Some(65534), Some(65534)).expect("root may");
    };
    let recording = common::recording_of(&["light-6.1"], directory.path());
    let series = directory.path().join("series");
    plant(&series);
    for end in ["", "/"] {
        let series = format!("{}{end}", text(&series));
        let output = common::run(["timelapse", "-q", "--from", text(&recording), &series]);
        assert_refused(&output, 1, "a link that another user made");
        let output = common::run(["man", &series]);
        assert_refused(&output, 1, "a link that another user made");
    }
    let fleet = directory.path().join("fleet");
    fs::create_dir(&fleet).expect("a directory");
    plant(&fleet.join("runs"));
    // As if the levels below were there already.
    for host in ["host=light", "host=__HIVE_DEFAULT_PARTITION__"] {
        fs::create_dir(victim.join(host)).expect("a directory");
    }
    let out = format!("{}/", text(&fleet));
    let output = common::run(["export", "-q", text(&recording), "-o", &out]);
    assert_refused(&output, 1, "a link that another user made");
    for host in fs::read_dir(&victim).expect("a directory") {
        common::assert_empty(&host.expect("an entry").path());
    }
    // Our own is.
    let own = directory.path().join("own");
    let elsewhere = directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    std::os::unix::fs::symlink(&elsewhere, &own).expect("a link");
    common::succeed(["timelapse", "-q", "--from", text(&recording), text(&own)]);
    assert!(elsewhere.join("index.json").is_file());
}

/// Whatever a hostile file could make of a reader: it writes beside its results alone.
#[test]
fn behind_the_fence_nothing_is_written_elsewhere_and_no_program_is_run() {
    let (own, other) = (
        TempDir::new().expect("a directory"),
        TempDir::new().expect("a directory"),
    );
    fs::write(other.path().join("kept"), "whole").expect("a file");
    let (inside, outside) = (own.path().to_owned(), other.path().to_owned());
    // A fence is a thread's, and that of threads which it starts.
    let refused = std::thread::spawn(move || {
        fence(std::slice::from_ref(&inside), false).expect("a fence");
        fs::create_dir(inside.join("made")).expect("a directory beside the result");
        fs::write(inside.join("result"), "new").expect("a result");
        fs::rename(inside.join("result"), inside.join("made/result")).expect("it is ours");
        let read = fs::read_to_string(outside.join("kept"));
        assert_eq!(read.expect("reading is free"), "whole");
        [
            fs::write(outside.join("new"), "").err(),
            fs::write(outside.join("kept"), "").err(),
            fs::remove_file(outside.join("kept")).err(),
            std::thread::spawn(move || fs::create_dir(outside.join("made")).err())
                .join()
                .expect("no panic"),
            Command::new("true").status().err(),
        ]
    });
    let refused = refused.join().expect("no panic");
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    if refused.iter().all(Option::is_none) && !required {
        eprintln!("skipped: this kernel has no Landlock");
        return;
    }
    for error in &refused {
        let error = error.as_ref().map(std::io::Error::kind);
        assert_eq!(
            error,
            Some(std::io::ErrorKind::PermissionDenied),
            "{refused:?}"
        );
    }
    assert_eq!(
        fs::read_to_string(other.path().join("kept")).expect("it is there"),
        "whole"
    );
}

/// A recorder of the running kernel once it has given up what it does not need: the lines of its `status`, and what it wrote.
fn recorder(caller: Option<&str>) -> (std::collections::HashMap<String, String>, fs::Metadata) {
    let directory = TempDir::new().expect("a directory");
    let recording = directory.path().join("a.pmv");
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_pagemap-viz"));
    recorder.env_remove("SUDO_UID").env_remove("SUDO_GID");
    if let Some(caller) = caller {
        recorder.env("SUDO_UID", caller).env("SUDO_GID", caller);
    }
    recorder.args(["record", "--quiet", "--every", "1s", text(&recording)]);
    let mut recorder = recorder.spawn().expect("it starts");
    let began = std::time::Instant::now();
    let metadata = loop {
        // It takes its name while we look.
        let there = fs::read_dir(directory.path()).expect("ours").flatten();
        if let Some(written) = there.filter_map(|file| file.metadata().ok()).next() {
            break written;
        }
        assert!(
            began.elapsed().as_secs() < 60 && matches!(recorder.try_wait(), Ok(None)),
            "the recorder writes"
        );
        std::thread::yield_now();
    };
    let status = fs::read_to_string(format!("/proc/{}/status", recorder.id()));
    recorder.kill().expect("it runs");
    recorder.wait().expect("it ends");
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    let lines = status.expect("it runs").lines().filter_map(pair).collect();
    (lines, metadata)
}

fn mask(status: &std::collections::HashMap<String, String>, name: &str) -> u64 {
    u64::from_str_radix(&status[name], 16).expect("a mask")
}

/// DAC_OVERRIDE 1, DAC_READ_SEARCH 2, FOWNER 3, SYS_PTRACE 19, SYS_ADMIN 21.
const KEPT: u64 = 0b1110 | 1 << 19 | 1 << 21;

/// Of root's forty capabilities, those that reading and writing take.
#[test]
fn root_keeps_five_capabilities() {
    if !may_ask_the_kernel() {
        return;
    }
    let (status, _) = recorder(None);
    let (permitted, effective) = (mask(&status, "CapPrm"), mask(&status, "CapEff"));
    assert_eq!((permitted & !KEPT, effective), (0, permitted), "{status:?}");
    assert_ne!(permitted & 1 << 21, 0, "{status:?}");
    assert_eq!(
        (&*status["NoNewPrivs"], &*status["Uid"]),
        ("1", "0\t0\t0\t0")
    );
}

/// What it writes, also in a directory of root's alone, is the user's from its first byte on.
#[test]
fn under_sudo_the_program_becomes_the_user_who_called_it() {
    if !may_ask_the_kernel() {
        return;
    }
    let (status, written) = recorder(Some("65534"));
    let nobody = "65534\t65534\t65534\t65534";
    assert_eq!(
        (&*status["Uid"], &*status["Gid"], &*status["Groups"]),
        (nobody, nobody, "65534")
    );
    let (permitted, effective) = (mask(&status, "CapPrm"), mask(&status, "CapEff"));
    assert_eq!((permitted & !KEPT, effective), (0, permitted), "{status:?}");
    assert_eq!(
        (mask(&status, "CapInh"), mask(&status, "CapAmb")),
        (0, 0),
        "programs that it runs get none"
    );
    assert_eq!((written.uid(), written.gid()), (65534, 65534));
}

/// A container has the host's files below a directory of its own, and they are the running kernel's.
#[test]
fn root_asks_a_kernel_that_is_mounted_elsewhere() {
    if !may_ask_the_kernel() {
        return;
    }
    let host = TempDir::new().expect("a directory");
    for name in ["proc", "sys"] {
        std::os::unix::fs::symlink(format!("/{name}"), host.path().join(name)).expect("a link");
    }
    let own = std::process::id().to_string();
    for words in [&["thp", &own][..], &["doctor"], &["owner", "0x1000"]] {
        let output = common::run(words.iter().chain(&["--sysroot", text(host.path())]));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && !told.contains("withholds"),
            "{words:?}: {told}"
        );
    }
}

/// It is the user, and still may what sudo allows: root's files in, root's directories out, everybody's processes.
#[test]
fn under_sudo_everything_that_root_may_is_done() {
    if !may_ask_the_kernel() {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).expect("a directory");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let (secret, picture) = (closed.join("secret.bin"), closed.join("a.png"));
    fs::write(&secret, [0; 1 << 12]).expect("a file");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(&picture, "root's").expect("a file");
    let own = std::process::id().to_string();
    let words: [&[&str]; 6] = [
        &["snapshot", text(&picture)],
        &["flags", "--from", text(&secret)],
        &["flags", "-f", text(&secret)],
        &["thp", &own],
        &["pss", &own],
        &["doctor"],
    ];
    for words in words {
        let output = Command::new(env!("CARGO_BIN_EXE_pagemap-viz"))
            .env("SUDO_UID", "65534")
            .env("SUDO_GID", "65534")
            .args(words)
            .output()
            .expect("it starts");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{words:?}: {output:?}"
        );
    }
    let drawn = fs::metadata(&picture).expect("the picture");
    assert_eq!((drawn.uid(), drawn.gid()), (65534, 65534));
}
