//! Pages that are looked for: those of a process as its page table lists them, and those with certain flags.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{
    assert_golden, assert_refused, decode, json, may_ask_the_kernel, run, scratch, succeed, system,
    text,
};
use memmap2::MmapOptions;
use serde_json::Value;

/// Pages of the legend's lines before those of the rest of memory, by name without its share.
fn sought(facts: &Value) -> Vec<(String, u64)> {
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let line = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name");
        let name = name.split(", ").next().expect("a first part").to_owned();
        (name, entry["pages"].as_u64().expect("pages"))
    };
    let is_sought = |(name, _): &(String, u64)| !name.starts_with("other ") && name != "hole";
    legend.iter().map(line).filter(is_sought).collect()
}

fn facts_of(options: &[&str]) -> Value {
    let directory = scratch();
    let picture = directory.path().join("p.png");
    let fixed = ["snapshot", "--json", "-", text(&picture)];
    json(&succeed(fixed.iter().chain(options)))
}

/// Page numbers that the page table of process 118 names, each once.
fn held() -> BTreeSet<u64> {
    let entries = fs::read(system("thp-6.1").join("proc/118/pagemap.bin")).expect("entries");
    let words = entries
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("8")));
    let present = words.filter(|word| word >> 63 == 1);
    present.map(|word| word & ((1 << 55) - 1)).collect()
}

#[test]
fn a_process_has_the_pages_that_its_page_table_names() {
    let root = system("thp-6.1");
    let facts = facts_of(&["--sysroot", text(&root), "--pid", "118"]);
    let kinds = sought(&facts);
    let sum: u64 = kinds.iter().map(|(_, pages)| pages).sum();
    assert_eq!(sum, held().len() as u64);
    let names: Vec<_> = kinds.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["heap", "stack", "anonymous", "program", "file", "special"]
    );
    let notes = facts["picture"]["notes"].to_string();
    assert!(
        notes.contains(&format!("{sum} pages in ")) && notes.contains("node 0"),
        "{notes}"
    );
}

#[test]
fn exactly_its_pages_stand_out() {
    let root = system("thp-6.1");
    let picture = decode(&succeed([
        "snapshot",
        "-",
        "--pid",
        "118",
        "--sysroot",
        text(&root),
    ]));
    let legend = picture.facts["picture"]["legend"]
        .as_array()
        .expect("a legend")
        .clone();
    let is_sought = |index: u8| {
        let has = |entry: &&Value| {
            let indices = entry["index"].as_array().expect("indices");
            indices.iter().any(|known| known == index)
        };
        let name = legend.iter().find(has).expect("an entry")["name"]
            .as_str()
            .expect("a name");
        !name.starts_with("other ") && name != "hole"
    };
    let row = &picture.facts["picture"]["rows"][0];
    let [y, height] = ["y", "height"].map(|field| row[field].as_u64().expect("a number") as usize);
    let map = &picture.indices[y * 512..][..height * 512];
    let shown = (0u64..)
        .zip(map)
        .filter(|(_, index)| is_sought(**index))
        .map(|(page, _)| page);
    assert!(shown.eq(held()));
}

#[test]
fn a_page_that_is_looked_for_wins_its_pixel() {
    let root = system("thp-6.1");
    let pixels = |scale: &str| {
        let fixed = ["snapshot", "-", "--pid", "118", "--sysroot", text(&root)];
        let picture = decode(&succeed(fixed.iter().chain(&["--pages-per-pixel", scale])));
        let legend = picture.facts["picture"]["legend"]
            .as_array()
            .expect("a legend")
            .clone();
        let marked: BTreeSet<u64> = legend
            .iter()
            .filter(|entry| {
                !entry["name"]
                    .as_str()
                    .expect("a name")
                    .starts_with("other ")
            })
            .filter(|entry| entry["name"] != "hole")
            .flat_map(|entry| entry["index"].as_array().expect("indices").clone())
            .map(|index| index.as_u64().expect("an index"))
            .collect();
        let row = &picture.facts["picture"]["rows"][0];
        let [y, height] = ["y", "height"].map(|field| row[field].as_u64().expect("it") as usize);
        let map = &picture.indices[y * 512..][..height * 512];
        map.iter()
            .filter(|&&index| marked.contains(&u64::from(index)))
            .count()
    };
    let cells: BTreeSet<u64> = held().iter().map(|page| page / 64).collect();
    assert_eq!(pixels("64"), cells.len());
}

