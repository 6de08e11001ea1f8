//! Processes that cannot be read, or not any more: each has its outcome.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{assert_refused, json, may_ask_the_kernel, run, scratch, succeed, text};
use memmap2::{Advice, MmapOptions};
use serde_json::Value;

const VERBS: [&str; 4] = ["orders", "segments", "pagetable", "thp"];

fn assert_no_address_space(pid: u32) {
    for verb in VERBS {
        let refused = run([verb, &pid.to_string()]);
        assert_refused(&refused, 1, "it has no address space (a kernel thread");
    }
}

#[test]
fn a_kernel_thread_and_a_zombie_have_no_address_space() {
    if !may_ask_the_kernel() {
        return;
    }
    let kthreadd = 2;
    assert_no_address_space(kthreadd);
    let mut ended = Command::new("true").spawn().expect("a process");
    let stat = format!("/proc/{}/stat", ended.id());
    while !std::fs::read_to_string(&stat)
        .expect("not waited for")
        .contains(") Z ")
    {
        std::thread::yield_now();
    }
    assert_no_address_space(ended.id());
    ended.wait().expect("it ended");
    let refused = run(["orders", &ended.id().to_string()]);
    assert_refused(&refused, 1, "there is no such process");
}

/// Runs the program as nobody.
fn as_nobody(words: &[&str]) -> Output {
    let directory = scratch();
    let program = directory.path().join("pagemap-viz");
    // By another process: a file that this one has open to write may be inherited by a child of another test, and
    // is busy then.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_pagemap-viz")).arg(&program);
    assert!(copy.status().expect("cp is there").success());
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).expect("ours");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(program).args(words).stdin(Stdio::null());
    command.output().expect("setpriv is there")
}

#[test]
fn what_is_not_ours_is_one_line() {
    if !may_ask_the_kernel() {
        return;
    }
    let own = std::process::id().to_string();
    for verb in ["orders", "segments"] {
        assert_refused(&as_nobody(&[verb, &own]), 1, "permission denied");
    }
    let output = as_nobody(&["pss"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("processes are not for this user"), "{said}");
    // Of all processes those that are not for nobody are counted.
    let output = as_nobody(&["orders", "--format", "json"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("processes are not for this user"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A `/proc` that shows everybody only what is theirs.
struct HidingProc<'a>(&'a Path);

impl Drop for HidingProc<'_> {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.0).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

#[test]
fn processes_that_proc_hides_are_not_there() {
    if !may_ask_the_kernel() {
        return;
    }
    let directory = scratch();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).expect("ours");
    let proc = directory.path().join("proc");
    std::fs::create_dir(&proc).expect("a directory");
    let mut mount = Command::new("mount");
    mount.args(["-t", "proc", "-o", "hidepid=2", "proc"]);
    assert!(mount.arg(&proc).status().expect("mount is there").success());
    let _hiding = HidingProc(&proc);
    let root = text(directory.path());
    let output = as_nobody(&["orders", "--format", "json", "--sysroot", root]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let rows = json(&output.stdout);
    assert_eq!(rows.as_array().expect("rows").len(), 1, "itself: {rows}");
    let own = std::process::id().to_string();
    let refused = as_nobody(&["orders", &own, "--sysroot", root]);
    assert_refused(&refused, 1, "there is no such process");
}

/// The row of a process that does nothing.
fn row_of<'a>(rows: &'a Value, child: &Child) -> Vec<&'a Value> {
    let pid = child.id().to_string();
    let rows = rows.as_array().expect("rows");
    rows.iter().filter(|row| row["pid"] == pid).collect()
}

/// What it has for itself, which does not depend on who else maps its libraries.
fn data_of(child: &Child) -> Vec<Value> {
    let reading = json(&succeed([
        "pss", "-g", "pid", "--quiet", "--format", "json",
    ]));
    let rows = reading["rows"].as_array().expect("rows");
    let own = rows.iter().filter(|row| row["pid"] == child.id());
    own.map(|row| row["data"].clone()).collect()
}

/// What a process has in huge pages.
fn huge_of(pid: u32) -> Vec<Value> {
    let rows = json(&succeed(["thp", "--quiet", "--format", "json"]));
    let rows = rows.as_array().expect("rows");
    let pid = pid.to_string();
    let own = rows.iter().filter(|row| row["pid"] == pid);
    let own = own.filter(|row| row["mapped_by"] == "pmd" && row["kind"] == "anon");
    own.map(|row| row["size"].clone()).collect()
}

/// Ends the storm, whatever happens.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// For a minute where the kernel must be asked, for seconds elsewhere.
#[test]
fn a_storm_of_processes_hurts_nobody() {
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    let lasts = Duration::from_secs(if required { 60 } else { 5 });
    let mut still = Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("a process");
    std::thread::sleep(Duration::from_millis(200));
    let mut huge = MmapOptions::new().len(8 << 20).map_anon().expect("memory");
    huge.advise(Advice::HugePage).expect("the advice");
    huge.fill(1);
    let ends = AtomicBool::new(false);
    let verbs: &[&str] = match may_ask_the_kernel() {
        true => &["orders", "thp", "pss"],
        false => &["orders", "pss"],
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let sleeps = (0..8).map(|_| Command::new("sleep").arg("0.01").spawn());
                let mut sleeps: Vec<Child> = sleeps.flatten().collect();
                sleeps.iter_mut().for_each(|child| drop(child.wait()));
            }
        });
        let _end = End(&ends);
        let begun = Instant::now();
        let mut rounds = 0;
        let mut first = Vec::new();
        while begun.elapsed() < lasts {
            for (number, verb) in verbs.iter().enumerate() {
                let own = match *verb {
                    "pss" => data_of(&still),
                    "thp" => huge_of(std::process::id()),
                    verb => {
                        let rows = json(&succeed([verb, "--quiet", "--format", "json"]));
                        row_of(&rows, &still).into_iter().cloned().collect()
                    }
                };
                if rounds == 0 {
                    first.push(own);
                } else {
                    assert_eq!(own, first[number], "{verb}, round {rounds}");
                }
            }
            rounds += 1;
        }
        assert!(rounds > 10, "{rounds}");
        assert!(first.iter().all(|rows| !rows.is_empty()), "{first:?}");
    });
    still.kill().expect("it ends");
    still.wait().expect("it ended");
}
