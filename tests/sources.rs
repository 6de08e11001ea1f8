//! Where flags come from, and what is known when a file is missing: made-up systems, small.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{assert_refused, decode, package, scratch, succeed, system, tool, words};
use serde_json::Value;
use tempfile::TempDir;

const ANON: u64 = 1 << 12;
const BUDDY: u64 = 1 << 10;
const HEAD: u64 = 1 << 15;
const HUGE: u64 = 1 << 17;
const KSM: u64 = 1 << 21;
const NOPAGE: u64 = 1 << 20;
const SLAB: u64 = 1 << 7;
const SWAPBACKED: u64 = 1 << 14;
const TAIL: u64 = 1 << 16;
const UPTODATE: u64 = 1 << 3;

/// A made-up system or dump that goes away.
struct Made {
    directory: TempDir,
}

impl Made {
    fn new(words: &[u64]) -> Self {
        let made = Self {
            directory: scratch(),
        };
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        made.with("proc/kpageflags", bytes)
    }

    fn with(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("room");
        fs::write(path, contents).expect("room");
        self
    }

    fn flags(&self) -> PathBuf {
        self.directory.path().join("proc/kpageflags")
    }

    fn facts(&self, options: &[&str]) -> Value {
        facts("--sysroot", self.directory.path(), options)
    }

    fn raw_facts(&self, options: &[&str]) -> Value {
        facts("--from", &self.flags(), options)
    }
}

fn facts(option: &str, path: &Path, options: &[&str]) -> Value {
    let fixed = ["snapshot", option, path.to_str().expect("UTF-8"), "-"];
    decode(&succeed(fixed.iter().chain(options))).facts
}

fn pages(facts: &Value, class: &str) -> u64 {
    facts["classes"][class]["pages"]
        .as_u64()
        .expect("every class is there")
}

/// Colours of the bare map.
fn map(path: &Path, options: &[&str]) -> Vec<u8> {
    let fixed = [
        "snapshot",
        "--legend",
        "none",
        "--from",
        path.to_str().expect("UTF-8"),
        "-",
    ];
    decode(&succeed(fixed.iter().chain(options))).rgb()
}

#[test]
fn a_raw_dump_knows_flags_and_nothing_else() {
    let facts = Made::new(&[BUDDY; 700]).raw_facts(&[]);
    assert_eq!((pages(&facts, "free"), pages(&facts, "hole")), (700, 0));
    assert_eq!(
        (&facts["page_size"], &facts["page_size_assumed"]),
        (&4096.into(), &true.into())
    );
    assert_eq!(
        (&facts["kernel"], &facts["ram_pages"]),
        (&Value::Null, &Value::Null)
    );
    let facts = Made::new(&[BUDDY; 700]).raw_facts(&["--page-size", "64KiB"]);
    assert_eq!(
        (&facts["page_size"], &facts["page_size_assumed"]),
        (&65536.into(), &false.into())
    );
    assert_eq!(facts["classes"]["free"]["bytes"], 700 * 65536);
}

#[test]
fn a_packed_or_piped_dump_is_the_dump() {
    let made = Made::new(&words("zoo-6.1"));
    let packed = made.directory.path().join("dump.zst");
    fs::copy(system("zoo-6.1").join("proc/kpageflags.zst"), &packed).expect("room");
    let expected = map(&made.flags(), &[]);
    assert!(
        map(&packed, &[]) == expected,
        "the file's name does not matter"
    );
    let mut command = common::tool();
    command.args(["snapshot", "--legend", "none", "--from", "/dev/stdin", "-"]);
    command.stdin(
        std::process::Command::new("cat")
            .arg(&packed)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("cat")
            .stdout
            .expect("a pipe"),
    );
    let piped = command.output().expect("it runs");
    assert!(
        decode(&piped.stdout).rgb() == expected,
        "{}",
        String::from_utf8_lossy(&piped.stderr)
    );
}

#[test]
fn ram_is_what_iomem_says_else_online_blocks_else_everything() {
    let words = [BUDDY; 4096];
    let blocks = |made: Made| {
        let directory = "sys/devices/system/memory";
        let made = made.with(&format!("{directory}/block_size_bytes"), "400000\n");
        let made = made.with(&format!("{directory}/memory0/state"), "online\n");
        made.with(&format!("{directory}/memory2/state"), "offline\n")
    };
    let iomem = |made: Made, text: &str| made.with("proc/iomem", text);
    let shown = "00001000-0009fbff : System RAM\n";
    let hidden = "00000000-00000000 : System RAM\n";
    let table = [
        (Made::new(&words), 4096),
        (iomem(Made::new(&words), hidden), 4096),
        (blocks(Made::new(&words)), 1024),
        (blocks(iomem(Made::new(&words), hidden)), 1024),
        (blocks(iomem(Made::new(&words), shown)), 0x9e),
    ];
    for (row, (made, free)) in table.iter().enumerate() {
        let facts = made.facts(&[]);
        assert_eq!(
            (pages(&facts, "free"), pages(&facts, "hole")),
            (*free, 4096 - free),
            "row {row}"
        );
    }
}

