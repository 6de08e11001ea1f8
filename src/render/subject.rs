//! What a picture shows, in words and numbers: where caption and foot come from.

use std::time::Duration;

use jiff::Timestamp;

use crate::classify::{Key, KsmVerdict, depends_on_ksm};
use crate::kernel::PfnSet;
use crate::layout::{Layout, Reducer};
use crate::scan::Scan;
use crate::source::{Clock, PageSize, Source};

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
    /// Base page size.
    pub page_size: PageSize,
    /// Pages of RAM, where that is known.
    pub ram_pages: Option<u64>,
    /// Page numbers.
    pub pages: u64,
    /// Whether the KSM bit was believed.
    pub ksm: KsmVerdict,
    /// What a cell of several pages shows, as the user named it.
    pub reducer_name: String,
    /// Pages that say KSM.
    pub doubted_pages: u64,
}

impl Subject {
    /// What `scan` of `source` came to. `host` is withheld by passing `None`.
    pub fn new(
        source: &dyn Source,
        scan: &Scan,
        host: Option<String>,
        reducer_name: String,
    ) -> Self {
        let machine = source.machine();
        let doubted = (0..=255).map(Key).filter(|&key| depends_on_ksm(key));
        let doubted = if scan.sets.is_empty() {
            doubted.map(|key| scan.keys.of(key)).sum()
        } else {
            0
        };
        Self {
            host,
            kernel: machine.kernel.clone(),
            time: scan.start_time,
            end_time: scan.end_time,
            clock: source.clock(),
            duration: scan.duration,
            page_size: machine.page_size,
            ram_pages: machine.ram.as_ref().map(PfnSet::pages),
            pages: scan.end.0,
            ksm: scan.ksm,
            reducer_name,
            doubted_pages: doubted,
        }
    }

    /// The picture's title.
    pub fn title(&self) -> String {
        self.host.as_ref().map_or_else(
            || "Physical memory".to_owned(),
            |host| format!("Physical memory of {host}"),
        )
    }

    /// The lines at the foot of the legend.
    pub(super) fn notes(&self, layout: &Layout) -> Vec<String> {
        let mut notes = Vec::new();
        if layout.pages_per_cell > 1 {
            notes.push(match layout.reducer {
                Reducer::Proportional => {
                    "Reducer proportional: along a row, a colour's share of pixels is its share of pages."
                        .to_owned()
                }
                Reducer::Dominant => {
                    "Reducer dominant: a pixel shows what most of its pages are; rare things vanish."
                        .to_owned()
                }
                Reducer::Any(_) => {
                    format!("Reducer {}: one such page of a pixel's is enough to show it.", self.reducer_name)
                }
            });
        }
        if self.ksm == KsmVerdict::Doubted && self.doubted_pages > 0 {
            notes.push(
                "This kernel marks every anonymous page as KSM; the mark is not believed."
                    .to_owned(),
            );
        }
        let tool = concat!("pagemap-viz ", env!("CARGO_PKG_VERSION"));
        notes.push(match self.duration {
            Some(time) => format!(
                "Not atomic: read in {:.2} s while memory went on changing · {tool}",
                time.as_secs_f64()
            ),
            None => tool.to_owned(),
        });
        notes
    }
}
