//! Memory of known make-up, ours, asked of the running kernel: what each verb says of it is what was done.
#![allow(unsafe_code, reason = "memory is mapped in ways that no crate offers")]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{json, may_ask_the_kernel, scratch, succeed};
use serde_json::Value;

const PAGE: usize = 4096;
const HUGE: usize = 2 << 20;
const GUARD_INSTALL: i32 = 102;

/// A mapping of its own, with nothing beside it that it could be joined with.
struct Region {
    start: usize,
    bytes: usize,
}

impl Region {
    fn map(bytes: usize, flags: i32, file: Option<&File>) -> Self {
        let reserved = anonymous(bytes + 2 * HUGE, libc::PROT_NONE, libc::MAP_NORESERVE);
        let start = (reserved + PAGE).next_multiple_of(HUGE);
        let (fd, kind) = match file {
            Some(file) => (file.as_raw_fd(), 0),
            None => (-1, libc::MAP_ANONYMOUS),
        };
        // SAFETY: the place is inside what was just reserved, and nobody else knows of it.
        let mapped = unsafe {
            libc::mmap(
                start as *mut libc::c_void,
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                flags | kind | libc::MAP_FIXED,
                fd,
                0,
            )
        };
        assert_eq!(
            mapped as usize,
            start,
            "{}",
            std::io::Error::last_os_error()
        );
        Self { start, bytes }
    }

    fn private(bytes: usize) -> Self {
        Self::map(bytes, libc::MAP_PRIVATE, None)
    }

    fn contents(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is ours, readable and writable, and lives as long as the process.
        unsafe { std::slice::from_raw_parts_mut(self.start as *mut u8, self.bytes) }
    }

    fn filled(mut self) -> Self {
        let pages = self.contents().chunks_mut(PAGE).zip(1u64..);
        pages.for_each(|(page, number)| page[..8].copy_from_slice(&number.to_ne_bytes()));
        self
    }

    fn touched(mut self) -> Self {
        let sum: u64 = self
            .contents()
            .chunks(PAGE)
            .map(|page| u64::from(page[0]))
            .sum();
        assert!(std::hint::black_box(sum) < u64::MAX);
        self
    }

    /// madvise of pages `from` up to `to`.
    fn advised(self, advice: i32, from: usize, to: usize) -> Self {
        let start = (self.start + from * PAGE) as *mut libc::c_void;
        // SAFETY: the range is inside the mapping, and what is given up is not looked at again.
        let answer = unsafe { libc::madvise(start, (to - from) * PAGE, advice) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
        self
    }

    fn all_advised(self, advice: i32) -> Self {
        let pages = self.bytes / PAGE;
        self.advised(advice, 0, pages)
    }

    fn addresses(&self) -> String {
        format!("{:x}-{:x}", self.start, self.start + self.bytes)
    }

    fn property(&self, name: &str) -> u64 {
        let smaps = fs::read_to_string("/proc/self/smaps").expect("our smaps");
        let ours = smaps.split_once(&self.addresses()).expect("our mapping").1;
        let line = ours.lines().find(|line| line.starts_with(name));
        let value = line.expect("a property").split_whitespace().nth(1);
        value.expect("a value").parse().expect("a number")
    }

    /// Whether all of its 64 pages are one. Kernels before 6.7 say it of the whole machine alone.
    fn is_merged(&self) -> bool {
        match is_since(6, 7) {
            true => self.property("KSM:") == 256,
            false => {
                let sharing = fs::read_to_string("/sys/kernel/mm/ksm/pages_sharing");
                sharing.expect("a count").trim() == "63"
            }
        }
    }
}

fn anonymous(bytes: usize, protection: i32, flags: i32) -> usize {
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    // SAFETY: a new mapping, wherever there is room.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, kind, -1, 0) };
    assert_ne!(
        mapped,
        libc::MAP_FAILED,
        "{}",
        std::io::Error::last_os_error()
    );
    mapped as usize
}

/// Whether the running kernel is at least this release: what it lacks is not made, what it has must work.
fn is_since(major: u32, minor: u32) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    let mut part = || {
        parts
            .next()
            .and_then(|part| part.parse().ok())
            .unwrap_or(0u32)
    };
    let is_since = (part(), part()) >= (major, minor);
    if !is_since {
        eprintln!(
            "passed over: what came with Linux {major}.{minor}, on {}",
            release.trim()
        );
    }
    is_since
}

/// A setting of the kernel, put back in the end.
struct Setting {
    path: PathBuf,
    before: String,
}

impl Setting {
    fn put(path: &str, value: &str) -> Self {
        let text = fs::read_to_string(path).expect("a setting");
        // Where there is a choice, what is chosen stands in brackets.
        let chosen = text
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        let before = chosen.map_or(text.trim(), |(chosen, _)| chosen).to_owned();
        fs::write(path, value).expect("root may set it");
        let path = path.into();
        Self { path, before }
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::write(&self.path, &self.before).expect("the setting is put back");
    }
}

/// Swap in memory.
struct Zram(String);

