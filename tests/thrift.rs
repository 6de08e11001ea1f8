//! Reading less than everything gives what reading everything gives, and reads less.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{SYSTEMS, bytes, decode, may_ask_the_kernel, package, scratch, succeed};
use jiff::Timestamp;
use pagemap_viz::classify::{Class, KsmVerdict};
use pagemap_viz::error::Result;
use pagemap_viz::kernel::{PageFlags, Pfn, PfnSet};
use pagemap_viz::layout::{CellOrder, Layout, Reducer};
use pagemap_viz::recording::Plane;
use pagemap_viz::scan::{Effort, Known, Lens, Nobody, Scan, View, scan};
use pagemap_viz::source::{Clock, Machine, Overrides, Source, System};

/// Counts the entries that are read.
struct Counting {
    system: System,
    entries: AtomicU64,
}

impl Source for Counting {
    fn machine(&self) -> &Machine {
        self.system.machine()
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let got = self.system.read_flags(start, into)?;
        self.entries.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        self.system.read_plane(plane, start, into)
    }

    fn time(&self) -> Timestamp {
        self.system.time()
    }

    fn clock(&self) -> Clock {
        self.system.clock()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.system.text(path)
    }

    fn path(&self) -> &Path {
        self.system.path()
    }
}

/// A scan with one page a pixel, and the entries that it read.
fn read(root: &Path, effort: Effort) -> (Scan, u64) {
    let source = Counting {
        system: System::open(root, Overrides::default()).expect("a system"),
        entries: AtomicU64::new(0),
    };
    let layout = Layout::fit(
        source.machine().end(),
        None,
        u64::MAX,
        Reducer::Proportional,
        CellOrder::Rows,
    );
    let known = Known::default();
    let view = View {
        effort,
        ..View::alone(Lens::Class, layout, &known)
    };
    let scan = scan(&source, view, 3, &Nobody).expect("it can be read");
    let entries = source.entries.into_inner();
    assert_eq!(scan.spent.entries, entries, "what it says of itself");
    (scan, entries)
}

/// Every packed row of a scan.
fn rows(scan: &mut Scan) -> Vec<Vec<u8>> {
    let pieces = scan
        .grid
        .pieces(scan.end.0.div_ceil(512), &PfnSet::default(), 512);
    let mut rows = Vec::new();
    for piece in pieces {
        if let pagemap_viz::grid::Piece::Cells { strip, .. } = piece {
            let packed = scan.grid.packed(strip, KsmVerdict::Believed);
            rows.push(packed.expect("packed rows").bytes);
        }
    }
    rows
}

/// Reads a system both ways, and gives the share of entries that less took.
fn assert_equal(root: &Path, name: &str) -> f64 {
    let (mut all, every_entry) = read(root, Effort::EveryPage);
    let (mut less, entries) = read(root, Effort::Proofs);
    assert_eq!(less.classes, all.classes, "{name}");
    assert_eq!((less.ksm, less.end), (all.ksm, all.end), "{name}");
    assert!(rows(&mut less) == rows(&mut all), "{name}: a page differs");
    entries as f64 / every_entry as f64
}

#[test]
fn captured_systems_come_out_the_same() {
    let mut shares = Vec::new();
    for (name, path) in SYSTEMS {
        let share = assert_equal(&package(path), name);
        // Where nothing is proved, four probes of 1,024 pages are for nothing.
        assert!(share < 1.004, "{name}: {share}");
        shares.push((name, share));
    }
    let share = |name: &str| {
        shares
            .iter()
            .find(|(known, _)| *known == name)
            .expect("it")
            .1
    };
    assert!(
        share("zoo-6.1") < 0.7 && share("thp-6.1") < 0.5,
        "{shares:?}"
    );
}

const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;
const HUGE: u64 = 1 << 17;
const ANON: u64 = 1 << 12;
const BUDDY: u64 = 1 << 10;
const SLAB: u64 = 1 << 7;

