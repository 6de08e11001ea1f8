//! Charts as SVG: numbers over lengths, orders and time. Their colours are names for the page's style to replace, and
//! those of a light page where nobody does.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::render::size;
use crate::report::{FreeMemory, Moment, Step};

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What its file is called, after the report's own name.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) title: String,
    /// The drawing.
    pub(super) svg: String,
}

const WIDTH: u32 = 720;
const HEIGHT: u32 = 260;

/// Text and axes; `report.css` names it.
const INK: RGBColor = RGBColor(0x33, 0x38, 0x40);
/// Lines behind the drawing.
const GRID: RGBColor = RGBColor(0xdd, 0xe1, 0xe6);
/// What the chart is about.
const FIRST: RGBColor = RGBColor(0x3c, 0x6f, 0xb3);
/// What is beside it.
const SECOND: RGBColor = RGBColor(0xb8, 0x5c, 0x00);
/// A third.
const THIRD: RGBColor = RGBColor(0xba, 0x35, 0x85);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn chart(
    name: &'static str,
    title: impl Into<String>,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Chart {
    let title = title.into();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        draw(&area).expect("memory takes a drawing");
        area.present().expect("memory takes a drawing");
    }
    let sized = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" ");
    let label = title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    let svg = svg.replacen(
        &sized,
        &format!("<svg role=\"img\" aria-label=\"{label}\" "),
        1,
    );
    Chart { name, title, svg }
}

fn text() -> TextStyle<'static> {
    ("sans-serif", 13).into_font().color(&INK)
}

