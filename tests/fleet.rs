//! Data sets are read by engines that exist: DuckDB and pyarrow count what the program counts, and the queries of
//! docs/fleet.md are answered.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{assert_refused, facts, json, package, run, scratch, succeed, system, text};
use serde_json::{Value, json as value};

/// A copy of a captured system that calls itself by a name.
fn named(system_name: &str, host: &str, below: &Path) -> PathBuf {
    let copy = below.join(host);
    let copied = Command::new("cp")
        .args(["-r", text(&system(system_name)), text(&copy)])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    fs::create_dir_all(copy.join("proc/sys/kernel")).expect("a directory");
    fs::write(copy.join("proc/sys/kernel/hostname"), format!("{host}\n")).expect("a file");
    copy
}

/// The statements of a document, in order.
fn statements(document: &str) -> Vec<String> {
    let blocks = document.split("```sql\n").skip(1);
    let statement = |block: &str| block.split("```").next().map(str::to_owned);
    blocks.filter_map(statement).collect()
}

/// A Python that has the engines.
fn python() -> Option<String> {
    let python = std::env::var("PAGEMAP_VIZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python)
        .args(["-c", "import duckdb, pyarrow.dataset"])
        .stderr(Stdio::null())
        .status();
    if has.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_ENGINES").is_some();
    assert!(!required, "CI has DuckDB and pyarrow");
    eprintln!("skipped: {python} has no duckdb and pyarrow");
    None
}

const FLEET: [(&str, &str); 4] = [
    ("fragmented", "db-1"),
    ("thp-6.1", "db-2"),
    ("numa-6.1", "web 1/old"),
    ("host-6.18", "web-2"),
];

#[test]
fn engines_count_what_the_program_counts() {
    let Some(python) = python() else { return };
    let directory = scratch();
    let place = |name: &str| directory.path().join(name);
    let mut inputs = Vec::new();
    for (name, host) in FLEET {
        let copy = named(name, &host.replace('/', "-"), directory.path());
        fs::write(copy.join("proc/sys/kernel/hostname"), host).expect("a file");
        // One of each kind of input; a recording of two readings.
        if name == "thp-6.1" {
            let recording = place("thp.pmv");
            let twice = ["--sysroot", text(&copy), "--sysroot", text(&copy)];
            succeed(["record", text(&recording), "--quiet"].iter().chain(&twice));
            inputs.push(recording);
        } else {
            inputs.push(copy);
        }
    }
    let inputs: Vec<&str> = inputs.iter().map(|path| text(path)).collect();
    let fleet = format!("{}/", text(&place("fleet")));
    for extra in [&[][..], &["--blocks"], &["--blocks"]] {
        let fixed = ["export", "--quiet", "-o", &fleet];
        succeed(fixed.iter().chain(extra).chain(&inputs));
    }
    for name in ["one.parquet", "one.csv", "one.json"] {
        succeed(["export", "--quiet", "-o", text(&place(name)), inputs[0]]);
    }
    let document = fs::read_to_string(package("docs/fleet.md")).expect("the document");
    let statements = statements(&document);
    assert!(statements.len() >= 6, "{statements:?}");
    let classes: Vec<&str> = (pagemap_viz::classify::Class::ALL.iter())
        .map(|class| class.name())
        .filter(|&name| name != "hole")
        .collect();
    let asked = value!({
        "statements": statements,
        "classes": classes,
        "files": ["one.parquet", "one.csv", "one.json"],
    });
    let mut engine = Command::new(python)
        .arg(package("tests/fleet.py"))
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = engine.stdin.take().expect("a pipe");
    write!(stdin, "{asked}").expect("it reads");
    drop(stdin);
    let output = engine.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let told = json(&output.stdout);

    // Each query has an answer, but the first statements, which make views.
    let answers = told["answers"].as_array().expect("answers");
    for (statement, answer) in statements.iter().zip(answers).skip(1) {
        let rows = answer.as_array().expect("rows").len();
        assert!(rows >= 2, "{statement}: {answer}");
    }
    // Of free memory that is all in pieces the share is 1, and what compaction could make is no less than what the report says.
    let questions = |word: &str| statements.iter().position(|text| text.contains(word));
    let fragmented = |word: &str| -> Value {
        let answer = answers[questions(word).expect("a question")]
            .as_array()
            .expect("rows");
        answer
            .iter()
            .find(|row| row[0] == "db-1")
            .expect("a row")
            .clone()
    };
    assert_eq!(fragmented("in_pieces")[2], "1.0");
    let report = common::reports::report_of(&system("fragmented"), &[]);
    let machine = common::reports::row(&report, "contiguity", "machine", Some(2 << 20));
    let makeable: u64 = fragmented("makeable_blocks")[2]
        .as_str()
        .expect("a text")
        .parse()
        .expect("a number");
    let reckoned = common::reports::number(&machine["after_compaction"]);
    assert!(
        makeable >= reckoned && makeable < 60,
        "{makeable}, {reckoned}"
    );
    // Pages by host and class.
    assert_eq!(told["duckdb"], told["pyarrow"]);
    for (name, host) in FLEET {
        let facts = facts(name, &["--every-page"]);
        let times = if name == "thp-6.1" { 2 } else { 1 };
        for class in &classes {
            let expected = facts["classes"][class]["pages"].as_u64().expect("a count") * times;
            let rows = told["duckdb"].as_array().expect("rows");
            let row = rows.iter().find(|row| row[0] == host && row[1] == *class);
            let counted = row.map_or(0, |row| row[2].as_u64().expect("a count"));
            assert_eq!(counted, expected, "{name}: {class}");
            assert_eq!(
                told["blocks"][host][class], expected,
                "{name}: {class} in blocks"
            );
            if name == "fragmented" {
                for file in ["one.parquet", "one.csv", "one.json"] {
                    let rows = told["files"][file].as_array().expect("rows");
                    let row = rows.iter().find(|row| row[0] == *class);
                    let counted = row.map_or(0, |row| row[1].as_u64().expect("a count"));
                    assert_eq!(counted, expected, "{file}: {class}");
                }
            }
        }
    }
    let types = &told["types"];
    assert_eq!(types["time"], "timestamp[us, tz=UTC]", "{types}");
    assert_eq!(
        (&types["pfn"], &types["node"]),
        (&Value::from("int64"), &Value::from("int32"))
    );
}

#[test]
fn a_data_set_lies_where_engines_look_and_is_replaced_by_itself() {
    let directory = scratch();
    let copy = named("light-6.1", "a b", directory.path());
    let set = directory.path().join("set");
    let words = ["export", "--quiet", "-o", text(&set), text(&copy)];
    fs::create_dir(&set).expect("a directory");
    succeed(words);
    let host = set.join("runs/host=a%20b");
    let day = |host: &Path| {
        fs::read_dir(host)
            .expect("a host")
            .next()
            .expect("a day")
            .expect("an entry")
            .path()
    };
    let files = |day: &Path| -> Vec<_> {
        let names = fs::read_dir(day)
            .expect("a day")
            .map(|entry| entry.expect("an entry").file_name());
        names.collect()
    };
    let day = day(&host);
    assert!(text(&day).contains("/day=20"), "{day:?}");
    let before = files(&day);
    succeed(words);
    assert_eq!((files(&day), before.len()), (before, 1));
    // The same twice in one run would be one file.
    let output = run(words.iter().chain(&[text(&copy)]));
    assert_refused(&output, 2, "is named twice");
    // Nobody's host is told.
    succeed(words.iter().chain(&["--redact"]));
    assert!(set.join("runs/host=__HIVE_DEFAULT_PARTITION__").is_dir());
}

#[test]
fn runs_cover_what_exists_and_follow_each_other() {
    for name in ["fragmented", "zoo-6.1", "numa-6.1"] {
        let root = system(name);
        let rows = succeed(["export", "--format", "json", "--quiet", text(&root)]);
        let rows = json(&rows);
        let rows = rows.as_array().expect("rows");
        let number = |row: &Value, field: &str| row[field].as_u64().expect("a count");
        let mut end = 0;
        let mut before: Option<&Value> = None;
        for row in rows {
            assert!(number(row, "pfn") >= end, "{name}: {row}");
            if let Some(before) = before.filter(|_| number(row, "pfn") == end) {
                let same = ["flags", "class", "folio_order", "zone", "node"];
                assert!(
                    same.iter().any(|field| row[field] != before[field]),
                    "{name}: {row}"
                );
            }
            end = number(row, "pfn") + number(row, "pages");
            before = Some(row);
            // A folio lies in one run as a whole.
            if let Some(order) = row["folio_order"].as_u64().filter(|&order| order > 0) {
                assert_eq!(number(row, "pages") % (1 << order), 0, "{name}: {row}");
            }
        }
    }
}

#[test]
fn a_format_that_nobody_named_is_asked_for() {
    let root = system("light-6.1");
    for (words, part) in [
        (&["export", text(&root)][..], "--format csv"),
        (
            &["export", text(&root), "-o", "a.txt"],
            "unknown format of a.txt",
        ),
        (&["export", "--raw"], "one recording"),
        (&["export", "--raw", "--blocks", "a"], "cannot be used"),
        (&["export", "--frame", "1", "a"], "--raw"),
    ] {
        let output = run(words);
        assert_refused(&output, 2, part);
    }
    let output = run(["export", "/nowhere.pmv", "-o", "/dev/null"]);
    assert_refused(&output, 2, "unknown format");
    let output = run([
        "export",
        "/nowhere.pmv",
        "-o",
        "/dev/null",
        "--format",
        "csv",
    ]);
    assert_refused(&output, 1, "/dev/null");
}

#[test]
fn columns_have_names_of_their_own() {
    use pagemap_viz::facts::Rows;
    for rows in [Rows::Runs, Rows::Blocks] {
        let mut names: Vec<_> = rows
            .fields(true)
            .into_iter()
            .map(|field| field.name)
            .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }
}

#[test]
fn inputs_of_one_name_and_time_lie_beside_each_other() {
    let directory = scratch();
    let set = format!("{}/", text(&directory.path().join("set")));
    let mut inputs = Vec::new();
    for host in ["a", "b"] {
        let copy = named("light-6.1", host, directory.path());
        fs::remove_dir_all(copy.join("proc/sys")).expect("it is ours");
        let dump = directory.path().join(host).join("kpageflags.bin.zst");
        fs::rename(copy.join("proc/kpageflags.zst"), &dump).expect("it is ours");
        inputs.push(dump);
    }
    for input in &inputs {
        // SOURCE_DATE_EPOCH gives both the same time.
        succeed(["export", "--quiet", "-o", &set, text(input)]);
    }
    let day = directory
        .path()
        .join("set/runs/host=__HIVE_DEFAULT_PARTITION__");
    let day = fs::read_dir(day)
        .expect("a host")
        .next()
        .expect("a day")
        .expect("an entry")
        .path();
    assert_eq!(fs::read_dir(day).expect("files").count(), 2);
}

#[test]
fn a_broken_input_costs_no_other() {
    let directory = scratch();
    let set = format!("{}/", text(&directory.path().join("set")));
    let broken = directory.path().join("broken.pmv");
    fs::write(&broken, "cut").expect("a file");
    let (one, two) = (system("light-6.1"), system("boot-6.1"));
    let output = run([
        "export",
        "--quiet",
        "-o",
        &set,
        text(&one),
        text(&broken),
        text(&two),
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("broken.pmv") && said.contains("1 of 3 inputs"),
        "{said}"
    );
    let hosts = directory
        .path()
        .join("set/runs/host=__HIVE_DEFAULT_PARTITION__");
    let days = fs::read_dir(hosts)
        .expect("a host")
        .map(|day| day.expect("an entry").path());
    let files: usize = days
        .map(|day| fs::read_dir(day).expect("files").count())
        .sum();
    assert_eq!(files, 2);
    for words in [
        ["export", "-o", &set, "example@3", "--quiet"],
        ["export", "-o", &set, "--node=0", "--quiet"],
    ] {
        assert_refused(&run(words), 2, "a data set holds whole");
    }
}

/// A selection that begins within a huge page: its tails say what they are themselves.
#[test]
fn a_tail_without_its_head_has_flags_of_its_own() {
    let root = system("thp-6.1");
    let export = |options: &[&str]| {
        let fixed = ["export", "--format", "json", "--quiet", text(&root)];
        let rows = json(&succeed(fixed.iter().chain(options)));
        rows.as_array().expect("rows").clone()
    };
    let all = export(&[]);
    let huge = all
        .iter()
        .find(|row| row["class"] == "anon-thp")
        .expect("a huge page");
    let start = huge["pfn"].as_u64().expect("a number");
    let within = format!("pfn:{}-{}", start + 100, start + 200);
    let part = export(&["--range", &within]);
    assert_eq!(part.len(), 1, "{part:?}");
    assert_eq!(part[0]["class"], "anon-thp");
    assert_eq!(
        (&part[0]["pages"], &part[0]["pfn"]),
        (&Value::from(100), &Value::from(start + 100))
    );
    // Not those of the page before the selection, which was not read.
    assert!(
        part[0]["flag_names"]
            .as_str()
            .expect("names")
            .contains("thp"),
        "{part:?}"
    );
}
