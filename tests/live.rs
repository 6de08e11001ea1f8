//! The running kernel: pages that are made here get the class that they were made as.
//!
//! Captured systems prove that rules are kept; only pages whose origin is known prove that the rules
//! are right. Each check makes pages, finds their numbers in `/proc/self/pagemap` and asks the
//! library for the class of those numbers. Two sweeps of a live system differ, so none is compared.
//!
//! Needs root. Without it the tests say what they passed over, and fail when `PAGEMAP_VIZ_REQUIRE_LIVE`
//! is set. Populating mappings by advice needs Linux 5.14, and spares every unsafe access.

use std::error::Error;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memmap2::{Advice, MmapOptions, MmapRaw};
use pagemap_viz::classify::{Class, Classifier, Key, KsmVerdict, settle};
use pagemap_viz::kernel::{PageFlags, Pfn};
use pagemap_viz::source::{Overrides, Source, System};
use rustix::fs::{Advice as FileAdvice, MemfdFlags};
use rustix::param::page_size;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pagemap-viz");

/// `None`: the kernel, the file system or this user cannot have such pages.
type Check = fn(&Live) -> Option<()>;
/// Maps so many bytes of some kind, untouched.
type Room = fn(usize) -> MmapRaw;

const KNOWN_PAGES: [(&str, Check); 10] = [
    ("anon", a_touched_page_is_anon),
    ("mlocked", a_locked_page_is_still_anon),
    ("zero", a_page_that_was_only_read_is_zero),
    ("shmem", a_page_of_a_memory_file_is_shmem),
    ("file", a_page_of_a_file_is_file),
    ("file-large", a_compound_of_a_long_file_is_file_large),
    ("anon-thp", a_pmd_sized_page_is_anon_thp),
    ("anon-large", a_smaller_compound_is_anon_large),
    ("shmem-large", a_compound_of_a_memory_file_is_shmem_large),
    ("hugetlb", a_touched_hugetlb_page_is_hugetlb),
];
/// Every kernel has these.
const ALWAYS: [&str; 5] = ["anon", "mlocked", "zero", "shmem", "file"];

#[test]
fn known_pages_get_their_class() {
    let Some(live) = live() else { return };
    let checked = KNOWN_PAGES.map(|(name, check)| (name, check(&live).is_some()));
    say(&format!("checked {checked:?}"));
    if !ALWAYS.iter().all(|&name| checked.contains(&(name, true))) {
        pass_over(format!("some of {ALWAYS:?}"));
    }
}

#[test]
fn a_live_picture_counts_every_page_once() {
    let Some(_live) = live() else { return };
    let directory = tempfile::tempdir().expect("a scratch directory");
    let picture = directory.path().join("out.png");
    let buddy_before = buddy_pages();
    let output = snapshot(&mut Command::new(PROGRAM), &picture).expect("the program starts");
    let buddy = [buddy_before, buddy_pages()];
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let facts: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("one JSON value and nothing else");
    assert_eq!(facts["capture"]["live"], true);
    let classes = facts["classes"].as_object().expect("counts by class");
    let pages = |class: &serde_json::Value| class["pages"].as_u64().expect("a count");
    let sum: u64 = classes.values().map(pages).sum();
    assert_eq!(Some(sum), facts["pfns"].as_u64());
    let free = pages(&classes["free"]);
    // Memory moves while it is read: to a quarter or 64 MiB.
    let slack = (free / 4).max((64 << 20) / page_size() as u64);
    let is_near = buddy.iter().any(|buddy| buddy.abs_diff(free) <= slack);
    assert!(is_near, "{free} free pages, not {buddy:?}");
    let written = fs::read(&picture).expect("the picture is there");
    assert!(written.starts_with(b"\x89PNG"));
}

#[test]
fn a_user_without_rights_is_told_what_to_do() {
    if !rustix::process::geteuid().is_root() {
        return pass_over("only root can become nobody");
    }
    let directory = directory_for_everyone();
    let program = directory.path().join("pagemap-viz");
    fs::copy(PROGRAM, &program).expect("the program is copied");
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let picture = directory.path().join("out.png");
    let Ok(output) = snapshot(nobody.arg(program), &picture) else {
        return pass_over("there is no setpriv");
    };
    let ended = (output.status.code(), output.stdout.len());
    assert_eq!(ended, (Some(1), 0), "{output:?}");
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("pagemap-viz: cannot read /proc/kpageflags"));
    assert!(message.contains("as root") && message.contains("snapshot --from example example.png"));
    let files = fs::read_dir(directory.path()).expect("still there");
    assert_eq!(files.count(), 1, "there is more than the program");
}