#[test]
fn flags_that_are_looked_for_are_counted_as_flags_does() {
    let root = system("zoo-6.1");
    for condition in ["anonymous", "lru,!active", "=buddy", "mlocked", "buddy="] {
        let facts = facts_of(&["--sysroot", text(&root), "--highlight", condition]);
        let own: u64 = sought(&facts).iter().map(|(_, pages)| pages).sum();
        let fixed = ["flags", "-r", "--format", "json", "--sysroot", text(&root)];
        let rows = json(&succeed(fixed.iter().chain(&["-b", condition])));
        let rows = rows.as_array().expect("rows");
        let existing = rows.iter().filter(|row| row["class"][0] != "hole");
        let counted: u64 = existing
            .map(|row| row["pages"].as_u64().expect("pages"))
            .sum();
        assert_eq!(own, counted, "{condition}");
    }
}

#[test]
fn a_process_over_memory_looks_as_it_should() {
    let root = system("thp-6.1");
    let fixed = ["snapshot", "-", "--pid", "118", "--sysroot", text(&root)];
    assert_golden("overlay-process", &succeed(fixed));
    let flags = [
        "snapshot",
        "-",
        "--from",
        "example",
        "--highlight",
        "anon,!thp",
        "--palette",
        "light",
    ];
    assert_golden("overlay-flags-light", &succeed(flags));
}

#[test]
fn one_overlay_gives_the_same_bytes_again() {
    let draw = |threads| {
        let fixed = ["snapshot", "-", "--from", "example", "--highlight", "slab"];
        succeed(fixed.iter().chain(&["--threads", threads]))
    };
    assert!(draw("1") == draw("7"));
}

#[test]
fn what_cannot_be_looked_for_is_one_line() {
    let root = system("thp-6.1");
    let table: [(&[&str], i32, &str); 8] = [
        (&["--pid", "x"], 2, "--pid x is no process"),
        (
            &["--pid", "1", "--highlight", "slab"],
            2,
            "cannot be used with",
        ),
        (&["--pid", "1", "--by", "flags"], 2, "cannot be used with"),
        (
            &["--highlight", "bogus"],
            2,
            "--highlight bogus: 'bogus' is neither",
        ),
        (&["--cgroup", "@x"], 2, "@x is no inode"),
        (
            &["--pid", "99"],
            1,
            "cannot read process 99: there is no such process",
        ),
        (
            &["--comm", "nobody"],
            1,
            "cannot find a process called nobody",
        ),
        (&["--cgroup", "@5"], 1, "kpagecgroup"),
    ];
    for (words, code, part) in table {
        let fixed = ["snapshot", "-", "--sysroot", text(&root)];
        assert_refused(&run(fixed.iter().chain(words)), code, part);
    }
}

#[test]
fn our_own_pages_are_found_on_the_running_kernel() {
    if !may_ask_the_kernel() {
        return;
    }
    let pages = 4096;
    let mut options = MmapOptions::new();
    let mut map = options.len(pages * 4096).map_anon().expect("memory");
    map.lock().expect("room for locked memory");
    map.chunks_mut(4096).for_each(|page| page[0] = 1);
    let own = std::process::id().to_string();
    let kinds = sought(&facts_of(&["--pid", &own]));
    let of = |wanted: &str| {
        let found = kinds.iter().find(|(name, _)| name == wanted);
        found.map_or(0, |(_, pages)| *pages)
    };
    assert!(of("anonymous") >= pages as u64, "{kinds:?}");
    assert!(of("program") > 0, "{kinds:?}");
    // Two processes: what both map is shared.
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("a child");
    let both = sought(&facts_of(&[
        "--pid",
        &own,
        "--pid",
        &child.id().to_string(),
    ]));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(both.len(), 3, "{both:?}");
    assert!(
        both[2].0 == "shared between them" && both[2].1 > 0,
        "{both:?}"
    );
}
