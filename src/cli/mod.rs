//! What was asked. `args` is what was typed, `request` and its parts what it means.

mod args;
mod diff;
mod export;
mod flags;
mod look;
mod processes;
mod record;
mod report;
mod request;
mod selection;
mod shell;
mod snapshot;
mod sought;
mod source;
mod timelapse;
mod usage;
mod watching;
mod workers;

pub use args::{Args, ShellArg, Usage, parse, status_of_wrong_usage};

pub use diff::{Compared, DiffRequest};
pub use export::{ExportRequest, Input, RowTarget, RowsRequest, WordsRequest};
pub use flags::{Cgroup, FlagsFormat, FlagsRequest, PagesOf, PagesRequest};
pub use look::{Look, Scale};
pub use processes::{
    Asked, Detail, DoctorRequest, OrdersRequest, OwnerRequest, PageAt, PagetableRequest,
    SegmentsRequest, SystemOrdersRequest, ThpRequest, Who,
};
pub(crate) use record::LONGEST;
pub use record::{RecordRequest, Until};
pub use report::{ReportFormat, ReportRequest};
pub use request::{PaletteRequest, Request, open_palette, read_palette};
pub use shell::{SystemRequest, completions, man_pages};
pub use snapshot::SnapshotRequest;
pub use sought::{Chosen, SoughtRequest};
pub use source::SourceRequest;
pub use timelapse::{Marking, TimelapseRequest};
pub use usage::PssRequest;
pub use watching::{CheckFormat, CheckRequest, MetricsRequest, Statuses};
