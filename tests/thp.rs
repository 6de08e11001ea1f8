//! Large folios of a made-up process, folio by folio, and of our own on the running kernel.

mod common;

use std::fs;
use std::path::Path;

use common::{
    assert_refused, json, may_ask_the_kernel, run, scratch, succeed, system, text, write_process,
};
use memmap2::{Advice, MmapOptions};
use serde_json::{Value, json};

const PRESENT: u64 = 1 << 63;
const THP: u64 = 1 << 22;
const ANON: u64 = 1 << 12;
const HUGE: u64 = 1 << 17;
const ZERO: u64 = 1 << 24;
const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;

fn folio(flags: &mut [u64], start: usize, pages: usize, kind: u64) {
    flags[start..start + pages].fill(kind | TAIL);
    flags[start] = kind | HEAD;
}

/// Folios of memory: 8 to 12 and 12 to 14 anonymous, 16 to 20 of a file, 24 to 26 of hugetlb (as if it were so
/// small), 32 to 34 of zeros, and 40 to 44 anonymous.
fn write_system(root: &Path) {
    let mut flags = vec![0u64; 64];
    folio(&mut flags, 8, 4, THP | ANON);
    folio(&mut flags, 12, 2, THP | ANON);
    folio(&mut flags, 16, 4, THP);
    folio(&mut flags, 24, 2, HUGE);
    folio(&mut flags, 32, 2, THP | ZERO);
    folio(&mut flags, 40, 4, THP | ANON);
    let at = |pfns: &[u64]| -> Vec<u64> {
        pfns.iter()
            .map(|&pfn| if pfn == 0 { 0 } else { PRESENT | pfn })
            .collect()
    };
    // From page 0x10 on: the first four pages aligned; two more; a single page; three of four pages.
    let heap = at(&[8, 9, 10, 11, 12, 13, 50, 40, 41, 42]);
    // From page 0x21 on: whole, but at an odd address; zeros; half of it again.
    let file = at(&[16, 17, 18, 19, 32, 33, 18, 19]);
    let huge = at(&[24, 25]);
    let areas = [
        ("10000-1a000 rw-p 00000000 00:00 0", [10, 10, 0]),
        (
            "21000-29000 r--s 00001000 fe:01 77 /a b (deleted)",
            [6, 0, 0],
        ),
        (
            "30000-32000 rw-s 00000000 00:0f 5 /anon_hugepage",
            [0, 0, 2],
        ),
        ("40000-41000 ---p 00000000 00:00 0", [1, 1, 0]),
    ];
    let smaps = areas.map(|(area, [rss, anon, hugetlb])| {
        let [rss, anon, hugetlb] = [rss, anon, hugetlb].map(|pages| pages * 4);
        format!("{area}\nRss: {rss} kB\nAnonymous: {anon} kB\nAnonHugePages: 0 kB\nPrivate_Hugetlb: {hugetlb} kB\n")
    });
    let maps = areas.map(|(area, _)| area).join("\n") + "\n";
    write_process(root, &flags, &maps, &[&heap, &file, &huge, &at(&[51])]);
    fs::write(root.join("proc/7/smaps"), smaps.concat()).expect("smaps");
    fs::write(root.join("proc/7/comm"), "load\n").expect("a name");
}

fn rows(options: &[&str]) -> Vec<Value> {
    let fixed = ["thp", "--format", "json"];
    let rows = json(&succeed(fixed.iter().chain(options)));
    rows.as_array().expect("rows").clone()
}

/// Kind, fit, bytes of a folio in KiB, KiB of all.
fn told(rows: &[Value]) -> Vec<(String, String, u64, u64)> {
    let word = |row: &Value, name: &str| row[name].as_str().expect("a word").to_owned();
    let kib = |row: &Value, name: &str| row[name].as_u64().unwrap_or(0) >> 10;
    let of = |row: &Value| {
        (
            word(row, "kind"),
            word(row, "fit"),
            kib(row, "folio"),
            kib(row, "size"),
        )
    };
    rows.iter().map(of).collect()
}

#[test]
fn folios_are_whole_aligned_or_partial() {
    let root = scratch();
    write_system(root.path());
    let rows = rows(&["7", "--sysroot", text(root.path())]);
    let expected = [
        ("anon", "aligned", 8, 8),
        ("anon", "aligned", 16, 16),
        ("anon", "partial", 0, 12),
        ("file", "unaligned", 16, 16),
        ("file", "partial", 0, 8),
        ("hugetlb", "aligned", 8, 8),
    ];
    let expected =
        expected.map(|(kind, fit, folio, size)| (kind.to_owned(), fit.to_owned(), folio, size));
    assert_eq!(told(&rows), expected);
    // Of ten anonymous pages, six of the file and two of hugetlb.
    assert_eq!(rows[1]["share"], json!(0.4));
    assert_eq!(rows[4]["share"], json!(2.0 / 6.0));
    assert_eq!(rows[5]["share"], json!(1.0));
}

