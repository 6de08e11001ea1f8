//! Wrong usage and bad input say so in one line, with the right exit code.

mod common;

use std::fs;

use common::{assert_empty, assert_refused, run, scratch, system, text};

#[test]
fn wrong_usage_is_one_line_and_exit_2() {
    let table: [(&[&str], &str); 18] = [
        (&[], "a verb is missing"),
        (&["draw"], "unrecognized subcommand 'draw'"),
        (&["snapshot"], "<PICTURE>"),
        (
            &["snapshot", "o.png", "--by", "colour"],
            "invalid value 'colour' for '--by <LENS>' (one of class, flags, node, zone, sharing, cgroup, folio-order, free-order, age)",
        ),
        (
            &["snapshot", "o.png", "--reducer", "mean"],
            "unknown reducer 'mean' (one of proportional, sample, dominant, any=CLASS)",
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
            "root/proc/kpageflags: no such file (it was not captured, or the kernel there lacks CONFIG_PROC_PAGE_MONITOR",
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
fn bad_palettes_say_the_line_and_what_was_expected() {
    let directory = scratch();
    let root = system("boot-6.1");
    let shipped = fs::read_to_string(common::package("palettes/default.toml")).expect("a palette");
    let mine = directory.path().join("mine.toml");
    let table = [
        (
            shipped.replace("free = \"#", "free = \""),
            "line 25: expected a colour as \"#rrggbb\"",
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
