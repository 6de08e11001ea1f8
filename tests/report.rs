//! `pagemap-viz report`: every number recounted, reproduced from the kernel's own, or compared with a golden report.

mod common;

use std::fs;

use common::reports::*;
use common::{
    SYSTEMS, assert_golden_text, json, may_ask_the_kernel, package, scratch, succeed, system, text,
};
use serde_json::Value;

#[test]
fn blocks_are_told_by_what_stands_in_them() {
    let root = scratch();
    machine(root.path(), &eight_blocks(), 100);
    let report = report_of(root.path(), &["--want", "2M=2", "--want", "2M=5"]);
    let blocks = row(&report, "contiguity", "machine", Some(2 * MIB));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(of("blocks"), 8);
    assert_eq!((of("free"), of("huge"), of("compactable")), (1, 1, 2));
    assert_eq!((of("polluted"), of("solid"), of("unmarked")), (2, 1, 1));
    assert_eq!((of("blocked_strict"), of("blocked_pessimistic")), (3, 5));
    // 612 pages are free; 512 above the high watermark make one block, which is there.
    assert_eq!((of("after_compaction"), of("after_reclaim")), (1, 1));
    // 512 + 511 + 512 + 512 + 256 + 511 + 507 free or movable pages.
    assert_eq!(of("ideal"), (512 + 511 + 512 + 512 + 256 + 511 + 507) / 512);
    // Three blocks are blocked by 262 pages, which need one.
    assert_eq!(of("lost_to_pollution"), 2);
    assert_eq!(
        blocks["cost"],
        json(b"[{\"blocks\":1,\"pages_to_migrate\":0}]")
    );
    let answers: Vec<_> = report["want"].as_array().expect("answers").iter().collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(
        (answers[0]["scope"].as_str(), answers[0]["verdict"].as_str()),
        (Some("Node 0"), Some("no"))
    );

    let obstacles = &report["obstacles"];
    let slab = &obstacles["classes"][0];
    assert_eq!(slab["class"], "slab");
    let of = |name: &str| number(&slab[name]);
    assert_eq!(
        (of("only_obstacle"), of("blocks"), of("pages")),
        (2, 3, 260)
    );
    let steps: Vec<u64> = obstacles["histogram"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| number(&step["blocks"]))
        .collect();
    assert_eq!(steps, [1, 1, 0, 1, 0, 0]);
    let cheapest = obstacles["cheapest"].as_array().expect("blocks");
    let pfns: Vec<u64> = cheapest.iter().map(|block| number(&block["pfn"])).collect();
    assert_eq!(pfns, [512, 3584]);
    assert_eq!(number(&cheapest[1]["unmovable"]), 5);
    assert_eq!(
        cheapest[0]["contents"],
        json(b"[{\"class\":\"anon\",\"pages\":511},{\"class\":\"slab\",\"pages\":1}]")
    );
    let quality = &report["quality"];
    assert_eq!(
        (
            number(&quality["unmarked"]),
            number(&quality["unmarked_waiting"])
        ),
        (513, 2)
    );
}

#[test]
fn room_to_move_pages_to_bounds_what_can_be_had() {
    let root = scratch();
    machine(root.path(), &eight_blocks(), 0);
    let blocks = report_of(root.path(), &[]);
    let blocks = row(&blocks, "contiguity", "machine", Some(2 * MIB));
    assert_eq!(number(&blocks["after_compaction"]), 1);
    // A block more is free: three of 512 pages fit, and there are three candidates beside it.
    let mut flags = eight_blocks();
    flags.extend([BUDDY; 512]);
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "2M=2", "--want", "2M=3"]);
    let blocks = row(&report, "contiguity", "node", Some(2 * MIB));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(
        (of("free"), of("after_compaction"), of("after_reclaim")),
        (2, 2, 2)
    );
    let verdicts: Vec<_> = report["want"]
        .as_array()
        .expect("answers")
        .iter()
        .map(|answer| answer["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["now", "no"]);
    // Enough room: the cheapest comes first, 400 pages of anonymous memory and 12 of cache.
    flags.extend([BUDDY; 500]);
    flags.extend([ANON; 12]);
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "2M=3"]);
    assert_eq!(report["want"][0]["verdict"], "after-compaction");
    assert_eq!(number(&report["want"][0]["pages_to_migrate"]), 12);
}