fn a_touched_page_is_anon(live: &Live) -> Option<()> {
    let page = single_page(anonymous, Advice::PopulateWrite);
    live.expect_all(&page, Class::Anon)
}

/// Locked is a state, not a class. Either bit, because UNEVICTABLE comes with a per-CPU batch.
fn a_locked_page_is_still_anon(live: &Live) -> Option<()> {
    let page = single_page(anonymous, Advice::PopulateWrite);
    page.lock().expect("root may lock a page");
    let (flags, _) = live.look(page.as_ptr().addr());
    let locked = PageFlags::MLOCKED.with(PageFlags::UNEVICTABLE);
    assert!(flags.has(locked), "{flags:?}");
    live.expect_all(&page, Class::Anon)
}

fn a_page_that_was_only_read_is_zero(live: &Live) -> Option<()> {
    let page = single_page(anonymous, Advice::PopulateRead);
    live.expect_all(&page, Class::Zero)
}

fn a_page_of_a_memory_file_is_shmem(live: &Live) -> Option<()> {
    let page = single_page(memory_file, Advice::PopulateWrite);
    live.expect_all(&page, Class::Shmem)
}

/// Left dirty, as files are while they are written.
fn a_page_of_a_file_is_file(live: &Live) -> Option<()> {
    let file = scratch_file(page_size())?;
    live.expect_all(&mapped(&file), Class::File)
}

/// Folios differ by how they came to be: as they were written, and as readahead brings them back.
fn a_compound_of_a_long_file_is_file_large(live: &Live) -> Option<()> {
    let mut file = scratch_file(8 << 20)?;
    let written = live.compound_pages_of(&file);
    file.sync_all().expect("only clean pages can be dropped");
    rustix::fs::fadvise(&file, 0, None, FileAdvice::DontNeed).expect("advice");
    file.rewind().expect("a file has a beginning");
    io::copy(&mut file, &mut io::sink()).expect("the file is read");
    let read = live.compound_pages_of(&file);
    // Not every file system makes large folios.
    (written + read > 0).then_some(())
}

fn a_pmd_sized_page_is_anon_thp(live: &Live) -> Option<()> {
    let _enabled = Setting::put("transparent_hugepage/enabled", "madvise")?;
    live.expect_compound(Class::AnonThp, live.pmd_bytes(), anonymous)
}

fn a_smaller_compound_is_anon_large(live: &Live) -> Option<()> {
    let _size = Setting::put("transparent_hugepage/hugepages-64kB/enabled", "madvise")?;
    live.expect_compound(Class::AnonLarge, 64 << 10, anonymous)
}

fn a_compound_of_a_memory_file_is_shmem_large(live: &Live) -> Option<()> {
    let _enabled = Setting::put("transparent_hugepage/shmem_enabled", "advise")?;
    live.expect_compound(Class::ShmemLarge, live.pmd_bytes(), memory_file)
}

fn a_touched_hugetlb_page_is_hugetlb(live: &Live) -> Option<()> {
    let bytes = live.pmd_bytes();
    let pool = format!("hugepages/hugepages-{}kB/nr_hugepages", bytes >> 10);
    let had: u64 = Setting::value(&pool)?.parse().expect("a number");
    let _raised = Setting::put(&pool, &(had + 1).to_string())?;
    let mut options = MmapOptions::new();
    options.len(bytes).huge(Some(bytes.trailing_zeros() as u8));
    let map = options.map_anon().expect("the pool has a page more");
    let page = advised(map.into(), Advice::PopulateWrite);
    live.expect_all(&page, Class::Hugetlb)
}

fn live() -> Option<Live> {
    Live::open().map_err(pass_over).ok()
}

/// The running kernel as the library reads it, and where our own pages are.
struct Live {
    system: System,
    pagemap: File,
    /// Tests of one file run at once, and the settings are the machine's.
    _alone: MutexGuard<'static, ()>,
}

