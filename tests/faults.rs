//! What goes wrong while memory is read or a result is written: a right result, or one line and nothing half-written.
//!
//! Through a source that fails as told, and for real: system calls that fail are injected by strace, memory is
//! limited by a cgroup.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{assert_empty, assert_refused, bytes, package, scratch, succeed, text, words};
use jiff::Timestamp;
use pagemap_viz::error::{Error, Result};
use pagemap_viz::kernel::{PageFlags, Pfn, PfnRange};
use pagemap_viz::layout::{CellOrder, Layout, Reducer};
use pagemap_viz::record::{Names, Priority, Recorder};
use pagemap_viz::recording::Plane;
use pagemap_viz::scan::{Known, Lens, Nobody, View, scan};
use pagemap_viz::source::{Clock, Extent, Machine, PageSize, Source};
use pagemap_viz::survey::survey;

/// Memory that fails as told.
struct Faulty {
    machine: Machine,
    words: Vec<PageFlags>,
    /// A page that cannot be read.
    broken: Option<u64>,
}

impl Faulty {
    /// As many pages as there are words, of which the machine expects so many.
    fn new(words: &[u64], extent: Extent, broken: Option<u64>) -> Self {
        Self {
            machine: Machine::unknown(PageSize::Known(4096), extent),
            words: words.iter().copied().map(PageFlags).collect(),
            broken,
        }
    }
}

impl Source for Faulty {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let asked = PfnRange::new(start.0, start.0 + into.len() as u64);
        if self
            .broken
            .is_some_and(|page| asked.start.0 <= page && page < asked.end.0)
        {
            return Err(Error::Read {
                path: self.path().to_owned(),
                cause: std::io::Error::from_raw_os_error(5),
            });
        }
        let there = self.words.get(start.0 as usize..).unwrap_or_default();
        let got = there.len().min(into.len());
        into[..got].copy_from_slice(&there[..got]);
        Ok(got)
    }

    fn read_plane(&self, _plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        let mut words = vec![PageFlags::NONE; into.len()];
        let got = self.read_flags(start, &mut words)?;
        let pairs = into.iter_mut().zip(&words[..got]);
        pairs.for_each(|(into, word)| *into = word.0);
        Ok(got)
    }

    fn time(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn clock(&self) -> Clock {
        Clock::FileDate
    }

    fn text(&self, _path: &str) -> Option<String> {
        None
    }

    fn path(&self) -> &Path {
        Path::new("faulty")
    }
}

fn layout(end: u64) -> Layout {
    Layout::fit(Pfn(end), None, 2048, Reducer::Proportional, CellOrder::Rows)
}

fn classes(source: &Faulty, threads: usize) -> Result<Vec<u64>> {
    let known = Known::default();
    let view = View::alone(Lens::Class, layout(source.machine.end().0), &known);
    let scan = scan(source, view, threads, &Nobody)?;
    let classes = pagemap_viz::classify::Class::ALL.iter();
    Ok(classes.map(|&class| scan.classes.of(class)).collect())
}

fn recorded(source: &Faulty, threads: usize) -> Result<u64> {
    let mut recorder = Recorder::new(&[Plane::Flags], Names::Kept, threads, Priority::Normal)?;
    let mut length = 0;
    recorder.frame(source, None, &Nobody, &mut |block| {
        length += block.contents.len() as u64;
        Ok(())
    })?;
    Ok(length)
}

#[test]
fn a_page_that_cannot_be_read_ends_every_pass() {
    let words = words("zoo-6.1");
    let end = words.len() as u64;
    for page in [0, 1, 40_000, 131_071, 131_072, end - 1] {
        for threads in [1, 3] {
            let source = Faulty::new(&words, Extent::Exact(Pfn(end)), Some(page));
            let is_refused =
                |error: Error| error.to_string() == "cannot read faulty: input/output error";
            assert!(classes(&source, threads).is_err_and(is_refused), "{page}");
            assert!(
                survey(&source, &[], Some(1), threads, &Nobody).is_err_and(is_refused),
                "{page}"
            );
            assert!(recorded(&source, threads).is_err_and(is_refused), "{page}");
        }
    }
}