impl Zram {
    fn on() -> Self {
        let number = fs::read_to_string("/sys/class/zram-control/hot_add").expect("a zram device");
        let number = number.trim().to_owned();
        fs::write(format!("/sys/block/zram{number}/disksize"), "64M").expect("its size");
        let zram = Self(number);
        zram.run("mkswap");
        zram.run("swapon");
        zram
    }

    fn run(&self, program: &str) {
        let mut command = Command::new(program);
        command
            .arg(format!("/dev/zram{}", self.0))
            .stdout(Stdio::null());
        assert!(command.status().expect(program).success(), "{program}");
    }
}

impl Drop for Zram {
    fn drop(&mut self) {
        self.run("swapoff");
        fs::write("/sys/class/zram-control/hot_remove", &self.0).expect("it is put away");
    }
}

/// Everything that the tool says of us, by mapping.
struct Told {
    pages: Vec<Value>,
    orders: Vec<Value>,
    folios: Vec<Value>,
}

impl Told {
    fn ask() -> Self {
        let own = std::process::id().to_string();
        let rows = |words: &[&str]| {
            let fixed = [words[0], &own, "--format", "json"];
            let rows = json(&succeed(fixed.iter().chain(&words[1..])));
            rows.as_array().expect("rows").clone()
        };
        Self {
            pages: rows(&["pagetable"]),
            orders: rows(&["orders", "--mappings"]),
            folios: rows(&["thp", "--mappings"]),
        }
    }

    /// Rows of the page table.
    fn pages(&self, region: &Region) -> Vec<&Value> {
        let is_inside = |row: &&Value| {
            let text = row["address"].as_str().expect("an address");
            let address = usize::from_str_radix(&text[2..], 16).expect("it");
            (region.start..region.start + region.bytes).contains(&address)
        };
        self.pages.iter().filter(is_inside).collect()
    }

    fn count(&self, region: &Region, state: &str, names: &[&str]) -> usize {
        let has = |row: &Value| {
            let all = row["names"].as_array().map_or(&[][..], |all| all);
            let is_there = |name: &&str| all.iter().any(|one| one == *name);
            row["state"] == state && names.iter().all(is_there)
        };
        self.pages(region)
            .into_iter()
            .filter(|row| has(row))
            .count()
    }

    fn physical(&self, region: &Region) -> Vec<String> {
        let rows = self.pages(region).into_iter();
        rows.map(|row| row["physical"].as_str().expect("a page").to_owned())
            .collect()
    }

    /// Bytes that are present.
    fn present(&self, region: &Region) -> u64 {
        let row = self
            .orders
            .iter()
            .find(|row| row["addresses"] == region.addresses());
        row.expect("the mapping")["present"]
            .as_u64()
            .expect("bytes")
    }

    /// Kind, how it is mapped, how it fits, bytes of a folio, bytes.
    fn folios(&self, region: &Region) -> Vec<(String, String, String, u64, u64)> {
        let word = |row: &Value, name: &str| row[name].as_str().expect("a word").to_owned();
        let number = |row: &Value, name: &str| row[name].as_u64().unwrap_or(0);
        let ours = self
            .folios
            .iter()
            .filter(|row| row["addresses"] == region.addresses());
        ours.map(|row| {
            (
                word(row, "kind"),
                word(row, "mapped_by"),
                word(row, "fit"),
                number(row, "folio"),
                number(row, "size"),
            )
        })
        .collect()
    }
}

fn folio(kind: &str, by: &str, size: u64, bytes: u64) -> Vec<(String, String, String, u64, u64)> {
    vec![(
        kind.to_owned(),
        by.to_owned(),
        "aligned".to_owned(),
        size,
        bytes,
    )]
}

