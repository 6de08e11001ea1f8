//! Whether a palette's colours can be told apart: Oklab distances for normal and simulated
//! colour-blind vision, and the contrast of labels.
//!
//! The simulation is Machado, Oliveira and Fernandes 2009 at severity 1.0, on linear RGB. Floors:
//! normal 10, deutan and protan 7, tritan 5.5 (Oklab distance times 100). 8 is what a good set of
//! eight colours reaches; ready-made sets of sixteen fall to 1.

use palette::color_difference::{EuclideanDistance, Wcag21RelativeContrast};
use palette::{IntoColor, LinSrgb, Oklab, Srgb};

use super::palette::{Colour, Palette};
use crate::classify::Class;

/// A way of seeing.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Vision {
    name: &'static str,
    matrix: [[f32; 3]; 3],
    floor: f32,
}

const VISIONS: [Vision; 4] = [
    Vision {
        name: "normal",
        matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        floor: 10.0,
    },
    Vision {
        name: "deutan",
        matrix: [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        floor: 7.0,
    },
    Vision {
        name: "protan",
        matrix: [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        floor: 7.0,
    },
    Vision {
        name: "tritan",
        matrix: [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
        floor: 5.5,
    },
];

/// Hole and free memory both recede, so that what is used stands out: they may lie this close.
const HOLE_FREE_FLOOR: f32 = 6.0;

/// WCAG 2.2, success criterion 1.4.3.
const CONTRAST_FLOOR: f32 = 4.5;

/// One line of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was measured: a vision, or a label.
    pub what: &'static str,
    /// The worst of it: a pair of classes, or what the label lies on.
    pub worst: String,
    /// The measured distance or contrast.
    pub value: f32,
    /// What it has to reach; `None` where the palette claims nothing.
    pub floor: Option<f32>,
}

impl Finding {
    /// True when it does not reach its floor.
    pub fn fails(&self) -> bool {
        self.floor.is_some_and(|floor| self.value < floor)
    }
}

/// Everything that was measured of a palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// One line each.
    pub findings: Vec<Finding>,
}

impl Check {
    /// The lines that do not reach their floor.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.fails())
    }
}

/// Measures a palette. Distances have floors when it claims to be safe, label contrast always.
pub fn check(palette: &Palette) -> Check {
    let mut findings = Vec::new();
    for vision in VISIONS {
        let claimed = |floor: f32| palette.safe.then_some(floor);
        let is_receding = |pair: &(Class, Class)| *pair == (Class::Hole, Class::Free);
        let (receding, others): (Vec<_>, Vec<_>) = pairs().into_iter().partition(is_receding);
        findings.push(worst_pair(palette, vision, &others, claimed(vision.floor)));
        findings.push(worst_pair(
            palette,
            vision,
            &receding,
            claimed(HOLE_FREE_FLOOR.min(vision.floor)),
        ));
    }
    findings.extend(VISIONS.map(|vision| worst_event(palette, vision)));
    let surface = palette.surface;
    for (what, ink) in [("text", surface.text), ("muted text", surface.muted)] {
        let value = linear(ink).relative_contrast(linear(surface.background));
        findings.push(Finding {
            what,
            worst: "background".to_owned(),
            value,
            floor: Some(CONTRAST_FLOOR),
        });
    }
    Check { findings }
}

/// What happened to pages, among each other and before what did not change. A page that changed once, and a
/// mark, need to be seen only by their lightness or hue.
fn worst_event(palette: &Palette, vision: Vision) -> Finding {
    let changes = palette.changes();
    let events = [
        ("freed", changes.freed),
        ("newly used", changes.used),
        ("changed class", changes.changed),
    ];
    let mut pairs: Vec<(String, f32)> = Vec::new();
    let mut measure = |(one, a): (&str, Colour), (other, b): (&str, Colour)| {
        let distance = 100.0 * seen(a, vision).distance(seen(b, vision));
        pairs.push((format!("{one} and {other}"), distance));
    };
    for (at, &event) in events.iter().enumerate() {
        events[at + 1..]
            .iter()
            .for_each(|&other| measure(event, other));
    }
    let rarely = ("changed once", changes.rarely);
    for &class in Class::ALL {
        let unchanged = format!("unchanged {}", class.name());
        let unchanged = (unchanged.as_str(), palette.faded(class));
        events
            .iter()
            .chain([&rarely])
            .for_each(|&event| measure(event, unchanged));
        measure(
            ("a mark", changes.marked),
            (class.name(), palette.class(class)),
        );
    }
    let worst = pairs.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let (worst, value) = worst.expect("there are events");
    Finding {
        what: vision.name,
        worst,
        value,
        floor: palette.safe.then_some(vision.floor),
    }
}

fn pairs() -> Vec<(Class, Class)> {
    let others = |&first: &Class| {
        Class::ALL
            .iter()
            .filter(move |&&other| other > first)
            .map(move |&other| (first, other))
    };
    Class::ALL.iter().flat_map(others).collect()
}

fn worst_pair(
    palette: &Palette,
    vision: Vision,
    pairs: &[(Class, Class)],
    floor: Option<f32>,
) -> Finding {
    let distance = |&(a, b): &(Class, Class)| {
        let [a, b] = [a, b].map(|class| seen(palette.class(class), vision));
        100.0 * a.distance(b)
    };
    let worst = pairs
        .iter()
        .map(|pair| (distance(pair), pair))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let (value, (a, b)) = worst.expect("there are pairs of classes");
    Finding {
        what: vision.name,
        worst: format!("{} and {}", a.name(), b.name()),
        value,
        floor,
    }
}

fn seen(colour: Colour, vision: Vision) -> Oklab {
    let rgb = linear(colour);
    let [red, green, blue] = vision
        .matrix
        .map(|[r, g, b]| (r * rgb.red + g * rgb.green + b * rgb.blue).clamp(0.0, 1.0));
    LinSrgb::new(red, green, blue).into_color()
}

fn linear(colour: Colour) -> LinSrgb {
    Srgb::from(colour.0).into_linear()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::SHIPPED;

    #[test]
    fn shipped_palettes_keep_what_they_claim() {
        for (name, _) in SHIPPED {
            let palette = Palette::shipped(name).expect("it is shipped");
            assert_eq!(palette.safe, ["default", "light"].contains(&name));
            let check = check(&palette);
            let failures: Vec<_> = check.failures().collect();
            assert!(failures.is_empty(), "{name}: {failures:?}");
        }
    }

    #[test]
    fn a_colour_blind_reader_is_not_promised_what_is_not_there() {
        // Red and green of equal lightness: far apart for most, the same for a deutan reader.
        let text = SHIPPED[0].1.replace("#3b7e59", "#8d6a3c");
        let palette = Palette::parse("test", &text).expect("a palette");
        let check = check(&palette);
        assert!(
            check.failures().any(|finding| finding.what != "normal"),
            "{check:?}"
        );
    }

    #[test]
    fn simulated_greys_stay_grey() {
        for vision in VISIONS {
            for row in vision.matrix {
                assert!(
                    (row.iter().sum::<f32>() - 1.0).abs() < 1e-4,
                    "{}",
                    vision.name
                );
            }
        }
    }
}