/// A kernel from which memory is taken, or to which it is added, while it is asked.
#[test]
fn memory_that_shrinks_or_grows_is_read_up_to_its_end() {
    let words = words("zoo-6.1");
    let end = words.len() as u64;
    for there in [end, end / 2, 131_072, 131_073, 70_001] {
        for expected in [end, end / 3, 131_072, 1] {
            let words = &words[..there as usize];
            let exact = Faulty::new(words, Extent::Exact(Pfn(there)), None);
            let right = classes(&exact, 1).expect("a copy reads");
            let source = Faulty::new(words, Extent::Expected(Pfn(expected)), None);
            for threads in [1, 3] {
                assert_eq!(
                    classes(&source, threads).expect("it reads"),
                    right,
                    "{there} of {expected}"
                );
                let survey = survey(&source, &[], None, threads, &Nobody).expect("it reads");
                assert_eq!(survey.end, Pfn(there));
                assert_eq!(
                    recorded(&source, threads).expect("it reads"),
                    recorded(&exact, 1).expect("it reads")
                );
            }
        }
    }
}

/// Whether strace can make system calls fail here; in CI it must.
fn can_inject() -> bool {
    let traced = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .output();
    let can = traced.is_ok_and(|output| output.status.success());
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    assert!(can || !required, "CI can trace");
    if !can {
        eprintln!("skipped: strace cannot trace here");
    }
    can
}

/// Runs the program while such calls on a file fail so.
fn injected(file: Option<&Path>, fault: &str, words: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-qq", "-f", "-o", "/dev/null"]);
    if let Some(file) = file {
        command.args(["-P", text(file)]);
    }
    command
        .args(["-e", &format!("inject={fault}")])
        .arg(env!("CARGO_BIN_EXE_pagemap-viz"))
        .args(words)
        .env("SOURCE_DATE_EPOCH", "1795231355")
        .stdin(Stdio::null());
    let mut output = command.output().expect("strace starts");
    // It says itself how it resolved the path.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let own = said.lines().filter(|line| !line.starts_with("strace: "));
    output.stderr = own
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .into_bytes();
    output
}

/// The flags of the captured machine, unpacked.
fn flags_file(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("kpageflags");
    fs::write(&path, bytes(&words("zoo-6.1"))).expect("flags");
    path
}