impl Live {
    fn open() -> Result<Self, Box<dyn Error>> {
        static ALONE: Mutex<()> = Mutex::new(());
        let live = Self {
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
            system: System::open_live(Overrides::default())?,
            pagemap: File::open("/proc/self/pagemap")?,
        };
        // Without CAP_SYS_ADMIN the kernel says "present" and hides the number as zero.
        let page = single_page(anonymous, Advice::PopulateWrite);
        match live.pfn(page.as_ptr().addr()) {
            Some(Pfn(0)) => Err("the kernel withholds page numbers".into()),
            _ => Ok(live),
        }
    }

    fn pmd_bytes(&self) -> usize {
        self.system.machine().pmd_pages as usize * page_size()
    }

    /// The number of the page at an address; `None` while no page is there.
    fn pfn(&self, address: usize) -> Option<Pfn> {
        let mut entry = [0; 8];
        let at = (address / page_size() * entry.len()) as u64;
        self.pagemap.read_exact_at(&mut entry, at).ok()?;
        let entry = u64::from_ne_bytes(entry);
        (entry >> 63 == 1).then_some(Pfn(entry & ((1 << 55) - 1)))
    }

    /// Compaction may move a page between the look at its number and the look at its flags.
    fn look(&self, address: usize) -> (PageFlags, Class) {
        let attempt = || {
            let before = self.pfn(address)?;
            let seen = self.judge(before);
            (self.pfn(address) == Some(before)).then_some(seen)
        };
        let seen = (0..100).find_map(|_| attempt());
        seen.unwrap_or_else(|| panic!("no page stays at {address:#x}"))
    }

    /// Reads an aligned block around the page. Compounds are aligned to their size, so the whole of
    /// any up to twice the PMD size is inside.
    fn judge(&self, pfn: Pfn) -> (PageFlags, Class) {
        let pmd_pages = self.system.machine().pmd_pages;
        let at = (pfn.0 % (2 * pmd_pages)) as usize;
        let mut words = vec![PageFlags::NONE; 2 * pmd_pages as usize];
        let read = self.system.read_flags(Pfn(pfn.0 - at as u64), &mut words);
        words.truncate(read.expect("flags can be read"));
        let mut keys = vec![Key::default(); words.len()];
        let mut classifier = Classifier::new(pmd_pages);
        classifier.classify(&words, None, &[], &mut keys);
        // Some kernels put the KSM bit on every anonymous page.
        let verdict = match classifier.saw_proof_of_ksm() {
            true => KsmVerdict::Believed,
            false => KsmVerdict::Doubted,
        };
        (words[at], settle(keys[at], verdict))
    }

    fn look_at_all(&self, start: usize, bytes: usize) -> Vec<(PageFlags, Class)> {
        let addresses = (start..start + bytes).step_by(page_size());
        addresses.map(|address| self.look(address)).collect()
    }

    fn expect_all(&self, map: &MmapRaw, expected: Class) -> Option<()> {
        assert_all(&self.look_at_all(map.as_ptr().addr(), map.len()), expected)
    }

    /// Asks again while the kernel, short of large pages, gives small ones; those are kept, or it
    /// would give the same.
    fn expect_compound(&self, class: Class, bytes: usize, room: Room) -> Option<()> {
        let mut kept = Vec::new();
        let compound = (0..8).find_map(|_| {
            let map = advised(room(2 * bytes), Advice::HugePage);
            kept.push(advised(map, Advice::PopulateWrite));
            let start = kept.last()?.as_ptr().addr().next_multiple_of(bytes);
            let pages = self.look_at_all(start, bytes);
            pages.iter().all(is_compound).then_some(pages)
        });
        let pages = compound.unwrap_or_else(|| panic!("the kernel gave no page for {class:?}"));
        assert_all(&pages, class)
    }

    /// How many pages of a file are in compounds; each is of the class that this makes it.
    fn compound_pages_of(&self, file: &File) -> usize {
        let map = mapped(file);
        let pages = self.look_at_all(map.as_ptr().addr(), map.len());
        let (compound, single): (Vec<_>, Vec<_>) = pages.into_iter().partition(is_compound);
        assert_all(&compound, Class::FileLarge);
        assert_all(&single, Class::File);
        compound.len()
    }
}

