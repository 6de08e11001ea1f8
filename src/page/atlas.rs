//! Every page for the map on the page: what the scripts in `viewer` read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::classify::{Class, Key, KsmVerdict, settle};
use crate::grid::zlib;
use crate::kernel::{PageFlags, ZoneMap};
use crate::render::{Palette, SHIPPED};
use crate::survey::{Cells, Mobility, Runs};

/// What the map is drawn from.
#[derive(Debug, Serialize)]
pub struct Atlas {
    page_bytes: u64,
    pages_per_cell: u64,
    cells: u64,
    pmd_pages: u64,
    highest_order: u32,
    /// Whether part of memory is meant, so that the rest stands as holes.
    is_part: bool,
    kinds: Vec<Kind>,
    classes: Vec<ClassName>,
    palettes: Vec<PaletteColours>,
    zones: Vec<ZoneRun>,
    frames: Vec<Frame>,
}

/// What a cell can be.
#[derive(Debug, Serialize)]
struct Kind {
    /// Its class, by the number of [`ClassName`].
    class: usize,
    /// Names of its flags; nothing where cells are several pages.
    flags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
}

#[derive(Debug, Serialize)]
struct ClassName {
    name: &'static str,
    family: &'static str,
    /// `free`, `movable`, `unmovable`, `unmarked` or `hole`.
    mobility: &'static str,
}

#[derive(Debug, Serialize)]
struct PaletteColours {
    name: String,
    dark: bool,
    background: String,
    classes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ZoneRun {
    node: u32,
    name: String,
    start: u64,
    end: u64,
}

/// One reading: runs of cells, or what became of them since the reading before.
#[derive(Debug, Serialize)]
struct Frame {
    label: String,
    elapsed: String,
    values: String,
    lengths: String,
}

/// What the map is of.
pub struct AtlasInputs<'a> {
    /// What the readings are called, and the time since the first of them.
    pub labels: &'a [(String, String)],
    /// Where zones are.
    pub zones: &'a ZoneMap,
    /// Whether the KSM bit is believed.
    pub ksm: KsmVerdict,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Pages that a PMD maps.
    pub pmd_pages: u64,
    /// The highest order of the allocator.
    pub highest_order: u32,
    /// Whether part of memory is meant.
    pub is_part: bool,
}

/// The readings of a map, packed one after the other: of each only what became of the one before is kept.
#[derive(Debug)]
pub struct AtlasReadings {
    numbers: Numbers,
    cells: u64,
    pages_per_cell: u64,
    before: Option<Runs>,
    /// Values and lengths of each reading.
    frames: Vec<(String, String)>,
}

impl AtlasReadings {
    /// Of so many cells in every reading: what is missing at an end is hole.
    pub fn new(cells: u64, pages_per_cell: u64) -> Self {
        Self {
            numbers: Numbers::default(),
            cells,
            pages_per_cell,
            before: None,
            frames: Vec::new(),
        }
    }

    /// Takes the next reading.
    pub fn push(&mut self, map: &Cells) {
        let runs = self.numbers.runs(map, self.cells);
        self.frames.push(match &self.before {
            None => packed(&runs),
            Some(before) => packed(&changes(before, &runs)),
        });
        self.before = Some(runs);
    }
}

impl Atlas {
    /// Of these readings.
    pub fn new(readings: AtlasReadings, inputs: &AtlasInputs<'_>) -> Self {
        let classes = Class::in_legend_order();
        let place = |class: Class| {
            let place = classes.iter().position(|&other| other == class);
            place.expect("the legend lists every class")
        };
        let frames = readings.frames.into_iter().zip(inputs.labels);
        let frame =
            |((values, lengths), (label, elapsed)): ((String, String), &(String, String))| Frame {
                label: label.clone(),
                elapsed: elapsed.clone(),
                values,
                lengths,
            };
        let pages_per_cell = readings.pages_per_cell;
        let has_flags = pages_per_cell == 1;
        let kind = |&(key, flags): &(Key, PageFlags)| Kind {
            class: place(settle(key, inputs.ksm)),
            flags: has_flags.then(|| flags.names().join(",")),
            word: (has_flags && flags != PageFlags::NONE).then(|| format!("{:#x}", flags.0)),
        };
        Self {
            page_bytes: inputs.page_bytes,
            pages_per_cell,
            cells: readings.cells,
            pmd_pages: inputs.pmd_pages,
            highest_order: inputs.highest_order,
            is_part: inputs.is_part,
            kinds: readings.numbers.kinds.iter().map(kind).collect(),
            classes: classes.iter().map(|&class| ClassName::of(class)).collect(),
            palettes: palettes(&classes),
            zones: zone_runs(inputs.zones),
            frames: frames.map(frame).collect(),
        }
    }

