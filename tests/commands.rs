//! Every command of the program that the documents show runs; other programs are stood in for. What a reader would name
//! otherwise is put in its place: a process, files, hours.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{may_ask_the_kernel, package, scratch, succeed, system, text};
use tempfile::TempDir;

const DOCUMENTS: [&str; 9] = [
    "README.md",
    "docs/flags.md",
    "docs/fleet.md",
    "docs/guarantees.md",
    "docs/install.md",
    "docs/monitoring.md",
    "docs/reading-a-report.md",
    "docs/gallery/README.md",
    "examples/README.md",
];

/// The lines of a document's shell blocks, joined where they go on.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let joined = blocks.map(|block| block.replace("\\\n", " "));
    let lines = joined.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect()
}

/// A directory with what commands name, a process of a known name, and programs that they call.
struct Reader {
    directory: TempDir,
    process: Child,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

impl Reader {
    fn new() -> Self {
        let directory = scratch();
        let place = |name: &str| directory.path().join(name);
        for name in ["bin", "collected", "textfile", "var", "target"] {
            fs::create_dir(place(name)).expect("a directory");
        }
        symlink(package("examples"), place("examples")).expect("a link");
        symlink(package("tests"), place("tests")).expect("a link");
        symlink(place("bin"), place("target/release")).expect("a link");
        symlink(env!("CARGO_BIN_EXE_pagemap-viz"), place("bin/pagemap-viz")).expect("a link");
        script(&place("bin/sudo"), "exec \"$@\"");
        fs::copy("/bin/sleep", place("bin/cc1")).expect("a program");
        script(&place("bin/make"), "exec cc1 2");
        script(&place("bin/tar"), "exit 0");
        fs::create_dir(place(".ci")).expect("a directory");
        script(&place(".ci/package"), "exit 0");
        // What runs elsewhere, or would change this machine.
        for name in [
            "cargo",
            "apt-get",
            "dpkg",
            "systemctl",
            "docker",
            "install",
            "setcap",
            "curl",
        ] {
            script(&place(&format!("bin/{name}")), "exit 0");
        }
        let sleeper = place("bin/postgres");
        fs::copy("/bin/sleep", &sleeper).expect("a program");
        let process = Command::new(&sleeper)
            .arg("600")
            .spawn()
            .expect("it starts");
        // What a reader has recorded by then.
        let recordings = [
            "afternoon.pmv",
            "database.pmv",
            "build.pmv",
            "collected/a.pmv",
            "collected/b.pmv",
        ];
        for name in recordings {
            let twice = if name == "database.pmv" { 31 } else { 2 };
            let root = system("thp-6.1");
            let sources = std::iter::repeat_n(["--sysroot", text(&root)], twice).flatten();
            let chosen =
                ["record", text(&place(name)), "--quiet", "--pid", "118"].map(str::to_owned);
            succeed(chosen.into_iter().chain(sources.map(str::to_owned)));
        }
        for name in ["build", "kernel-build"] {
            fs::create_dir(place(name)).expect("a directory");
            fs::copy(place("afternoon.pmv"), place(name).join("recording.pmv")).expect("a copy");
        }
        succeed([
            "export",
            text(&place("afternoon.pmv")),
            "--raw",
            "-o",
            text(&place("kpageflags.bin")),
        ]);
        Self { directory, process }
    }

    /// As the reader of this machine would type it: hours are moments, and what is everywhere is here.
    fn adapted(&self, command: &str) -> String {
        let own = text(self.directory.path());
        let pid = self.process.id().to_string();
        let recorded = command.contains("--from database.pmv");
        let mut command = command.replace("/var/lib/pagemap-viz", &format!("{own}/var"));
        command = command.replace(
            "/var/lib/prometheus/node-exporter",
            &format!("{own}/textfile"),
        );
        command = command.replace("/var/lib/db", &format!("{own}/collected"));
        command = command.replace("812", if recorded { "118" } else { &pid });
        for (hours, moments) in [
            ("--every 10m --for 24h", "--every 10ms --count 2"),
            ("--every 10s --for 1h", "--every 10ms --count 2"),
            ("--every 1s --for 5m", "--every 10ms --count 2"),
            (
                "pss -l 5",
                "timeout --preserve-status -s INT 3 pagemap-viz pss -l 1",
            ),
        ] {
            command = command.replace(hours, moments);
        }
        command = command.replace("pagemap-viz timeout", "timeout");
        // What was recorded in hours stays what it is.
        if command.contains(" record ") {
            command = command
                .replace("database.pmv", "new.pmv")
                .replace("afternoon.pmv", "new.pmv");
        }
        // A series goes into a directory of its own.
        if command.contains("timelapse") {
            command = format!(
                "rm -rf build.new; mkdir build.new; cp -r *.pmv build kernel-build build.new; cd build.new; rm -rf example changes compiler; {}",
                match command.contains("--from") {
                    true => "true",
                    false => "rm -rf build kernel-build",
                }
            ) + "; "
                + &command;
        }
        command
    }

    fn run(&self, command: &str) {
        let path = std::env::var("PATH").expect("a PATH");
        let output = Command::new("sh")
            .args(["-c", &self.adapted(command)])
            .current_dir(self.directory.path())
            .env(
                "PATH",
                format!("{}/bin:{path}", text(self.directory.path())),
            )
            .env_remove("SUDO_UID")
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        // A check may say that something does not hold.
        let is_check = command.contains("pagemap-viz check");
        let code = output.status.code();
        // And a loop is ended from outside.
        let is_loop = command.contains("pss -l") && code == Some(130);
        let done = code == Some(0) || is_check && code == Some(1) || is_loop;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(done, "{command}: {code:?} {said}");
        assert!(!said.contains("panicked"), "{command}: {said}");
    }
}

#[test]
fn every_command_of_the_documents_runs() {
    let reader = Reader::new();
    let is_live = may_ask_the_kernel();
    let mut ran = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(package(document)).expect("a document");
        for command in commands(&text) {
            let asks = command.contains("sudo");
            if asks && !is_live {
                eprintln!("skipped: {command}");
                continue;
            }
            reader.run(&command);
            ran += 1;
        }
    }
    assert!(ran > 30, "{ran}");
}

#[test]
fn examples_of_the_library_run() {
    // Cargo builds them beside the tests.
    let program = Path::new(env!("CARGO_BIN_EXE_pagemap-viz"));
    let examples = program.parent().expect("a directory").join("examples");
    let directory = scratch();
    let picture = directory.path().join("a.png");
    for (name, words, part) in [
        ("scan", &[][..], "hugetlb-free      200 MiB"),
        ("classify", &["0x400"], "free"),
        ("draw", &[text(&picture)], "pixels high"),
        ("recording", &[], "    8  2026-11-21T07:48:31.711587621Z"),
        ("free_runs", &[], "the longest:"),
    ] {
        let output = Command::new(examples.join(name))
            .args(words)
            .output()
            .expect("it was built");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && told.contains(part),
            "{name}: {told}"
        );
    }
    assert!(
        fs::read(picture)
            .expect("a picture")
            .starts_with(b"\x89PNG")
    );
}
