//! What the kernel says: page numbers, flag words, and the texts that describe a machine.
//!
//! Pure. Nothing here opens a file; parsers take the text and know what each kernel version left out.

mod bit_filter;
mod buddyinfo;
mod flags;
mod iomem;
mod maps;
mod meminfo;
mod page_types;
mod pagemap;
mod pagetypeinfo;
mod pfn;
mod smaps;
mod zoneinfo;
mod zones;

pub use bit_filter::{BitFilter, PageSpan, parse_flags, parse_number};
pub use buddyinfo::{FreeBlocks, parse_free_blocks};
pub use flags::{BITS, Bit, PageFlags, UnknownFlag};
pub use iomem::parse_system_ram;
pub use maps::{Area, Mapping, parse_maps};
pub use meminfo::{parse_counters, parse_meminfo_bytes, parse_vmstat};
pub use page_types::{Edition, Folding};
pub use pagemap::PagemapEntry;
pub use pagetypeinfo::{BlockTypes, parse_block_types};
pub use pfn::{Pfn, PfnRange, PfnSet};
pub use smaps::{Parts, Rollup, parse_anonymous, parse_parts, parse_rollup};
pub use zoneinfo::{Zone, ZonePages, parse_waiting_pages, parse_zone_pages, parse_zones};
pub use zones::ZoneMap;
