//! Who uses memory: a made-up system to the letter, and children of ours of which it is known what they use.
#![allow(unsafe_code, reason = "a System V segment, which no crate maps")]

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{assert_refused, json, run, scratch, succeed, text, tool};
use memmap2::MmapOptions;
use serde_json::Value;

const SMAPS: &str = "\
400000-500000 r-xp 00000000 fe:00 5                          /usr/bin/memload\n\
Size: 1024 kB\nRss: 1024 kB\nPss: 512 kB\nPss_Dirty: 0 kB\nSwapPss: 0 kB\nVmFlags: rd ex\n\
600000-700000 rw-p 00000000 00:00 0                          [heap]\n\
Size: 1024 kB\nRss: 1024 kB\nPss: 3072 kB\nSwapPss: 1024 kB\nVmFlags: rd wr\n\
800000-801000 ---p 00000000 00:00 0 \nSize: 4 kB\nPss: 0 kB\n\
801000-1001000 rw-p 00000000 00:00 0 \nSize: 8192 kB\nPss: 24 kB\n\
2000000-3000000 rw-s 00000000 00:01 9                        /SYSV00000000 (deleted)\nPss: 256 kB\n\
4000000-5000000 rw-s 00000000 00:01 9                        /memfd:a (deleted)\nPss: 128 kB\n\
7000000-7002000 rw-p 00000000 00:00 0                        [stack]\nPss: 8 kB\n";

const ROLLUP: &str = "400000-7002000 ---p 00000000 00:00 0 [rollup]\nPss: 4000 kB\nPss_Anon: 3104 kB\n\
    Pss_File: 512 kB\nPss_Shmem: 384 kB\nSwapPss: 1024 kB\n";

/// A process of known sizes, a kernel thread, and one that is hardly there.
fn write_system(root: &Path) {
    let write = |pid: u32, name: &str, contents: &str| {
        let directory = root.join("proc").join(pid.to_string());
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(name), contents).expect("a file");
    };
    let stat = |pid: u32, comm: &str, flags: u32| {
        format!("{pid} ({comm}) S 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n")
    };
    write(7, "stat", &stat(7, "mem) load", 0));
    write(
        7,
        "cmdline",
        "/usr/bin/python3\0-u\0/opt/mem\u{1b}load\0--fast\0",
    );
    write(7, "status", "Name:\tx\nUid:\t1000\t0\t0\t0\n");
    write(7, "cgroup", "5:cpu,cpuacct:/c\n4:memory:/jobs/x\n0::/v2\n");
    write(7, "smaps", SMAPS);
    write(7, "smaps_rollup", ROLLUP);
    write(2, "stat", &stat(2, "kthreadd", 0x20_8040));
    // It ended between its stat and its sums.
    write(9, "stat", &stat(9, "gone", 0));
    fs::write(
        root.join("proc/meminfo"),
        "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\nDirty: 512 kB\n",
    )
    .expect("meminfo");
}

