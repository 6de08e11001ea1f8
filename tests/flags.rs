//! `flags` counts and lists what page-types does, byte for byte where that is asked for; what page-types
//! printed is in `tests/page-types`.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{assert_refused, json, package, run, succeed, system, text, tool};

fn flags(options: &[&str]) -> String {
    String::from_utf8(succeed(["flags"].iter().chain(options))).expect("UTF-8")
}

#[test]
fn page_types_output_is_repeated_to_the_byte() {
    let table: [(&str, &str, &[&str]); 12] = [
        ("boot-6.1-by-6.1-summary", "page-types-6.1", &[]),
        ("boot-6.1-by-6.1-raw", "page-types-6.1", &["-r"]),
        ("boot-6.1-by-6.12-summary", "page-types", &[]),
        ("boot-6.1-by-6.12-raw", "page-types", &["--raw"]),
        ("boot-6.1-by-6.12-list", "page-types", &["-l"]),
        ("zoo-6.1-by-6.1-summary", "page-types-6.1", &[]),
        ("zoo-6.1-by-6.1-raw", "page-types-6.1", &["-r"]),
        ("zoo-6.1-by-6.12-summary", "page-types", &[]),
        ("zoo-6.1-by-6.12-raw", "page-types", &["-r"]),
        (
            "zoo-6.1-by-6.12-each",
            "page-types",
            &["-rNL", "-a", "0x2000+3000", "-bslab"],
        ),
        (
            "zoo-6.1-by-6.12-ranges",
            "page-types",
            &[
                "-b",
                "lru,mmap=lru",
                "-b",
                "lru,~active",
                "-a5000,40000",
                "-a",
                "100,6000",
                "-l",
            ],
        ),
        // Runs end where page-types reads anew.
        (
            "zoo-6.1-by-6.12-border",
            "page-types",
            &["-l", "-r", "-a", "130900+400"],
        ),
    ];
    for (name, format, options) in table {
        let root = system(name.split("-by-").next().expect("a system"));
        let fixed = ["--sysroot", text(&root), "--format", format];
        let printed = flags(&[&fixed[..], options].concat());
        let expected = package("tests/page-types").join(format!("{name}.txt"));
        assert!(
            printed == fs::read_to_string(expected).expect("it"),
            "{name}:\n{printed}"
        );
    }
}

#[test]
fn a_process_of_a_captured_system_is_listed_as_page_types_listed_it() {
    let root = system("thp-6.1");
    let options = ["-p", "118", "-NL", "--format", "page-types-6.1"];
    let printed = flags(&[&["--sysroot", text(&root)], &options[..]].concat());
    let expected = package("tests/page-types/thp-6.1-process.txt");
    assert!(printed == fs::read_to_string(expected).expect("it"));
}

#[test]
fn flags_are_explained_as_page_types_does() {
    let line = "0x0000000000000060\t_____lA____________________________________\tlru,active\n";
    assert_eq!(flags(&["-d", "lru,active"]), line);
    assert_eq!(flags(&["--describe", "0x60"]), line);
    assert!(
        flags(&["-d", "0x8000000"]).ends_with("\tbit27\n"),
        "an unknown bit ends nothing"
    );
}

#[test]
fn people_get_classes_and_holes_apart() {
    for (name, _) in common::SYSTEMS {
        let root = system(name);
        let facts = common::facts(name, &[]);
        let rows = json(&succeed([
            "flags",
            "--sysroot",
            text(&root),
            "--format",
            "json",
        ]));
        let rows = rows.as_array().expect("rows");
        let pages = |row: &serde_json::Value| row["pages"].as_u64().expect("pages");
        let hole = rows
            .iter()
            .find(|row| row["class"][0] == "hole")
            .map_or(0, pages);
        assert_eq!(hole, pages(&facts["classes"]["hole"]), "{name}");
        let sum: u64 = rows.iter().map(pages).sum();
        assert_eq!(sum, facts["pfns"].as_u64().expect("pages"), "{name}");
        let counts: Vec<u64> = rows
            .iter()
            .filter(|row| row["class"][0] != "hole")
            .map(pages)
            .collect();
        assert!(
            counts.is_sorted_by(|one, next| one >= next),
            "most frequent first"
        );
        let free = rows
            .iter()
            .find(|row| row["names"] == serde_json::json!(["buddy"]));
        assert_eq!(
            free.expect("free memory")["class"],
            serde_json::json!(["free"])
        );
    }
}

#[test]
fn every_format_says_the_same() {
    let root = system("zoo-6.1");
    let of = |format| flags(&["--sysroot", text(&root), "--format", format]);
    let rows = json(of("json").as_bytes());
    let rows = rows.as_array().expect("rows").clone();
    for (format, delimiter) in [("csv", b','), ("tsv", b'\t')] {
        let table = of(format);
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(delimiter).from_reader(table.as_bytes());
        assert_eq!(
            reader.headers().expect("names"),
            vec!["pages", "size", "share", "class", "flags", "names"]
        );
        let records: Vec<_> = reader
            .records()
            .map(|record| record.expect("a row"))
            .collect();
        assert_eq!(records.len(), rows.len());
        for (record, row) in records.iter().zip(&rows) {
            assert_eq!(record[0], row["pages"].to_string());
            assert_eq!(record[1], row["size"].to_string());
        }
    }
    assert_eq!(of("people").lines().count(), rows.len() + 1);
}

