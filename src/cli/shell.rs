//! Completions for shells, and man pages, from the declarations of what can be typed.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::{Args, ShellArg};

/// Something for the system round the program.
#[derive(Debug)]
pub enum SystemRequest {
    /// Print completions.
    Completions(ShellArg),
    /// Write man pages into a directory.
    Man(PathBuf),
}

/// The completions of a shell.
pub fn completions(shell: ShellArg) -> String {
    let shell = match shell {
        ShellArg::Bash => Shell::Bash,
        ShellArg::Zsh => Shell::Zsh,
        ShellArg::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "pagemap-viz", &mut text);
    String::from_utf8(text).expect("names and help are UTF-8")
}

/// Man pages in section 1 by their file names: the program's, and one of each verb and of what is below it.
pub fn man_pages() -> Vec<(String, String)> {
    let without_help = |verb: clap::Command| verb.disable_help_subcommand(true);
    let program = Args::command().mut_subcommands(without_help);
    let mut program = without_help(program);
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, &mut pages);
    pages
}

/// Once built a verb is called pagemap-viz-VERB, and so is its page.
fn add_pages(command: &clap::Command, pages: &mut Vec<(String, String)>) {
    let man = Man::new(command.clone()).source(concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text).expect("memory takes a page");
    let text = String::from_utf8(text).expect("names and help are UTF-8");
    pages.push((man.get_filename(), with_lines(&text)));
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    verbs.for_each(|verb| add_pages(verb, pages));
}

/// What stands behind the options is lines, which roff would fill.
fn with_lines(page: &str) -> String {
    let Some((before, rest)) = page.split_once("\n.SH EXTRA\n") else {
        return page.to_owned();
    };
    let (extra, after) = match rest.find("\n.SH ") {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let lines: Vec<&str> = extra.lines().collect();
    format!(
        "{before}\n.SH EXAMPLES\n{}{after}",
        lines.join("\n.br\n") + "\n"
    )
}
