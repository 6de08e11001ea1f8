//! What the tests of the whole program share: running it, captured systems, reading pictures.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod reports;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pagemap_viz::kernel::{PageFlags, Pfn};
use pagemap_viz::source::{Recording, Source};
use serde_json::Value;
use tempfile::TempDir;

/// Captured systems, by name and directory below the package.
pub const SYSTEMS: [(&str, &str); 7] = [
    ("fragmented", "examples/fragmented"),
    ("boot-6.1", "tests/systems/boot-6.1"),
    ("thp-6.1", "tests/systems/thp-6.1"),
    ("numa-6.1", "tests/systems/numa-6.1"),
    ("zoo-6.1", "tests/systems/zoo-6.1"),
    ("light-6.1", "tests/systems/light-6.1"),
    ("host-6.18", "tests/systems/host-6.18"),
];

/// A place in the package.
pub fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The directory of a captured system.
pub fn system(name: &str) -> PathBuf {
    let (_, path) = SYSTEMS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a captured system");
    package(path)
}

/// The program, with a fixed time so that outputs repeat.
pub fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagemap-viz"));
    command
        .env("SOURCE_DATE_EPOCH", "1795231355")
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID");
    command.stdin(Stdio::null());
    command
}

/// Runs the program.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    tool().args(arguments).output().expect("the program starts")
}

/// Runs the program, which must succeed and stay silent on standard error.
pub fn succeed<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
    let output = run(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
    output.stdout
}

/// Draws a captured system as PNG bytes.
pub fn draw(name: &str, options: &[&str]) -> Vec<u8> {
    let root = system(name);
    let fixed = [
        "snapshot",
        "--sysroot",
        root.to_str().expect("a UTF-8 path"),
        "-",
    ];
    succeed(fixed.iter().chain(options))
}

/// The JSON of a captured system, through a picture that is thrown away.
pub fn facts(name: &str, options: &[&str]) -> Value {
    let directory = scratch();
    let picture = directory.path().join("picture.png");
    let root = system(name);
    let paths = [root.to_str(), picture.to_str()].map(|path| path.expect("a UTF-8 path"));
    let fixed = ["snapshot", "--json", "-", "--sysroot", paths[0], paths[1]];
    serde_json::from_slice(&succeed(fixed.iter().chain(options))).expect("JSON")
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// One line on standard error that starts with the program's name and holds `part`; nothing on
/// standard output; that exit code.
pub fn assert_refused(output: &Output, code: i32, part: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(
        stderr.starts_with("pagemap-viz: ") && stderr.contains(part),
        "{stderr}"
    );
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty(), "nothing goes to standard output");
}

/// Nothing is in that directory.
pub fn assert_empty(directory: &Path) {
    let left: Vec<_> = std::fs::read_dir(directory)
        .expect("a directory")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// A small file system of its own, for disks that fill; `None` without root, which CI must have.
pub struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Of so many bytes, as mount reads them.
    pub fn mount(size: &str) -> Option<Self> {
        let directory = scratch();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        mount.arg(directory.path()).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self { directory });
        }
        let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
        assert!(!required, "CI can mount a small file system");
        eprintln!("skipped: mounting a small file system needs root");
        None
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.path()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the small disk is put away"
        );
    }
}

/// A directory that goes away.
pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("room for temporary files")
}

/// The words of a captured system, in this machine's byte order, which is the capture's.
pub fn words(name: &str) -> Vec<u64> {
    let packed = std::fs::File::open(system(name).join("proc/kpageflags.zst")).expect("a capture");
    let bytes = zstd::decode_all(packed).expect("zstd");
    bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("8 bytes")))
        .collect()
}

/// The words of a frame, read as programs read them.
pub fn frame_words(recording: &Recording, number: u64) -> Result<Vec<u64>, String> {
    let frame = recording
        .frame(Some(number))
        .map_err(|error| error.to_string())?;
    let mut words = Vec::new();
    let mut block = vec![PageFlags::NONE; 10_000];
    loop {
        let pages = frame
            .read_flags(Pfn(words.len() as u64), &mut block)
            .map_err(|error| error.to_string())?;
        if pages == 0 {
            return Ok(words);
        }
        words.extend(block[..pages].iter().map(|flags| flags.0));
    }
}

/// A decoded picture: palette indices, colours and the JSON inside.
pub struct Decoded {
    pub width: usize,
    pub height: usize,
    pub indices: Vec<u8>,
    pub palette: Vec<u8>,
    pub facts: Value,
    pub texts: Vec<(String, String)>,
}

/// Decodes an indexed PNG.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut indices = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut indices).expect("all rows");
    reader.finish().expect("a whole file");
    let info = reader.info();
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Indexed, png::BitDepth::Eight)
    );
    let long = info
        .utf8_text
        .iter()
        .map(|t| (t.keyword.clone(), t.get_text().expect("UTF-8")));
    let short = info
        .uncompressed_latin1_text
        .iter()
        .map(|t| (t.keyword.clone(), t.text.clone()));
    let texts: Vec<_> = long.chain(short).collect();
    let own = texts
        .iter()
        .find(|(keyword, _)| keyword == "pagemap-viz")
        .expect("the facts");
    Decoded {
        width: info.width as usize,
        height: info.height as usize,
        palette: info.palette.as_ref().expect("a palette").to_vec(),
        facts: serde_json::from_str(&own.1).expect("JSON"),
        indices,
        texts,
    }
}

