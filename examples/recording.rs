//! What a recording holds over time: free memory and free huge pages, frame by frame.
//!
//! `cargo run --example recording` reads the recording that is shipped beside this file; another is named after `--`.

use std::path::Path;

use pagemap_viz::classify::Class;
use pagemap_viz::error::Result;
use pagemap_viz::render::size;
use pagemap_viz::scan::Nobody;
use pagemap_viz::source::{Recording, Source};
use pagemap_viz::survey::{State, survey};

fn main() -> Result<()> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fragmented.pmv").to_owned();
    let path = std::env::args().nth(1).unwrap_or(shipped);
    let recording = Recording::open(Path::new(&path))?;
    println!("frame  time                            free  free huge pages");
    for number in 0..recording.frames() {
        let frame = recording.frame(Some(number as u64))?;
        let survey = survey(&frame, &[], None, 2, &Nobody)?;
        let free = survey.classes.of(Class::Free) * frame.machine().page_size.bytes();
        let blocks = survey
            .zones
            .iter()
            .map(|zone| zone.blocks[survey.pmd].of(State::Free));
        let (time, free, blocks) = (frame.time(), size(free), blocks.sum::<u64>());
        println!("{number:>5}  {time:<30}  {free:>8}  {blocks:>7}");
    }
    Ok(())
}
