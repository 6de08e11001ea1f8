//! The HTML report in a real Chromium: drawn, pointed at, searched, linked to, and never asking the network.

#[path = "../common/mod.rs"]
mod common;

mod chromium;

use std::fs;
use std::path::{Path, PathBuf};

use chromium::{Page, has_chromium, point};
use common::{bytes, package, recording_of, scratch, succeed, system, text};
use serde_json::{Value, json};
use tempfile::TempDir;

const BUDDY: u64 = 1 << 10;
const SLAB: u64 = 1 << 7;
const ANON: u64 = 1 << 5 | 1 << 11 | 1 << 12;
const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;
const THP: u64 = 1 << 22;

/// Eight blocks: free, one slab page among anonymous ones, a huge page, and again.
fn write_machine(root: &Path) {
    let mut flags = vec![ANON; 8 * 512];
    flags[..512].fill(BUDDY);
    flags[700] = SLAB;
    flags[1024] = ANON | THP | HEAD;
    flags[1025..1536].fill(ANON | THP | TAIL);
    flags[1536..2600].fill(BUDDY);
    flags[3600..3603].fill(SLAB);
    let process = root.join("proc/7");
    fs::create_dir_all(&process).expect("directories");
    fs::write(root.join("proc/kpageflags"), bytes(&flags)).expect("flags");
    let zones = "Node 0, zone DMA\n spanned 2048\n start_pfn: 0\nNode 1, zone Normal\n spanned 2048\n start_pfn: 2048\n";
    fs::write(root.join("proc/zoneinfo"), zones).expect("zones");
    fs::write(
        process.join("comm"),
        "<img src=x onerror=\"window.pwned=1\">\n",
    )
    .expect("a name");
    fs::write(process.join("smaps_rollup"), "Anonymous: 100 kB\n").expect("its memory");
}

fn report_of(options: &[&str], directory: &TempDir) -> PathBuf {
    let page = directory.path().join("report.html");
    succeed(["report", text(&page)].iter().chain(options));
    page
}

/// The report of the made-up machine.
fn machine_report() -> (TempDir, PathBuf) {
    let (root, directory) = (scratch(), scratch());
    write_machine(root.path());
    let report = report_of(&["--sysroot", text(root.path())], &directory);
    (directory, report)
}

/// Where a page is in the window, scrolled into sight.
fn place_of(page: &mut Page, pfn: u64) -> (f64, f64) {
    let script = format!(
        "(() => {{ const c = document.getElementById('map-canvas'); c.scrollIntoView({{block: 'center'}}); \
         const r = c.getBoundingClientRect(); const p = window.pagemapViz.pointOf({pfn}); \
         return [r.x + c.clientLeft + p.x, r.y + c.clientTop + p.y]; }})()"
    );
    point(&page.evaluate(&script))
}

fn state(page: &mut Page) -> Value {
    page.evaluate("window.pagemapViz.state()")
}

