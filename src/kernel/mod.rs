//! What the kernel says: page numbers, flag words, and the texts that describe a machine.
//!
//! Pure. Nothing here opens a file; parsers take the text and know what each kernel version left out.

mod flags;
mod iomem;
mod meminfo;
mod pfn;
mod zoneinfo;

pub use flags::{BITS, Bit, PageFlags, UnknownFlag};
pub use iomem::parse_system_ram;
pub use meminfo::{parse_meminfo_bytes, parse_vmstat};
pub use pfn::{Pfn, PfnRange, PfnSet};
pub use zoneinfo::{Zone, parse_zones};
