//! How much memory there is of each class: one parallel pass over a system, counted.
//!
//! `cargo run --example scan` reads the captured machine that is shipped beside this file;
//! `cargo run --example scan -- /` the running one, as root.

use std::path::Path;

use pagemap_viz::classify::Class;
use pagemap_viz::error::Result;
use pagemap_viz::layout::{CellOrder, Layout, Reducer};
use pagemap_viz::render::{share, size};
use pagemap_viz::scan::{Known, Lens, Nobody, View, scan};
use pagemap_viz::source::{Overrides, Source, System};

fn main() -> Result<()> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fragmented").to_owned();
    let root = std::env::args().nth(1).unwrap_or(shipped);
    let system = System::open(Path::new(&root), Overrides::default())?;
    let machine = system.machine();
    // Where cells go does not matter to who only counts.
    let (end, ram) = (machine.end(), machine.ram.as_ref());
    let layout = Layout::fit(end, ram, 2048, Reducer::Proportional, CellOrder::Rows);
    let known = Known::default();
    let view = View::alone(Lens::Class, layout, &known);
    let scan = scan(&system, view, 2, &Nobody)?;

    let all = scan.classes.total() - scan.classes.of(Class::Hole);
    let page_bytes = machine.page_size.bytes();
    for class in Class::in_legend_order() {
        let pages = scan.classes.of(class);
        if pages > 0 && class != Class::Hole {
            let (name, size) = (class.name(), size(pages * page_bytes));
            println!("{name:<14} {size:>10}  {:>7}", share(pages, all));
        }
    }
    Ok(())
}