fn assert_calm(page: &mut Page) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_reader_finds_every_page() {
    if !has_chromium() {
        return;
    }
    let (_directory, report) = machine_report();
    let mut page = Page::new(1400, 900);
    page.open(&report, "");

    // Pointed at.
    let place = place_of(&mut page, 1100);
    page.hover(place);
    page.wait_until("window.pagemapViz.state().hover?.pfn === 1100");
    let hover = state(&mut page)["hover"].clone();
    assert_eq!(
        (hover["class"].as_str(), hover["zone"].as_str()),
        (Some("anon-thp"), Some("DMA"))
    );
    assert_eq!((&hover["order"], &hover["node"]), (&json!(9), &json!(0)));
    page.click(place);
    page.wait_until("window.pagemapViz.state().pfn === 1100");
    let details = page.evaluate("document.getElementById('map-details').innerText");
    let details = details.as_str().expect("a text");
    for part in ["0x44c", "0x44c000", "anon-thp", "compound_tail", "DMA"] {
        assert!(details.contains(part), "{part}: {details}");
    }

    // Zoomed at the cursor.
    let zoom = state(&mut page)["zoom"].as_f64().expect("a number");
    page.wheel(place, -240);
    page.wait_until(&format!("window.pagemapViz.state().zoom > {zoom}"));
    let still = place_of(&mut page, 1100);
    assert!(
        (still.0 - place.0).abs() < 24.0 && (still.1 - place.1).abs() < 24.0,
        "{place:?} {still:?}"
    );

    // Isolated, and released.
    page.click_element("#map-legend button[aria-pressed]:nth-of-type(1)");
    page.wait_until("window.pagemapViz.state().isolated.length === 1");
    page.evaluate("document.getElementById('map-canvas').focus()");
    page.press("Escape");
    page.wait_until("window.pagemapViz.state().isolated.length === 0");

    // Searched: a page, an address, a class, and what is none of these.
    for (words, found) in [
        ("700", 700),
        ("@0x400000", 1024),
        ("0x10", 16),
        ("slab", 700),
    ] {
        page.evaluate(
            "(() => { const s = document.getElementById('map-search'); s.focus(); s.select(); })()",
        );
        page.type_text(words);
        page.press("Enter");
        page.wait_until(&format!("window.pagemapViz.state().pfn === {found}"));
    }
    page.evaluate(
        "(() => { const s = document.getElementById('map-search'); s.focus(); s.select(); })()",
    );
    page.type_text("<b>nonsense");
    page.press("Enter");
    page.wait_until("document.getElementById('map-search-note').classList.contains('is-wrong')");

    // What stands in the way, one after the other; the longest run of free pages ends where its zone does.
    page.evaluate("window.pagemapViz.goTo(0)");
    for found in [700, 3600] {
        page.click_element("#map-obstacle");
        page.wait_until(&format!("window.pagemapViz.state().pfn === {found}"));
    }
    page.click_element("#map-free-run");
    page.wait_until("window.pagemapViz.state().pfn === 2048");

    // A link to a view shows it again.
    page.evaluate("(() => { const l = document.getElementById('map-layout'); l.value = 'hilbert'; l.dispatchEvent(new Event('change', {bubbles: true})); })()");
    page.wait_until("window.pagemapViz.state().layout === 'hilbert'");
    page.wait_until("location.hash.includes('l=hilbert')");
    let before = state(&mut page);
    let hash = page.evaluate("location.hash");
    page.open(&report, hash.as_str().expect("a link"));
    let after = state(&mut page);
    for part in ["pfn", "zoom", "layout", "selection"] {
        assert_eq!(before[part], after[part], "{hash}");
    }
    page.open(&report, "#pfn=0xe10&z=4&l=hilbert&c=slab");
    let linked = state(&mut page);
    assert_eq!(
        (&linked["pfn"], &linked["zoom"]),
        (&json!(0xe10), &json!(4))
    );
    assert_eq!(
        (&linked["layout"], &linked["isolated"]),
        (&json!("hilbert"), &json!(["slab"]))
    );

    // A page number in a table leads to the map.
    page.open(&report, "");
    page.evaluate("document.querySelector('a.pfn').click()");
    page.wait_until("window.pagemapViz.state().pfn !== null");

    // A name is a text.
    assert_eq!(page.evaluate("window.pwned === undefined"), json!(true));
    assert_eq!(
        page.evaluate("document.querySelectorAll('main img').length"),
        json!(0)
    );
    assert_eq!(
        page.evaluate("document.body.innerText.includes('<img src=x')"),
        json!(true)
    );
    assert_calm(&mut page);
}

/// The colour of the window at a place.
fn colour_at(page: &mut Page, (x, y): (f64, f64)) -> String {
    let shot = page.screenshot();
    let shot = image::load_from_memory(&shot).expect("a picture").to_rgb8();
    let [red, green, blue] = shot.get_pixel(x as u32, y as u32).0;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colour of a class in the palette that is chosen.
fn colour_of(page: &mut Page, class: &str) -> String {
    let script = format!(
        "(() => {{ const d = JSON.parse(document.getElementById('map-data').textContent); \
         const p = d.palettes.find(p => p.name === window.pagemapViz.state().palette); \
         return p.classes[d.classes.findIndex(c => c.name === {class:?})]; }})()"
    );
    page.evaluate(&script)
        .as_str()
        .expect("a colour")
        .to_owned()
}

#[test]
fn pages_have_their_colours_in_light_and_dark_and_in_both_layouts() {
    if !has_chromium() {
        return;
    }
    let (_directory, report) = machine_report();
    let mut page = Page::new(1400, 900);
    let classes = [
        (100, "free"),
        (600, "anon"),
        (700, "slab"),
        (1200, "anon-thp"),
        (3601, "slab"),
    ];
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        for layout in ["rows", "hilbert"] {
            for (pfn, class) in classes {
                page.open(&report, &format!("#pfn={pfn:#x}&z=16&l={layout}"));
                let place = place_of(&mut page, pfn);
                let (drawn, expected) = (colour_at(&mut page, place), colour_of(&mut page, class));
                assert_eq!(drawn, expected, "{scheme} {layout} {pfn}");
            }
        }
        let paper = page.evaluate("getComputedStyle(document.body).backgroundColor");
        let is_dark = paper == "rgb(11, 14, 19)";
        assert_eq!(is_dark, scheme == "dark", "{paper}");
    }
    assert_calm(&mut page);
}

