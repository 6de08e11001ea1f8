//! Every file of the fuzzers' corpora through what the fuzz targets do with it. `fuzz/README.md` says how to
//! find more of them.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
pub mod bodies;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The files of a directory, in the order of their names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap_or_else(|cause| panic!("{} has a corpus: {cause}", directory.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

#[test]
fn what_fuzzers_began_with_and_found_holds() {
    for (target, body) in bodies::TARGETS {
        let files = files(&corpora().join(target));
        assert!(!files.is_empty(), "the corpus of {target} is empty");
        for file in files {
            // Named only when the body panics: the test's output is captured.
            println!("{}", file.display());
            body(&fs::read(&file).expect("a file of a corpus"));
        }
    }
}

#[test]
fn every_target_has_a_body_and_every_corpus_a_target() {
    let names = |path: &Path| -> Vec<String> {
        let name = |path: PathBuf| path.file_stem().map(|name| name.to_string_lossy().into());
        files(path).into_iter().filter_map(name).collect()
    };
    let mut bodies: Vec<_> = bodies::TARGETS.iter().map(|(name, _)| *name).collect();
    bodies.sort_unstable();
    assert_eq!(names(&corpora()), bodies);
    assert_eq!(names(&corpora().with_file_name("fuzz_targets")), bodies);
}
