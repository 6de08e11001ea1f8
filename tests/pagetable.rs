//! The page table of a made-up process, to the letter.

mod common;

use std::fs;
use std::path::Path;

use common::{assert_refused, bytes, json, run, scratch, succeed, text, write_process};

const PRESENT: u64 = 1 << 63;
const SWAP: u64 = 1 << 62;
const GUARD: u64 = 1 << 58 | SWAP;
const FILE: u64 = 1 << 61;
const EXCLUSIVE: u64 = 1 << 56;
const SOFT_DIRTY: u64 = 1 << 55;

/// Two areas: a heap of eight pages, and a file of two with a name that would steer a terminal.
fn write_system(root: &Path) {
    let mut flags = vec![0u64; 64];
    flags[5] = 1 << 12 | 1 << 5;
    flags[6] = 1 << 3 | 1 << 27;
    let mut counts = vec![0u64; 64];
    (counts[5], counts[6]) = (1, 3);
    let maps = "1000-9000 rw-p 00000000 00:00 0                          [heap]\n\
        a000-c000 r--s 00000000 00:00 5                          /a \u{1b}[31mb (deleted)\n\
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n";
    let heap = [
        0,
        0,
        PRESENT | EXCLUSIVE | SOFT_DIRTY | 5,
        SWAP | 77 << 5 | 2,
        GUARD | 0x9f,
        0,
        0,
        0,
    ];
    let file = [PRESENT | FILE | 6, 0];
    write_process(root, &flags, maps, &[&heap, &file]);
    fs::write(root.join("proc/kpagecount"), bytes(&counts)).expect("counts");
}

#[test]
fn a_page_table_is_printed_page_by_page() {
    let root = scratch();
    write_system(root.path());
    let printed = succeed(["pagetable", "7", "--sysroot", text(root.path())]);
    let expected = "
Area '[heap]', range 0x0000000000001000 - 0x0000000000009000 (32 KiB)

... 2 non mapped pages ...
0x0000000000003000: physical address: 0x0000000000005000 exclusive soft-dirty count:1 flags:LRU,ANONYMOUS
0x0000000000004000: swapped type 2 offset 0x4d
0x0000000000005000: guard page
... 3 non mapped pages ...

Area '/a \\u{1b}[31mb (deleted)', range 0x000000000000a000 - 0x000000000000c000 (8 KiB)

0x000000000000a000: physical address: 0x0000000000006000 file-page count:3 flags:UPTODATE,BIT27
... 1 non mapped pages ...

Area '[vsyscall]', range 0xffffffffff600000 - 0xffffffffff601000 (4 KiB)

... 1 non mapped pages ...
";
    assert_eq!(String::from_utf8(printed).expect("UTF-8"), expected);
}

#[test]
fn areas_and_addresses_choose() {
    let root = scratch();
    write_system(root.path());
    let rows = |options: &[&str]| {
        let fixed = [
            "pagetable",
            "7",
            "--format",
            "json",
            "--sysroot",
            text(root.path()),
        ];
        let rows = json(&succeed(fixed.iter().chain(options)));
        let rows = rows.as_array().expect("rows").clone();
        rows.iter()
            .map(|row| (row["address"].clone(), row["state"].clone()))
            .collect::<Vec<_>>()
    };
    let [heap, file] = [&["--areas", "heap"], &["--areas", "deleted"]].map(|words| rows(words));
    assert_eq!((heap.len(), file.len()), (3, 1));
    assert_eq!(
        rows(&["--areas", "deleted,heap"]),
        [file.clone(), heap.clone()].concat()
    );
    assert_eq!(
        rows(&["--address", "0x5fff"]),
        [("0x5000".into(), "guard".into())]
    );
    assert_eq!(rows(&["--address", "2000"]), []);
    let areas = succeed(["pagetable", "7", "--quiet", "--sysroot", text(root.path())]);
    assert_eq!(String::from_utf8(areas).expect("UTF-8").lines().count(), 3);
}

#[test]
fn what_is_not_there_is_one_line() {
    let root = scratch();
    write_system(root.path());
    let table: [(&[&str], i32, &str); 5] = [
        (&["8"], 1, "cannot read process 8: there is no such process"),
        (
            &["7", "--areas", "stack"],
            1,
            "cannot find such an area of process 7",
        ),
        (
            &["7", "--address", "0xdead0000"],
            1,
            "cannot find such an area of process 7",
        ),
        (
            &["7", "--address", "xyz"],
            2,
            "--address xyz is no hexadecimal address",
        ),
        (&[], 2, "<PID>"),
    ];
    for (words, code, part) in table {
        let fixed = ["pagetable", "--sysroot", text(root.path())];
        assert_refused(&run(fixed.iter().chain(words)), code, part);
    }
}
