//! Completions for shells, and man pages, from the declarations of what can be typed.

use std::path::PathBuf;

use clap::{CommandFactory, ValueEnum};
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

/// The names of shells that there are completions for.
pub fn shells() -> Vec<&'static str> {
    let shells = ShellArg::value_variants().iter();
    shells.map(|shell| shell.name()).collect()
}

/// Man pages in section 1 by their file names: the program's, and one of each verb.
pub fn man_pages() -> Vec<(String, String)> {
    let mut program = Args::command();
    program.build();
    let mut commands = vec![program.clone()];
    let is_told = |verb: &&clap::Command| !verb.is_hide_set() && verb.get_name() != "help";
    for verb in program.get_subcommands().filter(is_told) {
        // Once built it is called pagemap-viz-VERB, and so is its page.
        commands.push(verb.clone());
    }
    let page = |command: clap::Command| {
        let man = Man::new(command).source(concat!("pagemap-viz ", env!("CARGO_PKG_VERSION")));
        let mut text = Vec::new();
        man.render(&mut text).expect("memory takes a page");
        let text = String::from_utf8(text).expect("names and help are UTF-8");
        (man.get_filename(), text)
    };
    commands.into_iter().map(page).collect()
}
