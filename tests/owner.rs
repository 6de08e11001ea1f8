//! Who holds a page: of a made-up process, and of the running kernel.

mod common;

use common::{
    assert_refused, json, may_ask_the_kernel, run, scratch, succeed, text, write_process,
};
use memmap2::MmapOptions;

const PRESENT: u64 = 1 << 63;
const ANON: u64 = 1 << 12;
const HEAD: u64 = 1 << 15 | ANON;
const TAIL: u64 = 1 << 16;

#[test]
fn a_page_is_told_with_its_folio_and_every_place_where_it_is_mapped() {
    let root = scratch();
    let mut flags = vec![0u64; 64];
    flags[8..12].copy_from_slice(&[HEAD, TAIL, TAIL, TAIL]);
    flags[20] = 1 << 10;
    let maps = "1000-3000 rw-p 00000000 00:00 0  [heap]\n8000-9000 r--s 00000000 00:00 4  /a b\n";
    let entries: [&[u64]; 2] = [&[PRESENT | 10, PRESENT | 8], &[PRESENT | 10]];
    write_process(root.path(), &flags, maps, &entries);
    std::fs::write(root.path().join("proc/7/comm"), "na\u{1b}me\n").expect("a name");
    let fixed = ["owner", "--sysroot", text(root.path())];
    // An address, and its number in two ways.
    for page in ["0xa123", "10", "pfn:0xa"] {
        let told = succeed(fixed.iter().chain(&[page]));
        let expected = "\
PFN 0xa, address 0xa000: anon-large, compound_tail
  part of a folio of 16 KiB, order 2
  7 na\\u{1b}me at 0x1000: [heap]
  7 na\\u{1b}me at 0x8000: /a b
";
        assert_eq!(String::from_utf8(told).expect("UTF-8"), expected);
    }
    let rows = json(&succeed(
        fixed.iter().chain(&["20", "8", "--format", "json"]),
    ));
    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["class"], &rows[0]["pid"]),
        (&"free".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        (&rows[1]["address"], &rows[1]["folio_pages"]),
        (&"0x2000".into(), &4.into())
    );
    assert_refused(
        &run(fixed.iter().chain(&["64"])),
        1,
        "cannot find page 0x40",
    );
    assert_refused(&run(fixed.iter().chain(&["x"])), 2, "'x' is no page");
    assert_refused(&run(fixed), 2, "<PAGES>");
}

#[test]
fn our_own_page_is_found_with_its_address() {
    if !may_ask_the_kernel() {
        return;
    }
    let mut map = MmapOptions::new().len(4096).map_anon().expect("memory");
    map.lock().expect("room for locked memory");
    map[0] = 1;
    let own = std::process::id().to_string();
    let address = format!("{:#x}", map.as_ptr() as usize);
    let row = ["pagetable", &own, "--address", &address, "--format", "json"];
    let physical = json(&succeed(row))[0]["physical"]
        .as_str()
        .expect("it")
        .to_owned();
    let rows = json(&succeed([
        "owner", "--quiet", &physical, "--format", "json",
    ]));
    let is_ours = |row: &serde_json::Value| {
        row["address"] == address && row["pid"] == std::process::id() && row["class"] == "anon"
    };
    assert!(rows.as_array().expect("rows").iter().any(is_ours), "{rows}");
}
