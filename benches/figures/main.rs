//! The figures that the program promises, measured, and the marks that they must reach.
//!
//! `cargo bench` prints one row a figure: the median of several rounds, for memory the largest.
//! `cargo bench --bench figures -- --gate` also exits 1 when a figure from files misses its mark;
//! those of the running kernel need root, move with its load and never fail it.
//!
//! Machines differ and are busy: marks are CPU time, never wall time alone, and what the kernel
//! takes is compared with a bare read of the same moment. Whole runs happen in a child, which is
//! this program again, so that its CPU time and its peak memory are those of nothing else.

mod lenses;
mod recordings;

use std::collections::HashSet;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use pagemap_viz::classify::{Classifier, Key};
use pagemap_viz::cli::{Request, parse};
use pagemap_viz::commands::run;
use pagemap_viz::grid::Packer;
use pagemap_viz::kernel::{PageFlags, Pfn};
use pagemap_viz::source::{Overrides, Source, System};
use pagemap_viz::terminal::Terminal;
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

/// A captured machine of 6.5 M pages, a seventh of them in use.
const HOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systems/host-6.18");
/// The memory that the manual shows.
const FRAGMENTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fragmented");
const KERNELS_FILE: &str = "/proc/kpageflags";

/// 1 TiB of 4 KiB pages.
const LARGE_PAGES: usize = 1 << 28;
/// What is called busy or not as a whole.
const STRETCH_PAGES: usize = 1 << 16;
/// Pages that workers read at once.
const BLOCK_PAGES: usize = 1 << 15;
const WORD_BYTES: usize = size_of::<PageFlags>();
const PMD_PAGES: u64 = 512;

const ROUNDS: usize = 7;
const LIVE_ROUNDS: usize = 7;
/// Threads of whole runs; the marks are for two.
const THREADS: &str = "2";
const SCALES: [(&str, &[&str]); 2] = [("bounded", &[]), ("full", &["--pages-per-pixel", "1"])];

/// The child that runs the program's own command line.
const RUN: &str = "run";
/// The child that only reads the kernel's file.
const BARE_READ: &str = "bare-read";

fn main() -> ExitCode {
    let started = Instant::now();
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    match words.first().and_then(|word| word.to_str()) {
        Some(RUN) => run_like_main(&words[1..]),
        Some(BARE_READ) => bare_read(),
        _ => return figures(words.iter().any(|word| word == "--gate")),
    }
    let wall_s = started.elapsed().as_secs_f64();
    println!("{} {wall_s} {}", cpu_s(), peak_mib());
    ExitCode::SUCCESS
}

fn figures(gate: bool) -> ExitCode {
    let host = captured(Path::new(HOST));
    let busiest = busiest(&host);
    let mut table = Table::default();
    table.line("figure", "measured", "mark", "");
    classification(&mut table, &busiest);
    packing(&mut table, &busiest);
    recordings::recordings(&mut table, &host);
    let pictures = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("target takes pictures");
    sizes(&mut table, &host, &busiest, pictures.path());
    lenses::lenses(&mut table, pictures.path());
    bytes(&mut table, "captured host", HOST, pictures.path());
    bytes(&mut table, "fragmented", FRAGMENTED, pictures.path());
    // A table of its own: what else the machine does is in these, so they say and do not fail.
    live(&mut Table::default(), pictures.path());
    ExitCode::from(u8::from(gate && table.missed))
}

// What is measured on.

fn captured(root: &Path) -> Vec<PageFlags> {
    let system = System::open(root, Overrides::default()).expect("the repository has the capture");
    let mut words = vec![PageFlags::NONE; system.machine().end().0 as usize];
    let got = system.read_flags(Pfn(0), &mut words);
    assert_eq!(got.expect("a copy can be read"), words.len());
    words
}

