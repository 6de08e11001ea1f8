//! Assertions about memory: what was found, what was wanted, and whether it holds.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use crate::classify::Class;
use crate::render::{grouped, size};
use crate::report::{Contiguity, Report};

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At least.
    AtLeast,
    /// More than.
    Above,
    /// At most.
    AtMost,
    /// Less than.
    Below,
    /// Exactly.
    Exactly,
}

/// What a number is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Blocks or pages.
    Count,
    /// Bytes.
    Bytes,
    /// Per cent of the whole.
    PerCent,
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// How it is compared.
    pub relation: Relation,
    /// With what.
    pub number: f64,
    /// In what.
    pub measure: Measure,
}

/// What is asserted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Aligned blocks of so many bytes that are free.
    FreeBlocks(u64),
    /// That are free or that compaction could make.
    Contiguous(u64),
    /// That something stands in that cannot be moved.
    Blocked(u64),
    /// Pages of a class.
    Class(Class),
    /// Anonymous memory of a process in huge pages.
    Thp(u32),
}

/// An assertion.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// As it was typed.
    pub typed: String,
    /// Of what.
    pub about: About,
    /// What it shall be.
    pub limit: Limit,
}

/// What an assertion came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The assertion as it was typed.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// What was found.
    pub found: f64,
    /// In what: `blocks`, `pages`, `bytes` or `per cent`.
    pub unit: &'static str,
    /// Whether it holds.
    pub ok: bool,
    #[serde(skip)]
    said: String,
}

/// Anonymous memory of a process, and how much of it by a PMD each, in bytes.
pub type Anonymous = (u64, u64);