impl Decoded {
    /// The colours of all pixels, red green blue.
    pub fn rgb(&self) -> Vec<u8> {
        let colour = |&index: &u8| self.palette[usize::from(index) * 3..][..3].to_vec();
        self.indices.iter().flat_map(colour).collect()
    }
}

/// The picture equals the golden one of that name. `PAGEMAP_VIZ_BLESS=1` makes that anew; a failure
/// leaves expected, difference and actual side by side in `tests/failed`.
pub fn assert_golden(name: &str, actual: &[u8]) {
    let path = package("tests/golden").join(name).with_extension("png");
    if std::env::var_os("PAGEMAP_VIZ_BLESS").is_some() {
        std::fs::write(&path, actual).expect("the golden picture is written");
    }
    let expected =
        decode(&std::fs::read(&path).expect("a golden picture; PAGEMAP_VIZ_BLESS=1 makes it"));
    let actual = decode(actual);
    let same = (expected.width, expected.height) == (actual.width, actual.height)
        && expected.rgb() == actual.rgb();
    if !same {
        let shown = leave_failure(name, &expected, &actual);
        panic!("{name} differs from the golden picture; see {shown}");
    }
}

/// The text equals the golden one of that name. `PAGEMAP_VIZ_BLESS=1` makes that anew; a failure leaves what was
/// written in `tests/failed`.
pub fn assert_golden_text(name: &str, actual: &str) {
    let path = package("tests/golden").join(name);
    if std::env::var_os("PAGEMAP_VIZ_BLESS").is_some() {
        std::fs::write(&path, actual).expect("the golden text is written");
    }
    let expected = std::fs::read_to_string(&path);
    let expected = expected.expect("a golden text; PAGEMAP_VIZ_BLESS=1 makes it");
    if expected != actual {
        let directory = package("tests/failed");
        std::fs::create_dir_all(&directory).expect("a directory for failures");
        std::fs::write(directory.join(name), actual).expect("the failure is written");
        let pairs = expected.lines().zip(actual.lines());
        let first = pairs
            .enumerate()
            .find(|(_, (expected, actual))| expected != actual);
        panic!("{name} differs from the golden text, first at {first:?}; see tests/failed");
    }
}

fn leave_failure(name: &str, expected: &Decoded, actual: &Decoded) -> String {
    let directory = package("tests/failed");
    std::fs::create_dir_all(&directory).expect("a directory for failures");
    let path = directory.join(name).with_extension("png");
    let [width, height] = [
        expected.width.max(actual.width) as u32,
        expected.height.max(actual.height) as u32,
    ];
    let [old, new] = [expected, actual].map(Decoded::rgb);
    let colour = |rgb: &[u8], picture: &Decoded, x: u32, y: u32| {
        let inside = (x as usize) < picture.width && (y as usize) < picture.height;
        let at = (y as usize * picture.width + x as usize) * 3;
        if inside {
            [rgb[at], rgb[at + 1], rgb[at + 2]]
        } else {
            [255, 0, 255]
        }
    };
    let side_by_side = image::RgbImage::from_fn(width * 3, height, |x, y| {
        let (left, right) = (
            colour(&old, expected, x % width, y),
            colour(&new, actual, x % width, y),
        );
        image::Rgb(match x / width {
            0 => left,
            1 if left == right => [0, 0, 0],
            1 => [255, 255, 255],
            _ => right,
        })
    });
    side_by_side.save(&path).expect("the failure is written");
    path.display().to_string()
}

/// A recording of captured systems, a frame each.
pub fn recording_of(names: &[&str], directory: &Path) -> PathBuf {
    let path = directory.join("systems.pmv");
    let mut arguments = vec!["record".into(), path.clone().into_os_string()];
    for name in names {
        arguments.push("--sysroot".into());
        arguments.push(system(name).into_os_string());
    }
    succeed(arguments);
    path
}

/// JSON that the program wrote.
pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// The pictures of a series, in order.
pub fn pictures(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a series").flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    paths.sort();
    paths
}

/// Whether the running kernel may be asked; in CI it must.
pub fn may_ask_the_kernel() -> bool {
    let allowed = std::fs::File::open("/proc/kpageflags").is_ok();
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_LIVE").is_some();
    assert!(allowed || !required, "CI can read /proc/kpageflags");
    if !allowed {
        eprintln!("skipped: reading /proc/kpageflags needs root");
    }
    allowed
}

/// Words as the kernel's files have them.
pub fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Writes a made-up system below `root`: the flags of its pages, and process 7 with these mappings and the
/// entries of as many of them, from the first on.
pub fn write_process(root: &Path, flags: &[u64], maps: &str, entries: &[&[u64]]) {
    let process = root.join("proc/7");
    std::fs::create_dir_all(&process).expect("directories");
    std::fs::write(root.join("proc/kpageflags"), bytes(flags)).expect("flags");
    std::fs::write(process.join("maps"), maps).expect("maps");
    std::fs::write(process.join("pagemap.bin"), bytes(&entries.concat())).expect("entries");
    let mut index = String::new();
    let mut offset = 0;
    for (line, entries) in maps.lines().zip(entries) {
        let addresses = line.split(' ').next().expect("addresses").replace('-', " ");
        index += &format!("{addresses} {offset}\n");
        offset += entries.len() * 8;
    }
    std::fs::write(process.join("pagemap.idx"), index).expect("an index");
}

/// Whether the system has a program; CI's has all that are asked for.
pub fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_ENGINES").is_some();
    assert!(found.is_ok() || !required, "CI has {program}");
    if found.is_err() {
        eprintln!("skipped: there is no {program}");
    }
    found.is_ok()
}