/// The stretches that are in use and mixed: zeros and long runs of one word would flatter.
fn busiest(words: &[PageFlags]) -> Vec<PageFlags> {
    let is_busy = |stretch: &&[PageFlags]| {
        let used = stretch.iter().filter(|&&word| word != PageFlags::NONE);
        let distinct: HashSet<u64> = stretch.iter().map(|word| word.0).collect();
        used.count() * 10 > stretch.len() * 9 && distinct.len() >= 32
    };
    let stretches = words.chunks_exact(STRETCH_PAGES).filter(is_busy);
    stretches.flatten().copied().collect()
}

/// A raw copy of `pages` words, `words` over and over. It has no name, so nothing stays behind.
fn raw_file(words: &[PageFlags], pages: usize) -> File {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).expect("target takes a file");
    let mut left = pages;
    while left > 0 {
        let here = &words[..left.min(words.len())];
        file.write_all(bytemuck::cast_slice(here))
            .expect("the disk has room for 2 GiB");
        left -= here.len();
    }
    file
}

// In this process.

fn classification(table: &mut Table, words: &[PageFlags]) {
    const SWEEPS: usize = 4;
    let gigabytes = (SWEEPS * words.len() * WORD_BYTES) as f64 / 1e9;
    let speed = median_of(2 * ROUNDS + 1, || {
        let before = cpu_s();
        (0..SWEEPS).for_each(|_| classify(words, |_| {}));
        gigabytes / (cpu_s() - before)
    });
    table.at_least("classification a core, GB/s", speed, 4.0);
}

/// Block by block as a worker does.
fn classify(words: &[PageFlags], mut each: impl FnMut(&[Key])) {
    let mut classifier = Classifier::new(PMD_PAGES);
    let mut keys = vec![Key::HOLE; BLOCK_PAGES];
    let mut open = None;
    for start in (0..words.len()).step_by(BLOCK_PAGES) {
        let (block, rest) = words[start..].split_at(BLOCK_PAGES);
        let wanted = classifier.pages_wanted_after(block).unwrap_or(0) as usize;
        let after = &rest[..wanted.min(rest.len())];
        open = classifier.classify(block, open, after, &mut keys);
        each(black_box(&keys));
    }
}

/// What packs the cells of the worst picture, and what the other levels would do.
fn packing(table: &mut Table, words: &[PageFlags]) {
    const CHUNK_CELLS: usize = 1 << 17;
    let mut cells = Vec::with_capacity(words.len());
    classify(words, |keys| cells.extend_from_slice(keys));
    let pack = |packer: &mut Packer| -> usize {
        let packed = cells.chunks(CHUNK_CELLS).map(|it| packer.pack_cells(it));
        packed.map(|packed| packed.bytes.len()).sum()
    };
    let time = |packer: &mut Packer, rounds| {
        median_of(rounds, || {
            let before = cpu_s();
            black_box(pack(packer));
            (cpu_s() - before) * 1e9 / cells.len() as f64
        })
    };
    table.at_most("packing, ns a cell", time(&mut Packer::new(), ROUNDS), 10.0);
    let best = pack(&mut Packer::with_level(9)) as f64;
    for level in [1, 3, 4, 5, 6, 7] {
        let mut packer = Packer::with_level(level);
        let (ns, share) = (time(&mut packer, 3), pack(&mut packer) as f64 / best);
        let measured = format!("{ns:.1} ns, {share:.2} of 9");
        table.line(&format!("  level {level}"), &measured, "", "");
    }
}

// Whole runs on files.

