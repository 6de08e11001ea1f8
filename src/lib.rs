//! See physical memory: every page of a Linux machine on one picture.
//!
//! Bits → classes → cells → pixels. The kernel gives 64 flags for every physical page
//! ([`kernel`]); they are read from a running system or a copy of
//! one ([`source`]), which may be a recording ([`recording`]); each page gets
//! a class ([`classify`]) and is counted ([`tally`]); pages become cells in rows ([`layout`]), packed
//! as they come ([`grid`]) by one parallel pass ([`scan`]), which may tell what became of pages
//! since another reading ([`compare`]) and how large the blocks are that they lie in ([`orders`]), surveyed for reports ([`survey`], [`report`], [`page`]), made rows of tables ([`columns`]), counted and listed by flags ([`inventory`]), looked for
//! ([`overlay`]), or kept for later ([`record`]); processes are asked how they lie ([`mappings`]) and
//! what they use ([`usage`], [`screen`]); cells, caption and legend become a picture
//! ([`render`]), which is described ([`facts`]) and written ([`output`]).
//!
//! ```
//! use pagemap_viz::classify::Class;
//! use pagemap_viz::scan::Nobody;
//! use pagemap_viz::source::{EXAMPLE, Recording};
//! use pagemap_viz::survey::survey;
//!
//! // A machine of 1 GiB, just booted: the recording that the crate carries.
//! let recording = Recording::open(EXAMPLE.as_ref())?;
//! let frame = recording.frame(Some(0))?;
//! let survey = survey(&frame, &[], None, 1, &Nobody)?;
//! assert_eq!(survey.classes.of(Class::Free), 235_415);
//! # Ok::<(), pagemap_viz::error::Error>(())
//! ```
//!
//! `examples/` has a program for each layer.
//!
//! The modules stand in the order in which data flows. Each uses only those above it, which
//! `tests/architecture.rs` checks.

// What can stop a run.
pub mod error;

// What the kernel says.
pub mod kernel;

// How flags are kept.
pub mod recording;

// Where bits come from.
pub mod source;

// What a page is.
pub mod classify;

// How many of each.
pub mod tally;

// Where a page goes.
pub mod layout;

// All cells, packed.
pub mod grid;

// One pass over all pages.
pub mod scan;

// What became of a page.
pub mod compare;

// How large the blocks are.
pub mod orders;

// One pass for everything that a report says.
pub mod survey;

// Pages as rows of tables.
pub mod columns;

// Pages by their flags.
pub mod inventory;

// Pages that are looked for.
pub mod overlay;

// How processes lie.
pub mod mappings;

// Who uses memory.
pub mod usage;

// One reading after the other, kept.
pub mod record;

// How it looks.
pub mod render;

// What is known of memory as a whole.
pub mod report;

// A report as a page.
pub mod page;

// What is known of a picture.
pub mod facts;

// Where results go.
pub mod output;

// What was asked.
pub mod cli;

// What the user sees meanwhile.
pub mod screen;
pub mod terminal;

// The verbs.
pub mod commands;
