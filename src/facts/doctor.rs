//! What this system lets us read, and what that means: as lines, and as rows.

use super::{Cell, Column};

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it.
    Yes,
    /// Some of it.
    Partly,
    /// Nothing.
    No,
    /// A fact that is neither good nor bad.
    Fact,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
            Self::Fact => "-",
        }
    }
}

/// One question and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was asked.
    pub name: &'static str,
    /// How it was answered.
    pub answer: Answer,
    /// What that means.
    pub meaning: String,
    /// What can be done, where something can.
    pub advice: Option<&'static str>,
}

impl Finding {
    /// Without advice.
    pub fn new(name: &'static str, answer: Answer, meaning: impl Into<String>) -> Self {
        Self {
            name,
            answer,
            meaning: meaning.into(),
            advice: None,
        }
    }

    /// With advice.
    #[must_use]
    pub fn advised(self, advice: &'static str) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }
}

/// A line each, advice below.
pub fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let (name, answer) = (finding.name, finding.answer.word());
        text += &format!("{name:<16}{answer:<8}{}\n", finding.meaning);
        if let Some(advice) = finding.advice {
            text += &format!("{:24}→ {advice}\n", "");
        }
    }
    text
}

/// Columns for programs.
pub const FINDING_COLUMNS: [Column; 4] = [
    Column::word("question", 0),
    Column::word("answer", 0),
    Column::word("meaning", 0),
    Column::word("advice", 0),
];

/// Rows for programs.
pub fn finding_rows(findings: &[Finding]) -> Vec<Vec<Cell>> {
    let row = |finding: &Finding| {
        let advice = finding.advice.map(|advice| Cell::Text(advice.to_owned()));
        vec![
            Cell::Text(finding.name.to_owned()),
            Cell::Text(finding.answer.word().to_owned()),
            Cell::Text(finding.meaning.clone()),
            advice.unwrap_or(Cell::Empty),
        ]
    };
    findings.iter().map(row).collect()
}