fn sizes(table: &mut Table, host: &[PageFlags], busiest: &[PageFlags], pictures: &Path) {
    let files = [(busiest, LARGE_PAGES), (host, host.len())];
    let files = files.map(|(words, pages)| raw_file(words, pages));
    // All in turn, so that a neighbour's busy seconds do not fall on every round of one figure.
    let draw_all = |options| files.each_ref().map(|file| draw(file, options, pictures));
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| SCALES.map(|(_, options)| draw_all(options)))
        .collect();
    for (at, mark) in [1.0, 2.5].into_iter().enumerate() {
        let name = SCALES[at].0;
        let [large, small] = [0, 1].map(|file| rounds.iter().map(move |round| &round[at][file]));
        let cpu_s = median(large.clone().map(|spent| spent.cpu_s).collect());
        let [large, small] = [large, small].map(|runs| largest(runs.map(|spent| spent.peak_mib)));
        table.at_most(&format!("1 TiB {name}, CPU s"), cpu_s, mark);
        table.at_most(&format!("1 TiB {name}, peak MiB"), large, 16.0);
        table.at_most(&format!("25 GiB {name}, peak MiB"), small, 16.0);
        let more = large - small;
        table.at_most(&format!("1 TiB over 25 GiB {name}, MiB"), more, 4.0);
    }
}

/// Draws a raw copy, which the child finds on its standard input.
fn draw(raw: &File, options: &[&str], pictures: &Path) -> Spent {
    let raw = raw.try_clone().expect("one file more can be open");
    let options = [&["--from", "/dev/stdin"], options].concat();
    snapshot(raw.into(), &options, pictures)
}

/// How far the pictures of a captured system are from the fewest bytes that deflate can give.
fn bytes(table: &mut Table, name: &str, root: &str, pictures: &Path) {
    for (scale, options) in SCALES {
        let name = format!("{name} {scale}, bytes / level 9");
        if !Path::new(root).exists() {
            table.skipped(&name, "no such capture");
            continue;
        }
        let arguments = [&["--sysroot", root], options].concat();
        snapshot(Stdio::null(), &arguments, pictures);
        let png = fs::read(pictures.join(PICTURE)).expect("the picture was written");
        table.at_most(&name, png.len() as f64 / best_bytes(&png) as f64, 1.15);
    }
}

/// The size of a PNG with its image data deflated at level 9 in one stream.
fn best_bytes(png: &[u8]) -> usize {
    const FRAME_BYTES: usize = 12;
    let (data, others): (Vec<_>, Vec<_>) = chunks(png).partition(|(kind, _)| kind == b"IDAT");
    let packed: Vec<u8> = data.iter().flat_map(|(_, bytes)| *bytes).copied().collect();
    let mut rows = Vec::new();
    let unpacked = ZlibDecoder::new(&packed[..]).read_to_end(&mut rows);
    unpacked.expect("a PNG's image data is one zlib stream");
    let mut best = ZlibEncoder::new(Vec::new(), Compression::best());
    best.write_all(&rows).expect("memory takes all");
    let best = best.finish().expect("memory takes all").len();
    let others = others.iter().map(|(_, bytes)| FRAME_BYTES + bytes.len());
    SIGNATURE_BYTES + others.sum::<usize>() + FRAME_BYTES + best
}

const SIGNATURE_BYTES: usize = 8;

/// Kind and contents: <https://www.w3.org/TR/png-3/#5Chunk-layout>.
fn chunks(png: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = &png[SIGNATURE_BYTES..];
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let (&kind, after) = after.split_first_chunk()?;
        let (contents, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        rest = &after[size_of::<u32>()..];
        Some((kind, contents))
    })
}

// Whole runs on the running kernel.

fn live(table: &mut Table, pictures: &Path) {
    let names = [
        "live, every page, CPU / bare read",
        "live, every page, wall / bare read",
        "live, CPU / every page",
    ];
    if File::open(KERNELS_FILE).is_err() {
        let skip = |name| table.skipped(name, "needs root");
        return names.into_iter().for_each(skip);
    }
    let rounds = (0..LIVE_ROUNDS).map(|round| live_round(round, pictures));
    let (cpu, wall) = rounds.unzip();
    let less = (0..LIVE_ROUNDS).map(|_| {
        let [less, every] = [&[][..], &EVERY_PAGE].map(|it| snapshot(Stdio::null(), it, pictures));
        less.cpu_s / every.cpu_s
    });
    table.at_most(names[0], median(cpu), 1.10);
    table.at_most(names[1], median(wall), 1.15);
    table.at_most(names[2], median(less.collect()), 1.02);
}