/// Blocks of 1 GiB are larger than what is read at once.
#[test]
fn a_block_of_a_gibibyte_is_put_together_from_parts() {
    let root = scratch();
    let mut flags = vec![BUDDY; 3 << 18];
    flags[(1 << 18) + 77_777] = ANON;
    flags[(2 << 18) + 200_000] = SLAB;
    machine(root.path(), &flags, 0);
    let report = report_of(root.path(), &["--want", "128M=20"]);
    let blocks = row(&report, "contiguity", "machine", Some(1 << 30));
    let of = |name: &str| number(&blocks[name]);
    assert_eq!(
        (of("blocks"), of("free"), of("compactable"), of("polluted")),
        (3, 1, 1, 1)
    );
    assert_eq!(of("after_compaction"), 2);
    let cost =
        json(b"[{\"blocks\":1,\"pages_to_migrate\":0},{\"blocks\":2,\"pages_to_migrate\":1}]");
    assert_eq!(blocks["cost"], cost);
    let free = row(&report, "free", "machine", None);
    assert_eq!(
        number(&free["longest_run_pages"]),
        (1 << 18) + 200_000 - 77_778
    );
    // It begins behind the one page and ends before the other.
    assert_eq!(number(&free["longest_run_order"]), 17);
    // Free: 24 blocks of 128 MiB but for two.
    assert_eq!(number(&report["want"][0]["free"]), 22);
}

/// Cheap blocks in a zone without room are no use to another zone.
#[test]
fn each_zone_pays_for_its_own_blocks() {
    let root = scratch();
    let mut flags = vec![0; 9 * 512];
    // Eight half-free blocks, and one that would take 12 pages in a zone that has to keep what is free.
    for block in 0..8 {
        flags[block * 512..block * 512 + 256].fill(BUDDY);
        flags[block * 512 + 256..(block + 1) * 512].fill(ANON);
    }
    flags[4096..4596].fill(BUDDY);
    flags[4596..].fill(ANON);
    machine(root.path(), &flags, 0);
    let zones = "Node 0, zone DMA\n high 0\n spanned 4096\n present 4096\n start_pfn: 0\nNode 0, zone Normal\n high 400\n spanned 512\n \
        present 512\n start_pfn: 4096\n";
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let report = report_of(root.path(), &["--want", "2M=2"]);
    let machine = row(&report, "contiguity", "machine", Some(2 * MIB));
    assert_eq!(number(&machine["after_compaction"]), 4);
    let cost =
        json(b"[{\"blocks\":1,\"pages_to_migrate\":256},{\"blocks\":4,\"pages_to_migrate\":1024}]");
    assert_eq!(machine["cost"], cost);
    assert_eq!(number(&report["want"][0]["pages_to_migrate"]), 512);
}

