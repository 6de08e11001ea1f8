//! Is memory fragmented, by what, and what would help: every number of a report under the name that `docs/report.md`
//! explains, and the sentences that follow from them.

mod advice;
mod contiguity;
mod free;
mod huge;
mod level;
mod obstacles;
mod quality;
mod scope;
mod trend;
mod want;

pub use advice::Advice;
pub use contiguity::{Contiguity, Cost};
pub use free::FreeMemory;
pub use huge::{FolioCounts, Processes, SmallAnonymous, small_anonymous};
pub use level::Level;
pub(crate) use level::culprit;
pub use obstacles::{Cheapest, Content, Culprit, Obstacles, Step};
pub use quality::Quality;
pub use scope::Scope;
pub use trend::{Moment, evenly};
pub use want::{Answer, Verdict, Wish};

use std::collections::BTreeMap;

use serde::Serialize;

use self::scope::{Members, scopes};
use crate::classify::Class;
use crate::kernel::{parse_block_types, parse_counters};
use crate::source::{Clock, Source, chosen, file, highest_order};
use crate::survey::{Survey, ZoneSurvey};

/// Everything that a report says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `pagemap-viz`.
    pub tool: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Host name, unless unknown or withheld.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// When reading began, RFC 3339, UTC; a copy's date.
    pub start: String,
    /// When it ended.
    pub end: String,
    /// What these times are: `clock`, `recording` or `file date`.
    pub clock: &'static str,
    /// Bytes of a base page.
    pub page_size: u64,
    /// Bytes of what one PMD maps.
    pub pmd_size: u64,
    /// Pages of RAM, where that is known.
    pub ram_pages: Option<u64>,
    /// The first page number after the last.
    pub pfns: u64,
    /// The part of memory that is meant; nothing for all.
    pub selection: Option<String>,
    /// When anonymous memory takes huge pages: always, madvise or never.
    pub thp: Option<String>,
    /// How easily huge pages are had.
    pub level: Level,
    /// The same in words, and what stands in the way most.
    pub verdict: String,
    /// The numbers in a sentence.
    pub status: String,
    /// What follows from them.
    pub advice: Vec<Advice>,
    /// Answers to what was wanted.
    pub want: Vec<Answer>,
    /// Aligned blocks by scope and size.
    pub contiguity: Vec<Contiguity>,
    /// Free memory by scope.
    pub free: Vec<FreeMemory>,
    /// How the kernel compacts before anybody asks.
    pub proactive_compaction: Option<ProactiveCompaction>,
    /// What stands in the way of huge pages.
    pub obstacles: Obstacles,
    /// Folios by family and order.
    pub huge: Vec<FolioCounts>,
    /// Processes by anonymous memory in small pages; nothing where nobody can be asked.
    pub processes: Option<Processes>,
    /// What the kernel means PMD-sized blocks for, by zone.
    pub block_types: BTreeMap<String, BTreeMap<String, u64>>,
    /// Counters of compaction, huge pages and stalls.
    pub counters: BTreeMap<String, u64>,
    /// In a series, by how much they grew from the first reading to the last.
    pub counters_grown: Option<BTreeMap<String, u64>>,
    /// Pages by class.
    pub classes: BTreeMap<&'static str, u64>,
    /// How far this can be trusted.
    pub quality: Quality,
    /// Of a series, reading by reading.
    pub trend: Vec<Moment>,
}

/// How the kernel compacts before anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProactiveCompaction {
    /// `vm.compaction_proactiveness`, 0 to 100; the kernel's default where it could not be read.
    pub proactiveness: u64,
    /// Whether that is the default.
    pub assumed: bool,
    /// Down to this node score it goes on; nothing where it is off, or above 80, where kernels differ.
    pub low: Option<u64>,
    /// Above this one it begins.
    pub high: Option<u64>,
}

/// The kernel's default.
const PROACTIVENESS: u64 = 20;

/// Readings of one machine, and what is asked of them.
pub struct Inputs<'a> {
    /// Where the last reading comes from.
    pub source: &'a dyn Source,
    /// What it came to.
    pub survey: &'a Survey,
    /// What processes said.
    pub processes: Option<Processes>,
    /// Of a series, reading by reading.
    pub trend: Vec<Moment>,
    /// Counters of its first reading.
    pub counters_before: Option<BTreeMap<String, u64>>,
    /// What is wanted.
    pub wishes: &'a [Wish],
    /// Whether the host stays unnamed.
    pub redact: bool,
}

