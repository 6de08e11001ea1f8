//! Segments of a made-up process: properties in bytes, page sizes, and where pages are.

mod common;

use std::fs;
use std::path::Path;

use common::{
    assert_refused, json, may_ask_the_kernel, run, scratch, succeed, text, write_process,
};

const PRESENT: u64 = 1 << 63;
const ANON: u64 = 1 << 12;
const HEAD: u64 = 1 << 15 | ANON;
const TAIL: u64 = 1 << 16 | ANON;

/// A heap with a folio of four pages and two single ones, a larger area of which nothing is present, and a
/// small one.
fn write_system(root: &Path) {
    let process = root.join("proc/7");
    let mut flags = vec![0u64; 64];
    flags[8..12].copy_from_slice(&[HEAD, TAIL, TAIL, TAIL]);
    (flags[20], flags[21], flags[30]) = (ANON, ANON, ANON);
    let areas = [
        "1000-9000 rw-p 00000000 00:00 0                          [heap]",
        "10000-20000 rw-p 00000000 00:00 0 ",
        "30000-31000 r--p 00000000 00:00 0                        /a b",
    ];
    let smaps = areas.map(|area| format!("{area}\nSize:  32 kB\nRss:  4 kB\nVmFlags: rd wr \n"));
    // Not in the order of memory.
    let heap = [21, 8, 9, 10, 11, 0, 0, 20].map(|pfn| if pfn == 0 { 0 } else { PRESENT | pfn });
    let maps = areas.join("\n") + "\n";
    write_process(root, &flags, &maps, &[&heap, &[0; 16], &[PRESENT | 30]]);
    fs::write(process.join("smaps"), smaps.concat()).expect("smaps");
}

#[test]
fn the_largest_segment_with_pages_is_printed() {
    let root = scratch();
    write_system(root.path());
    let printed = succeed(["segments", "7", "-m", "--sysroot", text(root.path())]);
    let expected = "\
SEGMENT: 1000-9000 rw-p 00000000 00:00 0                          [heap]

  SMAPS PROPERTY                  VALUE
    Size                            32768
    Rss                             4096
    VmFlags                         rd wr

  NUM_PAGES       PAGE_SIZE       TOTAL_USAGE     PAGE_SIZE_PERCENT
    1               16 KiB          16 KiB          66.7 %
    2               4 KiB           8 KiB           33.3 %

  PHYS_ADDR       PHYS_LENGTH     PAGE_SIZE       PAGE_COUNT
    8000            16 KiB          16 KiB          1
    14000           8 KiB           4 KiB           2

";
    assert_eq!(String::from_utf8(printed).expect("UTF-8"), expected);
}

#[test]
fn programs_get_rows_of_all_segments() {
    let root = scratch();
    write_system(root.path());
    let rows = |options: &[&str]| {
        let fixed = [
            "segments",
            "7",
            "-a",
            "--format",
            "json",
            "--sysroot",
            text(root.path()),
        ];
        let rows = json(&succeed(fixed.iter().chain(options)));
        rows.as_array().expect("rows").clone()
    };
    let sizes = rows(&[]);
    assert_eq!(sizes.len(), 3);
    assert_eq!(sizes[0]["segment"], "1000-9000");
    assert_eq!(
        (&sizes[0]["num_pages"], &sizes[0]["page_size"]),
        (&1.into(), &16384.into())
    );
    assert_eq!(sizes[2]["segment"], "30000-31000");
    let ranges = rows(&["-m"]);
    assert_eq!(
        (&ranges[1]["phys_addr"], &ranges[1]["page_count"]),
        (&"0x14000".into(), &2.into())
    );
    assert_refused(
        &run(["segments", "8", "--sysroot", text(root.path())]),
        1,
        "no such process",
    );
}

#[test]
fn our_own_segments_are_listed_on_the_running_kernel() {
    if !may_ask_the_kernel() {
        return;
    }
    let own = std::process::id().to_string();
    let printed = String::from_utf8(succeed(["segments", &own, "-a"])).expect("UTF-8");
    // [vsyscall] has no page table of a process's, and ends nothing.
    assert!(printed.contains("[stack]") && !printed.contains("[vsyscall]"));
}