fn is_compound((flags, _): &(PageFlags, Class)) -> bool {
    flags.has(PageFlags::COMPOUND)
}

fn assert_all(pages: &[(PageFlags, Class)], expected: Class) -> Option<()> {
    for (index, (flags, class)) in pages.iter().enumerate() {
        assert_eq!(*class, expected, "page {index}: {flags:?}");
    }
    Some(())
}

fn advised(map: MmapRaw, advice: Advice) -> MmapRaw {
    map.advise(advice).expect("the kernel takes the advice");
    map
}

fn single_page(room: Room, touch: Advice) -> MmapRaw {
    let map = room(page_size());
    // Refused only by kernels that have no large pages.
    map.advise(Advice::NoHugePage).ok();
    advised(map, touch)
}

fn anonymous(bytes: usize) -> MmapRaw {
    let map = MmapOptions::new().len(bytes).map_anon();
    map.expect("address space").into()
}

fn memory_file(bytes: usize) -> MmapRaw {
    let file = rustix::fs::memfd_create("pagemap-viz-live", MemfdFlags::CLOEXEC);
    let file = File::from(file.expect("a memory file"));
    file.set_len(bytes as u64).expect("a length");
    MmapRaw::map_raw(&file).expect("address space")
}

fn mapped(file: &File) -> MmapRaw {
    let map = MmapOptions::new().map_raw_read_only(file);
    advised(map.expect("address space"), Advice::PopulateRead)
}

/// An unnamed file on disk, just written; `None` where the build directory is in memory.
fn scratch_file(bytes: usize) -> Option<File> {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch file");
    file.write_all(&vec![1; bytes]).expect("room on disk");
    let file_system = rustix::fs::fstatfs(&file).expect("facts");
    (file_system.f_type != TMPFS_MAGIC).then_some(file)
}

/// A setting of the machine's memory, put back when dropped, by a panic too.
struct Setting {
    path: String,
    was: String,
}

impl Setting {
    /// The chosen word of `always [madvise] never`, or all that there is.
    fn value(name: &str) -> Option<String> {
        let text = fs::read_to_string(format!("/sys/kernel/mm/{name}"));
        let text = text.map_err(|_| say(&format!("there is no {name}"))).ok()?;
        let chosen = text.split(['[', ']']).nth(1);
        Some(chosen.unwrap_or(text.trim()).to_owned())
    }

    fn put(name: &str, value: &str) -> Option<Self> {
        let was = Self::value(name)?;
        let path = format!("/sys/kernel/mm/{name}");
        let failed = |error| pass_over(format!("{name}: {error}"));
        fs::write(&path, value).map_err(failed).ok()?;
        Some(Self { path, was })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.was) {
            say(&format!("{} stays changed: {error}", self.path));
        }
    }
}

/// For lack of privilege: to be expected at a desk, a failure where root was promised.
fn pass_over(reason: impl Display) {
    let is_required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    assert!(!is_required, "{reason}");
    say(&format!("passed over: {reason}"));
}

/// Past the harness, which hides what the macros print in tests that pass.
fn say(line: &str) {
    let line = format!("live: {line}\n");
    io::stderr().write_all(line.as_bytes()).ok();
}

fn snapshot(program: &mut Command, picture: &Path) -> io::Result<Output> {
    let command = program.arg("snapshot").arg(picture);
    command.args(["--json", "-"]).output()
}

/// So that only the kernel's file can be what a user may not read. TMPDIR may be closed to others,
/// and so may the build directory.
fn directory_for_everyone() -> tempfile::TempDir {
    let directory = tempfile::tempdir_in("/tmp").expect("a scratch directory");
    let everyone = fs::Permissions::from_mode(0o777);
    fs::set_permissions(directory.path(), everyone).expect("our own directory");
    directory
}

/// Free pages as the buddy allocator counts them: a column an order.
fn buddy_pages() -> u64 {
    let text = fs::read_to_string("/proc/buddyinfo").expect("every kernel has it");
    let pages = |(order, blocks): (usize, &str)| blocks.parse::<u64>().expect("a count") << order;
    let columns = |line| str::split_whitespace(line).skip(4).enumerate();
    text.lines().flat_map(columns).map(pages).sum()
}
