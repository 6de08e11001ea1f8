//! What is known of memory as OpenMetrics text, for Prometheus: bytes, seconds, ratios and blocks, zone by zone.
//!
//! Labels have few values: nodes, zones, classes, orders and four sizes of blocks. Gauges only, which the textfile
//! collector of node_exporter reads as well.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::classify::Class;
use crate::report::{Contiguity, FreeMemory, Report, Scope};
use crate::survey::Survey;

/// What reading memory cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScanCost {
    /// CPU time of this process.
    pub cpu: Duration,
    /// The most memory that it had, in bytes.
    pub memory: u64,
}

type Labels = Vec<(&'static str, String)>;

/// A gauge with its values, in the order in which they are written.
#[derive(Clone, Debug)]
struct Metric {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    values: Vec<(Labels, f64)>,
}

#[derive(Debug)]
struct Metrics(Vec<Metric>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in &self.0 {
            let unit = metric.unit.as_ref();
            let mut family =
                encoder.encode_descriptor(metric.name, metric.help, unit, MetricType::Gauge)?;
            for (labels, value) in &metric.values {
                ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

/// The text, of a survey and the report made of it.
pub fn metrics_text(survey: &Survey, report: &Report, cost: ScanCost) -> String {
    let mut registry = Registry::with_prefix("pagemap");
    let metrics = Metrics(metrics(survey, report, cost));
    registry.register_collector(Box::new(metrics));
    let mut written = String::new();
    text::encode(&mut written, &registry).expect("memory takes a text");
    written
}

/// The metrics without values where nothing is known.
fn metrics(survey: &Survey, report: &Report, cost: ScanCost) -> Vec<Metric> {
    let mut metrics = vec![
        class_bytes(survey, report),
        by_order(
            report,
            (
                "free_blocks",
                "Free blocks of 2^order pages in the buddy allocator",
            ),
            None,
            |free| {
                free.free_blocks
                    .iter()
                    .map(|&blocks| blocks as f64)
                    .collect()
            },
        ),
        by_order(
            report,
            (
                "unusable_free",
                "Share of free memory that is in blocks too small for a request of this order",
            ),
            Some(ratio()),
            |free| {
                free.unusable_index
                    .iter()
                    .map(|&index| index as f64 / 1000.0)
                    .collect()
            },
        ),
        by_order(
            report,
            (
                "fragmentation_index",
                "Why a request of this order would fail: 0 lack of memory, 1 fragmentation, -1 it would not fail",
            ),
            None,
            |free| {
                free.fragmentation_index
                    .iter()
                    .map(|&index| index as f64 / 1000.0)
                    .collect()
            },
        ),
        block_states(report),
        obtainable(report),
    ];
    metrics.extend(reading(report, cost));
    metrics.retain(|metric| !metric.values.is_empty());
    metrics
}

/// A share of 1, as Prometheus names it.
fn ratio() -> Unit {
    Unit::Other("ratio".to_owned())
}

/// Whether rows of a scope are told: those of zones, or of all memory where nothing says where zones are.
fn is_told(report: &Report, scope: &Scope) -> bool {
    let has_zones = report.free.iter().any(|row| row.scope.scope == "zone");
    scope.scope == if has_zones { "zone" } else { "machine" }
}

fn labels(scope: &Scope, more: &[(&'static str, String)]) -> Labels {
    let node = scope.node.map(|node| ("node", node.to_string()));
    let zone = scope.zone.clone().map(|zone| ("zone", zone));
    let place = node.into_iter().chain(zone);
    place.chain(more.iter().cloned()).collect()
}

fn class_bytes(survey: &Survey, report: &Report) -> Metric {
    let mut values = Vec::new();
    for row in report.free.iter().filter(|row| is_told(report, &row.scope)) {
        let is_meant = |zone: &crate::kernel::Zone| {
            Some(zone.node) == row.scope.node && Some(&zone.name) == row.scope.zone.as_ref()
        };
        let number = match row.scope.zone {
            Some(_) => survey.map.zones().iter().position(is_meant),
            // Nothing says where zones are: all memory is one.
            None => Some(0),
        };
        let number = number.expect("rows are of zones of the map");
        let classes = survey.zones[number].classes(survey.ksm);
        for class in Class::in_legend_order() {
            if class != Class::Hole {
                let labels = labels(&row.scope, &[("class", class.name().to_owned())]);
                values.push((labels, (classes.of(class) * report.page_size) as f64));
            }
        }
    }
    Metric {
        name: "class",
        help: "Memory by what its pages are",
        unit: Some(Unit::Bytes),
        values,
    }
}

/// A metric with a value for each order.
fn by_order(
    report: &Report,
    (name, help): (&'static str, &'static str),
    unit: Option<Unit>,
    values_of: impl Fn(&FreeMemory) -> Vec<f64>,
) -> Metric {
    let mut values = Vec::new();
    for row in report.free.iter().filter(|row| is_told(report, &row.scope)) {
        for (order, value) in values_of(row).into_iter().enumerate() {
            values.push((labels(&row.scope, &[("order", order.to_string())]), value));
        }
    }
    Metric {
        name,
        help,
        unit,
        values,
    }
}

/// A metric with values of each size of blocks, by a word.
fn of_sizes(
    report: &Report,
    (name, help): (&'static str, &'static str),
    label: &'static str,
    counts: impl Fn(&Contiguity) -> Vec<(&'static str, u64)>,
) -> Metric {
    let mut values = Vec::new();
    for row in report
        .contiguity
        .iter()
        .filter(|row| is_told(report, &row.scope))
    {
        for (word, blocks) in counts(row) {
            let more = [
                ("size_bytes", row.size.to_string()),
                (label, word.to_owned()),
            ];
            values.push((labels(&row.scope, &more), blocks as f64));
        }
    }
    Metric {
        name,
        help,
        unit: None,
        values,
    }
}

fn block_states(report: &Report) -> Metric {
    let told = (
        "blocks",
        "Aligned blocks by what is in them: free, one huge page, all movable, a little or much that cannot be moved, unmarked, cut",
    );
    of_sizes(report, told, "state", |row| {
        vec![
            ("free", row.free),
            ("huge", row.huge),
            ("compactable", row.compactable),
            ("polluted", row.polluted),
            ("solid", row.solid),
            ("unmarked", row.unmarked),
            ("partial", row.partial),
        ]
    })
}

fn obtainable(report: &Report) -> Metric {
    let told = (
        "obtainable_blocks",
        "Aligned blocks that are free now, that could be free after compaction, and after compaction and reclaim",
    );
    of_sizes(report, told, "after", |row| {
        vec![
            ("nothing", row.free),
            ("compaction", row.after_compaction),
            ("reclaim", row.after_reclaim),
        ]
    })
}

/// What was read, when, and what it cost.
fn reading(report: &Report, cost: ScanCost) -> Vec<Metric> {
    let one = |name, help, unit, value: Option<f64>| Metric {
        name,
        help,
        unit,
        values: value.map(|value| (Vec::new(), value)).into_iter().collect(),
    };
    let quality = &report.quality;
    let changed = match (quality.drift_changed, quality.drift_sampled) {
        (Some(changed), Some(sampled)) if sampled > 0 => Some(changed as f64 / sampled as f64),
        _ => None,
    };
    let began: Option<Timestamp> = report.start.parse().ok();
    let began = began.map(|time| time.as_microsecond() as f64 / 1e6);
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    vec![
        Metric {
            name: "build_info",
            help: "The program that counted",
            unit: None,
            values: vec![(version, 1.0)],
        },
        one(
            "scan_timestamp",
            "When reading began, since 1970",
            Some(Unit::Seconds),
            began,
        ),
        one(
            "scan_duration",
            "Time from the first page to the last",
            Some(Unit::Seconds),
            quality.seconds,
        ),
        one(
            "scan_changed",
            "Share of a sample of pages that changed class while memory was read",
            Some(ratio()),
            changed,
        ),
        one(
            "scan_cpu",
            "CPU time that counting took",
            Some(Unit::Seconds),
            Some(cost.cpu.as_secs_f64()),
        ),
        one(
            "scan_memory",
            "The most memory that counting took",
            Some(Unit::Bytes),
            (cost.memory > 0).then_some(cost.memory as f64),
        ),
    ]
}