#[test]
fn a_series_is_stepped_through() {
    if !has_chromium() {
        return;
    }
    let directory = scratch();
    let recording = recording_of(&["boot-6.1", "thp-6.1"], directory.path());
    let report = report_of(&["--from", text(&recording)], &directory);
    let mut page = Page::new(1400, 900);
    page.open(&report, "");
    let count =
        "[...document.querySelectorAll('#map-legend button')].map(b => b.textContent).join('|')";
    // The reading that the tables tell comes first.
    assert_eq!(state(&mut page)["frame"], json!(1));
    page.open(&report, "#t=0");
    assert_eq!(state(&mut page)["frame"], json!(0));
    let first = page.evaluate(count);
    page.evaluate("document.getElementById('map-canvas').focus()");
    page.press("]");
    page.wait_until("window.pagemapViz.state().frame === 1");
    let second = page.evaluate(count);
    assert_ne!(first, second);
    let slider = "(() => { const s = document.getElementById('map-slider'); s.value = 0; s.dispatchEvent(new Event('input', {bubbles: true})); })()";
    page.evaluate(slider);
    page.wait_until("window.pagemapViz.state().frame === 0");
    assert_eq!(page.evaluate(count), first);
    page.open(&report, "#t=1");
    page.wait_until("window.pagemapViz.state().frame === 1");
    assert_calm(&mut page);
}

#[test]
fn a_machine_of_24_gib_is_there_at_once_on_screens_of_all_sizes() {
    if !has_chromium() {
        return;
    }
    let directory = scratch();
    let report = report_of(&["--sysroot", text(&system("host-6.18"))], &directory);
    for (width, height) in [(1400, 900), (390, 844)] {
        let mut page = Page::new(width, height);
        page.open(&report, "");
        let entry = "performance.getEntriesByName('first-contentful-paint')[0]";
        page.wait_until(&format!("{entry} !== undefined"));
        let paint = page.evaluate(&format!("{entry}.startTime"));
        let paint = paint.as_f64().expect("a time");
        eprintln!("{width} × {height}: first paint after {paint:.0} ms");
        // A second is promised; other tests run beside this one.
        assert!(paint < 3000.0, "{paint} ms");
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(page.evaluate(fits), json!(true), "{width} px are enough");
        let shot = image::load_from_memory(&page.screenshot())
            .expect("a picture")
            .to_rgb8();
        let mut colours: Vec<_> = shot.pixels().map(|pixel| pixel.0).collect();
        colours.sort_unstable();
        colours.dedup();
        assert!(colours.len() > 20, "something is drawn");
        assert_calm(&mut page);
    }
}

/// What is under the pointer stays there, from the opening view of many columns on and in tiles, in and out again.
#[test]
fn a_wheel_zooms_at_the_pointer() {
    if !has_chromium() {
        return;
    }
    let directory = scratch();
    let report = report_of(&["--sysroot", text(&system("host-6.18"))], &directory);
    let mut page = Page::new(1280, 900);
    for layout in ["rows", "hilbert"] {
        page.open(&report, &format!("#l={layout}"));
        let seen = "window.pagemapViz.state().hover?.pfn ?? null";
        let pages: Vec<u64> = vec![0x21_2345, 0xb_1234, 0x1f_1111, 0x55_4321];
        for pfn in pages {
            page.open(&report, &format!("#l={layout}"));
            let place = place_of(&mut page, pfn);
            // Events of the wheel and of the pointer round differently.
            let place = (place.0.round(), place.1.round());
            page.hover(place);
            page.wait_until(&format!("({seen}) !== null"));
            for turn in [-120, -120, -120, -120, 120, 120] {
                // A pixel shows one of its pages: where the other is drawn says whether they are neighbours.
                let before = state(&mut page);
                let hovered = before["hover"]["pfn"].as_u64().expect("a page");
                page.wheel(place, turn);
                let zoom = before["zoom"].as_f64().expect("a number");
                page.wait_until(&format!("window.pagemapViz.state().zoom !== {zoom}"));
                let now = place_of(&mut page, hovered);
                let side = state(&mut page)["zoom"]
                    .as_f64()
                    .expect("a number")
                    .max(1.0);
                let far = (now.0 - place.0).abs().max((now.1 - place.1).abs());
                assert!(
                    far <= side + 1.0,
                    "{layout} {pfn:#x} {turn}: {far} pixels off at {zoom}"
                );
                page.hover(place);
            }
        }
    }
    assert_calm(&mut page);
}

#[test]
fn the_example_of_the_docs_opens() {
    if !has_chromium() {
        return;
    }
    let directory = scratch();
    let root = package("examples/fragmented");
    let report = report_of(&["--sysroot", text(&root), "--want", "2M=10"], &directory);
    let mut page = Page::new(1400, 900);
    page.open(&report, "");
    let words = page.evaluate("document.body.innerText");
    let words = words.as_str().expect("a text");
    for part in [
        "yes, after compaction",
        "What stands in the way",
        "external fragmentation",
    ] {
        assert!(words.contains(part), "{part}");
    }
    assert_calm(&mut page);
}