/// A number on an axis: 1, 20, 3k, 4M.
fn short(number: f64) -> String {
    match number {
        n if n >= 10_000_000.0 => format!("{:.0}M", n / 1e6),
        n if n >= 1_000_000.0 => format!("{:.1}M", n / 1e6),
        n if n >= 10_000.0 => format!("{:.0}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// The next number above that is round.
fn ceiling(most: f64) -> f64 {
    let most = most.max(1.0);
    let power = 10f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fits = steps.into_iter().find(|step| step * power >= most * 1.02);
    fits.unwrap_or(10.0) * power
}

/// Bars with a name below each, and how high they are.
fn bars(
    area: &Area<'_>,
    bars: &[(String, f64)],
    unit: &str,
    colour: RGBColor,
    over: Option<&[f64]>,
) -> Drawn {
    let most = bars.iter().map(|&(_, value)| value).fold(0.0, f64::max);
    let count = bars.len().max(1);
    let mut drawn = ChartBuilder::on(area)
        .margin(8)
        .margin_right(if over.is_some() { 4 } else { 16 })
        .x_label_area_size(28)
        .y_label_area_size(52)
        .right_y_label_area_size(if over.is_some() { 44 } else { 0 })
        .build_cartesian_2d(-0.5..count as f64 - 0.5, 0.0..ceiling(most))?
        .set_secondary_coord(-0.5..count as f64 - 0.5, 0.0..1000.0);
    drawn
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(0)
        .y_labels(5)
        .y_label_formatter(&|value| short(*value))
        .y_desc(unit)
        .axis_desc_style(text())
        .label_style(text())
        .draw()?;
    let bar = |(at, (_, value)): (usize, &(String, f64))| {
        let at = at as f64;
        Rectangle::new([(at - 0.38, 0.0), (at + 0.38, *value)], colour.filled())
    };
    drawn.draw_series(bars.iter().enumerate().map(bar))?;
    if let Some(line) = over {
        drawn
            .configure_secondary_axes()
            .axis_style(SECOND)
            .y_labels(5)
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style(("sans-serif", 13).into_font().color(&SECOND))
            .draw()?;
        let points: Vec<(f64, f64)> = line
            .iter()
            .enumerate()
            .map(|(at, &y)| (at as f64, y))
            .collect();
        drawn.draw_secondary_series(LineSeries::new(points.clone(), SECOND.stroke_width(2)))?;
        let dot = |point: (f64, f64)| Circle::new(point, 3, SECOND.filled());
        drawn.draw_secondary_series(points.into_iter().map(dot))?;
    }
    // Names stand below the middle of their bars, which numbers on an axis would not.
    for (at, (name, _)) in bars.iter().enumerate() {
        let (x, y) = drawn.backend_coord(&(at as f64, 0.0));
        let style = text().pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Top,
        ));
        area.draw_text(name, &style, (x, y + 8))?;
    }
    Ok(())
}

/// Free memory by the size of its blocks, and how much of it cannot be used for blocks of each size.
pub(super) fn free_by_order(free: &FreeMemory, page_bytes: u64) -> Chart {
    let bar = |(order, &blocks): (usize, &u64)| {
        let mib = (blocks << order) as f64 * page_bytes as f64 / f64::from(1 << 20);
        (size(page_bytes << order).replace(' ', "\u{a0}"), mib)
    };
    let values: Vec<(String, f64)> = free.free_blocks.iter().enumerate().map(bar).collect();
    let unusable: Vec<f64> = free
        .unusable_index
        .iter()
        .map(|&index| index as f64)
        .collect();
    let title = "Free memory in MiB by the size of its blocks (bars), and the unusable index in 1/1000 (line)";
    chart("free", title, |area| {
        bars(area, &values, "MiB", FIRST, Some(&unusable))
    })
}

/// Blocks by how many of their pages cannot be moved.
pub(super) fn unmovable(steps: &[Step]) -> Chart {
    let name = |step: &Step| match (step.from, step.to) {
        (from, to) if from >= to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    };
    let values: Vec<(String, f64)> = steps
        .iter()
        .map(|step| (name(step), step.blocks as f64))
        .collect();
    chart("unmovable", "Blocks by their unmovable pages", |area| {
        bars(area, &values, "blocks", THIRD, None)
    })
}

/// The share of free memory that lies in runs of at least a length.
pub(super) fn coverage(free: &FreeMemory, page_bytes: u64) -> Chart {
    let shares: Vec<(f64, f64)> = free
        .coverage
        .iter()
        .enumerate()
        .map(|(k, &share)| (k as f64, share as f64 / 100.0))
        .collect();
    let end = shares.len().max(2) as f64 - 1.0;
    let title = "Share of free memory in runs of at least this length, per cent";
    chart("coverage", title, |area| {
        let mut drawn = ChartBuilder::on(area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(28)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..end, 0.0..100.0)?;
        drawn
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .x_labels(shares.len().min(9))
            .x_label_formatter(&|k| size(page_bytes << (k.round().max(0.0) as u32).min(43)))
            .y_labels(6)
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_desc("%")
            .axis_desc_style(text())
            .label_style(text())
            .draw()?;
        drawn.draw_series(AreaSeries::new(
            shares.iter().copied(),
            0.0,
            FIRST.mix(0.18),
        ))?;
        drawn.draw_series(LineSeries::new(
            shares.iter().copied(),
            FIRST.stroke_width(2),
        ))?;
        Ok(())
    })
}

/// PMD-sized blocks over the readings of a series.
pub(super) fn trend(moments: &[Moment], name: &str) -> Chart {
    let of = |value: fn(&Moment) -> u64| -> Vec<(f64, f64)> {
        let values = moments.iter().map(|moment| value(moment) as f64);
        values
            .enumerate()
            .map(|(at, value)| (at as f64, value))
            .collect()
    };
    let lines = [
        ("free", FIRST, of(|moment| moment.free)),
        (
            "after compaction",
            SECOND,
            of(|moment| moment.after_compaction),
        ),
        ("blocked", THIRD, of(|moment| moment.blocked_strict)),
    ];
    let values = lines
        .iter()
        .flat_map(|(.., line)| line)
        .map(|&(_, value)| value);
    let most = values.fold(0.0, f64::max);
    let end = moments.len().max(2) as f64 - 1.0;
    chart(
        "trend",
        format!("Blocks of {name} over the readings"),
        |area| {
            let mut drawn = ChartBuilder::on(area)
                .margin(8)
                .margin_right(16)
                .x_label_area_size(28)
                .y_label_area_size(52)
                .build_cartesian_2d(0.0..end, 0.0..ceiling(most))?;
            drawn
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(INK)
                .x_labels(moments.len().min(11))
                .x_label_formatter(&|at| {
                    let at = (at.round().max(0.0) as usize).min(moments.len() - 1);
                    moments[at].frame.to_string()
                })
                .y_labels(5)
                .y_label_formatter(&|value| short(*value))
                .y_desc("blocks")
                .axis_desc_style(text())
                .label_style(text())
                .draw()?;
            for (name, colour, line) in &lines {
                let series = LineSeries::new(line.iter().copied(), colour.stroke_width(2));
                let colour = *colour;
                drawn
                    .draw_series(series)?
                    .label(*name)
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
                    });
            }
            drawn
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(TRANSPARENT)
                .label_font(text())
                .draw()?;
            Ok(())
        },
    )
}

impl Chart {
    /// As a file of its own: with a background, because nobody knows what it will stand on.
    pub(super) fn file(&self) -> String {
        let end = self.svg.find('>').map_or(0, |at| at + 1);
        let (head, rest) = self.svg.split_at(end);
        format!("{head}\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#FFFFFF\"/>{rest}")
    }
}
