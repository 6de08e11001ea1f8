//! A picture of memory, from a source to a PNG: scan, layout, palette, legend.
//!
//! `cargo run --example draw -- memory.png` draws the captured machine that is shipped beside this file;
//! `cargo run --example draw -- memory.png /` the running one, as root.

use std::path::Path;

use pagemap_viz::error::Result;
use pagemap_viz::facts::Facts;
use pagemap_viz::layout::{CellOrder, Layout, Reducer};
use pagemap_viz::output::{Format, Target, write_picture};
use pagemap_viz::render::{LegendPlace, Palette, Style, Subject, picture};
use pagemap_viz::scan::{Known, Lens, Nobody, View, scan};
use pagemap_viz::source::{Overrides, Source, System};

fn main() -> Result<()> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fragmented").to_owned();
    let target = std::env::args().nth(1).unwrap_or("memory.png".to_owned());
    let root = std::env::args().nth(2).unwrap_or(shipped);
    let system = System::open(Path::new(&root), Overrides::default())?;
    let machine = system.machine();

    // At most 1,024 rows: several pages a pixel where there are more.
    let (end, ram) = (machine.end(), machine.ram.as_ref());
    let layout = Layout::fit(end, ram, 1024, Reducer::Proportional, CellOrder::Rows);
    let known = Known::default();
    let scan = scan(
        &system,
        View::alone(Lens::Class, layout, &known),
        2,
        &Nobody,
    )?;

    let subject = Subject::new(
        &system,
        &scan,
        (Lens::Class, layout),
        "proportional".to_owned(),
    );
    let counts = scan.classes.clone();
    let style = Style {
        palette: Palette::shipped("light").expect("a shipped palette"),
        legend: LegendPlace::Right,
        columns: 1,
    };
    let mut picture = picture(scan, &subject, &style, None)?;
    let facts = Facts::new(&picture, &subject, &counts, &style.palette);

    // It appears when it is whole.
    let mut file = Target::new(Path::new(&target)).begin()?;
    write_picture(
        &mut picture,
        &facts,
        &subject.title(),
        Format::Png,
        &Nobody,
        &mut file,
    )?;
    file.finish()?;
    println!("{target}: {} pixels high", picture.height);
    Ok(())
}