#[test]
fn absent_blocks_are_not_read() {
    // Three blocks of 4 MiB inside RAM, the middle one absent: what the file says there is not asked.
    let words = [[BUDDY; 1024], [SLAB; 1024], [BUDDY; 1024]].concat();
    let directory = "sys/devices/system/memory";
    let made = Made::new(&words)
        .with("proc/iomem", "00000000-00bfffff : System RAM\n")
        .with(&format!("{directory}/block_size_bytes"), "400000\n")
        .with(&format!("{directory}/memory0/state"), "online\n")
        .with(&format!("{directory}/memory2/state"), "online\n");
    let facts = made.facts(&[]);
    assert_eq!(
        ["free", "slab", "hole"].map(|class| pages(&facts, class)),
        [2048, 0, 1024]
    );
}

#[test]
fn a_compound_ends_where_its_memory_block_ends() {
    // Blocks of 4 MiB. A slab's head ends block 127 and with it the first chunk; block 128 is absent;
    // block 129 begins with an orphan tail of tmpfs.
    let block = 1024;
    let mut words = vec![BUDDY; 130 * block];
    words[128 * block - 1] = HEAD | SLAB;
    words[128 * block..129 * block].fill(TAIL | SLAB);
    words[129 * block] = TAIL | SWAPBACKED;
    // An anonymous head ends block 0; what looks like its tails lies in the absent block 1.
    words[block - 1] = HEAD | ANON;
    words[block..2 * block].fill(TAIL | ANON);
    let directory = "sys/devices/system/memory";
    let mut made = Made::new(&words).with(&format!("{directory}/block_size_bytes"), "400000\n");
    for number in (0..130).filter(|number| ![1, 128].contains(number)) {
        made = made.with(&format!("{directory}/memory{number}/state"), "online\n");
    }
    for threads in ["1", "2"] {
        let facts = made.facts(&["--threads", threads]);
        let counts = [
            "anon",
            "anon-thp",
            "anon-large",
            "slab",
            "shmem",
            "shmem-large",
            "hole",
        ];
        assert_eq!(
            counts.map(|class| pages(&facts, class)),
            [1, 0, 0, 1, 1, 0, 2048]
        );
    }
}

