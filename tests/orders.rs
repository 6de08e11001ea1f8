//! Blocks of processes by order, counted again from the entries of a captured process.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{assert_refused, json, run, succeed, system, text};
use memmap2::MmapOptions;
use serde_json::Value;

const ORDERS: [&str; 10] = [
    "4KiB", "8KiB", "16KiB", "32KiB", "64KiB", "128KiB", "256KiB", "512KiB", "1MiB", "2MiB",
];

fn rows(options: &[&str]) -> Vec<Value> {
    let fixed = ["orders", "--format", "json"];
    let rows = json(&succeed(fixed.iter().chain(options)));
    rows.as_array().expect("rows").clone()
}

fn counts(row: &Value) -> Vec<u64> {
    ORDERS
        .iter()
        .map(|order| row[*order].as_u64().expect("a count"))
        .collect()
}

/// First page, and of each page whether it is present and where.
type Mapping = (u64, Vec<Option<u64>>);

/// The mappings of process 118 as its files have them.
fn mappings() -> Vec<Mapping> {
    let process = system("thp-6.1").join("proc/118");
    let entries = fs::read(process.join("pagemap.bin")).expect("entries");
    let index = fs::read_to_string(process.join("pagemap.idx")).expect("an index");
    let mapping = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [start, end] = [0, 1].map(|at| u64::from_str_radix(fields[at], 16).expect("it") >> 12);
        let offset: usize = fields[2].parse().expect("an offset");
        let entry = |page: u64| {
            let at = offset + (page - start) as usize * 8;
            let word = u64::from_ne_bytes(entries[at..at + 8].try_into().expect("8 bytes"));
            (word >> 63 == 1).then_some(word & ((1 << 55) - 1))
        };
        (start, (start..end).map(entry).collect())
    };
    index.lines().map(mapping).collect()
}

/// By the definition: from the largest order down, every aligned block that is whole and not taken.
fn recount((start, pages): &Mapping, physical: bool) -> Vec<u64> {
    let mut taken = vec![false; pages.len()];
    let mut counts = vec![0; 10];
    for order in (0..10u32).rev() {
        let size = 1usize << order;
        for first in 0..(pages.len() + 1).saturating_sub(size) {
            let place = start + first as u64;
            let block = &pages[first..first + size];
            let is_aligned = place.is_multiple_of(size as u64);
            let is_whole = block.iter().all(Option::is_some);
            let is_free = taken[first..first + size].iter().all(|taken| !taken);
            let lies_well = !physical
                || block[0].is_some_and(|pfn| {
                    let follows = |(at, page): (u64, &Option<u64>)| *page == Some(pfn + at);
                    pfn.is_multiple_of(size as u64) && (0..).zip(block).all(follows)
                });
            if is_aligned && is_whole && is_free && lies_well {
                taken[first..first + size].fill(true);
                counts[order as usize] += 1;
            }
        }
    }
    counts
}

#[test]
fn blocks_are_those_of_the_definition() {
    let root = system("thp-6.1");
    for physical in [false, true] {
        let more: &[&str] = if physical { &["--physical"] } else { &[] };
        let fixed = ["118", "--mappings", "--sysroot", text(&root)];
        let rows = rows(&[&fixed[..], more].concat());
        let expected: Vec<_> = mappings()
            .iter()
            .map(|mapping| recount(mapping, physical))
            .collect();
        let found: Vec<_> = rows.iter().map(counts).collect();
        assert_eq!(found, expected, "physical: {physical}");
    }
}

#[test]
fn the_layout_of_mem_hist_is_kept_and_its_first_block_counted() {
    let root = system("thp-6.1");
    let printed = succeed([
        "orders",
        "118",
        "--format",
        "mem_hist",
        "--sysroot",
        text(&root),
    ]);
    let printed = String::from_utf8(printed).expect("UTF-8");
    let mut lines = printed.lines();
    let first = lines.next().expect("a process");
    assert!(
        first.starts_with("process 118                memload                   ["),
        "{first}"
    );
    let one = "  0000000000400000-0000000000401000 4k       r--p [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]";
    assert!(lines.any(|line| line.starts_with(one)), "{printed}");
}

#[test]
fn what_is_left_out_is_left_out() {
    let root = system("thp-6.1");
    let names = |options: &[&str]| {
        let fixed = ["--mappings", "--sysroot", text(&root)];
        let rows = rows(&[&fixed[..], options].concat());
        rows.iter()
            .map(|row| row["mapping"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let all = names(&[]);
    assert!(all.contains(&"/disk/bin/memload".to_owned()) && all.contains(&"[vvar]".to_owned()));
    assert!(!names(&["--omit-file-backed"]).contains(&"/disk/bin/memload".to_owned()));
    assert!(!names(&["--omit-unfaulted-vmas"]).contains(&"[vvar]".to_owned()));
}

#[test]
fn our_own_memory_is_counted_on_the_running_kernel() {
    // Present bits need no privilege, as the process is our own.
    let pages = 1000;
    let mut options = MmapOptions::new();
    let mut map = options
        .len(1 << 40)
        .no_reserve_swap()
        .map_anon()
        .expect("a reservation");
    map[1 << 30..][..pages * 4096]
        .chunks_mut(4096)
        .for_each(|page| page[0] = 1);
    let own = std::process::id().to_string();
    let begun = Instant::now();
    let rows = rows(&[&own, "--mappings"]);
    assert!(begun.elapsed() < Duration::from_secs(1));
    let first = format!("{:x}-", map.as_ptr() as usize);
    let row = rows
        .iter()
        .find(|row| row["addresses"].as_str().expect("it").starts_with(&first));
    let present = row.expect("the reservation")["present"]
        .as_u64()
        .expect("bytes");
    // Transparent huge pages may have made more of it present.
    assert!(present >= pages as u64 * 4096, "{present}");
    assert!(rows.iter().any(|row| row["mapping"] == "[stack]"));
}

#[test]
fn every_process_is_asked_and_none_that_ends_is_an_error() {
    let rows = rows(&["--quiet"]);
    let own = std::process::id().to_string();
    assert!(rows.iter().any(|row| row["pid"] == own), "{rows:?}");
}

#[test]
fn wrong_questions_are_one_line() {
    let root = system("thp-6.1");
    let table: [(&[&str], i32, &str); 3] = [
        (&["x"], 2, "invalid value 'x'"),
        (
            &["99", "--sysroot", text(&root)],
            1,
            "cannot read process 99: there is no such process",
        ),
        (
            &["--sysroot", "/no/such/root"],
            1,
            "cannot read /no/such/root/proc",
        ),
    ];
    for (words, code, part) in table {
        assert_refused(&run(["orders"].iter().chain(words)), code, part);
    }
}
