//! Reports of captured and made-up machines.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{bytes, json, succeed, text};

pub const SLAB: u64 = 1 << 7;
pub const BUDDY: u64 = 1 << 10;
pub const LRU: u64 = 1 << 5;
pub const ANON: u64 = LRU | 1 << 11 | 1 << 12 | 1 << 14;
pub const FILE: u64 = LRU | 1 << 3;
pub const DIRTY: u64 = 1 << 4;
pub const HEAD: u64 = 1 << 15;
pub const TAIL: u64 = 1 << 16;
pub const THP: u64 = 1 << 22;
pub const MIB: u64 = 1 << 20;

pub fn report_of(root: &Path, options: &[&str]) -> Value {
    let fixed = ["report", "-", "--format", "json", "--sysroot", text(root)];
    json(&succeed(fixed.iter().chain(options)))
}

pub fn html_of(options: &[&str]) -> String {
    let fixed = ["report", "-", "--format", "html"];
    String::from_utf8(succeed(fixed.iter().chain(options))).expect("UTF-8")
}

pub fn row<'a>(report: &'a Value, part: &str, scope: &str, size: Option<u64>) -> &'a Value {
    let rows = report[part].as_array().expect("rows");
    let is_it = |row: &&Value| {
        row["scope"] == scope && size.is_none_or(|size| row["size"].as_u64() == Some(size))
    };
    rows.iter().find(is_it).expect("a row")
}

pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number: {value}"))
}

/// A machine of so many pages in one zone, with a high watermark.
pub fn machine(root: &Path, flags: &[u64], high: u64) {
    let proc = root.join("proc");
    fs::create_dir_all(&proc).expect("directories");
    let pages = flags.len();
    let zones = format!(
        "Node 0, zone   Normal\n  per-node stats\n      nr_slab_reclaimable 3\n  pages free     600\n        min      1\n        \
        high     {high}\n        spanned  {pages}\n        present  {pages}\n        managed  {pages}\n  \
        pagesets\n    cpu: 0\n              count: 2\n  start_pfn:           0\n"
    );
    fs::write(proc.join("zoneinfo"), zones).expect("zones");
    fs::write(proc.join("kpageflags"), bytes(flags)).expect("flags");
}

/// Eight blocks of 2 MiB, each of another kind.
pub fn eight_blocks() -> Vec<u64> {
    let mut flags = vec![0; 8 * 512];
    let (free, polluted, huge) = (0..512, 512..1024, 1024..1536);
    flags[free].fill(BUDDY);
    flags[polluted].fill(ANON);
    flags[700] = SLAB;
    flags[huge].fill(ANON | THP | TAIL);
    flags[1024] = ANON | THP | HEAD;
    // Compactable: 100 free, 12 of clean cache, the rest anonymous.
    flags[1536..2048].fill(ANON);
    flags[1536..1636].fill(BUDDY);
    flags[1636..1648].fill(FILE);
    // Solid: half of it is slab.
    flags[2048..2560].fill(FILE | DIRTY);
    flags[2048..2304].fill(SLAB);
    // Nothing has a mark.
    // Compactable, and one page without a mark.
    flags[3072..3584].fill(ANON);
    flags[3100] = 0;
    // Polluted by two classes.
    flags[3584..4096].fill(ANON);
    flags[3600..3603].fill(SLAB);
    flags[4000..4002].fill(1 << 26);
    flags
}
