//! The program with capabilities on its file, run by a user who has none.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{assert_refused, may_ask_the_kernel, text};
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
