//! A day of a recorder and of a time-lapse, a frame for every minute, as fast as they come: a recorder's memory does not
//! grow, that of a time-lapse by what it says of each picture, and all of it is there in the end.

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{bytes, json, scratch, succeed, text, tool};

/// Minutes of a day.
const FRAMES: u64 = 24 * 60;

/// Pages of 32 MiB.
const PAGES: u64 = 1 << 13;

/// What a process holds: KiB of memory, and descriptors.
fn held(process: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory = line.trim().strip_suffix(" kB")?.parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some((memory, descriptors))
}

/// Runs to the end, and gives what was held after a quarter of the samples and at most from then on.
fn watched(mut child: Child, what: &str) -> ((u64, usize), (u64, usize)) {
    let mut samples = Vec::new();
    let status = loop {
        samples.extend(held(child.id()));
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success(), "{what}: {status}");
    assert!(
        samples.len() > 20,
        "{what} was seen {} times",
        samples.len()
    );
    let (early, late) = samples.split_at(samples.len() / 4);
    let most = |samples: &[(u64, usize)]| {
        let memory = samples.iter().map(|sample| sample.0).max();
        let descriptors = samples.iter().map(|sample| sample.1).max();
        (memory.unwrap_or(0), descriptors.unwrap_or(0))
    };
    (most(early), most(late))
}

/// What grows with the frames: their places in a recording, and of pictures what their index says.
fn assert_flat(what: &str, (early, late): ((u64, usize), (u64, usize)), bytes_a_frame: u64) {
    println!("{what}: {early:?} early, {late:?} late (KiB, descriptors)");
    let more = FRAMES * bytes_a_frame / 1024;
    assert!(
        late.0 <= early.0 + 1024 + more,
        "{what}: {early:?}, then {late:?}"
    );
    assert!(late.1 <= early.1 + 2, "{what}: {early:?}, then {late:?}");
}

/// Memory that never rests: pages are given away and come back, as fast as they are written.
fn stir(flags: &Path, stop: &AtomicBool) {
    let file = OpenOptions::new()
        .write(true)
        .open(flags)
        .expect("it is ours");
    let (free, anonymous, file_page) = (1u64 << 10, 0x5868_u64, 0x86c_u64);
    let mut at = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        at = at
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let word = [free, anonymous, file_page][(at >> 60) as usize % 3];
        let page = (at >> 20) % PAGES;
        file.write_all_at(&word.to_le_bytes(), page * 8)
            .expect("it is ours");
        std::thread::yield_now();
    }
}

#[test]
fn a_day_takes_no_more_memory_than_its_first_hours() {
    let directory = scratch();
    let root = directory.path().join("system");
    fs::create_dir_all(root.join("proc")).expect("a directory");
    let flags = root.join("proc/kpageflags");
    fs::write(&flags, bytes(&vec![1 << 10; PAGES as usize])).expect("a file");
    let recording = directory.path().join("day.pmv");
    let stop = AtomicBool::new(false);
    let recorder = std::thread::scope(|scope| {
        scope.spawn(|| stir(&flags, &stop));
        let mut record: Command = tool();
        record.args(["record", "--quiet", "--every", "1ms", "--budget", "100"]);
        record.args(["--nice", "none", "--count", &FRAMES.to_string()]);
        record.args(["--sysroot", text(&root), text(&recording)]);
        let seen = watched(record.spawn().expect("it starts"), "the recorder");
        stop.store(true, Ordering::Relaxed);
        seen
    });
    assert_flat("the recorder", recorder, 512);

    let told = succeed(["info", text(&recording)]);
    let told = String::from_utf8(told).expect("UTF-8");
    assert!(told.contains(&format!("in {FRAMES} frames")), "{told}");

    let series = directory.path().join("series");
    let mut timelapse = tool();
    timelapse.args([
        "timelapse",
        text(&series),
        "--quiet",
        "--from",
        text(&recording),
    ]);
    let drawn = watched(timelapse.spawn().expect("it starts"), "the time-lapse");
    assert_flat("the time-lapse", drawn, 24 * 1024);
    let index = json(&fs::read(series.join("index.json")).expect("an index"));
    let readings = index["readings"].as_array().expect("readings");
    assert_eq!(readings.len() as u64, FRAMES);
    for reading in readings {
        let classes = reading["classes"].as_object().expect("classes");
        let pages = |class: &serde_json::Value| class["pages"].as_u64().expect("a count");
        assert_eq!(classes.values().map(pages).sum::<u64>(), PAGES, "{reading}");
    }
}
