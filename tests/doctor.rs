//! What a system lets us read: of captured ones, of a made-up one, of the running one, as root and as nobody.

mod common;

use std::fs;

use common::{
    assert_refused, bytes, json, may_ask_the_kernel, run, scratch, succeed, system, text, words,
};
use serde_json::Value;

fn findings(options: &[&str]) -> Value {
    let fixed = ["doctor", "--format", "json"];
    json(&succeed(fixed.iter().chain(options)))
}

fn finding<'a>(findings: &'a Value, question: &str) -> &'a Value {
    let all = findings.as_array().expect("rows");
    let found = all.iter().find(|row| row["question"] == question);
    found.unwrap_or_else(|| panic!("{question} is answered"))
}

#[test]
fn a_captured_system_is_what_its_files_say() {
    let found = findings(&["--sysroot", text(&system("zoo-6.1"))]);
    assert_eq!(finding(&found, "kpageflags")["answer"], "yes");
    assert_eq!(finding(&found, "kpagecount")["answer"], "yes");
    let without = findings(&["--sysroot", text(&system("numa-6.1"))]);
    assert_eq!(finding(&without, "kpagecount")["answer"], "no");
    let nopage = 1 << 20;
    let marked = words("zoo-6.1")
        .iter()
        .filter(|word| **word & nopage != 0)
        .count();
    assert!(marked > 0);
    let told = finding(&found, "hole mark")["meaning"]
        .as_str()
        .expect("words")
        .replace(',', "");
    assert_eq!(told, format!("{marked} pages say NOPAGE"));
    assert_eq!(finding(&found, "KSM mark")["answer"], "yes");
    // Nothing of the running system is told of a captured one.
    let all = found.as_array().expect("rows");
    assert!(all.iter().all(|row| row["question"] != "page numbers"));
}

#[test]
fn pages_without_a_mark_and_bits_without_a_name_are_counted() {
    let root = scratch();
    let proc = root.path().join("proc");
    fs::create_dir(&proc).expect("a directory");
    // 2 of anonymous memory, one of them with a bit that has no name; 4 free; 10 without a mark.
    let mut flags = vec![0u64; 16];
    (flags[0], flags[1]) = (1 << 12, 1 << 12 | 1 << 60);
    flags[2..6].fill(1 << 10);
    fs::write(proc.join("kpageflags"), bytes(&flags)).expect("flags");
    fs::write(proc.join("meminfo"), "MemTotal: 64 kB\nMemFree: 28 kB\n").expect("meminfo");
    let zones = "Node 0, zone   Normal\n  pagesets\n    cpu: 0\n              count: 1\n              high:  9\n    cpu: 1\n              count: 1\n";
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    let found = findings(&["--sysroot", text(root.path())]);
    assert_eq!(
        finding(&found, "unmarked pages")["meaning"],
        "40 KiB: 8 KiB wait on processors' lists to be free, 12 KiB are free and were never set up by the kernel, \
         20 KiB are the kernel's own"
    );
    assert_eq!(
        finding(&found, "unknown bits")["meaning"],
        "bit 60 on 1 pages"
    );
    assert_eq!(finding(&found, "hole mark")["answer"], "no");
    assert_eq!(finding(&found, "RAM")["answer"], "no");
}

#[test]
fn where_nothing_can_be_read_there_is_advice_and_a_failure() {
    let root = scratch();
    fs::create_dir(root.path().join("proc")).expect("a directory");
    let output = run(["doctor", "--sysroot", text(root.path())]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(told.contains("no picture can be drawn") && told.contains("CONFIG_PROC_PAGE_MONITOR"));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("kpageflags"), "{said}");
    assert_refused(&run(["doctor", "x"]), 2, "unexpected argument 'x'");
}

#[test]
fn the_running_kernel_answers() {
    if !may_ask_the_kernel() {
        return;
    }
    let found = findings(&[]);
    for question in ["kpageflags", "page numbers", "KSM mark"] {
        assert_eq!(finding(&found, question)["answer"], "yes", "{question}");
    }
    let told = String::from_utf8(succeed(["doctor"])).expect("UTF-8");
    assert!(
        told.lines().all(|line| line.chars().count() < 240),
        "{told}"
    );
}