/// CPU and wall time of a picture by those of a bare read. Neither is always the first.
fn live_round(round: usize, pictures: &Path) -> (f64, f64) {
    let draw = || snapshot(Stdio::null(), &EVERY_PAGE, pictures);
    let before = round.is_multiple_of(2).then(draw);
    let read = spent(&mut child(BARE_READ));
    let drawn = before.unwrap_or_else(draw);
    (drawn.cpu_s / read.cpu_s, drawn.wall_s / read.wall_s)
}

// The children.

/// What a child took.
struct Spent {
    cpu_s: f64,
    wall_s: f64,
    peak_mib: f64,
}

const PICTURE: &str = "picture.png";

/// As a bare read does.
const EVERY_PAGE: [&str; 1] = ["--every-page"];

fn snapshot(input: Stdio, options: &[&str], pictures: &Path) -> Spent {
    let mut command = child(RUN);
    command.args(["snapshot", "--quiet", "--threads", THREADS]);
    command.args(options).arg(pictures.join(PICTURE));
    spent(command.stdin(input))
}

fn child(work: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.arg(work).stderr(Stdio::inherit());
    command
}

fn spent(command: &mut Command) -> Spent {
    let output = command.output().expect("a program can start itself");
    assert!(output.status.success(), "{command:?} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
    let [cpu_s, wall_s, peak_mib] = numbers[..] else {
        panic!("a child gives three numbers, not {text:?}");
    };
    Spent {
        cpu_s,
        wall_s,
        peak_mib,
    }
}

fn run_like_main(words: &[OsString]) {
    let words = [&["pagemap-viz".into()], words].concat();
    let request = parse(words).and_then(Request::new).expect("our own words");
    run(&request, &Terminal::new(true)).expect("a picture");
}

/// Every word of the kernel's file by as many threads, and nothing else.
fn bare_read() {
    let system = System::open_live(Overrides::default()).expect("the caller could open it");
    let end = system.machine().end().0 * WORD_BYTES as u64;
    let file = File::open(KERNELS_FILE).expect("the caller could open it");
    let next = AtomicU64::new(0);
    let read = || {
        let mut block = vec![0; BLOCK_PAGES * WORD_BYTES];
        loop {
            let at = next.fetch_add(block.len() as u64, Ordering::Relaxed);
            if at >= end || file.read_at(&mut block, at).expect("flags") < block.len() {
                return;
            }
        }
    };
    let threads: usize = THREADS.parse().expect("a number");
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(read);
        }
    });
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process ever had.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.expect("Linux says it in kB") / 1024.0
}

// The table.

fn median_of(rounds: usize, mut measure: impl FnMut() -> f64) -> f64 {
    median((0..rounds).map(|_| measure()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::MIN, f64::max)
}

#[derive(Default)]
struct Table {
    missed: bool,
}

impl Table {
    fn at_most(&mut self, name: &str, value: f64, mark: f64) {
        self.judged(name, value, &format!("<= {mark:.2}"), value <= mark);
    }

    fn at_least(&mut self, name: &str, value: f64, mark: f64) {
        self.judged(name, value, &format!(">= {mark:.2}"), value >= mark);
    }

    fn judged(&mut self, name: &str, value: f64, mark: &str, reached: bool) {
        self.missed |= !reached;
        let verdict = if reached { "ok" } else { "MISS" };
        self.line(name, &format!("{value:.2}"), mark, verdict);
    }

    fn skipped(&self, name: &str, reason: &str) {
        self.line(name, "", "", &format!("skipped: {reason}"));
    }

    fn line(&self, name: &str, measured: &str, mark: &str, verdict: &str) {
        let line = format!("{name:<40}{measured:>20}{mark:>10}  {verdict}");
        println!("{}", line.trim_end());
    }
}
