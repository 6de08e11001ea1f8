//! Metrics and checks, resolved.

use super::args::{CheckArgs, CheckFormatArg, MetricsArgs};
use super::source::{SourceRequest, size};
use super::workers::threads;
use crate::classify::Class;
use crate::facts::{About, Assertion, Limit, Measure, Relation};
use crate::output::Target;

/// Metrics to be written.
#[derive(Debug)]
pub struct MetricsRequest {
    /// Where to.
    pub target: Target,
    /// Where the flags come from.
    pub source: SourceRequest,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// Assertions to be checked.
#[derive(Debug)]
pub struct CheckRequest {
    /// What is asserted: of free blocks, of what could be had, of blocked ones, classes, huge pages.
    pub assertions: Vec<Assertion>,
    /// How the answer is said.
    pub format: CheckFormat,
    /// Where the flags come from.
    pub source: SourceRequest,
    /// Workers.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// How the answer to a check is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// An array.
    Json,
    /// The Test Anything Protocol.
    Tap,
    /// As a monitoring plugin.
    Nagios,
}

impl CheckRequest {
    /// Whether a process is asked.
    pub(super) fn asks_a_process(&self) -> bool {
        let is_of_process = |one: &Assertion| matches!(one.about, About::Thp(_));
        self.assertions.iter().any(is_of_process)
    }
}

/// Exit statuses of a check that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// An assertion fails.
    pub fails: i32,
    /// It could not be checked.
    pub unknown: i32,
}

impl Statuses {
    /// Monitoring plugins have their own, where 1 is a warning.
    pub fn of(format: CheckFormat) -> Self {
        match format {
            CheckFormat::Nagios => Self {
                fails: 2,
                unknown: 3,
            },
            CheckFormat::Text | CheckFormat::Json | CheckFormat::Tap => Self {
                fails: 1,
                unknown: 2,
            },
        }
    }
}

pub(super) fn metrics(args: MetricsArgs) -> Result<MetricsRequest, String> {
    Ok(MetricsRequest {
        target: args.textfile.as_deref().map_or(Target::Stdout, Target::new),
        source: SourceRequest::one(args.reading.source)?,
        threads: threads(&args.reading.work),
        quiet: args.reading.work.quiet,
    })
}

pub(super) fn check(args: CheckArgs) -> Result<CheckRequest, String> {
    let mut assertions = Vec::new();
    let block = |name: &'static str, texts: &[String], about: fn(u64) -> About| {
        let one = |text: &String| {
            let option = format!("--{name} {text}");
            let (subject, limit) = limit(text)
                .filter(|(subject, _)| !subject.is_empty())
                .ok_or_else(|| wrong(&option))?;
            let bytes = size(subject).filter(|bytes| bytes.is_power_of_two());
            let bytes = bytes
                .ok_or_else(|| format!("{option}: {subject} is no size that is a power of two"))?;
            Ok::<_, String>(Assertion {
                typed: text.clone(),
                about: about(bytes),
                limit,
            })
        };
        texts.iter().map(one).collect::<Result<Vec<_>, String>>()
    };
    assertions.extend(block("free-blocks", &args.free_blocks, About::FreeBlocks)?);
    assertions.extend(block("contiguous", &args.contiguous, About::Contiguous)?);
    assertions.extend(block("blocked", &args.blocked, About::Blocked)?);
    for text in &args.class {
        let option = format!("--class {text}");
        let (name, limit) = limit(text).ok_or_else(|| wrong(&option))?;
        let class = Class::named(name).filter(|&class| class != Class::Hole);
        let class = class.ok_or_else(|| {
            format!(
                "{option}: {name} is no class of memory (one of {})",
                class_names()
            )
        })?;
        assertions.push(Assertion {
            typed: text.clone(),
            about: About::Class(class),
            limit,
        });
    }
    for text in &args.thp {
        let option = format!("--thp {text}");
        let (_, limit) = limit(text)
            .filter(|(name, _)| name.is_empty())
            .ok_or_else(|| wrong(&option))?;
        let limit = match limit.measure {
            // A plain number is one of bytes.
            Measure::Count => Limit {
                measure: Measure::Bytes,
                ..limit
            },
            _ => limit,
        };
        assertions.push(Assertion {
            typed: text.clone(),
            about: About::Thp(args.pid.unwrap_or_default()),
            limit,
        });
    }
    if assertions.is_empty() {
        return Err(
            "nothing is asserted: name --free-blocks, --contiguous, --blocked, --class or --thp"
                .to_owned(),
        );
    }
    Ok(CheckRequest {
        assertions,
        format: match args.format {
            CheckFormatArg::Text => CheckFormat::Text,
            CheckFormatArg::Json => CheckFormat::Json,
            CheckFormatArg::Tap => CheckFormat::Tap,
            CheckFormatArg::Nagios => CheckFormat::Nagios,
        },
        source: SourceRequest::one(args.reading.source)?,
        threads: threads(&args.reading.work),
        quiet: args.reading.work.quiet,
    })
}

fn wrong(option: &str) -> String {
    format!("{option} is no limit (2M>=100, hwpoison=0, free>=5%, slab<=2GiB)")
}

fn class_names() -> String {
    let classes = Class::in_legend_order().into_iter();
    let names = classes
        .filter(|&class| class != Class::Hole)
        .map(Class::name);
    names.collect::<Vec<_>>().join(", ")
}

/// What stands before the relation, and the limit.
fn limit(text: &str) -> Option<(&str, Limit)> {
    const RELATIONS: [(&str, Relation); 5] = [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        (">", Relation::Above),
        ("<", Relation::Below),
        ("=", Relation::Exactly),
    ];
    let at = text.find(['<', '>', '='])?;
    let (name, rest) = text.split_at(at);
    let (sign, relation) = RELATIONS.iter().find(|(sign, _)| rest.starts_with(sign))?;
    let number = rest[sign.len()..].trim();
    let (number, measure) = match number.strip_suffix('%') {
        Some(share) => {
            let share: f64 = share.trim().parse().ok().filter(|share| *share <= 100.0)?;
            (share, Measure::PerCent)
        }
        None => match number.parse::<u64>() {
            Ok(count) => (count as f64, Measure::Count),
            Err(_) => (size(number)? as f64, Measure::Bytes),
        },
    };
    let is_number = f64::is_finite(number) && number >= 0.0;
    is_number.then_some((
        name.trim(),
        Limit {
            relation: *relation,
            number,
            measure,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let read = |text| limit(text).map(|(name, limit)| (name.to_owned(), limit.to_string()));
        let some = |name: &str, limit: &str| Some((name.to_owned(), limit.to_owned()));
        assert_eq!(read("2M>=100"), some("2M", "at least 100"));
        assert_eq!(read("slab <= 2GiB"), some("slab", "at most 2 GiB"));
        assert_eq!(read(">90.5%"), some("", "more than 90.5 %"));
        assert_eq!(read("hwpoison=0"), some("hwpoison", "exactly 0"));
        for wrong in [
            "2M", "2M=>1", "a<", "a<=-1", "a<=x", "a>=NaN%", "a>=inf%", "a>=101%",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
