//! What a machine says of itself beside its pages: sizes, RAM, memory blocks, names.
//!
//! Everything is optional. A captured system may lack any file, a container hides some.

use std::fs;
use std::path::{Path, PathBuf};

use super::text::read_text;
use crate::kernel::{
    Pfn, PfnRange, PfnSet, Zone, parse_meminfo_bytes, parse_system_ram, parse_vmstat, parse_zones,
};

/// Where the page numbers end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A copy: exactly here.
    Exact(Pfn),
    /// A kernel: it answers at least up to here, and then until it says end.
    Expected(Pfn),
}

/// A page size in bytes, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// The machine or the user said so.
    Known(u64),
    /// Nothing says; most machines have this one.
    Assumed(u64),
}

impl PageSize {
    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Known(bytes) | Self::Assumed(bytes) => bytes,
        }
    }
}

/// Letters of a host name (64 at most) or a kernel release, with room to spare.
pub(super) const MAX_NAME: usize = 256;

/// Most machines' page size; a raw dump does not say its own.
pub(super) const USUAL_PAGE_BYTES: u64 = 4096;

/// True for sizes that a base page can have: powers of two from 1 KiB to 1 MiB.
pub fn is_page_size(bytes: u64) -> bool {
    bytes.is_power_of_two() && (1 << 10..=1 << 20).contains(&bytes)
}

/// One machine, as far as it is known.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Host name.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Base page size.
    pub page_size: PageSize,
    /// Pages of one PMD-sized huge page.
    pub pmd_pages: u64,
    /// RAM: "System RAM" of iomem, else online memory blocks; `None` when nothing says.
    pub ram: Option<PfnSet>,
    /// Memory blocks that exist, online or not; pages of others are not worth reading.
    pub blocks: Option<PfnSet>,
    /// Pages of one memory block, where that is known.
    pub block_pages: Option<u64>,
    /// The highest page that zones, RAM or blocks name; page 0 when nothing does.
    pub expected_end: Pfn,
    /// The end of the page numbers.
    pub extent: Extent,
    /// The pages that are meant; `None` for all. The others are read as holes, and are not counted.
    pub selected: Option<SelectedPages>,
}

/// Part of a machine's pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedPages {
    /// Which.
    pub pages: PfnSet,
    /// What they are called: `node 1`.
    pub name: String,
}

impl Machine {
    /// A machine of which only the flags are known.
    pub fn unknown(page_size: PageSize, extent: Extent) -> Self {
        Self {
            host: None,
            kernel: None,
            page_size,
            pmd_pages: pmd_pages(page_size.bytes(), None),
            ram: None,
            blocks: None,
            block_pages: None,
            expected_end: Pfn(0),
            extent,
            selected: None,
        }
    }

    /// Reads what the files below `root` say, of the running machine or of a captured one.
    /// `page_size` wins over what they say.
    pub fn read(root: &Path, page_size: Option<PageSize>) -> Self {
        let files = Files {
            root: root.to_owned(),
        };
        let page_size = page_size.unwrap_or_else(|| files.page_size());
        let page_bytes = page_size.bytes();
        let blocks = files.blocks(page_bytes, |_| true);
        let iomem = files
            .text("proc/iomem")
            .and_then(|text| parse_system_ram(&text, page_bytes));
        let ram = iomem.or_else(|| files.blocks(page_bytes, is_online));
        let expected_end = files.zones_end().or(ram.as_ref().map(PfnSet::end));
        let expected_end = expected_end.unwrap_or_else(|| files.least_end(page_bytes));
        Self {
            host: files.line("proc/sys/kernel/hostname"),
            kernel: files
                .line("proc/sys/kernel/osrelease")
                .or_else(|| files.kernel_of_version()),
            page_size,
            pmd_pages: pmd_pages(page_bytes, files.pmd_bytes()),
            ram,
            blocks,
            block_pages: files.block_pages(page_bytes),
            expected_end,
            extent: Extent::Expected(expected_end),
            selected: None,
        }
    }

    /// The first page after the last: exact for a copy, expected for a kernel.
    pub fn end(&self) -> Pfn {
        match self.extent {
            Extent::Exact(end) | Extent::Expected(end) => end,
        }
    }

