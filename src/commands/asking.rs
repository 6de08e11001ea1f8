//! Asking several processes, and saying how many would not answer.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::{Asked, Who};
use crate::error::Result;
use crate::mappings::ask;
use crate::source::{Process, asks_as_root, processes, processes_of_cgroup};
use crate::terminal::Terminal;

/// Who is asked, and how.
pub(super) struct Asking<'a> {
    /// Where `proc` is.
    pub(super) root: &'a Path,
    /// Bytes of a page there.
    pub(super) page_bytes: u64,
    /// Workers.
    pub(super) threads: usize,
    /// Whether somebody was named, who has to answer.
    pub(super) is_named: bool,
    /// Nothing but answers and errors.
    pub(super) quiet: bool,
}

/// How many would not answer.
pub(super) fn refusal(refused: usize, all: usize) -> String {
    match asks_as_root() {
        true => format!("{refused} of {all} processes are kept from root, too"),
        false => format!("{refused} of {all} processes are not for this user (root may see them)"),
    }
}

/// The numbers of those who are meant.
pub(super) fn meant(asked: &Asked) -> Result<Vec<u32>> {
    match &asked.who {
        Who::All => processes(&asked.root),
        Who::Pids(pids) => {
            let once: BTreeSet<u32> = pids.iter().copied().collect();
            Ok(once.into_iter().collect())
        }
        Who::Cgroup(path) => processes_of_cgroup(path),
    }
}

impl<'a> Asking<'a> {
    /// As it was said, of processes whose pages have so many bytes.
    pub(super) fn new(asked: &'a Asked, page_bytes: u64) -> Self {
        Self {
            root: &asked.root,
            page_bytes,
            threads: asked.threads,
            is_named: matches!(asked.who, Who::Pids(_)),
            quiet: asked.quiet,
        }
    }

    /// The answers of these processes.
    pub(super) fn ask<T: Send>(
        &self,
        pids: &[u32],
        terminal: &Terminal,
        question: impl Fn(Process, String) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let Asking {
            root,
            page_bytes,
            threads,
            ..
        } = *self;
        let must_answer = self.is_named && pids.len() == 1;
        let asked = ask(
            root,
            pids,
            page_bytes,
            threads,
            must_answer,
            terminal,
            question,
        )?;
        terminal.clear();
        if asked.refused > 0 && !self.quiet {
            terminal.remark(&refusal(asked.refused, pids.len()));
        }
        Ok(asked.answers)
    }
}
