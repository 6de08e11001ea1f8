//! Surveys and reports: free pages agree, two threads find what one finds.

use std::path::Path;

use jiff::Timestamp;
use pagemap_viz::classify::Class;
use pagemap_viz::error::{Error, Result};
use pagemap_viz::kernel::{PageFlags, Pfn, parse_system_ram};
use pagemap_viz::page::{Atlas, AtlasInputs, AtlasReadings};
use pagemap_viz::page::{html, labels, markdown};
use pagemap_viz::recording::Plane;
use pagemap_viz::report::{Report, Wish};
use pagemap_viz::scan::Nobody;
use pagemap_viz::source::{Clock, Extent, Machine, PageSize, Source};
use pagemap_viz::survey::{Cells, Mobility, Survey, survey as survey_of};

use super::shared::{Bytes, report, words};

/// A machine of a few bytes of settings, words in runs, and texts with a zero byte between them, surveyed and
/// reported.
pub fn survey(data: &[u8]) {
    let mut bytes = Bytes(data);
    let settings = bytes.u8();
    let page_bytes = 1 << (10 + bytes.u8() % 11);
    let pmd_pages = 1 << (bytes.u8() % 25);
    let wish = Wish {
        size: 1 << (bytes.u8() % 41),
        blocks: u64::from(bytes.u16()) + 1,
    };
    let words = words(&mut bytes, 80_000);
    let names = [
        "proc/zoneinfo",
        "proc/buddyinfo",
        "proc/vmstat",
        "proc/meminfo",
        "proc/pagetypeinfo",
        "proc/iomem",
        "sys/kernel/mm/transparent_hugepage/enabled",
    ];
    let texts = bytes.0.split(|&byte| byte == 0);
    let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
    let texts: Vec<_> = names
        .into_iter()
        .zip(texts)
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let iomem = texts.iter().find(|(name, _)| *name == "proc/iomem");
    let end = Pfn(words.len() as u64);
    let source = MadeUp {
        machine: Machine {
            pmd_pages,
            ram: iomem.and_then(|(_, text)| parse_system_ram(text, page_bytes)),
            ..Machine::unknown(PageSize::Known(page_bytes), Extent::Exact(end))
        },
        words,
        texts,
    };
    let cells = (settings & 1 == 1).then(|| 1 << (settings >> 1 & 3));
    let threads = 1 + usize::from(settings >> 3 & 1);
    let more = [wish.size / page_bytes];
    let survey = survey_of(&source, &more, cells, threads, &Nobody);
    let Ok(survey) = survey else {
        assert_eq!(end, Pfn(0), "memory can be read");
        return;
    };
    add_up(&survey, &source);
    let report = report(&source, &survey, wish);
    blocks_agree(&report);
    if threads == 2 {
        let again = survey_of(&source, &more, cells, 1, &Nobody).expect("memory can be read");
        assert_eq!(
            report.to_json(),
            self::report(&source, &again, wish).to_json()
        );
    }
    if settings & 16 != 0 {
        pages(&report, &survey, &source);
    }
}

/// A machine in memory.
struct MadeUp {
    machine: Machine,
    words: Vec<PageFlags>,
    texts: Vec<(&'static str, String)>,
}

impl Source for MadeUp {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn read_flags(&self, start: Pfn, into: &mut [PageFlags]) -> Result<usize> {
        let rest = self.words.get(start.0 as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn read_plane(&self, plane: Plane, start: Pfn, into: &mut [u64]) -> Result<usize> {
        match plane {
            Plane::Flags => self.read_flags(start, bytemuck::cast_slice_mut(into)),
            _ => Err(Error::NoPlane {
                path: self.path().to_owned(),
                plane: plane.name(),
            }),
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn clock(&self) -> Clock {
        Clock::FileDate
    }

    fn text(&self, path: &str) -> Option<String> {
        let text = self.texts.iter().find(|(name, _)| *name == path);
        text.map(|(_, text)| text.clone())
    }

    fn path(&self) -> &Path {
        Path::new("made up")
    }
}

fn add_up(survey: &Survey, source: &MadeUp) {
    let end = source.machine.end();
    assert_eq!(survey.end, end);
    assert!(survey.classes.total() <= end.0);
    let free = survey.classes.of(Class::Free);
    let in_blocks: u64 = survey.orders.free.iter().map(|counts| counts.pages).sum();
    let in_runs: u64 = survey.zones.iter().map(|zone| zone.runs.at_least(0)).sum();
    let in_zones: u64 = survey
        .zones
        .iter()
        .map(|zone| zone.pages_of(Mobility::Free))
        .sum();
    assert_eq!((in_blocks, in_runs), (in_zones, in_zones), "free pages");
    match survey.map.is_empty() {
        true => assert_eq!((free, 0), (in_zones, survey.outside_zones)),
        false => assert!(in_zones <= free && free - in_zones <= survey.outside_zones),
    }
    if let Some(Cells {
        runs,
        pages_per_cell,
        ..
    }) = &survey.cells
    {
        let cells: u64 = runs.iter().map(|&(_, length)| u64::from(length)).sum();
        assert_eq!(cells, end.0.div_ceil(*pages_per_cell));
    }
}

/// Every whole block is in one state, and what may be done to get blocks never leaves fewer of them.
fn blocks_agree(report: &Report) {
    for row in &report.contiguity {
        let free = [row.free, row.after_compaction, row.after_reclaim];
        assert!(free.is_sorted(), "{row:?}");
        let blocked = row.polluted + row.solid;
        let states = row.free + row.huge + row.compactable + blocked + row.unmarked;
        assert_eq!(
            (row.blocks, row.blocked_strict),
            (states, blocked),
            "{row:?}"
        );
        assert!(
            row.ideal <= row.blocks && row.lost_to_pollution <= blocked,
            "{row:?}"
        );
        let costs = row.cost.windows(2);
        assert!(costs.into_iter().all(|pair| {
            pair[0].blocks < pair[1].blocks && pair[0].pages_to_migrate <= pair[1].pages_to_migrate
        }));
    }
    for answer in &report.want {
        let free = [answer.free, answer.after_compaction, answer.after_reclaim];
        assert!(free.is_sorted(), "{answer:?}");
    }
}

/// The report as pages for people.
fn pages(report: &Report, survey: &Survey, source: &MadeUp) {
    let page = markdown(report, "report", "map.png");
    assert!(!page.text.is_empty());
    if let Some(cells) = &survey.cells {
        let mut readings = AtlasReadings::new(cells.len(), cells.pages_per_cell);
        readings.push(cells);
        let inputs = AtlasInputs {
            is_part: false,
            labels: &labels(report),
            zones: &survey.map,
            ksm: survey.ksm,
            page_bytes: report.page_size,
            pmd_pages: source.machine.pmd_pages,
            highest_order: pagemap_viz::source::highest_order(source),
        };
        assert!(html(report, &Atlas::new(readings, &inputs)).contains("</html>"));
    }
}
