//! `pagemap-viz palette`: list, show and check.

use std::path::Path;

use crate::cli::{PaletteRequest, open_palette, read_palette};
use crate::error::{Error, Result};
use crate::output::print;
use crate::render::{Finding, Palette, SHIPPED, check};

/// Answers a question about palettes.
pub(super) fn answer(request: &PaletteRequest) -> Result<()> {
    match request {
        PaletteRequest::List => list(),
        PaletteRequest::Show(name) => show(name),
        PaletteRequest::Check(palette) => measure(palette),
    }
}

fn list() -> Result<()> {
    let line = |palette: Palette| format!("{:<10} {}\n", palette.name, palette.summary);
    print(
        &SHIPPED
            .iter()
            .filter_map(|(name, _)| Palette::shipped(name))
            .map(line)
            .collect::<String>(),
    )
}

fn show(name: &str) -> Result<()> {
    match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        Some((_, text)) => print(text),
        // The same sentence as for a picture that asks for it.
        None => read_palette(Path::new(name)).and_then(|(text, _)| print(&text)),
    }
}

fn measure(path: &Path) -> Result<()> {
    let palette = open_palette(path)?;
    let check = check(&palette);
    let claim = if palette.safe {
        "claims to be safe for colour-blind readers"
    } else {
        "claims nothing for colour-blind readers"
    };
    let lines: String = check.findings.iter().map(line).collect();
    print(&format!("{}: {claim}\n{lines}", palette.name))?;
    match check.failures().count() {
        0 => Ok(()),
        failures => Err(Error::PaletteCheck {
            name: path.display().to_string(),
            failures,
        }),
    }
}

fn line(finding: &Finding) -> String {
    let floor = match finding.floor {
        Some(floor) if finding.fails() => format!("below {floor}"),
        Some(floor) => format!("at least {floor}"),
        None => String::new(),
    };
    let text = format!(
        "{:<10} {:>6.2}  {:<14} {}",
        finding.what, finding.value, floor, finding.worst
    );
    text.trim_end().to_owned() + "\n"
}