fn lines(root: &Path, options: &[&str]) -> Vec<String> {
    let fixed = ["pss", "--sysroot", text(root)];
    let printed = succeed(fixed.iter().chain(options));
    let printed = String::from_utf8(printed).expect("UTF-8");
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn a_made_up_system_is_told_to_the_letter() {
    let root = scratch();
    write_system(root.path());
    let told = lines(root.path(), &[]);
    assert!(
        told[0].ends_with(" MB: Mem=2,048 Avail=1,024 Dirty=0 PIDs: 1/1"),
        "{}",
        told[0]
    );
    let expected = [
        "   pswap   shSYSV    shOth    stack     text     data   ptotal              key/info (in MB)",
        "     1.0      0.3      0.1      0.0      0.5      3.0      3.9           T       1x all",
        "     1.0      0.3      0.1      0.0      0.5      3.0      3.9           A        7 python3->mem\\u{1b}load",
    ];
    assert_eq!(told[1..], expected);
    let told = lines(root.path(), &["-u", "KB", "--pss"]);
    let expected = "      1,024         256         128          32         512       3,072       4,000       4,000           T       1x all";
    assert_eq!(told[2], expected);
}

#[test]
fn groups_are_what_was_asked_for() {
    let root = scratch();
    write_system(root.path());
    let key = |options: &[&str]| {
        let told = lines(root.path(), options);
        let row = told.last().expect("a row");
        row.split_once(" A ")
            .expect("a new one")
            .1
            .trim()
            .to_owned()
    };
    assert_eq!(key(&["-g", "exe"]), "7 python3->mem\\u{1b}load");
    assert_eq!(key(&["-g", "pid"]), "7 python3->mem\\u{1b}load");
    assert_eq!(key(&["-g", "cmd", "-L", "20"]), "7 /usr/bin/python3 -u");
    assert_eq!(key(&["-g", "cgroup"]), "7 /jobs/x");
    assert_eq!(key(&["-g", "user"]), "7 1000");
    assert_eq!(key(&["7"]), "7 python3->mem\\u{1b}load");
    assert_eq!(key(&["mem) load"]), "7 python3->mem\\u{1b}load");
}

#[test]
fn rows_for_programs_are_in_bytes() {
    let root = scratch();
    write_system(root.path());
    let fixed = ["pss", "--sysroot", text(root.path()), "--format"];
    let reading = json(&succeed(fixed.iter().chain(&["json"])));
    assert_eq!(reading["memory"]["total"], 2u64 << 30);
    assert_eq!(reading["processes"]["vanished"], 1);
    let row = &reading["rows"][1];
    assert_eq!((&row["type"], &row["pid"]), (&"added".into(), &7.into()));
    assert_eq!(row["data"], 3072 << 10);
    let sum: u64 = ["shSYSV", "shOth", "stack", "text", "data"]
        .iter()
        .map(|name| row[*name].as_u64().expect("bytes"))
        .sum();
    assert_eq!(row["ptotal"], sum);
    assert_eq!(row["pss"], row["ptotal"]);
    let csv = String::from_utf8(succeed(fixed.iter().chain(&["csv"]))).expect("UTF-8");
    let head = csv.lines().next().expect("names");
    assert_eq!(
        head,
        "time,type,change,key,processes,pid,pswap,shSYSV,shOth,stack,text,data,ptotal,pss"
    );
    assert_eq!(csv.lines().count(), 3);
}

#[test]
fn wrong_questions_are_one_line() {
    let root = scratch();
    write_system(root.path());
    let here = ["--sysroot", text(root.path())];
    let table: [(&[&str], i32, &str); 8] = [
        (&["8"], 1, "cannot read process 8: there is no such process"),
        (
            &["nobody-is-called-so"],
            1,
            "cannot find a process called nobody-is-called-so",
        ),
        (&["-t", "0"], 2, "-t 0 is no share"),
        (&["-t", "101"], 2, "-t 101 is no share"),
        (&["-g", "x"], 2, "one of exe, cmd, pid, cgroup, user"),
        (&["-u", "GB"], 2, "one of MB, mB, KB, human"),
        (&["-L", "0"], 2, "at least 1"),
        (&["-l", "1"], 2, "cannot be used with"),
    ];
    for (words, code, part) in table {
        assert_refused(&run(["pss"].iter().chain(&here).chain(words)), code, part);
    }
    for words in [["-l", "0"], ["-l", "nan"], ["-l", "1e300"]] {
        assert_refused(&run(["pss"].iter().chain(&words)), 2, "-l ");
    }
    assert_refused(&run(["pss", "-l", "1", "--once"]), 2, "cannot be used with");
}

const MIB: usize = 1 << 20;

/// Not a test: what the child below does, step by step, each when a line comes.
#[test]
#[ignore = "run by uses_are_what_was_done"]
fn child_of_known_use() {
    if std::env::var_os("PSS_TEST_CHILD").is_none() {
        return;
    }
    let mut steps = std::io::stdin().lines();
    let mut step = || {
        println!("done");
        std::io::stdout().flush().expect("a reader");
        steps.next();
    };
    step();
    let mut private = MmapOptions::new().len(8 * MIB).map_anon().expect("memory");
    private.fill(1);
    step();
    let file = tempfile::tempfile().expect("a file");
    file.set_len(4 * MIB as u64).expect("room");
    // SAFETY: nobody else has the file.
    let mut shared = unsafe { MmapOptions::new().map_mut(&file) }.expect("a mapping");
    shared.fill(1);
    step();
    let memory = rustix_memfd();
    memory.set_len(2 * MIB as u64).expect("room");
    // SAFETY: nobody else has the file.
    let mut in_memory = unsafe { MmapOptions::new().map_mut(&memory) }.expect("a mapping");
    in_memory.fill(1);
    step();
    sysv_segment(3 * MIB).fill(1);
    step();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(5));
    for _ in 0..4 {
        let (wait, barrier) = (wait.clone(), barrier.clone());
        std::thread::spawn(move || {
            use_stack();
            barrier.wait();
            drop(wait.lock().map(|wait| wait.recv()));
        });
    }
    barrier.wait();
    step();
    drop(go);
}

