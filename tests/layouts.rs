//! Rows, columns and tiles: every pixel is traced back to its page, and every lens looks as it should in every
//! layout.
//!
//! `PAGEMAP_VIZ_BLESS=1 cargo test --test layouts` makes the golden pictures anew.

mod common;

use std::fs;

use common::{
    assert_golden, assert_refused, bytes, decode, draw, recording_of, run, scratch, succeed, text,
    words,
};
use pagemap_viz::layout::place_in_tile;
use serde_json::Value;

const LAYOUTS: [(&str, &[&str]); 4] = [
    ("rows", &[]),
    ("columns", &["--columns", "3"]),
    ("hilbert", &["--layout", "hilbert"]),
    (
        "tiles",
        &["--layout", "hilbert", "--columns", "2", "--legend", "right"],
    ),
];

const LENSES: [&str; 8] = [
    "class",
    "flags",
    "node",
    "zone",
    "sharing",
    "cgroup",
    "folio-order",
    "free-order",
];

#[test]
fn every_lens_looks_as_it_should_in_every_layout() {
    for lens in LENSES {
        for (name, layout) in &LAYOUTS[..3] {
            let options = [&["--by", lens], *layout].concat();
            assert_golden(&format!("zoo-{lens}-{name}"), &draw("zoo-6.1", &options));
        }
    }
    assert_golden("numa-tiles", &draw("numa-6.1", LAYOUTS[3].1));
    let beside = ["--columns", "2", "--legend", "right", "--palette", "light"];
    assert_golden("numa-columns", &draw("numa-6.1", &beside));
}

#[test]
fn age_looks_as_it_should_in_every_layout() {
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "thp-6.1", "boot-6.1"], directory.path());
    for (name, layout) in &LAYOUTS[..3] {
        let series = directory.path().join(name);
        let fixed = [
            "timelapse",
            text(&series),
            "--from",
            text(&recording),
            "--by",
            "age",
        ];
        succeed(fixed.iter().chain(*layout));
        for (number, shown) in ["first", "second", "third"].iter().enumerate() {
            let picture = fs::read(series.join(format!("000{number}.png"))).expect("a picture");
            let facts = decode(&picture).facts;
            assert_eq!(facts["lens"], "age");
            let legend = facts["picture"]["legend"].as_array().expect("a legend");
            let latest = legend
                .iter()
                .find(|entry| entry["name"] == "since the picture before");
            let pages = latest.map_or(0, |entry| entry["pages"].as_u64().expect("pages"));
            assert_eq!(pages > 0, number > 0, "{shown}");
            if number == 2 {
                assert_golden(&format!("age-{name}"), &picture);
            }
        }
    }
}

/// The page behind a pixel, by what the picture says of itself.
fn page_of(facts: &Value, x: u64, y: u64) -> Option<u64> {
    let number = |value: &Value| value.as_u64().expect("a number");
    let picture = &facts["picture"];
    let width = number(&picture["map_width"]);
    let rows = picture["rows"].as_array().expect("rows");
    let row = rows.iter().find(|row| {
        let (left, top) = (number(&row["x"]), number(&row["y"]));
        (top..top + number(&row["height"])).contains(&y) && (left..left + width).contains(&x)
    })?;
    let (x, y) = (x - number(&row["x"]), y - number(&row["y"]));
    let cell = match facts["layout"].as_str().expect("a layout") {
        "rows" => y * width + x,
        _ => {
            let tile = y / width;
            let places = PLACES.get_or_init(places);
            tile * width * width + places[(y % width * width + x) as usize]
        }
    };
    let first = number(&row["first_pfn"]);
    row["drawn"]
        .as_bool()?
        .then(|| first + cell * number(&facts["pages_per_pixel"]))
}

static PLACES: std::sync::OnceLock<Vec<u64>> = std::sync::OnceLock::new();