impl Report {
    /// Of these readings.
    pub fn new(inputs: Inputs<'_>) -> Self {
        let (source, survey) = (inputs.source, inputs.survey);
        let machine = source.machine();
        let page_size = machine.page_size.bytes();
        let members = scopes(survey);
        let sums: Vec<ZoneSurvey> = members.iter().map(|members| members.sum(survey)).collect();
        let highest = highest_order(source) as usize;
        let counters = counters(source);
        let mut report = Self {
            tool: "pagemap-viz",
            version: env!("CARGO_PKG_VERSION"),
            host: machine.host.clone().filter(|_| !inputs.redact),
            kernel: machine.kernel.clone(),
            start: survey.start_time.to_string(),
            end: survey.end_time.to_string(),
            clock: source.clock().name(),
            page_size,
            pmd_size: survey.sizes[survey.pmd] * page_size,
            ram_pages: machine.ram.as_ref().map(crate::kernel::PfnSet::pages),
            pfns: survey.end.0,
            selection: machine.selected.as_ref().map(|part| part.name.clone()),
            thp: thp(source),
            level: Level::Unknown,
            verdict: String::new(),
            status: String::new(),
            advice: Vec::new(),
            want: Vec::new(),
            contiguity: Vec::new(),
            free: Vec::new(),
            proactive_compaction: proactive_compaction(source),
            obstacles: Obstacles::new(survey),
            huge: huge::folio_counts(survey),
            processes: inputs.processes,
            block_types: block_types(source),
            counters_grown: inputs
                .counters_before
                .map(|before| grown(&before, &counters)),
            quality: Quality::new(source, survey, pinned(source)),
            counters,
            classes: classes(survey),
            trend: inputs.trend,
        };
        for (members, sum) in members.iter().zip(&sums) {
            for number in 0..survey.sizes.len() {
                let row = contiguity::contiguity(members, sum, number, survey, page_size);
                report.contiguity.push(row);
            }
            report
                .free
                .push(free::free_memory(members, sum, survey, highest));
        }
        report.want = report.answers(inputs.wishes, &members, survey);
        (report.level, report.verdict) = level::verdict(&report);
        report.status = advice::status(&report);
        report.advice = advice::advice(&report);
        report
    }

    /// The machine's rows, the smallest size first.
    pub fn machine_rows(&self) -> Vec<&Contiguity> {
        let rows = self.contiguity.iter();
        rows.filter(|row| row.scope.scope == "machine").collect()
    }

    /// Node by node, and of all where there are several; the machine alone where nothing says where nodes are.
    fn answers(&self, wishes: &[Wish], members: &[Members], survey: &Survey) -> Vec<Answer> {
        let nodes = members
            .iter()
            .filter(|members| members.scope.scope == "node")
            .count();
        let is_asked = |members: &&Members| match members.scope.scope {
            "node" => true,
            "machine" => nodes != 1,
            _ => false,
        };
        let mut answers = Vec::new();
        for &wish in wishes {
            let pages = wish.size / self.page_size;
            // Who did not survey a size has no answer about it.
            let Some(number) = survey.sizes.iter().position(|&size| size == pages) else {
                continue;
            };
            for members in members.iter().filter(is_asked) {
                let is_row =
                    |row: &&Contiguity| row.scope == members.scope && row.size == wish.size;
                let row = self.contiguity.iter().find(is_row);
                answers.extend(row.map(|row| want::answer(wish, row, members, survey, number)));
            }
        }
        answers
    }

    /// As JSON, with a line break at its end.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("numbers and texts always serialise") + "\n"
    }

    /// Whether the times are those of a reading.
    pub fn is_timed(&self) -> bool {
        self.clock != Clock::FileDate.name()
    }
}

fn thp(source: &dyn Source) -> Option<String> {
    let text = source.text(file::THP_ENABLED)?;
    chosen(&text).map(str::to_owned)
}

fn proactive_compaction(source: &dyn Source) -> Option<ProactiveCompaction> {
    source.text(file::ZONEINFO)?;
    let release = source.machine().kernel.clone();
    if !release.is_none_or(|release| is_since(&release, (5, 9))) {
        return None;
    }
    let text = source.text(file::PROACTIVENESS);
    let read = text.and_then(|text| text.trim().parse().ok());
    let proactiveness: u64 = read.unwrap_or(PROACTIVENESS).min(100);
    let low = (1..=80)
        .contains(&proactiveness)
        .then(|| 100 - proactiveness);
    Some(ProactiveCompaction {
        proactiveness,
        assumed: read.is_none(),
        low,
        high: low.map(|low| low + 10),
    })
}

/// Whether a kernel's release is at least this one.
fn is_since(release: &str, version: (u64, u64)) -> bool {
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    let mut part = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (part(), part()) >= version
}

fn block_types(source: &dyn Source) -> BTreeMap<String, BTreeMap<String, u64>> {
    let text = source.text(file::PAGETYPEINFO).unwrap_or_default();
    let zones = parse_block_types(&text).into_iter();
    zones
        .map(|row| {
            let name = format!("Node {} {}", row.node, row.zone);
            (name, row.blocks.into_iter().collect())
        })
        .collect()
}

/// Names of counters that say something of compaction and huge pages begin with one of these.
const COUNTERS: [&str; 6] = [
    "allocstall",
    "compact_",
    "thp_",
    "pgmigrate_",
    "htlb_",
    "nr_foll_pin_",
];

/// What a source counts of compaction, huge pages and stalls.
pub fn counters(source: &dyn Source) -> BTreeMap<String, u64> {
    let text = source.text(file::VMSTAT).unwrap_or_default();
    let counters = parse_counters(&text).into_iter();
    let is_meant = |name: &str| COUNTERS.iter().any(|begin| name.starts_with(begin));
    counters
        .filter(|(name, _)| is_meant(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn grown(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = |(name, &value): (&String, &u64)| {
        let before = before.get(name)?;
        Some((name.clone(), value.saturating_sub(*before)))
    };
    after.iter().filter_map(grown).collect()
}

/// Pages that are held for good, as far as the kernel counts them.
fn pinned(source: &dyn Source) -> Option<u64> {
    let counters = counters(source);
    let acquired = counters.get("nr_foll_pin_acquired")?;
    Some(acquired.saturating_sub(*counters.get("nr_foll_pin_released")?))
}

fn classes(survey: &Survey) -> BTreeMap<&'static str, u64> {
    let classes = Class::ALL.iter().filter(|class| **class != Class::Hole);
    classes
        .map(|&class| (class.name(), survey.classes.of(class)))
        .filter(|&(_, pages)| pages > 0)
        .collect()
}
