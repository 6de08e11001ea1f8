//! What was asked. `args` is what was typed, `request` and its parts what it means.

mod args;
mod record;
mod request;
mod snapshot;
mod source;

pub use args::{Args, Usage, parse};
pub(crate) use record::LONGEST;
pub use record::{RecordRequest, Until};
pub use request::{ExportRequest, PaletteRequest, Request, open_palette};
pub use snapshot::{Scale, SnapshotRequest};
pub use source::SourceRequest;
