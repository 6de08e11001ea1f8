//! Pictures of captured systems: equal to the golden ones, the same for every number of threads, and
//! traceable from any pixel back to its page.
//!
//! `PAGEMAP_VIZ_BLESS=1 cargo test --test pictures` makes the golden pictures anew. A failure leaves
//! expected, difference and actual side by side in `tests/failed`.

mod common;

use std::fs;

use common::{SYSTEMS, assert_golden, decode, draw, words};

/// Compares a drawn system with the golden picture of that name.
fn golden(name: &str, system: &str, options: &[&str]) {
    assert_golden(name, &draw(system, options));
}

#[test]
fn fragmented_memory_with_the_legend_below() {
    golden("fragmented", "fragmented", &[]);
}

#[test]
fn a_hole_is_cut_out_and_labelled() {
    golden("numa", "numa-6.1", &[]);
}

#[test]
fn a_hole_is_cut_out_beside_axis_and_legend() {
    golden(
        "numa-right-light",
        "numa-6.1",
        &["--legend", "right", "--palette", "light"],
    );
}

#[test]
fn sets_of_flags_as_in_the_article() {
    golden(
        "zoo-flags-article",
        "zoo-6.1",
        &["--by", "flags", "--legend", "right", "--palette", "article"],
    );
}

#[test]
fn several_pages_a_pixel_in_proportion() {
    golden("host-proportional", "host-6.18", &["--max-rows", "400"]);
}

#[test]
fn one_poisoned_page_would_be_enough() {
    golden(
        "zoo-any-ksm",
        "zoo-6.1",
        &[
            "--pages-per-pixel",
            "4",
            "--reducer",
            "any=ksm",
            "--palette",
            "mono",
        ],
    );
}

#[test]
fn the_bare_map_of_a_machine_that_says_little() {
    golden(
        "light-bare",
        "light-6.1",
        &[
            "--legend",
            "none",
            "--pages-per-pixel",
            "2",
            "--reducer",
            "dominant",
        ],
    );
}

#[test]
fn threads_leave_no_trace() {
    let options: [&[&str]; 5] = [
        &[],
        &["--by", "flags"],
        &["--by", "flags", "--noise", "", "--pages-per-pixel", "1"],
        &["--legend", "right", "--max-rows", "100"],
        &["--pages-per-pixel", "1", "--legend", "none"],
    ];
    for (name, _) in SYSTEMS {
        for options in options {
            let [one, seven] =
                ["1", "7"].map(|n| draw(name, &[options, &["--threads", n]].concat()));
            assert!(one == seven, "{name} {options:?}");
        }
    }
}

/// The page behind a pixel, by what the picture says of itself.
fn page_of(facts: &serde_json::Value, x: u64, y: u64) -> Option<u64> {
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    let picture = &facts["picture"];
    let rows = picture["rows"].as_array().expect("rows");
    let row = rows
        .iter()
        .find(|row| (number(&row["y"])..number(&row["y"]) + number(&row["height"])).contains(&y))?;
    let x = x
        .checked_sub(number(&picture["map_x"]))
        .filter(|&x| x < number(&picture["map_width"]))?;
    let cell = (y - number(&row["y"])) * number(&picture["map_width"]) + x;
    row["drawn"]
        .as_bool()?
        .then(|| number(&row["first_pfn"]) + cell * number(&facts["pages_per_pixel"]))
}

/// What the picture's own facts call an index.
fn name_of(facts: &serde_json::Value, index: u8) -> Option<String> {
    let legend = facts["picture"]["legend"].as_array().expect("a legend");
    let has = |entry: &&serde_json::Value| {
        entry["index"]
            .as_array()
            .is_some_and(|all| all.contains(&index.into()))
    };
    legend
        .iter()
        .find(has)
        .map(|entry| entry["name"].as_str().expect("a name").to_owned())
}

#[test]
fn any_pixel_is_traced_back_to_its_page() {
    let words = words("numa-6.1");
    for options in [
        &["--legend", "below"][..],
        &["--legend", "right"],
        &["--legend", "none"],
    ] {
        let picture = decode(&draw("numa-6.1", options));
        let mut traced = 0;
        for (at, &index) in picture.indices.iter().enumerate() {
            let Some(pfn) = page_of(
                &picture.facts,
                (at % picture.width) as u64,
                (at / picture.width) as u64,
            ) else {
                continue;
            };
            let Some(&word) = words.get(pfn as usize) else {
                continue;
            };
            traced += 1;
            let name = name_of(&picture.facts, index).expect("an index of the legend");
            assert_eq!(name == "free", word >> 10 & 1 == 1, "page {pfn} is {name}");
            assert_eq!(name == "slab", word >> 7 & 1 == 1, "page {pfn} is {name}");
        }
        assert_eq!(traced, 2 << 18, "two GiB are drawn, {options:?}");
    }
}

#[test]
fn pixels_of_one_page_each_are_as_many_as_the_legend_says() {
    for (name, _) in SYSTEMS.iter().filter(|(name, _)| *name != "host-6.18") {
        let picture = decode(&draw(name, &["--legend", "none", "--pages-per-pixel", "1"]));
        let mut pixels = [0u64; 256];
        picture
            .indices
            .iter()
            .for_each(|&index| pixels[usize::from(index)] += 1);
        for entry in picture.facts["picture"]["legend"]
            .as_array()
            .expect("a legend")
        {
            let indices = entry["index"].as_array().expect("indices");
            let drawn: u64 = indices
                .iter()
                .map(|index| pixels[index.as_u64().expect("an index") as usize])
                .sum();
            // Rows of hole are cut out, so holes are not counted by pixels.
            if entry["name"] != "hole" {
                assert_eq!(
                    drawn,
                    entry["pages"].as_u64().expect("pages"),
                    "{name} {}",
                    entry["name"]
                );
            }
        }
    }
}

#[test]
fn a_picture_says_what_it_is_and_can_keep_the_host_to_itself() {
    let directory = common::scratch();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("proc/sys/kernel")).expect("a directory");
    fs::write(root.join("proc/sys/kernel/hostname"), "secret-host\n").expect("a file");
    fs::write(root.join("proc/kpageflags"), vec![0; 8 * 1024]).expect("a file");
    let root = root.to_str().expect("a UTF-8 path");
    let open = decode(&common::succeed(["snapshot", "--sysroot", root, "-"]));
    assert_eq!(open.facts["host"], "secret-host");
    let title = open.texts.iter().find(|(keyword, _)| keyword == "Title");
    assert_eq!(title.expect("a title").1, "Physical memory of secret-host");
    let redacted = common::succeed(["snapshot", "--redact", "--sysroot", root, "-"]);
    assert!(!redacted.windows(11).any(|bytes| bytes == b"secret-host"));
    assert_eq!(
        decode(&redacted).facts["classes"]["unmarked"]["pages"],
        1024
    );
    assert_ne!(
        decode(&redacted).indices,
        open.indices,
        "the caption names the host"
    );
}

#[test]
fn other_formats_show_the_same_pixels() {
    let directory = common::scratch();
    let expected = decode(&draw("boot-6.1", &[])).rgb();
    for extension in ["webp", "gif", "bmp", "tiff", "png"] {
        let path = directory.path().join("picture").with_extension(extension);
        let root = common::system("boot-6.1");
        common::succeed([
            "snapshot".as_ref(),
            "--sysroot".as_ref(),
            root.as_os_str(),
            path.as_os_str(),
        ]);
        let picture = image::open(&path).unwrap_or_else(|error| panic!("{extension}: {error}"));
        assert!(picture.into_rgb8().into_raw() == expected, "{extension}");
    }
}
