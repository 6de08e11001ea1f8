//! What goes wrong says so in one line, with the right exit code, and leaves nothing behind.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{run, scratch, system, tool};

/// One line on standard error that starts with the program's name and holds `part`; nothing on
/// standard output; that exit code.
fn assert_refused(output: &Output, code: i32, part: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(
        stderr.starts_with("pagemap-viz: ") && stderr.contains(part),
        "{stderr}"
    );
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty(), "nothing goes to standard output");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

fn assert_empty(directory: &Path) {
    let left: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn wrong_usage_is_one_line_and_exit_2() {
    let table: [(&[&str], &str); 18] = [
        (&[], "a verb is missing"),
        (&["draw"], "unrecognized subcommand 'draw'"),
        (&["snapshot"], "<PICTURE>"),
        (
            &["snapshot", "o.png", "--by", "colour"],
            "invalid value 'colour' for '--by <LENS>' (one of class, flags)",
        ),
        (
            &["snapshot", "o.png", "--reducer", "mean"],
            "unknown reducer 'mean' (one of proportional, dominant, any=CLASS)",
        ),
        (
            &["snapshot", "o.png", "--reducer", "any=gold"],
            "unknown class 'gold' (one of free, anon, ",
        ),
        (
            &[
                "snapshot",
                "o.png",
                "--reducer",
                "any=slab",
                "--by",
                "flags",
            ],
            "is for --by class",
        ),
        (
            &["snapshot", "o.png", "--noise", "lru"],
            "--noise is for --by flags",
        ),
        (
            &["snapshot", "o.png", "--by", "flags", "--noise", "lru,gold"],
            "unknown flag 'gold'",
        ),
        (
            &["snapshot", "o.png", "--pages-per-pixel", "3"],
            "is not a power of two",
        ),
        (
            &["snapshot", "o.png", "--pages-per-pixel", "0"],
            "is not a power of two",
        ),
        (
            &[
                "snapshot",
                "o.png",
                "--pages-per-pixel",
                "2",
                "--max-rows",
                "9",
            ],
            "cannot be used with",
        ),
        (&["snapshot", "o.png", "--max-rows", "0"], "at least 1"),
        (
            &["snapshot", "o.png", "--pages-per-pixel", "2199023255552"],
            "is more than 1099511627776",
        ),
        (&["snapshot", "o.png", "--threads", "0"], "--threads"),
        (
            &["snapshot", "o.png", "--page-size", "5000"],
            "--page-size 5000 is no page size",
        ),
        (
            &["snapshot", "o.jpg"],
            "unknown picture format of o.jpg (one of .png, .webp, .gif, .bmp, .tiff)",
        ),
        (
            &["snapshot", "-", "--json", "-"],
            "cannot go to the same place",
        ),
    ];
    for (words, part) in table {
        assert_refused(&run(words), 2, part);
    }
    let both = ["snapshot", "o.png", "--from", "a", "--sysroot", "b"];
    assert_refused(&run(both), 2, "cannot be used with");
}

#[test]
fn a_source_that_is_none_says_why() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("empty"), []).expect("a file");
    fs::write(at("uneven"), [0; 4099]).expect("a file");
    fs::write(at("broken.zst"), b"\x28\xb5\x2f\xfdnonsense").expect("a file");
    fs::create_dir(at("root")).expect("a directory");
    let table = [
        ("--from", "empty", "it is empty"),
        (
            "--from",
            "uneven",
            "its length of 4099 bytes is not a multiple of 8",
        ),
        ("--from", "missing", "missing: no such file or directory"),
        (
            "--from",
            "root",
            "it is a directory (a captured system is named with --sysroot)",
        ),
        ("--from", "broken.zst", "cannot unpack"),
        (
            "--sysroot",
            "root",
            "root/proc/kpageflags: no such file (the kernel lacks CONFIG_PROC_PAGE_MONITOR",
        ),
        (
            "--sysroot",
            "missing",
            "missing/proc/kpageflags: no such file",
        ),
    ];
    for (option, name, part) in table {
        let picture = at("picture.png");
        assert_refused(
            &run(["snapshot", option, text(&at(name)), text(&picture)]),
            1,
            part,
        );
        assert!(!picture.exists(), "no picture of nothing");
    }
}

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
fn bad_palettes_say_the_line_and_what_was_expected() {
    let directory = scratch();
    let root = system("boot-6.1");
    let shipped = fs::read_to_string(common::package("palettes/default.toml")).expect("a palette");
    let mine = directory.path().join("mine.toml");
    let table = [
        (
            shipped.replace("free = \"#", "free = \""),
            "line 17: expected a colour as \"#rrggbb\"",
        ),
        (
            shipped.replace("\nksm", "\n# ksm"),
            "class ksm has no colour",
        ),
        ("nonsense".to_owned(), "line 1: "),
    ];
    for (palette, part) in table {
        fs::write(&mine, palette).expect("a file");
        let picture = directory.path().join("o.png");
        let words = [
            "snapshot",
            "--sysroot",
            text(&root),
            "--palette",
            text(&mine),
            text(&picture),
        ];
        assert_refused(&run(words), 1, part);
        assert!(
            !picture.exists(),
            "nothing is drawn in colours that are not known"
        );
    }
    let words = [
        "snapshot",
        "--sysroot",
        text(&root),
        "--palette",
        "neon",
        "o.png",
    ];
    assert_refused(
        &run(words),
        1,
        "neither a file nor one of default, light, article, mono",
    );
    assert_refused(
        &run(["palette", "show", "neon"]),
        1,
        "neither a file nor one of",
    );
}