impl Relation {
    fn holds(self, found: f64, number: f64) -> bool {
        match self {
            Self::AtLeast => found >= number,
            Self::Above => found > number,
            Self::AtMost => found <= number,
            Self::Below => found < number,
            Self::Exactly => found == number,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.relation {
            Relation::AtLeast => "at least",
            Relation::Above => "more than",
            Relation::AtMost => "at most",
            Relation::Below => "less than",
            Relation::Exactly => "exactly",
        };
        match self.measure {
            Measure::Count => write!(f, "{words} {}", grouped(self.number as u64)),
            Measure::Bytes => write!(f, "{words} {}", size(self.number as u64)),
            Measure::PerCent => write!(f, "{words} {} %", self.number),
        }
    }
}

/// What is asserted of, as a part of something.
struct Part {
    subject: String,
    part: u64,
    whole: u64,
    /// Of one.
    bytes: u64,
    what: &'static str,
}

impl About {
    fn part(self, report: Option<&Report>, anonymous: Option<Anonymous>) -> Part {
        let report = || report.expect("memory was surveyed");
        let blocks = |bytes: u64, what: &str, count: fn(&Contiguity) -> u64| {
            let rows = report().machine_rows();
            let row = rows.into_iter().find(|row| row.size == bytes);
            Part {
                subject: what.replace("SIZE", &size(bytes)),
                part: row.map_or(0, count),
                whole: row.map_or(0, |row| row.blocks),
                bytes,
                what: "blocks",
            }
        };
        match self {
            Self::FreeBlocks(bytes) => blocks(bytes, "free blocks of SIZE", |row| row.free),
            Self::Contiguous(bytes) => {
                let what = "blocks of SIZE, free or after compaction";
                blocks(bytes, what, |row| row.after_compaction)
            }
            Self::Blocked(bytes) => {
                blocks(bytes, "blocked blocks of SIZE", |row| row.blocked_strict)
            }
            Self::Class(class) => {
                let of = |class: Class| report().classes.get(class.name()).copied().unwrap_or(0);
                let all: u64 = report().classes.values().sum();
                Part {
                    subject: format!("memory of class {}", class.name()),
                    part: of(class),
                    whole: all - of(Class::Hole),
                    bytes: report().page_size,
                    what: "pages",
                }
            }
            Self::Thp(pid) => {
                let (all, huge) = anonymous.unwrap_or((0, 0));
                Part {
                    subject: format!("anonymous memory of process {pid} in huge pages"),
                    part: huge,
                    whole: all,
                    bytes: 1,
                    what: "bytes",
                }
            }
        }
    }
}

impl Assertion {
    /// What it comes to.
    ///
    /// # Panics
    /// When it is of memory and there is no report.
    pub fn verdict(&self, report: Option<&Report>, anonymous: Option<Anonymous>) -> Verdict {
        let Part {
            subject,
            part,
            whole,
            bytes,
            what,
        } = self.about.part(report, anonymous);
        let (found, unit) = match self.limit.measure {
            Measure::Count => (part as f64, what),
            Measure::Bytes => ((part * bytes) as f64, "bytes"),
            Measure::PerCent => (100.0 * part as f64 / whole.max(1) as f64, "per cent"),
        };
        // Of nothing there is no share, and of a size that memory has no block of nothing can be said.
        let is_of_nothing = whole == 0 && what != "bytes";
        let ok = !is_of_nothing && self.limit.relation.holds(found, self.limit.number);
        let said = match is_of_nothing {
            true => format!("{subject}: memory has none at all"),
            false => format!(
                "{subject}: {}, wanted {}",
                self.limit.said(found),
                self.limit
            ),
        };
        Verdict {
            check: self.typed.clone(),
            subject,
            found,
            unit,
            ok,
            said,
        }
    }
}

impl Limit {
    /// What was found, in so many digits that it is seen on which side of the limit it lies.
    fn said(&self, found: f64) -> String {
        let short = match self.measure {
            Measure::Count => grouped(found as u64),
            Measure::Bytes => size(found as u64),
            Measure::PerCent => format!("{found:.1} %"),
        };
        let is_same = |text: &str| self.to_string().ends_with(&format!(" {text}"));
        if found == self.number || !is_same(&short.replace(".0 %", " %")) {
            return short;
        }
        match self.measure {
            Measure::Bytes => format!("{} bytes", grouped(found as u64)),
            _ => format!("{found:.6} %"),
        }
    }
}

/// A line each, for people.
pub fn checks_text(verdicts: &[Verdict]) -> String {
    let line = |verdict: &Verdict| {
        let word = if verdict.ok { "ok    " } else { "failed" };
        format!("{word}  {}\n", verdict.said)
    };
    verdicts.iter().map(line).collect()
}

/// An array of objects.
pub fn checks_json(verdicts: &[Verdict]) -> String {
    let text = serde_json::to_string_pretty(&json!(verdicts));
    text.expect("numbers and texts always serialise") + "\n"
}

/// The Test Anything Protocol.
pub fn checks_tap(verdicts: &[Verdict]) -> String {
    let line = |(number, verdict): (usize, &Verdict)| {
        let word = if verdict.ok { "ok" } else { "not ok" };
        // A # would begin a directive.
        let said = verdict.said.replace('#', "\\#");
        format!("{word} {} - {said}\n", number + 1)
    };
    let lines: String = verdicts.iter().enumerate().map(line).collect();
    format!("1..{}\n{lines}", verdicts.len())
}

/// A monitoring plugin's line, with what was found behind the bar, and a line each below.
pub fn checks_nagios(verdicts: &[Verdict]) -> String {
    let failed: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.ok).collect();
    let status = match failed.as_slice() {
        [] => format!("OK - {} hold", checks(verdicts.len())),
        failed => {
            let said: Vec<&str> = failed.iter().map(|verdict| verdict.said.as_str()).collect();
            format!("CRITICAL - {}", said.join("; "))
        }
    };
    let data = verdicts.iter().map(|verdict| {
        let unit = match verdict.unit {
            "bytes" => "B",
            "per cent" => "%",
            _ => "",
        };
        // Quotes would end the label.
        format!(
            "'{}'={}{unit}",
            verdict.subject.replace(['\'', '='], " "),
            verdict.found
        )
    });
    let data: Vec<String> = data.collect();
    format!(
        "PAGEMAP {status} | {}\n{}",
        data.join(" "),
        checks_text(verdicts)
    )
}

fn checks(number: usize) -> String {
    match number {
        1 => "1 check".to_owned(),
        number => format!("{number} checks"),
    }
}
