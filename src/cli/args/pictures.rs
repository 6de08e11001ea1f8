//! What is typed to say what is drawn, and how it looks.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::readings::{
    PaceArgs, ProcessArgs, RunArgs, SelectionArgs, SeriesArgs, SourceArgs, at_least_one,
};

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz snapshot out.png\n  \
    pagemap-viz snapshot --sysroot examples/fragmented out.png\n  \
    sudo pagemap-viz snapshot --by flags --legend right --palette article out.png\n  \
    pagemap-viz snapshot --from kpageflags.bin --reducer any=hwpoison --json - out.png")]
pub(in crate::cli) struct SnapshotArgs {
    /// The picture: .png, .webp, .gif, .bmp or .tiff; - writes a PNG to standard output
    pub(in crate::cli) picture: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    #[command(flatten)]
    pub(in crate::cli) lens: LensArgs,

    #[command(flatten)]
    pub(in crate::cli) sought: SoughtArgs,

    #[command(flatten)]
    pub(in crate::cli) look: LookArgs,

    /// Write counts and facts as JSON; - writes to standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,

    /// Ask the running kernel for every page, also where huge pages and free blocks are proved by less
    #[arg(long)]
    pub(in crate::cli) every_page: bool,

    /// Say on standard error what was read and what was proved, and with --by free-order how free blocks agree with the kernel's counts
    #[arg(short, long, conflicts_with = "quiet")]
    pub(in crate::cli) verbose: bool,

    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sudo pagemap-viz timelapse --animate build.gif build -- make -j2\n  \
    sudo pagemap-viz timelapse --every 10s --for 1h afternoon\n  \
    pagemap-viz timelapse --from build.pmv --mark changes --animate build.png build\n\
    What is read is kept as DIRECTORY/recording.pmv, unless it comes from a recording.\n\
    A time-lapse of the running kernel ends at --count, at --for, with its command, or by Ctrl-C;\n\
    the pictures are drawn then.")]
pub(in crate::cli) struct TimelapseArgs {
    /// A new directory for numbered pictures, index.json and counts.csv
    pub(in crate::cli) directory: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) series: SeriesArgs,

    #[command(flatten)]
    pub(in crate::cli) pace: PaceArgs,

    /// Write one animation: .gif, .apng or .png
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) animate: Option<PathBuf>,

    /// Write a film, through ffmpeg
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) mp4: Option<PathBuf>,

    /// Pictures a second in animation and film
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub(in crate::cli) fps: f64,

    /// Mark what changed since the picture before: changes
    #[arg(long, value_name = "WHAT", hide_possible_values = true, conflicts_with_all = ["pid", "comm", "cgroup", "highlight"])]
    pub(in crate::cli) mark: Option<MarkArg>,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    #[command(flatten)]
    pub(in crate::cli) lens: LensArgs,

    #[command(flatten)]
    pub(in crate::cli) sought: SoughtArgs,

    #[command(flatten)]
    pub(in crate::cli) look: LookArgs,

    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum MarkArg {
    Changes,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    pagemap-viz diff build.pmv@0 build.pmv change.png\n  \
    pagemap-viz diff before.bin after.bin --json - change.png\n  \
    pagemap-viz diff --series build.pmv churn.png\n\
    Standard output gets the matrix: a line for each class that pages had, with what they became.")]
pub(in crate::cli) struct DiffArgs {
    /// Two readings and the picture, or with --series the picture alone; without a picture there is the matrix alone. A reading is a recording (its last frame, or
    /// @N), a raw copy of kpageflags, or the directory of a captured system
    #[arg(value_name = "BEFORE AFTER PICTURE", num_args = 0..=3)]
    pub(in crate::cli) places: Vec<PathBuf>,

    /// How often each page changed class in a recording, from its first frame to its last
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) series: Option<PathBuf>,

    /// Base page size of copies: 4096, 16KiB, 64k
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) page_size: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,

    #[command(flatten)]
    pub(in crate::cli) look: LookArgs,

    /// Write counts, matrix and facts as JSON; - writes them to standard output instead of the matrix
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

/// What pages are coloured by.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct LensArgs {
    /// What pages are coloured by
    #[arg(
        long,
        value_name = "LENS",
        default_value = "class",
        hide_possible_values = true,
        conflicts_with_all = ["pid", "comm", "cgroup", "highlight"],
        help = "What pages are coloured by: class, flags (each set of flags that is left without the noise), node, zone, sharing (how often a page is mapped), cgroup, folio-order and free-order (size of a page's folio or free block), or in a series age (time since the class changed)"
    )]
    pub(in crate::cli) by: LensArg,

    /// Flags that --by flags leaves out, by name; default: locked,error,referenced,uptodate,dirty,lru,active,writeback,reclaim,idle and everything above bit 31
    #[arg(long, value_name = "LIST")]
    pub(in crate::cli) noise: Option<String>,
}

/// Pages that are looked for; the rest of memory recedes.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SoughtArgs {
    #[command(flatten)]
    pub(in crate::cli) processes: ProcessArgs,

    /// The pages that are charged to this memory cgroup: its directory, or @INODE
    #[arg(long, value_name = "PATH", conflicts_with_all = ["pid", "comm"])]
    pub(in crate::cli) cgroup: Option<PathBuf>,

    /// The pages whose flags meet a condition, in the language of flags --bits
    #[arg(long, value_name = "BITS", conflicts_with_all = ["pid", "comm", "cgroup"])]
    pub(in crate::cli) highlight: Option<String>,
}

/// How a picture looks.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct LookArgs {
    /// Pages of one pixel, a power of two; default: the smallest that keeps the picture within --max-rows
    #[arg(long, value_name = "N", conflicts_with = "max_rows")]
    pub(in crate::cli) pages_per_pixel: Option<u64>,

    /// Rows of the map at most, in each column
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = at_least_one)]
    pub(in crate::cli) max_rows: u64,

    /// What a pixel of several pages shows: proportional, sample, dominant or any=CLASS; default: proportional, timelapse sample
    #[arg(long, value_name = "REDUCER")]
    pub(in crate::cli) reducer: Option<String>,

    /// How pages follow each other: rows, or hilbert (a curve that keeps neighbours together, in tiles of 512 × 512 pixels)
    #[arg(
        long,
        value_name = "LAYOUT",
        default_value = "rows",
        hide_possible_values = true
    )]
    pub(in crate::cli) layout: LayoutArg,

    /// Columns that the map is set in, side by side, as a newspaper's
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(in crate::cli) columns: u16,

    /// Where the legend stands: below, right or none (the bare map, without caption and strip)
    #[arg(
        long,
        value_name = "PLACE",
        default_value = "below",
        hide_possible_values = true
    )]
    pub(in crate::cli) legend: LegendArg,

    /// Colours: default (dark), light, article, mono, or a TOML file of your own
    #[arg(
        long,
        value_name = "NAME|FILE",
        default_value = "default",
        hide_default_value = true
    )]
    pub(in crate::cli) palette: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum LensArg {
    Class,
    Flags,
    Node,
    Zone,
    Sharing,
    Cgroup,
    FolioOrder,
    FreeOrder,
    Age,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum LayoutArg {
    Rows,
    Hilbert,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum LegendArg {
    Below,
    Right,
    None,
}