    /// Pages of a cell.
    pub fn pages_per_cell(&self) -> u64 {
        self.pages_per_cell
    }

    /// As JSON that can stand inside a page: nothing in it ends the element that it is in.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string(self).expect("numbers and texts always serialise");
        json.replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    }
}

/// Kinds of all readings, each with one number.
#[derive(Debug, Default)]
struct Numbers {
    kinds: Vec<(Key, PageFlags)>,
    known: std::collections::HashMap<(u8, u64), u32>,
}

impl Numbers {
    fn number(&mut self, (key, flags): (Key, PageFlags)) -> u32 {
        *self.known.entry((key.0, flags.0)).or_insert_with(|| {
            self.kinds.push((key, flags));
            self.kinds.len() as u32 - 1
        })
    }

    /// The runs of a reading by these numbers, filled up with hole.
    fn runs(&mut self, map: &Cells, cells: u64) -> Runs {
        let hole = self.number((Key::HOLE, PageFlags::NONE));
        let numbers: Vec<u32> = map.kinds.iter().map(|&kind| self.number(kind)).collect();
        let own = map
            .runs
            .iter()
            .map(|&(kind, length)| (numbers[kind as usize], length));
        let mut runs: Runs = own.collect();
        let missing = cells.saturating_sub(map.len());
        runs.extend((missing > 0).then_some((hole, missing as u32)));
        runs
    }
}

/// Runs of what cells became, one further; 0 for those that did not change.
fn changes(before: &[(u32, u32)], after: &[(u32, u32)]) -> Runs {
    let mut changes: Runs = Vec::new();
    let (mut old, mut left) = (before.iter(), (0, 0));
    for &(kind, length) in after {
        let mut length = length;
        while length > 0 {
            if left.1 == 0 {
                // Both have as many cells.
                left = old.next().copied().unwrap_or((kind, length));
            }
            let here = length.min(left.1);
            let value = if left.0 == kind { 0 } else { kind + 1 };
            match changes.last_mut() {
                Some((last, sum)) if *last == value => *sum += here,
                _ => changes.push((value, here)),
            }
            left.1 -= here;
            length -= here;
        }
    }
    changes
}

/// Values and lengths as varints of seven bits, deflated, in letters.
fn packed(runs: &[(u32, u32)]) -> (String, String) {
    let pack = |numbers: &mut dyn Iterator<Item = u32>| {
        let mut bytes = Vec::new();
        for mut number in numbers {
            while number >= 0x80 {
                bytes.push(number as u8 | 0x80);
                number >>= 7;
            }
            bytes.push(number as u8);
        }
        STANDARD.encode(zlib(&bytes))
    };
    let values = pack(&mut runs.iter().map(|run| run.0));
    (values, pack(&mut runs.iter().map(|run| run.1)))
}

impl ClassName {
    fn of(class: Class) -> Self {
        Self {
            name: class.name(),
            family: class.family().name(),
            mobility: Mobility::of(class).name(),
        }
    }
}

fn palettes(classes: &[Class]) -> Vec<PaletteColours> {
    let shipped = SHIPPED
        .iter()
        .filter_map(|(name, _)| Palette::shipped(name));
    let colours = |palette: Palette| PaletteColours {
        dark: palette.is_dark(),
        background: palette.surface.background.to_string(),
        classes: classes
            .iter()
            .map(|&class| palette.class(class).to_string())
            .collect(),
        name: palette.name,
    };
    shipped.map(colours).collect()
}

fn zone_runs(zones: &ZoneMap) -> Vec<ZoneRun> {
    let run = |&(run, zone): &(crate::kernel::PfnRange, usize)| {
        let zone = &zones.zones()[zone];
        ZoneRun {
            node: zone.node,
            name: zone.name.clone(),
            start: run.start.0,
            end: run.end.0,
        }
    };
    zones.runs().iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_reading_says_what_changed() {
        let before = [(1, 4), (2, 4)];
        let after = [(1, 2), (3, 4), (2, 2)];
        assert_eq!(changes(&before, &after), [(0, 2), (4, 4), (0, 2)]);
        assert_eq!(changes(&before, &before), [(0, 8)]);
    }

    #[test]
    fn nothing_in_the_json_ends_its_element() {
        let zones = ZoneMap::new(vec![crate::kernel::Zone {
            node: 0,
            name: "</script><b>".into(),
            span: crate::kernel::PfnRange::new(0, 8),
        }]);
        let readings = AtlasReadings::new(0, 1);
        let inputs = AtlasInputs {
            labels: &[],
            zones: &zones,
            ksm: KsmVerdict::Doubted,
            page_bytes: 4096,
            pmd_pages: 512,
            highest_order: 10,
            is_part: false,
        };
        let json = Atlas::new(readings, &inputs).to_json();
        assert!(!json.contains('<') && json.contains("\\u003c/script"));
    }
}