fn wait_for(what: &str, is_done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One test, because the settings are the machine's.
#[test]
fn memory_is_what_was_made_of_it() {
    if !may_ask_the_kernel() {
        return;
    }
    let directory = scratch();
    let small = "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled";
    let thp = Region::private(4 * HUGE)
        .all_advised(libc::MADV_HUGEPAGE)
        .filled();
    let folios = is_since(6, 8).then(|| {
        let _setting = Setting::put(small, "madvise");
        Region::private(1 << 20)
            .all_advised(libc::MADV_HUGEPAGE)
            .filled()
    });
    let reserved = fs::read_to_string("/proc/sys/vm/nr_hugepages").expect("a number");
    let reserved: u64 = reserved.trim().parse().expect("a number");
    let _hugepages = Setting::put("/proc/sys/vm/nr_hugepages", &(reserved + 2).to_string());
    let hugetlb = Region::map(2 * HUGE, libc::MAP_PRIVATE | libc::MAP_HUGETLB, None).filled();
    let shmem = Region::map(64 * PAGE, libc::MAP_SHARED, None).filled();
    let (shared, private) = files(directory.path());
    let locked = Region::private(16 * PAGE).filled();
    // SAFETY: memory of ours.
    assert_eq!(
        unsafe { libc::mlock(locked.start as *const libc::c_void, locked.bytes) },
        0
    );
    let guarded = is_since(6, 13).then(|| {
        Region::private(8 * PAGE)
            .filled()
            .advised(GUARD_INSTALL, 2, 5)
    });
    let zeros = Region::private(10 * PAGE)
        .all_advised(libc::MADV_NOHUGEPAGE)
        .touched();
    // Without PAGEMAP_SCAN every entry of it is read.
    let bytes = if is_since(6, 7) { 1 << 40 } else { 1 << 30 };
    let reserved = anonymous(bytes, libc::PROT_NONE, libc::MAP_NORESERVE);
    let _zram = Zram::on();
    let swapped = Region::private(64 * PAGE)
        .filled()
        .all_advised(libc::MADV_PAGEOUT);
    wait_for("swap", || swapped.property("Swap:") == 256);
    let merged = merged();

    let begun = Instant::now();
    let told = Told::ask();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a terabyte is not walked"
    );

    assert_eq!(told.count(&thp, "present", &["thp", "anonymous"]), 2048);
    assert_eq!(told.folios(&thp), folio("anon", "pmd", 2 << 20, 8 << 20));
    if let Some(folios) = &folios {
        assert_eq!(told.folios(folios), folio("anon", "pte", 64 << 10, 1 << 20));
    }
    assert_eq!(told.count(&hugetlb, "present", &["huge"]), 1024);
    assert_eq!(
        told.folios(&hugetlb),
        folio("hugetlb", "hugetlb", 2 << 20, 4 << 20)
    );
    assert_eq!(told.count(&shmem, "present", &["swapbacked", "mmap"]), 64);
    assert_eq!(told.count(&shmem, "present", &["anonymous"]), 0);
    assert_eq!(told.count(&shared, "present", &["mmap"]), 64);
    assert_eq!(told.count(&shared, "present", &["swapbacked"]), 0);
    assert_eq!(told.count(&private, "present", &["anonymous"]), 5);
    assert_eq!(told.physical(&private)[5..], told.physical(&shared)[5..]);
    assert_eq!(
        told.count(&locked, "present", &["mlocked", "unevictable"]),
        16
    );
    if let Some(guarded) = &guarded {
        assert_eq!(told.count(guarded, "present", &[]), 5);
        assert_eq!(told.count(guarded, "guard", &[]), 3);
    }
    assert_eq!(told.count(&zeros, "present", &["zero_page"]), 10);
    assert_eq!(told.count(&swapped, "swapped", &[]), 64);
    assert_eq!(told.count(&merged, "present", &["ksm"]), 64);
    let mut pages = told.physical(&merged);
    pages.dedup();
    assert_eq!(pages.len(), 1, "all are one page");
    let nothing = Region {
        start: reserved,
        bytes,
    };
    assert_eq!(told.pages(&nothing).len(), 0);

    let regions = [
        &thp, &hugetlb, &shmem, &shared, &private, &locked, &swapped, &merged,
    ];
    for region in regions.into_iter().chain(&folios).chain(&guarded) {
        let kib = ["Rss:", "Shared_Hugetlb:", "Private_Hugetlb:"].map(|name| region.property(name));
        let expected = kib.iter().sum::<u64>() << 10;
        assert_eq!(told.present(region), expected, "{}", region.addresses());
    }
    // The page of zeros is nobody's: it is in no Rss.
    assert_eq!(
        (told.present(&zeros), zeros.property("Rss:")),
        (10 * PAGE as u64, 0)
    );
}

/// A file of 64 pages, mapped and read; and the same, of which five pages are written to.
fn files(directory: &Path) -> (Region, Region) {
    let path = directory.join("file");
    let mut file = File::create_new(&path).expect("a file");
    file.write_all(&[7; 64 * PAGE]).expect("room for it");
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("it");
    let shared = Region::map(64 * PAGE, libc::MAP_SHARED, Some(&file)).touched();
    let mut private = Region::map(64 * PAGE, libc::MAP_PRIVATE, Some(&file)).touched();
    private
        .contents()
        .chunks_mut(PAGE)
        .take(5)
        .for_each(|page| page[0] = 9);
    (shared, private)
}

/// Equal pages, which the kernel merged. What is merged stays so when the kernel stops looking.
fn merged() -> Region {
    let mut merged = Region::private(64 * PAGE);
    merged.contents().fill(0x5a);
    let merged = merged.all_advised(libc::MADV_MERGEABLE);
    let _pace = Setting::put("/sys/kernel/mm/ksm/pages_to_scan", "5000");
    let _run = Setting::put("/sys/kernel/mm/ksm/run", "1");
    wait_for("KSM", || merged.is_merged());
    merged
}

#[test]
fn what_a_process_has_is_what_the_kernel_counts() {
    if !may_ask_the_kernel() {
        return;
    }
    let mut child = Command::new("sleep").arg("60").spawn().expect("a process");
    let pid = child.id().to_string();
    wait_for("sleep", || {
        let rollup = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
        rollup.contains("nanosleep")
    });
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("its sums");
    let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let rss = rss.expect("a sum").trim().trim_end_matches(" kB");
    let rows = json(&succeed(["orders", &pid, "--format", "json"]));
    child.kill().expect("it ends");
    child.wait().expect("it ended");
    let rss: u64 = rss.parse().expect("a number");
    assert_eq!(rows[0]["present"], rss << 10);
}