#[test]
fn a_palette_that_breaks_its_promise_fails_its_check() {
    let directory = scratch();
    let shipped = fs::read_to_string(common::package("palettes/default.toml")).expect("a palette");
    let mine = directory.path().join("mine.toml");
    fs::write(
        &mine,
        shipped.replace("file = \"#3a80cb\"", "file = \"#d37d2b\""),
    )
    .expect("a file");
    let output = run(["palette", "check", text(&mine)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("below 10"),
        "the table says which"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not keep what it claims"));
    for name in ["default", "light", "article", "mono"] {
        assert!(run(["palette", "check", name]).status.success(), "{name}");
    }
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
fn what_is_not_page_flags_is_not_drawn_as_such() {
    let directory = scratch();
    let picture = directory.path().join("picture.png");
    for file in ["/proc/meminfo", "/proc/self/maps"] {
        let output = run(["snapshot", "--from", file, text(&picture)]);
        assert_refused(
            &output,
            1,
            "it is a file of the kernel's, but not kpageflags",
        );
    }
    assert_empty(directory.path());
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
fn a_very_long_host_name_is_cut() {
    let directory = scratch();
    let root = directory.path();
    fs::create_dir_all(root.join("proc/sys/kernel")).expect("a directory");
    fs::write(root.join("proc/sys/kernel/hostname"), "x".repeat(1 << 20)).expect("a file");
    fs::write(root.join("proc/kpageflags"), [0; 8 * 600]).expect("a file");
    let picture = common::decode(&common::succeed(["snapshot", "--sysroot", text(root), "-"]));
    assert_eq!(picture.facts["host"].as_str().expect("a name").len(), 256);
    assert_eq!(picture.width, 512);
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

/// Needs root for the mount; says so when it cannot, and must not pass that over in CI.
#[test]
fn a_full_file_system_keeps_the_old_picture() {
    let directory = scratch();
    let mount = |arguments: &[&str]| {
        let status = Command::new("mount")
            .args(arguments)
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=12k", "tmpfs"]) {
        assert!(
            std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_none(),
            "CI can mount a small file system"
        );
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let picture = directory.path().join("picture.png");
    fs::write(&picture, "the old picture").expect("there is room for a little");
    let output = run([
        "snapshot",
        "--sysroot",
        text(&system("fragmented")),
        text(&picture),
    ]);
    let left = fs::read_dir(directory.path()).expect("a directory").count();
    let kept = fs::read_to_string(&picture);
    assert!(
        Command::new("umount")
            .arg(directory.path())
            .status()
            .expect("umount")
            .success()
    );
    assert_refused(&output, 1, "picture.png: no space left on device");
    assert_eq!(kept.expect("it is still there"), "the old picture");
    assert_eq!(left, 1, "no temporary file stays");
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
        "stopped by signal 2; nothing was written",
    );
    assert_empty(&results);
}

/// True once the process has that file open: then its signal handlers are in place.
fn opened(process: u32, file: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target == file)
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
