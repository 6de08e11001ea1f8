//! Flags of the pages of a process, made up and living, and of files.

mod common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{
    assert_refused, json, may_ask_the_kernel, run, scratch, succeed, text, tool, write_process,
};
use memmap2::MmapOptions;
use tempfile::TempDir;

fn flags(options: &[&str]) -> String {
    String::from_utf8(succeed(["flags"].iter().chain(options))).expect("UTF-8")
}

/// A made-up system of 1,024 pages with a process of one mapping.
fn with_process(entries: &[u64], words: &[(usize, u64)]) -> TempDir {
    let root = scratch();
    let mut flags = vec![0u64; 1024];
    words.iter().for_each(|&(pfn, word)| flags[pfn] = word);
    let end = 0x1000 + 0x1000 * entries.len();
    let maps = format!("1000-{end:x} rw-p 00000000 00:00 0 \n");
    write_process(root.path(), &flags, &maps, &[entries]);
    root
}

const PRESENT: u64 = 1 << 63;
const SWAP: u64 = 1 << 62;
const GUARD: u64 = 1 << 58 | SWAP;
const ANON: u64 = 1 << 12;

#[test]
fn swapped_and_guard_pages_are_told_apart() {
    let entries = [
        PRESENT | 5,
        SWAP | 77 << 5,
        GUARD | 0x9f,
        0,
        PRESENT | 6,
        SWAP | 78 << 5,
    ];
    let root = with_process(&entries, &[(5, ANON), (6, ANON)]);
    let fixed = ["--sysroot", text(root.path()), "-p", "7"];
    let rows = json(flags(&[&fixed[..], &["--format", "json"]].concat()).as_bytes());
    let rows = rows.as_array().expect("rows");
    let of = |name: &str| {
        let row = rows
            .iter()
            .find(|row| row["class"] == name || row["class"][0] == name);
        row.unwrap_or_else(|| panic!("{name} in {rows:?}"))["pages"].clone()
    };
    assert_eq!([of("anon"), of("in swap"), of("guard")], [2, 2, 1]);
    assert_eq!(rows.len(), 3);
    // page-types has them all in the row of no flag, and in a list by their place in swap.
    let listed = flags(&[&fixed[..], &["-NL", "--format", "page-types"]].concat());
    let none = "_".repeat(43);
    let anon = format!("{}a{}", "_".repeat(12), "_".repeat(30));
    let expected = format!(
        "voffset\toffset\tflags\n1\t5\t{anon}\n2\t4d\t{none}\n3\t4\t{none}\n5\t6\t{anon}\n6\t4e\t{none}\n"
    );
    assert_eq!(listed, expected);
}

#[test]
fn withheld_page_numbers_are_an_error_and_not_an_empty_table() {
    let root = with_process(&[PRESENT, PRESENT], &[]);
    let output = run(["flags", "--sysroot", text(root.path()), "-p", "7"]);
    assert_refused(
        &output,
        1,
        "the kernel withholds page numbers without CAP_SYS_ADMIN",
    );
}

#[test]
fn a_terabyte_that_is_reserved_costs_nothing() {
    if !may_ask_the_kernel() {
        return;
    }
    let mut options = MmapOptions::new();
    let mut map = options
        .len(1 << 40)
        .no_reserve_swap()
        .map_anon()
        .expect("a reservation");
    let touched = 500;
    for page in 0..touched {
        map[page * ((1 << 40) / touched)] = 1;
    }
    let first = map.as_ptr() as u64 / 4096;
    let range = format!("{first},{}", first + (1 << 28));
    let own = std::process::id().to_string();
    let begun = Instant::now();
    let rows = flags(&["-p", &own, "-a", &range, "--format", "json"]);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    let rows = json(rows.as_bytes());
    let pages = |row: &serde_json::Value| row["pages"].as_u64().expect("pages");
    let sum: u64 = rows.as_array().expect("rows").iter().map(pages).sum();
    // A touched page may be a huge one.
    assert!(sum >= touched as u64, "{rows}");
}

#[test]
fn looking_at_a_file_leaves_no_trace_in_it() {
    if !may_ask_the_kernel() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("file");
    fs::write(&path, vec![7u8; 4096 * 40]).expect("a file");
    let file = fs::File::options().write(true).open(&path).expect("it");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_times(fs::FileTimes::new().set_accessed(old).set_modified(old))
        .expect("ours");
    let pages = |condition: &str| {
        let rows = flags(&["-f", text(&path), "-L", "--format", "csv", "-b", condition]);
        rows.lines().count() - 1
    };
    for _ in 0..4 {
        assert_eq!(
            pages("!mmap"),
            40,
            "nobody has it mapped, and we have not any more"
        );
    }
    assert_eq!(pages("active"), 0, "no look of ours counts as a use");
    let seen = fs::metadata(&path).expect("it").accessed().expect("a time");
    assert_eq!(seen, old);
}

#[test]
fn names_of_files_and_mappings_may_be_anything() {
    if !may_ask_the_kernel() {
        return;
    }
    use std::os::unix::ffi::OsStrExt;
    let directory = scratch();
    let name = std::ffi::OsStr::from_bytes(b"SYSV\xff\x1b[31m\n");
    let path = directory.path().join(name);
    fs::write(&path, [7u8; 4096]).expect("a file");
    let rows = flags(&["-f", text(directory.path()), "-L", "--format", "csv"]);
    assert_eq!(rows.lines().count(), 2);
    let printed = tool()
        .args(["flags", "--format", "page-types", "-f"])
        .arg(&path)
        .output();
    let printed = printed.expect("it starts").stdout;
    assert!(
        !printed.contains(&0x1b),
        "{}",
        String::from_utf8_lossy(&printed)
    );
}

#[test]
fn cached_pages_of_a_file_are_found() {
    if !may_ask_the_kernel() {
        return;
    }
    let directory = scratch();
    let tree = directory.path().join("tree/below");
    fs::create_dir_all(&tree).expect("directories");
    // Not a multiple of a page: the last part of a page counts, too.
    let bytes = vec![7u8; 4096 * 20 + 5];
    fs::write(tree.join("one"), &bytes).expect("a file");
    fs::write(tree.join("two"), &bytes).expect("a file");
    let mut read = Vec::new();
    fs::File::open(tree.join("one"))
        .and_then(|mut f| f.read_to_end(&mut read))
        .expect("read");
    let pages = |path: &Path| {
        let rows = flags(&["-f", text(path), "-L", "--format", "csv"]);
        rows.lines().count() - 1
    };
    assert_eq!(pages(&tree.join("one")), 21);
    assert_eq!(pages(directory.path()), 42);
    let output = run(["flags", "-f", "/dev/null"]);
    assert_refused(&output, 1, "neither a file nor a directory");
}