/// Of part of memory nothing is said that is counted of all of it.
#[test]
fn part_of_memory_has_no_numbers_of_the_whole() {
    let root = system("numa-6.1");
    let report = report_of(&root, &["--node", "1", "--want", "2M=1"]);
    let scopes: Vec<String> = report["free"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{}{}", row["node"], row["zone"]))
        .collect();
    assert_eq!(scopes, ["nullnull", "1null", "1\"DMA32\"", "1\"Normal\""]);
    assert_eq!(report["want"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["quality"]["unmarked_not_set_up"], Value::Null);
    let whole = report_of(&root, &[]);
    let of = |report: &Value| {
        let rows = report["free"].as_array().expect("rows").clone();
        rows.into_iter()
            .find(|row| row["scope"] == "node" && row["node"] == 1)
    };
    assert_eq!(of(&report), of(&whole));
    let part = report_of(&root, &["--range", "16MiB+48MiB"]);
    assert!(
        part["free"]
            .as_array()
            .expect("rows")
            .iter()
            .all(|row| row["node_score"].is_null() && row["watermark_high"].is_null())
    );
    assert_eq!(part["quality"]["unmarked_waiting"], 0);
}

/// Few blocks, none of them free: that is not fine.
#[test]
fn a_machine_without_a_free_block_is_told_so() {
    let root = scratch();
    machine(root.path(), &vec![ANON; 16 * 512], 0);
    let report = report_of(root.path(), &[]);
    let text = report["advice"][0]["text"].as_str().expect("a sentence");
    assert!(text.contains("taken from who uses memory"), "{text}");
    machine(root.path(), &vec![BUDDY; 300], 0);
    let report = report_of(root.path(), &[]);
    let text = report["advice"][0]["text"].as_str().expect("a sentence");
    assert!(text.contains("no whole block of 2 MiB"), "{text}");
}

/// How easily huge pages are had, what stands in the way, and what follows, of machines of 64 blocks.
#[test]
fn the_verdict_follows_from_the_numbers() {
    let root = scratch();
    let told = |flags: &[u64], more: &str| {
        machine(root.path(), flags, 0);
        fs::write(root.path().join("proc/vmstat"), more).expect("counters");
        let report = report_of(root.path(), &[]);
        let advice = report["advice"].as_array().expect("advice").iter();
        let texts = advice.map(|one| format!("{} {}", one["text"], one["reason"]));
        let verdict = report["verdict"].as_str().expect("a sentence").to_owned();
        let level = report["level"].as_str().expect("a word").to_owned();
        (level, verdict, texts.collect::<String>())
    };
    let blocks = |kinds: &[(usize, &[u64])]| -> Vec<u64> {
        let block = |words: &[u64]| (0..512).map(|page| words[page % words.len()]).collect();
        let blocks = kinds
            .iter()
            .flat_map(|(count, words)| vec![block(words); *count]);
        blocks.flat_map(|block: Vec<u64>| block).collect()
    };
    let (level, verdict, advice) = told(&blocks(&[(8, &[BUDDY]), (56, &[ANON])]), "");
    assert_eq!(level, "free");
    assert!(
        verdict.contains("2 MiB are free.") && advice.contains("Nothing needs"),
        "{advice}"
    );
    // Much more could be had than is free.
    let (level, _, advice) = told(&blocks(&[(4, &[BUDDY]), (60, &[BUDDY, ANON])]), "");
    assert_eq!(level, "free");
    assert!(advice.contains("compact memory"), "{advice}");
    let (level, verdict, advice) = told(&blocks(&[(64, &[BUDDY, BUDDY, ANON])]), "");
    assert_eq!(level, "compaction");
    assert!(verdict.contains("need compaction first") && advice.contains("compact_memory"));
    let (level, verdict, advice) = told(&blocks(&[(64, &[FILE])]), "");
    assert_eq!(level, "reclaim");
    assert!(verdict.contains("need clean cache dropped") && advice.contains("drop_caches"));
    let (level, verdict, _) = told(&blocks(&[(64, &[BUDDY, SLAB])]), "");
    assert_eq!(level, "short");
    assert!(
        verdict.contains("Most in the way: slab, in 64 of 64 blocks."),
        "{verdict}"
    );
    // Few more, and they are what there is.
    let (level, verdict, advice) = told(
        &blocks(&[
            (3, &[BUDDY]),
            (1, &[BUDDY, BUDDY, BUDDY, ANON]),
            (60, &[ANON]),
        ]),
        "",
    );
    assert_eq!(level, "short", "{verdict} {advice}");
    assert!(advice.contains("taken from who uses memory"), "{advice}");
    // Most who asked got none.
    let counters = "thp_fault_alloc 23\nthp_fault_fallback 47\n";
    let (.., advice) = told(&blocks(&[(8, &[BUDDY]), (56, &[ANON])]), counters);
    assert!(advice.contains("47 faults got no huge page"), "{advice}");
}

/// A node that has nothing is told of where the machine as a whole has enough, with its own remedy.
#[test]
fn a_node_without_huge_pages_is_told_of() {
    let root = scratch();
    let mut flags = vec![BUDDY; 32 * 512];
    flags.extend([BUDDY, BUDDY, ANON, ANON].repeat(32 * 128));
    machine(root.path(), &flags, 0);
    let zone = |node, start| {
        format!(
            "Node {node}, zone Normal\n pages free 9\n high 0\n spanned 16384\n present 16384\n start_pfn: {start}\n"
        )
    };
    let zones = zone(0, 0) + &zone(1, 16384);
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let report = report_of(root.path(), &[]);
    let verdict = report["verdict"].as_str().expect("a sentence");
    assert!(
        verdict.contains("On node 1 they need compaction first."),
        "{verdict}"
    );
    let advice = report["advice"][0]["text"].as_str().expect("a sentence");
    assert!(
        advice.contains("/sys/devices/system/node/node1/compact"),
        "{advice}"
    );
    // A zone alone is not its node.
    fs::write(
        root.path().join("proc/zoneinfo"),
        zone(0, 0) + &zone(0, 16384).replace("Normal", "Movable"),
    )
    .expect("zones");
    let part = report_of(root.path(), &["--zone", "Normal"]);
    let scores = part["free"].as_array().expect("rows").iter();
    assert!(scores.clone().all(|row| row["node_score"].is_null()));
    let whole = report_of(root.path(), &["--node", "0"]);
    assert!(!row(&whole, "free", "node", None)["node_score"].is_null());
}

/// Memory that zoneinfo does not know is counted and named, if nowhere else.
#[test]
fn pages_outside_every_zone_are_counted() {
    let root = scratch();
    machine(root.path(), &vec![BUDDY; 2048], 0);
    let zones = "Node 0, zone Normal\n spanned 1024\n start_pfn: 512\n";
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let report = report_of(root.path(), &[]);
    assert_eq!(number(&report["quality"]["outside_zones"]), 1024);
    assert_eq!(number(&report["classes"]["free"]), 2048);
}

/// The end of memory cuts a block of every size that does not fit.
#[test]
fn the_end_of_memory_cuts_blocks() {
    let root = scratch();
    machine(root.path(), &vec![BUDDY; 40_000], 0);
    let report = report_of(root.path(), &[]);
    for (size, blocks) in [(2 * MIB, 78), (32 * MIB, 4), (1 << 30, 0)] {
        let row = row(&report, "contiguity", "machine", Some(size));
        assert_eq!(
            (number(&row["blocks"]), number(&row["partial"])),
            (blocks, 1),
            "{size}"
        );
    }
}

/// A zone's border inside a block takes it from both.
#[test]
fn a_block_that_two_zones_share_belongs_to_neither() {
    let root = scratch();
    machine(root.path(), &vec![BUDDY; 2048], 0);
    let zones = "Node 0, zone DMA\n spanned 700\n start_pfn: 0\nNode 0, zone Normal\n spanned 1348\n start_pfn: 700\n";
    fs::write(root.path().join("proc/zoneinfo"), zones).expect("zones");
    let report = report_of(root.path(), &[]);
    let blocks = row(&report, "contiguity", "machine", Some(2 * MIB));
    assert_eq!(
        (number(&blocks["blocks"]), number(&blocks["partial"])),
        (3, 1)
    );
}

/// What the kernel said of zones that stood still while they were copied: the indices of debugfs, and buddyinfo.
#[test]
fn quiet_zones_have_the_indices_that_the_kernel_says() {
    let quiet = [
        ("boot-6.1", "Node 0 DMA"),
        ("thp-6.1", "Node 0 DMA"),
        ("numa-6.1", "Node 0 DMA"),
        ("zoo-6.1", "Node 0 DMA"),
        ("zoo-6.1", "Node 0 Movable"),
        ("fragmented", "Node 0 DMA"),
    ];
    for (name, zone) in quiet {
        let root = match name {
            "fragmented" => package("examples/fragmented"),
            name => system(name),
        };
        let report = report_of(&root, &[]);
        let rows = report["free"].as_array().expect("rows");
        let is_it = |row: &&Value| {
            let own = format!(
                "Node {} {}",
                row["node"],
                row["zone"].as_str().unwrap_or_default()
            );
            row["scope"] == "zone" && own == zone
        };
        let row = rows.iter().find(is_it).expect("the zone");
        let said = |file: &str| -> Vec<i64> {
            let path = root.join("sys/kernel/debug/extfrag").join(file);
            let table = fs::read_to_string(path).expect("what debugfs said");
            let is_zone = |line: &&str| {
                line.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .replace(", zone", "")
                    .starts_with(zone)
            };
            let line = table.lines().find(is_zone).expect("the zone");
            let values = line.split_whitespace().skip(4);
            values
                .map(|value| (value.parse::<f64>().expect("a number") * 1000.0).round() as i64)
                .collect()
        };
        let told = |name: &str| -> Vec<i64> {
            let values = row[name].as_array().expect("numbers");
            values
                .iter()
                .map(|value| value.as_i64().expect("a number"))
                .collect()
        };
        assert_eq!(
            told("unusable_index"),
            said("unusable_index"),
            "{name} {zone}"
        );
        assert_eq!(
            told("fragmentation_index"),
            said("extfrag_index"),
            "{name} {zone}"
        );
    }
}

#[test]
fn every_captured_system_has_its_golden_report() {
    for (name, path) in SYSTEMS {
        let report = report_of(&package(path), &[]);
        let told = serde_json::to_string_pretty(&report).expect("JSON") + "\n";
        assert_golden_text(&format!("report-{name}.json"), &told);
    }
}

#[test]
fn numbers_of_a_report_agree_with_each_other() {
    for (name, path) in SYSTEMS {
        let report = report_of(&package(path), &[]);
        for row in report["contiguity"].as_array().expect("rows") {
            let of = |name: &str| number(&row[name]);
            let states = [
                "free",
                "huge",
                "compactable",
                "polluted",
                "solid",
                "unmarked",
            ];
            assert_eq!(
                states.map(of).iter().sum::<u64>(),
                of("blocks"),
                "{name} {row}"
            );
            assert_eq!(of("polluted") + of("solid"), of("blocked_strict"));
            assert!(
                of("free") <= of("after_compaction")
                    && of("after_compaction") <= of("after_reclaim")
            );
            assert!(
                of("after_reclaim") <= of("free") + of("compactable"),
                "{name} {row}"
            );
            assert!(
                of("blocked_strict") <= of("blocked_pessimistic"),
                "{name} {row}"
            );
        }
        for size in [64 << 10, 2 * MIB, 32 * MIB, 1 << 30] {
            let rows: Vec<&Value> = report["contiguity"]
                .as_array()
                .expect("rows")
                .iter()
                .filter(|row| row["size"] == size)
                .collect();
            let sum = |scope: &str, name: &str| -> u64 {
                rows.iter()
                    .filter(|row| row["scope"] == scope)
                    .map(|row| number(&row[name]))
                    .sum()
            };
            for column in [
                "blocks",
                "free",
                "after_compaction",
                "after_reclaim",
                "blocked_strict",
            ] {
                let machine = sum("machine", column);
                if rows.len() > 1 {
                    assert_eq!(
                        (sum("node", column), sum("zone", column)),
                        (machine, machine),
                        "{name} {column}"
                    );
                }
            }
        }
        let free = row(&report, "free", "machine", None);
        let counts = free["free_blocks"].as_array().expect("orders");
        let pages: u64 = counts
            .iter()
            .enumerate()
            .map(|(order, blocks)| number(blocks) << order)
            .sum();
        assert_eq!(pages, number(&free["free_pages"]));
    }
}

#[test]
fn numbers_that_no_machine_has_end_no_report() {
    let (root, directory) = (scratch(), scratch());
    machine(root.path(), &eight_blocks(), 0);
    let proc = root.path().join("proc");
    let most = u64::MAX;
    let zones = format!(
        "Node 0, zone DMA\n  per-node stats\n      nr_slab_reclaimable {most}\n  pages free     {most}\n        high     {most}\n        \
        spanned  700\n        present  {most}\n        managed  {most}\n  pagesets\n              count: {most}\n              \
        count: {most}\n  start_pfn:           0\nNode 7, zone Normal\n        high     {most}\n        spanned  {most}\n        \
        present  {most}\n  start_pfn:           700\n"
    );
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    let orders = format!("{most} ").repeat(11);
    let blocks = format!("Node 0, zone DMA {orders}\nNode 7, zone Normal {orders}\n");
    fs::write(proc.join("buddyinfo"), blocks).expect("blocks");
    let counters = format!(
        "thp_fault_fallback {most}\nthp_fault_alloc 0\nnr_foll_pin_acquired {most}\nnr_foll_pin_released 1\n"
    );
    fs::write(proc.join("vmstat"), counters).expect("counters");
    fs::write(proc.join("meminfo"), format!("MemFree: {most} kB\n")).expect("sizes");
    let types = format!("Number of blocks type Unmovable\nNode 0, zone DMA {most}\n");
    fs::write(proc.join("pagetypeinfo"), types).expect("types");
    for name in ["report.html", "report.md", "report.json"] {
        let report = directory.path().join(name);
        succeed([
            "report",
            text(&report),
            "--sysroot",
            text(root.path()),
            "--want",
            "1T=1",
        ]);
    }
}

#[test]
fn a_wish_alone_is_answered_on_standard_output() {
    let root = package("examples/fragmented");
    let fixed = [
        "report",
        "--sysroot",
        text(&root),
        "--want",
        "2M=10",
        "--want",
        "1G=1",
    ];
    let answer = String::from_utf8(succeed(fixed)).expect("UTF-8");
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 3, "{answer}");
    assert!(
        lines[1].contains("10 × 2 MiB") && lines[1].contains("yes, after compaction"),
        "{answer}"
    );
    assert!(
        lines[2].contains("1 × 1 GiB") && lines[2].ends_with("no"),
        "{answer}"
    );
}

#[test]
fn the_running_kernel_is_told() {
    if !may_ask_the_kernel() {
        return;
    }
    let report = json(&succeed(["report", "-", "--format", "json"]));
    let quality = &report["quality"];
    assert!(number(&quality["drift_sampled"]) > 10_000);
    // Memory that nobody disturbs changes little in half a second.
    assert!(
        number(&quality["drift_changed"]) * 5 < number(&quality["drift_sampled"]),
        "{quality}"
    );
    let free = row(&report, "free", "machine", None);
    assert!(number(&free["free_pages"]) > 0 && number(&free["longest_run_pages"]) > 0);
    assert!(
        report["processes"]["top"]
            .as_array()
            .is_some_and(|top| !top.is_empty())
    );
    let sum: u64 = report["classes"]
        .as_object()
        .expect("classes")
        .values()
        .map(number)
        .sum();
    assert!(sum > 0 && sum <= number(&report["pfns"]));
}