#[test]
fn one_thread_counts_as_many() {
    let root = system("host-6.18");
    for format in ["people", "page-types"] {
        let of = |threads| {
            flags(&[
                "--sysroot",
                text(&root),
                "--format",
                format,
                "--threads",
                threads,
            ])
        };
        assert_eq!(of("1"), of("7"));
    }
}

#[test]
fn a_list_and_its_runs_cover_the_same_pages() {
    let root = system("numa-6.1");
    let list = |options: &[&str]| {
        let fixed = ["--sysroot", text(&root), "--format", "csv"];
        let table = flags(&[&fixed[..], options].concat());
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let names = reader.headers().expect("names").clone();
        let column = |name: &str| names.iter().position(|known| known == name);
        let (pfn, pages, class) = (column("pfn").expect("it"), column("pages"), column("class"));
        let hex = |text: &str| u64::from_str_radix(&text[2..], 16).expect("a number");
        let mut all = Vec::new();
        for record in reader.records().map(|record| record.expect("a row")) {
            let first = hex(&record[pfn]);
            let count = pages.map_or(1, |at| record[at].parse::<u64>().expect("a count"));
            let class = record[class.expect("it")].to_owned();
            all.extend((first..first + count).map(|page| (page, class.clone())));
        }
        all
    };
    assert_eq!(list(&["-l"]), list(&["-L"]));
    let part = list(&["-l", "-a", "1000,3000"]);
    assert!(part.iter().map(|(page, _)| *page).eq(1000..3000));
    assert_eq!(
        part,
        list(&["-L"])[1000..3000],
        "classes do not depend on where a list begins"
    );
}

#[test]
fn a_reader_who_goes_away_ends_a_list() {
    let root = system("host-6.18");
    let mut command = tool();
    command.args(["flags", "-L", "--sysroot", text(&root)]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn wrong_usage_of_flags_is_one_line() {
    let table: [(&[&str], &str); 13] = [
        (
            &["-b", "bogus"],
            "--bits bogus: 'bogus' is neither a flag nor a number (flags: locked",
        ),
        (&["-a", "5,3"], "'5,3' ends before it begins"),
        (&["-a", "x"], "'x' is no range of pages"),
        (&["-d", "bogus"], "--describe: 'bogus'"),
        (&["-c", "@x"], "--cgroup @x is no inode"),
        (&["-p", "x"], "--pid x is no number of a process"),
        (&["-a", "0x2000000000000400"], "is no range of pages"),
        (&["-N", "--format", "json"], "leaves nothing to be printed"),
        (
            &["-p", "1", "--from", "example"],
            "do not go with flags of another time",
        ),
        (
            &["-X"],
            "--hwpoison changes the system, and this tool only reads",
        ),
        (&["--unpoison"], "--unpoison changes the system"),
        (&["-i"], "--mark-idle changes the system"),
        (
            &["-f", "x", "--sysroot", "y"],
            "--file asks the running kernel",
        ),
    ];
    for (words, part) in table {
        assert_refused(&run(["flags"].iter().chain(words)), 2, part);
    }
}

#[test]
fn what_cannot_be_asked_is_one_line() {
    let root = system("boot-6.1");
    let fixed = ["--sysroot", text(&root)];
    let table: [(&[&str], &str); 4] = [
        (
            &["-p", "99"],
            "cannot read process 99: there is no such process",
        ),
        (&["-c", "/etc/hostname"], "it is not a cgroup's directory"),
        (&["-c", "/no/such/cgroup"], "cannot read /no/such/cgroup"),
        (&["-L", "-M"], "kpagecount"),
    ];
    for (words, part) in table {
        let output = run(["flags"].iter().chain(&fixed).chain(words));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains(part) && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}

#[test]
fn words_are_read_as_getopt_reads_them() {
    let root = system("zoo-6.1");
    let fixed = ["--sysroot", text(&root), "--format", "page-types"];
    let of = |options: &[&str]| flags(&[&fixed[..], options].concat());
    // What follows -b= belongs to the condition: exactly these, and not any of them.
    assert_eq!(of(&["-b=uptodate,lru"]), of(&["-b", "=uptodate,lru"]));
    assert_ne!(of(&["-b=uptodate,lru"]), of(&["-b", "uptodate,lru"]));
    assert_eq!(
        of(&["-rNLb=slab", "-a0,3000"]),
        of(&["-r", "-N", "-L", "-b", "=slab", "-a", "0,3000"])
    );
    // The last of two that exclude each other counts, and what is said twice is said.
    assert_eq!(of(&["-l", "-LL", "-N", "-a", "5"]), of(&["-NL", "-a5"]));
    assert_eq!(
        of(&["--no-summ", "--list-e", "-a", "5"]),
        of(&["-NL", "-a5"])
    );
    assert_eq!(of(&["-d", "lru=active"]), of(&["-d", "lru"]));
    assert_eq!(of(&["-b", "bit27"]), of(&["-b", "0x8000000"]));
}

#[test]
fn what_an_ambiguous_name_was_taken_for_is_said() {
    let root = system("boot-6.1");
    let output = run(["flags", "-b", "a", "--sysroot", text(&root)]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("'a' is taken for active, not for anonymous"),
        "{said}"
    );
}
