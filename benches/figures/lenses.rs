//! What it costs to colour pages by something else than their class.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use pagemap_viz::kernel::Pfn;
use pagemap_viz::recording::Plane;
use pagemap_viz::source::{Overrides, Source, System};
use tempfile::TempDir;

use super::{HOST, ROUNDS, Table, median, snapshot};

/// 125 GiB of 4 KiB pages.
const TIMES: usize = 5;

/// Each lens, and how many times the CPU of the class lens it may take: 1.3 and what two runs differ by.
const LENSES: [(&str, f64); 7] = [
    ("flags", 1.3),
    ("node", 1.3),
    ("zone", 1.3),
    ("sharing", 1.35),
    ("folio-order", 1.35),
    ("free-order", 1.3),
    ("cgroup", 1.4),
];

/// Draws the captured machine, several times over, by each lens, in turn with its classes.
pub(super) fn lenses(table: &mut Table, pictures: &Path) {
    let root = machine();
    let cpu_s = |lens: &str| {
        let root = root.path().to_str().expect("a UTF-8 path");
        let options = ["--sysroot", root, "--by", lens];
        snapshot(Stdio::null(), &options, pictures).cpu_s
    };
    for (lens, mark) in LENSES {
        let ratio = (0..ROUNDS).map(|_| cpu_s(lens) / cpu_s("class"));
        let name = format!("--by {lens}, CPU / --by class");
        table.at_most(&name, median(ratio.collect()), mark);
    }
}

/// Flags, counts and cgroups of the captured machine over and over, in two nodes.
fn machine() -> TempDir {
    let system = System::open(Path::new(HOST), Overrides::default()).expect("the capture");
    let pages = system.machine().end().0 as usize;
    let root = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("target takes a machine");
    let proc = root.path().join("proc");
    fs::create_dir(&proc).expect("a directory");
    let half = TIMES * pages / 2;
    let zone =
        |node, start| format!("Node {node}, zone Normal\n spanned {half}\n start_pfn: {start}\n");
    fs::write(proc.join("zoneinfo"), zone(0, 0) + &zone(1, half)).expect("zones");
    let files = [
        (Plane::Flags, "kpageflags"),
        (Plane::Counts, "kpagecount"),
        (Plane::Cgroups, "kpagecgroup"),
    ];
    for (plane, name) in files {
        let mut words = vec![0u64; pages];
        let got = system.read_plane(plane, Pfn(0), &mut words);
        assert_eq!(got.expect("a copy can be read"), pages);
        let mut file = File::create(proc.join(name)).expect("a file");
        for _ in 0..TIMES {
            let bytes = bytemuck::cast_slice(&words);
            file.write_all(bytes).expect("the disk has room for 1 GiB");
        }
    }
    root
}
