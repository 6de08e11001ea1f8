//! What packages install beside the program: man pages and completions of everything that can be typed.

mod common;

use std::fs;
use std::process::Command;

use common::{has, scratch, succeed, text};

#[test]
fn every_verb_has_a_page_and_is_completed() {
    let directory = scratch();
    succeed(["man", text(directory.path())]);
    let help = String::from_utf8(succeed(["--help"])).expect("UTF-8");
    let (_, verbs) = help.split_once("Commands:\n").expect("verbs");
    let verbs = verbs.lines().take_while(|line| !line.is_empty());
    let verbs: Vec<&str> = verbs
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 18, "{verbs:?}");
    for verb in &verbs {
        let page = directory.path().join(format!("pagemap-viz-{verb}.1"));
        let page = fs::read_to_string(&page).unwrap_or_else(|_| panic!("{verb} has no page"));
        let help = String::from_utf8(succeed([verb, "--help"])).expect("UTF-8");
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"));
        for option in
            options.filter(|word| word[2..].chars().all(|letter| letter.is_ascii_lowercase()))
        {
            let shown = option.replace('-', "\\-");
            assert!(page.contains(&shown), "{verb}: {option}");
        }
    }
    let pages = fs::read_dir(directory.path()).expect("a directory").count();
    // The program's own, and those of list, show and check of palettes.
    assert_eq!(pages, verbs.len() + 4);
    for shell in ["bash", "zsh", "fish"] {
        let told = String::from_utf8(succeed(["completions", shell])).expect("UTF-8");
        for verb in &verbs {
            assert!(told.contains(verb), "{shell}: {verb}");
        }
    }
}

#[test]
fn pages_render() {
    if !has("man") {
        return;
    }
    let directory = scratch();
    succeed(["man", text(directory.path())]);
    for entry in fs::read_dir(directory.path()).expect("a directory") {
        let page = entry.expect("an entry").path();
        let output = Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-l", text(&page)])
            .env("MANWIDTH", "90")
            .env("MANROFFSEQ", "")
            .output()
            .expect("man starts");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && shown.contains("NAME"),
            "{page:?}: {said}"
        );
        assert_eq!(said, "", "{page:?}");
        // Lines stay lines.
        let examples = shown.split("EXAMPLES").nth(1).unwrap_or_default();
        let commands = examples
            .lines()
            .filter(|line| line.trim_start().starts_with("sudo "));
        for line in commands {
            assert!(!line.contains(". "), "{page:?}: {line}");
        }
    }
}
