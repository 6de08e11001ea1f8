//! What was asked. `args` is what was typed, `request` what it means.

mod args;
mod request;

pub use args::{Args, Usage, parse};
pub use request::{PaletteRequest, Request, Scale, SnapshotRequest, SourceRequest, open_palette};