fn rustix_memfd() -> File {
    // SAFETY: a name that ends, and a descriptor of our own.
    unsafe {
        let number = libc::memfd_create(c"pss".as_ptr(), libc::MFD_CLOEXEC);
        assert!(number >= 0);
        std::os::fd::FromRawFd::from_raw_fd(number)
    }
}

fn sysv_segment(bytes: usize) -> &'static mut [u8] {
    // SAFETY: a new segment, attached once, and gone with the process.
    unsafe {
        let number = libc::shmget(libc::IPC_PRIVATE, bytes, libc::IPC_CREAT | 0o600);
        assert!(number >= 0, "{}", std::io::Error::last_os_error());
        let place = libc::shmat(number, std::ptr::null(), 0);
        assert_ne!(place as isize, -1);
        assert_eq!(
            libc::shmctl(number, libc::IPC_RMID, std::ptr::null_mut()),
            0
        );
        std::slice::from_raw_parts_mut(place.cast(), bytes)
    }
}

/// A MiB of the stack.
#[inline(never)]
fn use_stack() {
    let mut room = [0u8; MIB];
    room.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    assert_eq!(std::hint::black_box(&room)[4096], 1);
}

struct KnownChild {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl KnownChild {
    fn start() -> Self {
        let own = std::env::current_exe().expect("a path");
        let mut child = Command::new(own)
            .args([
                "--exact",
                "child_of_known_use",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("PSS_TEST_CHILD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ourselves");
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut known = Self { child, answers };
        known.wait();
        known
    }

    fn wait(&mut self) {
        let mut line = String::new();
        while line.trim_end() != "done" && !line.ends_with(" ... done\n") {
            line.clear();
            assert_ne!(
                self.answers.read_line(&mut line).expect("text"),
                0,
                "it ended"
            );
        }
    }

    /// Does the next step and says by how many MiB each use grew, rounded.
    fn step(&mut self) -> Vec<(String, i64)> {
        let before = self.row();
        let input = self.child.stdin.as_mut().expect("its input");
        input.write_all(b"go\n").expect("a reader");
        self.wait();
        let after = self.row();
        let names = [
            "pswap", "shSYSV", "shOth", "stack", "text", "data", "ptotal",
        ];
        let change = |name: &&str| {
            let of = |row: &Value| row[*name].as_i64().expect("bytes");
            let kib = (of(&after) - of(&before)) >> 10;
            // A few pages of the allocator's and of the printing come with each step.
            let mib = (kib + 512) >> 10;
            assert!((kib - (mib << 10)).abs() <= 400, "{name} grew by {kib} KiB");
            ((*name).to_owned(), mib)
        };
        names
            .iter()
            .map(change)
            .filter(|(_, mib)| *mib != 0)
            .collect()
    }

    fn row(&self) -> Value {
        let pid = self.child.id().to_string();
        let reading = json(&succeed(["pss", &pid, "--format", "json"]));
        reading["rows"][1].clone()
    }
}

impl Drop for KnownChild {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn uses_are_what_was_done() {
    let mut child = KnownChild::start();
    let grew = |uses: &[(&str, i64)]| -> Vec<(String, i64)> {
        uses.iter()
            .map(|(name, mib)| ((*name).to_owned(), *mib))
            .collect()
    };
    assert_eq!(child.step(), grew(&[("data", 8), ("ptotal", 8)]));
    assert_eq!(
        child.step(),
        grew(&[("shOth", 4), ("ptotal", 4)]),
        "a shared file"
    );
    assert_eq!(
        child.step(),
        grew(&[("shOth", 2), ("ptotal", 2)]),
        "a memfd"
    );
    assert_eq!(child.step(), grew(&[("shSYSV", 3), ("ptotal", 3)]));
    assert_eq!(
        child.step(),
        grew(&[("stack", 4), ("ptotal", 4)]),
        "four threads"
    );
}

#[test]
fn sums_are_the_kernels() {
    let mut sleeps: Vec<Child> = (0..3)
        .map(|_| Command::new("sleep").arg("100").spawn().expect("a process"))
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    for sleep in &sleeps {
        let pid = sleep.id().to_string();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its mappings");
        // The kernel rounds each mapping of smaps down to a KiB. Both files are read one after the other, and who
        // else maps a library may change between them.
        let lost = || {
            let reading = json(&succeed(["pss", &pid, "--format", "json"]));
            let of = |name: &str| reading["rows"][0][name].as_i64().expect("bytes");
            of("pss") - of("ptotal")
        };
        let most = 1024 * maps.lines().count() as i64;
        let is_lost = (0..20).any(|_| (0..=most).contains(&lost()));
        assert!(is_lost, "{} bytes", lost());
    }
    for sleep in &mut sleeps {
        sleep.kill().expect("it ends");
        sleep.wait().expect("it ended");
    }
}

/// What a loop prints, reading by reading.
struct Loop {
    child: Child,
    readings: BufReader<std::process::ChildStdout>,
}

impl Loop {
    fn start(options: &[&str]) -> Self {
        let fixed = ["pss", "-l", "0.05", "--quiet", "--format", "json"];
        let mut command = tool();
        command.args(fixed).args(options).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let readings = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, readings }
    }

    /// The row of a process in the first reading in which it has one of that type.
    fn row(&mut self, pid: u32, kind: &str) -> Value {
        let begun = Instant::now();
        loop {
            let mut line = String::new();
            self.readings.read_line(&mut line).expect("a reading");
            let reading = json(line.as_bytes());
            let rows = reading["rows"].as_array().expect("rows");
            if let Some(row) = rows
                .iter()
                .find(|row| row["pid"] == pid && row["type"] == kind)
            {
                return row.clone();
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{pid} is never {kind}"
            );
        }
    }

    /// A reading.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.readings.read_line(&mut line).expect("a reading");
        json(line.as_bytes())
    }

    fn end(mut self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill is there").success());
        let mut rest = String::new();
        self.readings.read_to_string(&mut rest).expect("text");
        assert!(
            self.child.wait().expect("it ends").success(),
            "Ctrl-C ends a loop"
        );
    }
}

#[test]
fn a_loop_tells_what_is_new_what_grew_and_what_is_gone() {
    let mut known = KnownChild::start();
    let pid = known.child.id();
    let mut told = Loop::start(&["-g", "pid", "-k", "1000"]);
    let first = told.row(pid, "added");
    assert_eq!(known.step()[0], ("data".to_owned(), 8));
    // It may be read while it grows; changes add up to what it grew by.
    let of = |row: &Value, name: &str| row[name].as_i64().expect("bytes");
    let mut sum = 0;
    loop {
        let row = told.row(pid, "changed");
        sum += of(&row, "change");
        assert_eq!(sum, of(&row, "ptotal") - of(&first, "ptotal"));
        if of(&row, "data") - of(&first, "data") > 7 << 20 {
            break;
        }
    }
    drop(known);
    told.row(pid, "gone");
    let mut sleep = Command::new("sleep").arg("100").spawn().expect("a process");
    told.row(sleep.id(), "added");
    sleep.kill().expect("it ends");
    sleep.wait().expect("it ended");
    told.end();
}

/// The whole terminal is taken over and given back, and what a process is called cannot steer it.
#[test]
fn a_terminal_is_given_back() {
    let mut hostile = Command::new("bash")
        .args(["-c", "exec -a $'\\e[31mred' sleep 100"])
        .spawn()
        .expect("a process");
    std::thread::sleep(Duration::from_millis(200));
    let program = env!("CARGO_BIN_EXE_pagemap-viz");
    let pid = hostile.id();
    let line =
        format!("stty rows 50 cols 100; {program} pss -l 60 --quiet -g cmd {pid}; echo exit $?");
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("script is there");
    let mut keys = child.stdin.take().expect("its keys");
    std::thread::sleep(Duration::from_millis(1500));
    keys.write_all(b"sq").expect("keys");
    let output = child.wait_with_output().expect("it ends");
    drop(keys);
    hostile.kill().expect("it ends");
    hostile.wait().expect("it ended");
    let shown = String::from_utf8_lossy(&output.stdout);
    let entered = shown.find("\u{1b}[?1049h").expect("the screen was taken");
    let left = shown.find("\u{1b}[?1049l").expect("and given back");
    assert!(
        entered < left && shown[left..].contains("exit 0"),
        "{shown}"
    );
    assert!(
        shown.contains("q quit") && shown.contains("s sort (change)"),
        "{shown}"
    );
    assert!(
        shown.contains("\\u{1b}[31mred") && !shown.contains("\u{1b}[31mred"),
        "{shown}"
    );
}

#[test]
fn columns_are_explained() {
    let root = scratch();
    write_system(root.path());
    let told = lines(root.path(), &["-v"]).join("\n");
    for column in [
        "pswap", "shSYSV", "shOth", "stack", "text", "data", "ptotal", "pss",
    ] {
        assert!(told.contains(&format!("\n  {column} ")), "{column}");
    }
}

/// Whoever comes into a group that is known, and whoever shrinks, is in its sum as the kernel has it.
#[test]
fn a_loop_keeps_to_the_kernels_sum() {
    let own = std::env::current_exe().expect("a path");
    let name = own.file_name().expect("a name").to_str().expect("UTF-8");
    let mut first = KnownChild::start();
    first.step();
    let mut told = Loop::start(&[name]);
    told.next();
    let mut others: Vec<KnownChild> = (0..3).map(|_| KnownChild::start()).collect();
    others.iter_mut().for_each(|child| drop(child.step()));
    told.next();
    drop(first);
    others.truncate(1);
    let mut late = KnownChild::start();
    // A shared file, which comes and goes with its process.
    late.step();
    late.step();
    for _ in 0..5 {
        told.next();
    }
    drop(late);
    let begun = Instant::now();
    loop {
        let reading = told.next();
        let of = |name: &str| reading["rows"][0][name].as_i64().expect("bytes");
        let (total, pss) = (of("ptotal"), of("pss"));
        if (total - pss).abs() < 1 << 20 && total > 8 << 20 {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{total} instead of {pss}"
        );
    }
    told.end();
}

/// Files run out before processes do: nobody is missed, and nobody is said to be another's.
#[test]
fn a_loop_needs_few_files() {
    let mut sleeps: Vec<Child> = (0..40)
        .map(|_| Command::new("sleep").arg("100").spawn().expect("a process"))
        .collect();
    let program = env!("CARGO_BIN_EXE_pagemap-viz");
    let line = format!("ulimit -n 40; {program} pss -l 0.1 --quiet --format json sleep | head -4");
    let output = Command::new("bash")
        .args(["-c", &line])
        .output()
        .expect("bash is there");
    for sleep in &mut sleeps {
        sleep.kill().expect("it ends");
        sleep.wait().expect("it ended");
    }
    let readings = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        readings.lines().count(),
        4,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for reading in readings.lines() {
        let reading = json(reading.as_bytes());
        assert!(
            reading["processes"]["read"].as_u64().expect("a number") >= 40,
            "{reading}"
        );
    }
}
