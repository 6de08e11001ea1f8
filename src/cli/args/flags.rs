//! What is typed after `flags`: page-types' letters, and where flags come from.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::{SelectionArgs, SourceArgs};
use super::work::WorkArgs;

#[derive(Debug, ClapArgs)]
#[command(args_override_self = true, infer_long_args = true)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz flags\n  \
    sudo pagemap-viz flags -p 812 -Nl\n  \
    pagemap-viz flags --from example -b anon,!thp -a 0x1000+512 -L\n  \
    pagemap-viz flags --from kpageflags.bin --format page-types -r\n\
    BITS: a,b any of them; a,b=a of these exactly a; a,!b a and not b; =a,b exactly these; a= not a.\n\
    ADDR: N, N+M (M pages), N,M (up to M), N, (to the end) or ,M; pages of addresses with -p, of the file with -f.\n\
    What page-types can do to a system (-i, -X, -x) is left out: this tool only reads.")]
pub(in crate::cli) struct FlagsArgs {
    /// Show all bits, those too that the kernel may change, and those that mean something else on some pages apart
    #[arg(short, long)]
    pub(in crate::cli) raw: bool,

    /// Pages of this process
    #[arg(short, long, value_name = "PID")]
    pub(in crate::cli) pid: Option<String>,

    /// Pages that hold this file, or the files below a directory
    #[arg(short, long, value_name = "PATH", conflicts_with = "pid")]
    pub(in crate::cli) file: Option<PathBuf>,

    /// Pages of this range only; again for more
    #[arg(short, long, value_name = "ADDR")]
    pub(in crate::cli) addr: Vec<String>,

    /// Pages whose flags meet this condition only; again for more, and all must hold
    #[arg(short, long, value_name = "BITS")]
    pub(in crate::cli) bits: Vec<String>,

    /// Explain flags, names or a number, and end
    #[arg(short, long, value_name = "FLAGS")]
    pub(in crate::cli) describe: Option<String>,

    /// Pages that are charged to this memory cgroup only: its directory, or @INODE
    #[arg(short, long, value_name = "PATH")]
    pub(in crate::cli) cgroup: Option<PathBuf>,

    /// List runs of pages that are alike
    #[arg(short, long, overrides_with = "list_each")]
    pub(in crate::cli) list: bool,

    /// List page by page
    #[arg(short = 'L', long, overrides_with = "list")]
    pub(in crate::cli) list_each: bool,

    /// List the cgroup's inode, too
    #[arg(short = 'C', long)]
    pub(in crate::cli) list_cgroup: bool,

    /// List how often a page is mapped, too
    #[arg(short = 'M', long)]
    pub(in crate::cli) list_mapcnt: bool,

    /// No summary
    #[arg(short = 'N', long)]
    pub(in crate::cli) no_summary: bool,

    /// As --from
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with_all = ["from", "sysroot"])]
    pub(in crate::cli) kpageflags: Option<PathBuf>,

    /// people, json, csv, tsv, page-types (byte for byte what that of Linux 6.12 prints), page-types-6.1 or page-types-5.10
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "people",
        hide_possible_values = true
    )]
    pub(in crate::cli) format: FormatArg,

    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,

    #[arg(short = 'i', long, hide = true)]
    pub(in crate::cli) mark_idle: bool,

    #[arg(short = 'X', long, hide = true)]
    pub(in crate::cli) hwpoison: bool,

    #[arg(short = 'x', long, hide = true)]
    pub(in crate::cli) unpoison: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum FormatArg {
    People,
    Json,
    Csv,
    Tsv,
    PageTypes,
    #[value(name = "page-types-6.1")]
    PageTypes6_1,
    #[value(name = "page-types-5.10")]
    PageTypes5_10,
}

/// Letters that take a value.
const VALUED: &str = "pfabdcF";

/// `-b=lru` is the value `=lru` to getopt and to a page-types user, and `lru` to clap: such a value gets a
/// word of its own.
pub(super) fn as_getopt_reads(words: Vec<OsString>) -> Vec<OsString> {
    let split = |word: OsString| match word.to_str().and_then(value_with_equals_sign) {
        Some((letters, value)) => vec![letters.into(), value.into()],
        None => vec![word],
    };
    words.into_iter().flat_map(split).collect()
}

fn value_with_equals_sign(word: &str) -> Option<(&str, &str)> {
    let letters = word
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))?;
    let at = letters.find(|letter| VALUED.contains(letter))?;
    let (letters, value) = word.split_at(at + 2);
    value.starts_with('=').then_some((letters, value))
}