/// A made-up machine of 64 MiB and one zone from page 0 on.
fn write_system(root: &Path, flags: &[u64], free_blocks: u64, corrupted: u64) {
    let proc = root.join("proc");
    fs::create_dir_all(&proc).expect("a directory");
    fs::write(proc.join("kpageflags"), bytes(flags)).expect("flags");
    let spanned = flags.len();
    let zones =
        format!("Node 0, zone   Normal\n        spanned  {spanned}\n  start_pfn:           0\n");
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    let zeros = "0 ".repeat(10);
    let buddyinfo = format!("Node 0, zone   Normal {zeros}{free_blocks} \n");
    fs::write(proc.join("buddyinfo"), buddyinfo).expect("free blocks");
    let meminfo = format!("MemTotal: 65536 kB\nHardwareCorrupted: {corrupted} kB\n");
    fs::write(proc.join("meminfo"), meminfo).expect("meminfo");
}

fn compound(flags: &mut [u64], kind: u64) {
    flags.fill(TAIL | kind);
    flags[0] = HEAD | kind;
}

/// Huge pages of many sizes across the borders of reads and chunks, and free blocks between.
fn memory() -> Vec<u64> {
    let mut flags = vec![SLAB; 1 << 19];
    // A gigantic page over two chunks, and one that fills a part of its last.
    compound(&mut flags[1 << 18..1 << 19], HUGE);
    compound(&mut flags[1 << 16..1 << 17], HUGE);
    for at in (2048..20480).step_by(512) {
        compound(&mut flags[at..at + 512], ANON);
    }
    // Compounds below and above the PMD size, of which two begin on its multiples.
    compound(&mut flags[20480..20480 + 256], ANON);
    compound(&mut flags[20992 + 256..20992 + 512], ANON);
    compound(&mut flags[22528..22528 + 2048], ANON);
    flags[32768..32768 + 4096].fill(BUDDY);
    flags[40960..40960 + 1024].fill(BUDDY);
    flags
}

#[test]
fn huge_and_free_memory_is_proved_and_nothing_else() {
    let root = scratch();
    let flags = memory();
    write_system(root.path(), &flags, 5, 0);
    let share = assert_equal(root.path(), "whole");
    let proved = 1.0 - share;
    let huge_or_free = (1 << 18) + (1 << 16) + 20480 - 2048 + 2048 + 5 * 1024;
    let possible = f64::from(huge_or_free) / flags.len() as f64;
    assert!(
        proved > possible * 0.9 && proved <= possible,
        "{proved} of {possible}"
    );
}

#[test]
fn free_blocks_that_are_not_as_many_as_counted_are_read() {
    let root = scratch();
    let mut flags = memory();
    // Free where it is probed, and not free as a whole.
    for at in [45056, 46080] {
        flags[at..at + 1024].fill(BUDDY);
        flags[at + 700] = ANON;
    }
    write_system(root.path(), &flags, 5, 0);
    let (scan, _) = read(root.path(), Effort::Proofs);
    assert_eq!(scan.spent.free, 0);
    assert_equal(root.path(), "false candidates");
}

#[test]
fn a_poisoned_page_inside_a_huge_page_is_not_overlooked() {
    let root = scratch();
    let mut flags = memory();
    flags[2048 + 77] |= 1 << 19;
    write_system(root.path(), &flags, 5, 4);
    assert_equal(root.path(), "poisoned");
    let (scan, _) = read(root.path(), Effort::Proofs);
    assert_eq!(scan.classes.of(Class::Hwpoison), 1);
    assert_eq!((scan.spent.huge, scan.spent.free), (0, 0));
}

#[test]
fn the_running_kernel_is_read_to_the_same_numbers() {
    if !may_ask_the_kernel() {
        return;
    }
    let read = |options: &[&str]| {
        let picture = succeed(["snapshot", "-", "--quiet"].iter().chain(options));
        decode(&picture).facts
    };
    let every = read(&["--every-page"]);
    let less = read(&[]);
    assert_eq!(every["read"]["proved_free"], 0);
    let pages = |facts: &serde_json::Value, class: &str| {
        facts["classes"][class]["pages"].as_i64().expect("pages")
    };
    let all = every["pfns"].as_i64().expect("pages");
    for class in Class::ALL {
        let apart = (pages(&every, class.name()) - pages(&less, class.name())).abs();
        // Memory goes on changing, above all while other tests run.
        assert!(apart < all / 20, "{}: {apart} of {all}", class.name());
    }
}
