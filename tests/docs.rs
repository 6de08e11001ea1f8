//! Documents that repeat the program say what the program says.

mod common;

use std::fs;

use common::{decode, draw, package, succeed};
use pagemap_viz::classify::Class;
use pagemap_viz::render::SHIPPED;

fn document(path: &str) -> String {
    fs::read_to_string(package(path)).expect("a document")
}

/// The contents of the code blocks of a document.
fn code_blocks(text: &str) -> Vec<&str> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a language line").1)
        .collect()
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let help = String::from_utf8(succeed(["snapshot", "--help"])).expect("UTF-8");
    let shown = format!("$ pagemap-viz snapshot --help\n{help}");
    let readme = document("README.md");
    let normal = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let blocks: Vec<String> = code_blocks(&readme).into_iter().map(normal).collect();
    assert!(
        blocks.contains(&normal(&shown).trim_end().to_owned()),
        "put this into README.md:\n{shown}"
    );
}

#[test]
fn the_readmes_picture_is_what_its_command_draws() {
    let shown = decode(&fs::read(package("docs/fragmented.png")).expect("the picture"));
    let drawn = decode(&draw("fragmented", &[]));
    assert!(
        shown.rgb() == drawn.rgb(),
        "docs/fragmented.png: draw it anew with SOURCE_DATE_EPOCH=1795231355"
    );
    assert!(document("README.md").contains("(docs/fragmented.png)"));
}

#[test]
fn every_class_is_explained() {
    let text = document("docs/page-classes.md");
    for class in Class::ALL {
        let named = format!("`{}`", class.name());
        let in_table = text
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&named));
        let explained = text
            .lines()
            .any(|line| line.starts_with("### ") && line.contains(&named));
        assert!(
            in_table && explained,
            "{named} is missing in docs/page-classes.md"
        );
    }
}

#[test]
fn every_palette_is_named_in_the_readme() {
    let readme = document("README.md");
    for (name, _) in SHIPPED {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_module_is_named_in_the_librarys_own_words() {
    let text = document("src/lib.rs");
    let modules = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in
        modules.filter(|module| !["error", "cli", "terminal", "commands"].contains(module))
    {
        assert!(text.contains(&format!("[`{module}`]")), "{module}");
    }
}

#[test]
fn ci_runs_the_readmes_test_command() {
    assert!(code_blocks(&document("README.md")).contains(&"cargo test\n"));
    assert!(document(".ci/run").contains("cargo test"));
}

#[test]
fn the_format_is_written_down_as_it_is() {
    use pagemap_viz::recording::{
        CHUNK_PAGES, FILE_HEADER, HEADER_BYTES, MAX_CHUNK_BYTES, TRAILER_BYTES,
    };
    let text = document("docs/recording-format.md");
    let magic: Vec<String> = FILE_HEADER[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let grouped = |number: usize| pagemap_viz::render::grouped(number as u64);
    for part in [
        magic.join(" "),
        format!("{HEADER_BYTES} bytes and its contents"),
        format!("{} pages of one plane", grouped(CHUNK_PAGES)),
        format!("at most {} bytes", grouped(MAX_CHUNK_BYTES)),
        format!("trailer                          {TRAILER_BYTES} bytes"),
    ] {
        assert!(text.contains(&part), "{part}");
    }
}

/// Names of numbers anywhere in a report; those that are data are not names.
fn names(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    const DATA: [&str; 4] = ["classes", "counters", "counters_grown", "block_types"];
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                into.insert(name.clone());
                if !DATA.contains(&name.as_str()) || value.is_array() {
                    names(value, into);
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

#[test]
fn every_number_of_a_report_is_explained() {
    let text = document("docs/report.md");
    let mut all = std::collections::BTreeSet::new();
    let recording = [
        "report", "-", "--format", "json", "--want", "2M=1", "--from", "example",
    ];
    names(&common::json(&succeed(recording)), &mut all);
    for golden in [
        "report-thp-6.1.json",
        "report-numa-6.1.json",
        "report-host-6.18.json",
    ] {
        let golden = document(&format!("tests/golden/{golden}"));
        names(&common::json(golden.as_bytes()), &mut all);
    }
    for name in all {
        assert!(
            text.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}

#[test]
fn the_walk_through_quotes_what_the_reports_say() {
    let text = document("docs/reading-a-report.md");
    let root = package("examples/fragmented");
    let root = common::text(&root);
    for source in [["--sysroot", root], ["--from", "example@0"]] {
        let report = common::json(&succeed(
            ["report", "-", "--format", "json"].iter().chain(&source),
        ));
        let status = report["status"].as_str().expect("a sentence");
        assert!(text.contains(&format!("> {status}\n")), "{status}");
    }
    let want = [
        "report",
        "--sysroot",
        root,
        "--want",
        "2M=10",
        "--want",
        "2M=25",
    ];
    let answer = String::from_utf8(succeed(want)).expect("UTF-8");
    assert!(text.contains(&format!("```text\n{answer}```")), "{answer}");
}

#[test]
fn the_gallerys_pictures_of_the_example_are_what_their_commands_draw() {
    let directory = common::scratch();
    let path = |name: &str| common::text(&directory.path().join(name)).to_owned();
    let (gif, png) = (path("example.gif"), path("compaction.png"));
    let series = path("example");
    succeed([
        "timelapse",
        "--from",
        "example",
        "--fps",
        "1",
        "--animate",
        &gif,
        &series,
    ]);
    succeed(["diff", "example@7", "example@8", &png]);
    for (drawn, name) in [(gif, "example.gif"), (png, "compaction.png")] {
        let shown = fs::read(package("docs/gallery").join(name)).expect("a picture");
        let same = fs::read(drawn).expect("drawn") == shown;
        assert!(same, "docs/gallery/{name}: draw it anew");
        assert!(document("docs/gallery/README.md").contains(name));
    }
}

/// The commands of the gallery that name a captured system, and the pictures that they draw.
#[test]
fn the_gallerys_pictures_of_captured_systems_are_what_their_commands_draw() {
    let gallery = document("docs/gallery/README.md");
    let mut drawn = 0;
    let commands = code_blocks(&gallery).into_iter().flat_map(str::lines);
    for command in commands.filter(|line| line.starts_with("pagemap-viz snapshot")) {
        let words = command.replace('\'', "");
        let mut words: Vec<&str> = words.split(' ').skip(1).collect();
        let name = words.pop().expect("a picture");
        let directory = common::scratch();
        let picture = directory.path().join(name);
        let drew = common::tool()
            .args(&words)
            .arg(&picture)
            .current_dir(package(""))
            .status();
        assert!(drew.is_ok_and(|status| status.success()), "{command}");
        let place = if name == "fragmented.png" {
            "docs"
        } else {
            "docs/gallery"
        };
        let shown = fs::read(package(place).join(name)).expect("a picture");
        let same = decode(&fs::read(picture).expect("drawn")).rgb() == decode(&shown).rgb();
        assert!(
            same,
            "{place}/{name}: draw it anew with SOURCE_DATE_EPOCH=1795231355"
        );
        assert!(gallery.contains(&format!("{name})")), "{name} is not shown");
        drawn += 1;
    }
    assert!(drawn >= 7, "{drawn}");
}
