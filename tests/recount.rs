//! Classes of captured systems, recounted page by page as the table of rules reads, without the
//! library: whole files in memory, no cache, no chunks.

mod common;

use std::collections::BTreeMap;

use common::{SYSTEMS, facts, system, words};

const HEAD: u32 = 15;
const TAIL: u32 = 16;

fn bit(word: u64, number: u32) -> bool {
    word >> number & 1 == 1
}

fn any(word: u64, numbers: &[u32]) -> bool {
    numbers.iter().any(|&number| bit(word, number))
}

/// Ranges of whole pages of RAM, as iomem or the online memory blocks say.
fn ram(name: &str) -> Option<Vec<(u64, u64)>> {
    let hex = |digits: &str| u64::from_str_radix(digits, 16).expect("hexadecimal");
    if let Ok(text) = std::fs::read_to_string(system(name).join("proc/iomem")) {
        let lines = text.lines().filter(|line| line.ends_with(": System RAM"));
        let range = |line: &str| {
            let (start, rest) = line.trim().split_once('-').expect("a range");
            let last = rest.split(' ').next().expect("an end");
            (hex(start).div_ceil(4096), (hex(last) + 1) / 4096)
        };
        return Some(lines.map(range).collect());
    }
    None
}

/// For each page, its flags with its head's, and the pages of its compound.
fn with_compounds(words: &[u64]) -> Vec<(u64, usize)> {
    let mut pages: Vec<(u64, usize)> = words.iter().map(|&word| (word, 1)).collect();
    for head in (0..words.len()).filter(|&at| bit(words[at], HEAD)) {
        let tails = words[head + 1..]
            .iter()
            .take_while(|&&word| bit(word, TAIL) && !bit(word, HEAD));
        let size = 1 + tails.count();
        for (at, page) in pages.iter_mut().enumerate().skip(head).take(size) {
            let inherited = if at == head {
                0
            } else {
                words[head] & !(1 << HEAD)
            };
            *page = (words[at] | inherited, size);
        }
    }
    pages
}

fn class(f: u64, size: usize, ksm_believed: bool) -> &'static str {
    let by_size = |large, single| if size > 1 { large } else { single };
    match f {
        _ if bit(f, 20) => "hole",
        _ if bit(f, 19) => "hwpoison",
        _ if bit(f, 23) => "offline",
        _ if bit(f, 10) => "free",
        _ if bit(f, 7) => "slab",
        _ if bit(f, 26) => "page-table",
        _ if bit(f, 17) && any(f, &[11, 3]) => "hugetlb",
        _ if bit(f, 17) => "hugetlb-free",
        _ if bit(f, 24) => "zero",
        _ if bit(f, 32) => "reserved",
        _ if bit(f, 12) && bit(f, 21) && ksm_believed => "ksm",
        _ if bit(f, 12) && size == 512 => "anon-thp",
        _ if bit(f, 12) => by_size("anon-large", "anon"),
        _ if bit(f, 14) => by_size("shmem-large", "shmem"),
        _ if any(f, &[5, 11, 3, 4, 8, 13]) => by_size("file-large", "file"),
        _ if any(f, &[HEAD, TAIL]) => "kernel",
        0 => "unmarked",
        _ => "other",
    }
}

fn recount(name: &str) -> BTreeMap<String, u64> {
    let pages = with_compounds(&words(name));
    let believed = pages
        .iter()
        .any(|&(f, _)| bit(f, 12) && !any(f, &[7, 10, 21]));
    let ram = ram(name);
    let is_ram = |pfn: u64| {
        ram.as_ref()
            .is_none_or(|ram| ram.iter().any(|&(start, end)| start <= pfn && pfn < end))
    };
    let mut counts = BTreeMap::new();
    for (pfn, &(f, size)) in pages.iter().enumerate() {
        let class = if is_ram(pfn as u64) {
            class(f, size, believed)
        } else {
            "hole"
        };
        *counts.entry(class.to_owned()).or_default() += 1;
    }
    counts
}

fn drawn(name: &str, options: &[&str]) -> BTreeMap<String, u64> {
    let facts = facts(name, options);
    let classes = facts["classes"].as_object().expect("an object of classes");
    let counts: BTreeMap<_, _> = classes
        .iter()
        .map(|(class, count)| (class.clone(), count["pages"].as_u64().expect("a count")))
        .collect();
    assert_eq!(
        counts.values().sum::<u64>(),
        facts["pfns"].as_u64().expect("a count"),
        "every page has a class"
    );
    counts.into_iter().filter(|&(_, pages)| pages > 0).collect()
}

#[test]
fn every_captured_system_is_counted_as_the_rules_read() {
    for (name, _) in SYSTEMS {
        assert_eq!(drawn(name, &[]), recount(name), "{name}");
    }
}

#[test]
fn two_recounts_in_two_languages_agree() {
    let text =
        std::fs::read_to_string(common::package("tests/systems/classes.json")).expect("the counts");
    let other: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_str(&text).expect("JSON");
    for (name, _) in SYSTEMS {
        assert_eq!(recount(name), other[name], "{name}");
    }
}

#[test]
fn counts_are_of_pages_whatever_the_scale_and_the_lens() {
    let plain = drawn("zoo-6.1", &[]);
    for options in [
        &["--pages-per-pixel", "64"][..],
        &["--by", "flags"],
        &["--max-rows", "3"],
        &["--threads", "5"],
    ] {
        assert_eq!(drawn("zoo-6.1", options), plain, "{options:?}");
    }
}

#[test]
fn sets_of_flags_are_counted_as_the_words_say() {
    const NOISE: u64 = 0b11_0111_1111 | 1 << 25 | !0 << 32;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let ram = ram("zoo-6.1").expect("iomem");
    for (pfn, word) in words("zoo-6.1").into_iter().enumerate() {
        let pfn = pfn as u64;
        let compound = if bit(word, 17) {
            0
        } else {
            1 << HEAD | 1 << TAIL
        };
        let is_ram = ram.iter().any(|&(start, end)| start <= pfn && pfn < end);
        let name = match is_ram && !bit(word, 20) {
            true => format!("{:#018x}", word & !NOISE & !compound),
            false => "hole".to_owned(),
        };
        *expected.entry(name).or_default() += 1;
    }
    let facts = facts("zoo-6.1", &["--by", "flags"]);
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let name = |entry: &serde_json::Value| {
        entry["flags"]
            .as_str()
            .or(entry["name"].as_str())
            .map(str::to_owned)
    };
    let drawn = legend.iter().map(|entry| {
        (
            name(entry).expect("a name"),
            entry["pages"].as_u64().expect("pages"),
        )
    });
    assert_eq!(drawn.collect::<BTreeMap<_, _>>(), expected);
}