/// For each place of a tile the cell that is drawn there.
fn places() -> Vec<u64> {
    let mut cells = vec![0; 512 * 512];
    for cell in 0..512 * 512 {
        let (x, y) = place_in_tile(cell);
        cells[y * 512 + x] = cell as u64;
    }
    cells
}

#[test]
fn any_pixel_of_any_layout_is_traced_back_to_its_page() {
    let words = words("numa-6.1");
    for (name, layout) in LAYOUTS {
        for place in ["below", "right", "none"] {
            let options = [layout, &["--legend", place]].concat();
            let options: Vec<&str> = match layout.contains(&"--legend") {
                true => layout.to_vec(),
                false => options,
            };
            let picture = decode(&draw("numa-6.1", &options));
            let legend = picture.facts["picture"]["legend"]
                .as_array()
                .expect("a legend");
            let named = |wanted: &str| {
                let entry = legend.iter().find(|entry| entry["name"] == wanted);
                entry.expect("it")["index"].clone()
            };
            let [free, slab] = ["free", "slab"].map(named);
            let mut traced = 0u64;
            for (at, &index) in picture.indices.iter().enumerate() {
                let (x, y) = ((at % picture.width) as u64, (at / picture.width) as u64);
                let page = page_of(&picture.facts, x, y);
                let Some(&word) = page.and_then(|page| words.get(page as usize)) else {
                    continue;
                };
                traced += 1;
                let is = |entry: &Value| entry.as_array().expect("keys").contains(&index.into());
                assert_eq!(
                    is(&free),
                    word >> 10 & 1 == 1,
                    "{name} {place}: page {page:?}"
                );
                assert_eq!(
                    is(&slab),
                    word >> 7 & 1 == 1,
                    "{name} {place}: page {page:?}"
                );
            }
            // Of tiles the holes between are drawn, too.
            assert!(traced >= 2 << 18, "{name} {place}: two GiB are drawn");
        }
    }
}

#[test]
fn layouts_leave_no_trace_of_threads() {
    for (_, layout) in LAYOUTS {
        let [one, seven] = ["1", "7"].map(|n| {
            let options = [layout, &["--threads", n, "--max-rows", "300"]].concat();
            draw("host-6.18", &options)
        });
        assert!(one == seven, "{layout:?}");
    }
}

#[test]
fn odd_machines_are_drawn_in_every_layout() {
    let directory = scratch();
    let raw = directory.path().join("raw.bin");
    for pages in [1, 511, 513, 300_000] {
        fs::write(&raw, bytes(&vec![1 << 10; pages])).expect("flags");
        for (_, layout) in LAYOUTS {
            for columns in ["1", "2", "64"] {
                let fixed = ["snapshot", "-", "--from", text(&raw)];
                let columns = ["--columns", columns];
                let layout = match layout.contains(&"--columns") {
                    true => layout,
                    false => &[layout, &columns].concat(),
                };
                let picture = decode(&succeed(fixed.iter().chain(layout)));
                assert_eq!(picture.facts["classes"]["free"]["pages"], pages);
            }
        }
    }
}

#[test]
fn what_cannot_be_laid_out_is_wrong_usage() {
    let table = [
        (
            ["--layout", "spiral"],
            "invalid value 'spiral' for '--layout <LAYOUT>' (one of rows, hilbert)",
        ),
        (["--columns", "0"], "invalid value '0' for '--columns <N>'"),
        (
            ["--columns", "65"],
            "invalid value '65' for '--columns <N>'",
        ),
    ];
    for (words, part) in table {
        assert_refused(&run(["snapshot", "-"].iter().chain(&words)), 2, part);
    }
}

#[test]
fn no_tile_is_lower_than_a_tile() {
    let options = ["--layout", "hilbert", "--max-rows", "100"];
    let facts = decode(&draw("zoo-6.1", &options)).facts;
    assert_eq!(facts["pages_per_pixel"], 1);
}
