//! What single words of kpageflags mean: their names, what is left without the noise, and the class.
//!
//! `cargo run --example classify -- 0x400 0x5868` judges words; without any, some that are often seen.

use pagemap_viz::classify::{CompoundSize, FlagSet, KsmVerdict, Noise, judge, settle};
use pagemap_viz::kernel::PageFlags;

fn main() {
    let mut words: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok())
        .collect();
    if words.is_empty() {
        words = vec![0x400, 0x5868, 0x86c, 0x80, 0x400000, 0x4000000, 0];
    }
    for word in words {
        let flags = PageFlags(word);
        // A page by itself; who reads a compound says how large it is.
        let class = settle(judge(flags, CompoundSize::of(1, 512)), KsmVerdict::Believed);
        let left = match Noise::default().strip(flags) {
            FlagSet::Of(left) => left.names().join(","),
            FlagSet::Hole | FlagSet::Rest => String::new(),
        };
        println!(
            "{word:#10x}  {:<10}  {left:<24}  of {}",
            class.name(),
            flags.names().join(",")
        );
    }
}