#[test]
fn the_layout_of_thpmaps_is_its_own() {
    let root = scratch();
    write_system(root.path());
    let fixed = [
        "thp",
        "7",
        "--sysroot",
        text(root.path()),
        "--format",
        "thpmaps",
    ];
    let printed = succeed(fixed.iter().chain(&["--cont", "8K"]));
    let expected = "       PID             START              END PROT   OFFSET   DEV    INODE OBJECT\n\
        0000000007: 0000000000010000-000000000001a000 rw-p 00000000 00:00 00000000 \n\
        anon-thp-pte-aligned-8kB:              8 kB (20%)\n\
        anon-thp-pte-aligned-16kB:            16 kB (40%)\n\
        anon-thp-pte-partial:                 12 kB (30%)\n\
        anon-cont-pte-aligned-8kB:            24 kB (60%)\n\
        0000000007: 0000000000021000-0000000000029000 r--s 00001000 fe:01 00000077 /a b (deleted)\n\
        file-thp-pte-unaligned-16kB:          16 kB (67%)\n\
        file-thp-pte-partial:                  8 kB (33%)\n\
        0000000007: 0000000000030000-0000000000032000 rw-s 00000000 00:0f 00000005 /anon_hugepage\n\
        hugetlb-aligned-8kB:                   8 kB (100%)\n\
        hugetlb-cont-aligned-8kB:              8 kB (100%)\n\
        0000000007: 0000000000040000-0000000000041000 ---p 00000000 00:00 00000000 \n";
    assert_eq!(String::from_utf8(printed).expect("UTF-8"), expected);
    let summed = succeed(fixed.iter().chain(&["--rollup"]));
    assert!(
        String::from_utf8(summed)
            .expect("UTF-8")
            .starts_with("anon-thp-pte-aligned-8kB:")
    );
}

#[test]
fn blocks_are_aligned_on_both_sides_and_inside_one_folio() {
    let root = scratch();
    write_system(root.path());
    let blocks = |size: &str| {
        let rows = rows(&["7", "--sysroot", text(root.path()), "--cont", size]);
        let of = told(&rows);
        let blocks = of.iter().filter(|row| row.1 == "cont");
        blocks.map(|row| (row.0.clone(), row.3)).collect::<Vec<_>>()
    };
    // Pages 40 to 42 lie at an odd address, and the file's do.
    let anon = |kib| ("anon".to_owned(), kib);
    assert_eq!(blocks("8K"), [anon(24), ("hugetlb".to_owned(), 8)]);
    assert_eq!(blocks("16KiB"), [anon(16)]);
    // Asked twice is told once, of sizes and of processes.
    let fixed = [
        "7",
        "7",
        "--sysroot",
        text(root.path()),
        "--cont",
        "16K",
        "--cont",
        "16384",
    ];
    let of = told(&rows(&fixed));
    assert_eq!(of.iter().filter(|row| row.1 == "cont").count(), 1);
    assert_eq!(of[1].3, 16);
}

#[test]
fn a_process_without_smaps_is_one_line() {
    let root = system("thp-6.1");
    let refused = run(["thp", "118", "--sysroot", text(&root)]);
    // Its smaps was not kept.
    assert_refused(&refused, 1, "cannot read process 118");
}

#[test]
fn our_own_huge_pages_are_found_on_the_running_kernel() {
    if !may_ask_the_kernel() {
        return;
    }
    const HUGE_BYTES: usize = 2 << 20;
    let mut map = MmapOptions::new()
        .len(6 * HUGE_BYTES)
        .map_anon()
        .expect("memory");
    map.advise(Advice::HugePage).expect("the advice");
    map.fill(1);
    let own = std::process::id().to_string();
    let rows = rows(&[&own, "--mappings"]);
    let start = map.as_ptr() as usize;
    let is_ours = |row: &&Value| {
        let addresses = row["addresses"].as_str().expect("addresses");
        let (from, to) = addresses.split_once('-').expect("two");
        let [from, to] = [from, to].map(|at| usize::from_str_radix(at, 16).expect("it"));
        from <= start && start < to
    };
    let ours: Vec<Value> = rows.iter().filter(is_ours).cloned().collect();
    let whole: u64 = told(&ours)
        .iter()
        .filter(|row| row.0 == "anon" && row.1 == "aligned" && row.2 == 2048)
        .map(|row| row.3)
        .sum();
    // Its ends may be no whole huge pages.
    assert!(whole >= 5 * 2048, "{ours:?}");
    assert!(ours.iter().any(|row| row["mapped_by"] == "pmd"), "{ours:?}");
}

#[test]
fn a_cgroups_processes_are_asked() {
    let root = scratch();
    write_system(root.path());
    let cgroup = root.path().join("cgroup");
    fs::create_dir_all(cgroup.join("below")).expect("directories");
    fs::write(cgroup.join("cgroup.procs"), "").expect("no processes");
    fs::write(cgroup.join("below/cgroup.procs"), "7\n").expect("processes");
    let fixed = ["--sysroot", text(root.path()), "--cgroup", text(&cgroup)];
    assert_eq!(rows(&fixed).len(), 6);
    let orders = succeed(["orders"].iter().chain(&fixed));
    assert!(String::from_utf8(orders).expect("UTF-8").contains("load"));
}

#[test]
fn wrong_questions_are_one_line() {
    let root = scratch();
    write_system(root.path());
    let below = ["--sysroot", text(root.path())];
    let table: [(&[&str], i32, &str); 6] = [
        (&["--cont", "3K"], 2, "--cont 3K is no size of a block"),
        (&["--cont", "x"], 2, "--cont x is no size"),
        (&["--cont", "4K"], 1, "less than two pages"),
        (&["8"], 1, "no such process"),
        (&["--cgroup", "/etc"], 1, "not a cgroup's directory"),
        (&["--rollup", "--mappings"], 2, "cannot be used with"),
    ];
    for (words, code, part) in table {
        assert_refused(&run(["thp"].iter().chain(&below).chain(words)), code, part);
    }
}