    /// The parts of `within` that are worth reading: those of existing memory blocks that are meant. Beyond what
    /// the machine expects everything is read, until the source says end.
    pub fn readable(&self, within: PfnRange) -> Vec<PfnRange> {
        let wanted = self.wanted(within).into_iter();
        wanted.flat_map(|range| self.existing(range)).collect()
    }

    /// The same, whether they are meant or not.
    pub fn existing(&self, within: PfnRange) -> Vec<PfnRange> {
        let Some(blocks) = &self.blocks else {
            return vec![within];
        };
        let known = blocks.end().0;
        let beyond = PfnRange::new(known.max(within.start.0), within.end.0);
        let below = within.intersect(PfnRange::new(0, known));
        let parts = blocks.inside(below);
        parts
            .chain((!beyond.is_empty()).then_some(beyond))
            .collect()
    }

    /// The parts of `within` that are known not to be RAM.
    pub fn outside_ram(&self, within: PfnRange) -> Vec<PfnRange> {
        self.ram
            .as_ref()
            .map_or_else(Vec::new, |ram| ram.gaps(within))
    }
}

/// What several machines, or one at several times, have of page numbers and RAM.
#[derive(Clone, Debug, Default)]
pub struct MemorySpan {
    end: Pfn,
    ram: Vec<PfnRange>,
    is_unknown: bool,
}

impl MemorySpan {
    /// Adds one.
    pub fn take(&mut self, machine: &Machine) {
        self.end = self.end.max(machine.end());
        match &machine.ram {
            Some(ram) => self.ram.extend_from_slice(ram.ranges()),
            None => self.is_unknown = true,
        }
    }

    /// The first page number that none has, and the RAM of all where all of them know it.
    pub fn end_and_ram(self) -> (Pfn, Option<PfnSet>) {
        let ram = (!self.is_unknown).then(|| self.ram.into_iter().collect());
        (self.end, ram)
    }
}

/// 64-bit page tables have 8-byte entries, so a PMD maps as many pages as entries fit in one.
fn pmd_pages(page_bytes: u64, pmd_bytes: Option<u64>) -> u64 {
    let pages = pmd_bytes.map_or(page_bytes / 8, |bytes| bytes / page_bytes);
    if pages.is_power_of_two() {
        pages
    } else {
        page_bytes / 8
    }
}

fn is_online(block: &Path) -> bool {
    read_text(block, "state").is_none_or(|state| state.trim() == "online")
}

/// Where memory blocks are.
const MEMORY: &str = "sys/devices/system/memory";

/// The files of one machine below its root.
struct Files {
    root: PathBuf,
}

impl Files {
    /// `None` when the file is missing or unreadable: both mean that nothing is known.
    fn text(&self, path: &str) -> Option<String> {
        read_text(&self.root, path)
    }

    fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let line = text.lines().next()?.trim();
        // A captured file may hold anything; a name is shorter.
        (!line.is_empty()).then(|| line.chars().take(MAX_NAME).collect())
    }

    /// "Linux version 6.1.0-56-cloud-amd64 (…": the third word.
    fn kernel_of_version(&self) -> Option<String> {
        self.line("proc/version")?
            .split_whitespace()
            .nth(2)
            .map(str::to_owned)
    }

    /// The same counters in pages and in bytes. They were not read in one moment, and some kernel
    /// may count one of them its own way: the median of the quotients decides.
    fn page_size(&self) -> PageSize {
        const PAIRS: [(&str, &str); 5] = [
            ("nr_mapped", "Mapped"),
            ("nr_anon_pages", "AnonPages"),
            ("nr_shmem", "Shmem"),
            ("nr_page_table_pages", "PageTables"),
            ("nr_free_pages", "MemFree"),
        ];
        let [vmstat, meminfo] =
            ["proc/vmstat", "proc/meminfo"].map(|path| self.text(path).unwrap_or_default());
        let quotient = |(pages, bytes): (&str, &str)| {
            let pages = parse_vmstat(&vmstat, pages).filter(|&pages| pages > 0)?;
            Some(parse_meminfo_bytes(&meminfo, bytes)? / pages)
        };
        let mut quotients: Vec<u64> = PAIRS.into_iter().filter_map(quotient).collect();
        quotients.sort_unstable();
        let median = quotients.get(quotients.len() / 2);
        let size = median.map(|&bytes| nearest_power_of_two(bytes));
        size.filter(|&bytes| is_page_size(bytes))
            .map_or(PageSize::Assumed(USUAL_PAGE_BYTES), PageSize::Known)
    }

    fn zones(&self) -> Vec<Zone> {
        self.text("proc/zoneinfo")
            .map(|text| parse_zones(&text))
            .unwrap_or_default()
    }

    /// The kernel's max_pfn. Device memory may lie above it, and is not in the kernel's file.
    fn zones_end(&self) -> Option<Pfn> {
        self.zones()
            .iter()
            .filter(|zone| zone.name != "Device")
            .map(|zone| zone.span.end)
            .max()
    }

    /// There are at least as many page numbers as pages.
    fn least_end(&self, page_bytes: u64) -> Pfn {
        let total = self
            .text("proc/meminfo")
            .and_then(|text| parse_meminfo_bytes(&text, "MemTotal"));
        Pfn(total.unwrap_or(0) / page_bytes)
    }

    fn pmd_bytes(&self) -> Option<u64> {
        let thp = self
            .line("sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
            .and_then(|line| line.parse().ok());
        thp.or_else(|| parse_meminfo_bytes(&self.text("proc/meminfo")?, "Hugepagesize"))
    }

    fn block_pages(&self, page_bytes: u64) -> Option<u64> {
        let size = self.line(&format!("{MEMORY}/block_size_bytes"))?;
        let pages = u64::from_str_radix(&size, 16).ok()? / page_bytes;
        (pages > 0).then_some(pages)
    }

    /// Directories `memoryN` of `/sys/devices/system/memory`; N counts blocks of `block_size_bytes`,
    /// which is hexadecimal without a prefix.
    fn blocks(&self, page_bytes: u64, wanted: impl Fn(&Path) -> bool) -> Option<PfnSet> {
        let pages = self.block_pages(page_bytes)?;
        let entries = fs::read_dir(self.root.join(MEMORY)).ok()?.flatten();
        let numbers = entries.filter_map(|entry| {
            let number: u64 = entry
                .file_name()
                .to_str()?
                .strip_prefix("memory")?
                .parse()
                .ok()?;
            wanted(&entry.path()).then_some(number)
        });
        let block = |number: u64| {
            let start = number.checked_mul(pages)?;
            Some(PfnRange::new(start, start.checked_add(pages)?))
        };
        let blocks: PfnSet = numbers.filter_map(block).collect();
        (blocks.pages() > 0).then_some(blocks)
    }
}

fn nearest_power_of_two(value: u64) -> u64 {
    let value = value.clamp(1, 1 << 62);
    let above = value.next_power_of_two();
    if above - value <= value - above / 2 {
        above
    } else {
        above / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pmd_maps_as_many_pages_as_a_table_has_entries() {
        assert_eq!(pmd_pages(4096, None), 512);
        assert_eq!(pmd_pages(16384, None), 2048);
        assert_eq!(pmd_pages(65536, None), 8192);
        assert_eq!(pmd_pages(65536, Some(2 << 20)), 32);
        assert_eq!(pmd_pages(4096, Some(12345)), 512);
    }

    #[test]
    fn absent_blocks_are_not_worth_reading_and_the_end_is_found_by_reading() {
        let blocks: PfnSet = [PfnRange::new(0, 100), PfnRange::new(300, 400)]
            .into_iter()
            .collect();
        let mut machine = Machine::unknown(PageSize::Known(4096), Extent::Expected(Pfn(400)));
        machine.blocks = Some(blocks);
        let all = machine.readable(PfnRange::new(50, 450));
        assert_eq!(
            all,
            [
                PfnRange::new(50, 100),
                PfnRange::new(300, 400),
                PfnRange::new(400, 450)
            ]
        );
        assert_eq!(machine.readable(PfnRange::new(120, 200)), []);
    }

    #[test]
    fn page_sizes_are_powers_of_two() {
        for (measured, size) in [
            (4096, 4096),
            (4090, 4096),
            (4200, 4096),
            (16000, 16384),
            (70000, 65536),
        ] {
            assert_eq!(nearest_power_of_two(measured), size);
        }
    }
}