#[test]
fn a_hole_is_a_hole_by_flags_too() {
    let facts = Made::new(&[[BUDDY; 512], [NOPAGE; 512]].concat()).raw_facts(&["--by", "flags"]);
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let names: Vec<_> = legend
        .iter()
        .map(|entry| entry["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["buddy", "hole"]);
}

#[test]
fn page_size_follows_from_counters_of_the_same_thing() {
    let vmstat = "nr_free_pages 100\nnr_anon_pages 2000\nnr_mapped 300\n";
    let meminfo =
        "MemFree: 1700 kB\nAnonPages: 32000 kB\nMapped: 4800 kB\nHugepagesize: 32768 kB\n";
    let made = Made::new(&[ANON; 9])
        .with("proc/vmstat", vmstat)
        .with("proc/meminfo", meminfo);
    let facts = made.facts(&[]);
    assert_eq!(
        (&facts["page_size"], &facts["page_size_assumed"]),
        (&16384.into(), &false.into())
    );
    assert_eq!(made.facts(&["--page-size", "4k"])["page_size"], 4096);
}

#[test]
fn a_thp_has_exactly_the_pmd_size_of_the_machine() {
    let mut words = vec![TAIL | ANON; 512];
    words[0] = HEAD | ANON;
    let facts = Made::new(&words).facts(&[]);
    assert_eq!(
        (pages(&facts, "anon-thp"), pages(&facts, "anon-large")),
        (512, 0)
    );
    let pmd = "sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
    let facts = Made::new(&words).with(pmd, "33554432\n").facts(&[]);
    assert_eq!(
        (pages(&facts, "anon-thp"), pages(&facts, "anon-large")),
        (0, 512)
    );
}

#[test]
fn a_gigantic_page_keeps_its_head_across_chunks() {
    // Kernels up to 6.9: only the head says UPTODATE, which tells used from unused.
    let gigantic = 1 << 18;
    let mut words = vec![TAIL | HUGE; 2 * gigantic + 5];
    words[0] = HEAD | HUGE | UPTODATE;
    words[gigantic] = HEAD | HUGE;
    words[2 * gigantic] = BUDDY;
    let made = Made::new(&words);
    for threads in ["1", "2", "7"] {
        let facts = made.raw_facts(&["--threads", threads]);
        let gigantic = gigantic as u64;
        assert_eq!(
            (pages(&facts, "hugetlb"), pages(&facts, "free")),
            (gigantic, 1)
        );
        assert_eq!(
            pages(&facts, "hugetlb-free"),
            gigantic + 4,
            "orphan tails speak for themselves"
        );
    }
}

#[test]
fn a_page_without_a_page_is_a_hole() {
    let facts = Made::new(&[BUDDY, NOPAGE, 0, 1 << 35]).raw_facts(&[]);
    let counts = ["free", "hole", "unmarked", "other"].map(|class| pages(&facts, class));
    assert_eq!(counts, [1, 1, 1, 1]);
}

#[test]
fn a_kernel_that_marks_all_anonymous_memory_as_ksm_is_not_believed() {
    let honest = words("fragmented");
    let marked = |word: u64| {
        if word & ANON != 0 && word & (SLAB | BUDDY) == 0 {
            word | KSM
        } else {
            word
        }
    };
    let made = Made::new(&honest.iter().map(|&word| marked(word)).collect::<Vec<_>>());
    let honest = Made::new(&honest);
    assert_eq!(made.raw_facts(&[])["ksm_believed"], false);
    assert_eq!(
        made.raw_facts(&[])["classes"],
        honest.raw_facts(&[])["classes"]
    );
    for options in [
        &["--pages-per-pixel", "1"][..],
        &["--pages-per-pixel", "8"],
        &["--pages-per-pixel", "4", "--reducer", "dominant"],
    ] {
        for threads in ["1", "7"] {
            let options = [options, &["--threads", threads]].concat();
            assert!(
                map(&made.flags(), &options) == map(&honest.flags(), &options),
                "{options:?}"
            );
        }
    }
}

#[test]
fn one_anonymous_page_without_the_mark_makes_it_believable() {
    // The proof comes last, in a later chunk, when all else was drawn.
    let mut words = vec![ANON | KSM; 1 << 18];
    words.push(ANON);
    for threads in ["1", "3"] {
        let facts = Made::new(&words).raw_facts(&["--threads", threads, "--pages-per-pixel", "8"]);
        assert_eq!((pages(&facts, "ksm"), pages(&facts, "anon")), (1 << 18, 1));
    }
}

#[test]
fn unknown_bits_are_kept_and_never_stop_a_run() {
    let facts =
        Made::new(&[!0, 1 << 63, 1 << 42, 1 << 27]).raw_facts(&["--by", "flags", "--noise", ""]);
    let legend = facts["picture"]["legend"]
        .as_array()
        .expect("a legend")
        .len();
    assert_eq!(legend, 4, "every word is a set of its own");
    assert_eq!(
        pages(&facts, "hole") + pages(&facts, "other"),
        4,
        "all bits set has NOPAGE among them"
    );
}

#[test]
fn tall_pictures_are_halved_until_they_fit() {
    let made = Made::new(&vec![SLAB; 512 * 100]);
    let scale = |options: &[&str]| {
        made.raw_facts(options)["pages_per_pixel"]
            .as_u64()
            .expect("a number")
    };
    assert_eq!(
        [
            scale(&[]),
            scale(&["--max-rows", "99"]),
            scale(&["--max-rows", "1"])
        ],
        [1, 2, 128]
    );
    let height =
        made.raw_facts(&["--max-rows", "25", "--legend", "none"])["picture"]["height"].clone();
    assert_eq!(height, 25);
}

#[test]
fn the_example_needs_no_file_and_is_small_and_fragmented() {
    let directory = scratch();
    let run = |words: &[&str]| {
        let mut command = tool();
        let output = command.current_dir(directory.path()).args(words).output();
        output.expect("it starts")
    };
    let info = run(&["info", "example"]);
    assert!(String::from_utf8_lossy(&info.stdout).contains(" in 10 frames"));
    let drawn = run(&["snapshot", "--from", "example", "example.png"]);
    assert!(drawn.status.success(), "{drawn:?}");
    for (frame, free_rows) in [("0", 457), ("7", 0)] {
        let from = format!("example@{frame}");
        let picture = decode(&run(&["snapshot", "--from", &from, "-"]).stdout);
        let rows = &picture.facts["picture"]["rows"][0];
        let [y, height] = ["y", "height"].map(|field| rows[field].as_u64().expect("a number"));
        let free = picture.facts["picture"]["legend"][0]["index"][0].as_u64();
        assert_eq!(picture.facts["picture"]["legend"][0]["name"], "free");
        let map = &picture.indices[y as usize * 512..][..height as usize * 512];
        let is_free = |row: &&[u8]| row.iter().all(|&index| Some(index.into()) == free);
        assert_eq!(map.chunks(512).filter(is_free).count(), free_rows);
    }
    let bytes = fs::metadata(package("examples/fragmented.pmv"))
        .expect("it")
        .len();
    assert!(bytes < 1 << 20);
    // A file of that name is meant when it is there.
    fs::write(directory.path().join("example"), [0; 4096]).expect("a dump");
    let output = run(&["info", "example"]);
    assert_refused(&output, 1, "");
}
