//! What a picture shows, in words and numbers: where caption and foot come from.

use std::time::Duration;

use jiff::Timestamp;

use crate::classify::{Key, KsmVerdict};
use crate::kernel::{Pfn, PfnSet, ZoneMap};
use crate::layout::{CellOrder, Layout, Reducer};
use crate::overlay::Shade;
use crate::scan::{Lens, Scan, Spent};
use crate::source::{Clock, PageSize, SelectedPages, Source, zones};

/// What a picture shows, in words and numbers.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Host name, unless unknown or withheld.
    pub host: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// When reading began, or a copy's date.
    pub time: Timestamp,
    /// When reading ended.
    pub end_time: Timestamp,
    /// What these times are.
    pub clock: Clock,
    /// How long that took.
    pub duration: Option<Duration>,
    /// What was read of it.
    pub spent: Spent,
    /// Base page size.
    pub page_size: PageSize,
    /// Pages of RAM, where that is known.
    pub ram_pages: Option<u64>,
    /// Page numbers that are meant.
    pub pages: u64,
    /// The first page number after the last.
    pub end: Pfn,
    /// Whether the KSM bit was believed.
    pub ksm: KsmVerdict,
    /// What a cell of several pages shows, as the user named it.
    pub reducer_name: String,
    /// Pages that say KSM.
    pub doubted_pages: u64,
    /// What pages are coloured by.
    pub lens: Lens,
    /// Where they are.
    pub layout: Layout,
    /// The part of memory that is meant; `None` for all.
    pub selected: Option<SelectedPages>,
    /// Where zones are.
    pub zones: ZoneMap,
    /// Where memory blocks are, and how many pages each has.
    pub blocks: (Option<PfnSet>, Option<u64>),
    /// What it is compared with.
    pub since: Option<Since>,
    /// What is looked for.
    pub sought: Option<SoughtLines>,
}

/// What is looked for, as the legend says it.
#[derive(Clone, Debug, Default)]
pub struct SoughtLines {
    /// Whose pages: the end of the title.
    pub title: String,
    /// Name, key and colour of each kind.
    pub kinds: Vec<(String, Key, Shade)>,
    /// Lines at the foot.
    pub notes: Vec<String>,
}

/// The beginning of what a comparison tells.
#[derive(Clone, Debug)]
pub struct Since {
    /// When the first reading began.
    pub time: Timestamp,
    /// Readings, the first and the last included.
    pub readings: usize,
}

impl Subject {
    /// What `scan` of `source` by a lens came to.
    pub fn new(
        source: &dyn Source,
        scan: &Scan,
        (lens, layout): (Lens, Layout),
        reducer_name: String,
    ) -> Self {
        let machine = source.machine();
        Self {
            host: machine.host.clone(),
            kernel: machine.kernel.clone(),
            time: scan.start_time,
            end_time: scan.end_time,
            clock: source.clock(),
            duration: scan.duration,
            spent: scan.spent,
            page_size: machine.page_size,
            ram_pages: machine.ram.as_ref().map(PfnSet::pages),
            pages: machine
                .selected
                .as_ref()
                .map_or(scan.end.0, |part| part.pages.pages()),
            end: scan.end,
            ksm: scan.ksm,
            reducer_name,
            doubted_pages: if lens == Lens::Class {
                scan.keys.says_ksm()
            } else {
                0
            },
            lens,
            layout,
            selected: machine.selected.clone(),
            zones: zones(source),
            blocks: (machine.blocks.clone(), machine.block_pages),
            since: None,
            sought: None,
        }
    }

    /// The picture's title.
    pub fn title(&self) -> String {
        let of = self.host.as_ref();
        let of = of.map_or_else(String::new, |host| format!(" of {host}"));
        let part = self.selected.as_ref();
        let part = part.map_or_else(String::new, |part| format!(", {}", part.name));
        let of = of + &part;
        match (self.lens, &self.since) {
            (Lens::Difference, _) => format!("Changes in physical memory{of}"),
            (Lens::Churn, Some(since)) => {
                format!(
                    "Churn of physical memory{of} in {} readings",
                    since.readings
                )
            }
            _ => {
                let sought = self
                    .sought
                    .as_ref()
                    .map(|sought| format!(": {}", sought.title));
                format!("Physical memory{of}{}", sought.unwrap_or_default())
            }
        }
    }

    /// The lines at the foot of the legend.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.lasting_notes(self.doubted_pages);
        notes.push(match self.duration {
            Some(time) => {
                let what = self.since.as_ref().map_or("", |_| "the last reading was ");
                let seconds = time.as_secs_f64();
                format!("Not atomic: {what}read in {seconds:.2} s while memory went on changing · {TOOL}")
            }
            None => TOOL.to_owned(),
        });
        notes
    }

    /// Those that hold for every reading of a series.
    pub(super) fn lasting_notes(&self, doubted_pages: u64) -> Vec<String> {
        let mut notes = self
            .sought
            .as_ref()
            .map_or_else(Vec::new, |sought| sought.notes.clone());
        if self.layout.pages_per_cell > 1 {
            notes.push(match self.layout.reducer {
                Reducer::Proportional => {
                    let line = match self.layout.order {
                        CellOrder::Rows => "a row",
                        CellOrder::Hilbert => "the curve",
                    };
                    format!("Reducer proportional: along {line}, a colour's share of pixels is its share of pages.")
                }
                Reducer::Sample => {
                    "Reducer sample: a pixel shows one of its pages, in every picture the same one."
                        .to_owned()
                }
                Reducer::Dominant => {
                    "Reducer dominant: a pixel shows what most of its pages are; rare things vanish."
                        .to_owned()
                }
                Reducer::AnyFrom(_) => {
                    "A pixel of several pages shows a page that is looked for, if there is one."
                        .to_owned()
                }
                Reducer::Any(_) => {
                    format!("Reducer {}: one such page of a pixel's is enough to show it.", self.reducer_name)
                }
            });
        }
        if self.ksm == KsmVerdict::Doubted && doubted_pages > 0 {
            notes.push(
                "This kernel marks every anonymous page as KSM; the mark is not believed."
                    .to_owned(),
            );
        }
        notes
    }
}

/// Who drew the picture.
pub(super) const TOOL: &str = concat!("pagemap-viz\u{a0}", env!("CARGO_PKG_VERSION"));
