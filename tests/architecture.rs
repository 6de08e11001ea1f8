//! Modules use only modules above them in `lib.rs`, and what has one home is used nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            source_files(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file")
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let text = read(&src().join("lib.rs"));
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// The module that a file belongs to: the first part of its path, without its ending.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(src()).expect("a source file");
    let first = inside
        .iter()
        .next()
        .expect("a name")
        .to_str()
        .expect("UTF-8");
    first.trim_end_matches(".rs").to_owned()
}

/// Every `crate::NAME` of a file, in imports or in code, but not in the texts of documentation.
fn uses(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let names = code.flat_map(|line| line.split("crate::").skip(1));
    let name = |rest: &str| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .map(str::to_owned)
    };
    names.filter_map(name).collect()
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let order = modules();
    assert!(order.len() > 8, "lib.rs lists its modules: {order:?}");
    let place = |module: &str| order.iter().position(|name| name == module);
    for path in source_files(&src()) {
        let module = module_of(&path);
        let Some(own) = place(&module) else { continue };
        for used in uses(&read(&path)) {
            let shown = path.display();
            assert!(
                !used.is_empty(),
                "{shown}: one `use crate::module::…` a module, no braces after crate::"
            );
            let other = place(&used)
                .unwrap_or_else(|| panic!("{shown} uses {used}, which lib.rs does not list"));
            assert!(
                other <= own,
                "{shown}: {module} uses {used}, which stands below it"
            );
        }
    }
}

#[test]
fn the_test_sees_an_upward_use() {
    assert_eq!(
        uses("use crate::render::Palette;\n// crate::cli\nlet x = crate::scan::scan();"),
        ["render", "scan"]
    );
    assert_eq!(uses("use crate::{a, b};"), [""]);
}

/// Files outside `homes` that name `word` in their code.
fn strays(word: &str, homes: &[&str]) -> Vec<PathBuf> {
    let is_home = |path: &Path| homes.iter().any(|home| path.starts_with(src().join(home)));
    let names_it = |path: &PathBuf| {
        let text = read(path);
        text.lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains(word))
    };
    source_files(&src())
        .into_iter()
        .filter(|path| !is_home(path))
        .filter(names_it)
        .collect()
}

#[test]
fn every_package_has_one_door() {
    let doors: [(&str, &[&str]); 30] = [
        ("askama::", &["page/mod.rs"]),
        ("plotters::", &["page/charts.rs"]),
        ("base64::", &["page/atlas.rs"]),
        ("clap::", &["cli"]),
        ("indicatif::", &["terminal.rs"]),
        (
            "signal_hook::",
            &["terminal.rs", "commands/record.rs", "commands/pss.rs"],
        ),
        ("rayon::", &["scan", "record.rs", "mappings", "usage"]),
        ("crossterm::", &["screen.rs"]),
        ("unicode_width::", &["screen.rs"]),
        ("landlock::", &["source/privilege.rs"]),
        ("uzers::", &["source/process/identity.rs"]),
        ("use palette::", &["render"]),
        ("toml::", &["render/palette.rs"]),
        ("ab_glyph::", &["render/typeface.rs"]),
        ("dejavu::", &["render/typeface.rs"]),
        ("image::", &["output"]),
        ("png::", &["output"]),
        ("gif::", &["output/animation.rs"]),
        ("parquet::", &["output/rows.rs"]),
        ("prometheus_client::", &["facts/metrics.rs"]),
        ("clap_complete::", &["cli/shell.rs"]),
        ("clap_mangen::", &["cli/shell.rs"]),
        ("csv::", &["output/table.rs"]),
        ("linux_raw_sys::", &["source/process/pagemap_scan.rs"]),
        ("memmap2::", &["source/cached_file.rs"]),
        ("libc::", &["source/cached_file.rs"]),
        ("walkdir::", &["source/cached_file.rs", "source/cgroup.rs"]),
        ("flate2::", &["grid/pack.rs"]),
        ("zstd::", &["source", "recording"]),
        ("thread_priority::", &["record.rs"]),
    ];
    for (door, homes) in doors {
        assert_eq!(
            strays(door, homes),
            Vec::<PathBuf>::new(),
            "{door} is used outside {homes:?}"
        );
    }
}

#[test]
fn the_core_reads_no_file_no_clock_and_starts_no_thread() {
    let impure = [
        "std::fs",
        "File::",
        "std::thread",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "std::env",
        "println!",
    ];
    let outside = [
        "source",
        "scan",
        "output",
        "cli",
        "terminal.rs",
        "screen.rs",
        "commands",
        "main.rs",
        "error.rs",
        "grid/spool.rs",
        "compare/scratch.rs",
        "record.rs",
    ];
    for word in impure {
        assert_eq!(strays(word, &outside), Vec::<PathBuf>::new(), "{word}");
    }
}

#[test]
fn kernel_files_are_named_by_the_source_alone() {
    for word in ["\"/proc", "\"proc/", "\"/sys", "\"sys/"] {
        assert_eq!(strays(word, &["source"]), Vec::<PathBuf>::new(), "{word}");
    }
}

#[test]
fn unsafe_code_has_two_homes() {
    let homes = ["source/process/pagemap_scan.rs", "source/cached_file.rs"];
    assert_eq!(strays("unsafe", &homes), Vec::<PathBuf>::new());
}