#[test]
fn reads_that_are_interrupted_are_done_again() {
    if !can_inject() {
        return;
    }
    let directory = scratch();
    let flags = flags_file(directory.path());
    let words = ["snapshot", "-", "--from", text(&flags)];
    let right = succeed(words);
    for which in ["1", "1+2", "2+3"] {
        let output = injected(
            Some(&flags),
            &format!("pread64:error=EINTR:when={which}"),
            &words,
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(output.status.success() && output.stdout == right, "{which}");
    }
}

#[test]
fn a_disk_that_fails_is_one_line_and_leaves_nothing() {
    if !can_inject() {
        return;
    }
    let (directory, out) = (scratch(), scratch());
    let flags = flags_file(directory.path());
    let target = |name: &str| out.path().join(name).display().to_string();
    let [picture, page, recording, series] = ["a.png", "a.html", "a.pmv", "series"].map(target);
    // Each thread's calls are counted by themselves.
    let from = ["--from", text(&flags), "--threads", "1"];
    let verbs: [&[&str]; 6] = [
        &["snapshot", &picture],
        &["report", &page],
        &["record", &recording],
        &["timelapse", &series],
        &["flags"],
        &["orders", "--system"],
    ];
    for verb in verbs {
        let words: Vec<&str> = verb.iter().chain(&from).copied().collect();
        // Reading fails in the middle.
        let output = injected(Some(&flags), "pread64:error=EIO:when=4", &words);
        assert_refused(&output, 1, "input/output error");
        assert_empty(out.path());
    }
    for verb in &verbs[..3] {
        let words: Vec<&str> = verb.iter().chain(&from).copied().collect();
        // What is whole cannot be given its name.
        let fault = "rename,renameat,renameat2,link,linkat:error=EIO";
        let output = injected(None, fault, &words);
        assert_refused(&output, 1, "input/output error");
        assert_empty(out.path());
    }
}

/// A cgroup of its own with so little memory, gone in the end.
struct Confined(std::path::PathBuf);

impl Confined {
    /// `None` where this user can make none.
    fn to(bytes: u64) -> Option<Self> {
        let name = format!("pagemap-viz-test-{}", std::process::id());
        let places = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        for (root, limit) in places {
            let directory = Path::new(root).join(&name);
            if fs::create_dir(&directory).is_err() {
                continue;
            }
            let confined = Self(directory);
            if fs::write(confined.0.join(limit), bytes.to_string()).is_ok() {
                return Some(confined);
            }
        }
        let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
        assert!(!required, "CI can make a cgroup");
        eprintln!("skipped: no cgroup can be made here");
        None
    }

    fn run(&self, words: &[&str]) -> Output {
        let script = r#"echo $$ > "$0/cgroup.procs" && exec "$@""#;
        let mut command = Command::new("sh");
        command.args([
            "-c",
            script,
            text(&self.0),
            env!("CARGO_BIN_EXE_pagemap-viz"),
        ]);
        command
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("a shell")
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // The last process may take a moment to be gone.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// 24 GiB of memory are told in 64 MiB.
#[test]
fn little_memory_is_enough() {
    let Some(confined) = Confined::to(64 << 20) else {
        return;
    };
    let (out, root) = (scratch(), package("tests/systems/host-6.18"));
    let target = |name: &str| out.path().join(name).display().to_string();
    let [picture, page, recording] = ["a.png", "a.html", "a.pmv"].map(target);
    let verbs: [&[&str]; 4] = [
        &["snapshot", &picture, "--pages-per-pixel", "1"],
        &["report", &page],
        &["record", &recording],
        &["flags"],
    ];
    for verb in verbs {
        let words: Vec<&str> = verb
            .iter()
            .chain(&["--sysroot", text(&root)])
            .copied()
            .collect();
        let output = confined.run(&words);
        assert!(output.status.success(), "{verb:?}: {output:?}");
    }
}

/// Files that are open already, and hardly room for more.
#[test]
fn few_files_may_be_open() {
    let root = package("examples/fragmented");
    let out = scratch();
    let picture = out.path().join("a.png");
    let script = r#"ulimit -n "$0" && exec "$@""#;
    for most in ["8", "12", "32"] {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            script,
            most,
            env!("CARGO_BIN_EXE_pagemap-viz"),
            "snapshot",
        ]);
        command.args([text(&picture), "--sysroot", text(&root)]);
        let output = command.stdin(Stdio::null()).output().expect("a shell");
        if output.status.success() {
            fs::remove_file(&picture).expect("the picture");
        } else {
            assert_refused(&output, 1, "too many open files");
        }
        assert_empty(out.path());
    }
}

/// Whoever cannot be read for want of files or by a broken disk is not taken for one that ended.
#[test]
fn processes_that_cannot_be_read_are_not_passed_over() {
    if !common::may_ask_the_kernel() || !can_inject() {
        return;
    }
    let own = Path::new("/proc").join(std::process::id().to_string());
    let cases: [(&[&str], &str, &str); 7] = [
        (&["orders"], "maps", "openat:error=EMFILE"),
        (&["orders"], "pagemap", "openat:error=EMFILE"),
        (&["orders"], "pagemap", "pread64,ioctl:error=EIO"),
        (&["thp"], "smaps", "openat:error=EMFILE"),
        (&["pss"], "stat", "openat:error=EMFILE"),
        (
            &["report", "-", "--format", "json"],
            "smaps_rollup",
            "openat:error=EMFILE",
        ),
        (&["owner", "0x100000"], "pagemap", "openat:error=EIO"),
    ];
    for (words, file, fault) in cases {
        let output = injected(Some(&own.join(file)), fault, words);
        assert_refused(&output, 1, "cannot read process");
        assert!(output.stdout.is_empty(), "{words:?} {file} {fault}");
    }
}

/// With few files to open either everybody answers or nobody does.
#[test]
fn few_files_give_no_shorter_tables() {
    let root = common::system("thp-6.1");
    let table = |most: &str| {
        let mut command = Command::new("sh");
        let script = r#"ulimit -n "$0" && exec "$@""#;
        command.args(["-c", script, most, env!("CARGO_BIN_EXE_pagemap-viz")]);
        command.args(["orders", "--format", "csv", "--sysroot", text(&root)]);
        command.stdin(Stdio::null()).output().expect("a shell")
    };
    let whole = table("256");
    assert!(whole.status.success() && whole.stdout.split(|byte| *byte == b'\n').count() > 2);
    for most in ["4", "5", "6", "8", "12"] {
        let output = table(most);
        match output.status.success() {
            true => assert_eq!(output.stdout, whole.stdout, "{most} files"),
            false => assert_eq!(output.status.code(), Some(1), "{most} files: {output:?}"),
        }
    }
}

/// What has no end, or waits for a writer, says nothing of a machine.
#[test]
fn texts_of_a_copy_have_an_end() {
    let root = scratch();
    let proc = root.path().join("proc");
    fs::create_dir(&proc).expect("a directory");
    fs::write(proc.join("kpageflags"), bytes(&words("zoo-6.1"))).expect("flags");
    for name in ["zoneinfo", "iomem", "buddyinfo"] {
        std::os::unix::fs::symlink("/dev/zero", proc.join(name)).expect("a link");
    }
    let vmstat = fs::File::create(proc.join("vmstat")).expect("a file");
    vmstat.set_len(4 << 30).expect("a file with holes");
    fs::create_dir(proc.join("7")).expect("a directory");
    for name in ["version", "meminfo", "7/comm", "7/maps"] {
        let made = Command::new("mkfifo").arg(proc.join(name)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }
    let out = scratch();
    let picture = out.path().join("a.png");
    succeed(["snapshot", text(&picture), "--sysroot", text(root.path())]);
    succeed(["doctor", "--sysroot", text(root.path())]);
    for verb in ["orders", "pss"] {
        // Whatever they say of it, they end.
        common::run([verb, "--sysroot", text(root.path())]);
    }
    let output = common::run(["palette", "check", "/dev/zero"]);
    assert_refused(&output, 1, "longer than 32 MiB");
}

/// Texts that pack very well are recorded, and read again; ones that no machine has are refused in one line.
#[test]
fn texts_of_one_letter_are_recorded() {
    let (root, out) = (scratch(), scratch());
    let proc = root.path().join("proc");
    fs::create_dir(&proc).expect("a directory");
    fs::write(proc.join("kpageflags"), bytes(&words("light-6.1"))).expect("flags");
    let recording = out.path().join("a.pmv");
    for (letter, count) in [(0u8, 1_000_000), (b'a', 5_000_000), (b'\n', 8 << 20)] {
        fs::write(proc.join("pagetypeinfo"), vec![letter; count]).expect("a text");
        fs::write(proc.join("iomem"), vec![letter; count]).expect("a text");
        succeed([
            "record",
            "-q",
            "--sysroot",
            text(root.path()),
            text(&recording),
        ]);
        succeed(["info", text(&recording)]);
        fs::remove_file(&recording).expect("the recording");
    }
    // Each letter takes six in JSON: more than a reader unpacks.
    for name in ["pagetypeinfo", "vmstat", "meminfo", "zoneinfo"] {
        fs::write(proc.join(name), vec![1u8; 8 << 20]).expect("a text");
    }
    let output = common::run([
        "record",
        "-q",
        "--sysroot",
        text(root.path()),
        text(&recording),
    ]);
    assert_refused(&output, 1, "cannot write");
    assert_empty(out.path());
}

/// A file that may not grow is a disk that is full.
#[test]
fn a_file_that_may_not_grow_is_refused() {
    let root = common::system("zoo-6.1");
    for (verb, name) in [
        ("export", "a.csv"),
        ("record", "a.pmv"),
        ("report", "a.html"),
    ] {
        let out = scratch();
        let path = out.path().join(name);
        let mut command = Command::new("sh");
        let script = r#"ulimit -f 8 && exec "$@""#;
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_pagemap-viz"), verb]);
        match verb {
            "export" => command.args([text(&root), "-o", text(&path)]),
            _ => command.args(["--sysroot", text(&root), text(&path)]),
        };
        let output = command.stdin(Stdio::null()).output().expect("a shell");
        assert_refused(&output, 1, "file too large");
        assert_empty(out.path());
    }
}

/// Who is cut off from the terminal leaves no more behind than who is told to end.
#[test]
fn a_terminal_that_goes_away_leaves_nothing_half_written() {
    for signal in ["HUP", "QUIT", "TERM"] {
        let out = scratch();
        let path = out.path().join("a.pmv");
        let mut recorder = Command::new(env!("CARGO_BIN_EXE_pagemap-viz"));
        let root = common::system("host-6.18");
        recorder.args(["record", "-q", "--sysroot", text(&root), text(&path)]);
        let mut recorder = recorder.stdin(Stdio::null()).spawn().expect("it starts");
        let is_begun = || fs::read_dir(out.path()).is_ok_and(|mut files| files.next().is_some());
        while !is_begun() && matches!(recorder.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        // A terminal's end is said twice, by the shell and by the kernel.
        let times = if signal == "HUP" { 2 } else { 1 };
        for _ in 0..times {
            let sent = Command::new("kill")
                .args(["-s", signal, &recorder.id().to_string()])
                .status();
            assert!(sent.is_ok_and(|status| status.success()) || path.exists());
        }
        recorder.wait().expect("it ends");
        let left = fs::read_dir(out.path()).expect("a directory").flatten();
        let hidden = left.filter(|file| file.path() != path);
        assert_eq!(hidden.count(), 0, "{signal}");
        if path.exists() {
            succeed(["info", text(&path)]);
        }
    }
}
