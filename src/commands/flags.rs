//! `pagemap-viz flags`: pages by their flags, counted and listed.

use std::cell::OnceCell;

use super::sought::inode;
use crate::classify::{Class, Key, KsmVerdict};
use crate::cli::{FlagsFormat, FlagsRequest, PagesOf, PagesRequest};
use crate::error::Result;
use crate::facts::{Beside, SET_COLUMNS, described, file_text, page_types_summary, set_rows};
use crate::inventory::{
    Manner, Page, Place, Run, Runs, SetCount, Sets, Walk, in_page_types_order, ksm_verdict,
};
use crate::output::{Pending, TableWriter, Target, print, write_table};
use crate::scan::sweep;
use crate::source::{FileState, Process, Source, process_is_gone};
use crate::terminal::Terminal;

/// A question in work.
struct Census<'a> {
    request: &'a PagesRequest,
    terminal: &'a Terminal,
    source: &'a dyn Source,
    place: Place,
    cgroup: Option<u64>,
    ksm: OnceCell<KsmVerdict>,
}

/// What was counted.
struct Counted {
    sets: Vec<SetCount>,
    beside: Beside,
    ksm: KsmVerdict,
}

/// Explains flags, or counts and lists pages.
pub(super) fn answer(request: &FlagsRequest, terminal: &Terminal) -> Result<()> {
    let request = match request {
        FlagsRequest::Describe {
            flags,
            edition,
            remarks,
        } => {
            remarks.iter().for_each(|remark| terminal.remark(remark));
            return print(&described(*flags, *edition));
        }
        FlagsRequest::Pages(request) => request,
    };
    if !request.quiet {
        request
            .remarks
            .iter()
            .for_each(|remark| terminal.remark(remark));
    }
    let source = request.source.open()?;
    let cgroup = request.cgroup.as_ref();
    let cgroup = cgroup.map(|cgroup| inode(cgroup, source.as_ref()));
    let census = Census {
        request,
        terminal,
        source: source.as_ref(),
        place: place(&request.of, source.as_ref())?,
        cgroup: cgroup.transpose()?,
        ksm: OnceCell::new(),
    };
    let mut out = Target::Stdout.begin()?;
    let counted = match request.list {
        None => census.count()?,
        Some(_) => census.list(&mut out)?,
    };
    terminal.clear();
    if request.summary {
        census.summarise(&counted, &mut out)?;
    }
    out.finish()
}

fn place(of: &PagesOf, source: &dyn Source) -> Result<Place> {
    let page_bytes = source.machine().page_size.bytes();
    Ok(match of {
        PagesOf::Memory => Place::Memory,
        PagesOf::Process { root, pid } => Place::Process(Process::open(root, *pid, page_bytes)?),
        PagesOf::File(path) => Place::File(path.clone()),
    })
}

impl Census<'_> {
    /// All of memory in parallel; anything less in order.
    fn count(&self) -> Result<Counted> {
        let is_all = matches!(self.place, Place::Memory) && self.request.spans.is_empty();
        if !is_all || self.cgroup.is_some() {
            return self.walk(&mut |_| Ok(()));
        }
        let (counts, ksm) = sweep(
            self.source,
            self.manner().reach(),
            self.request.threads,
            self.terminal,
            || Sets::new(&self.request.sight),
            |sets, block| {
                // The others were read as holes, and holes are counted.
                let selected = self.source.machine().selected_in(block.pages());
                selected
                    .into_iter()
                    .for_each(|part| sets.add(&block.part(part)));
                Ok(())
            },
        )?;
        let none = Sets::new(&self.request.sight);
        let sets = counts.iter().fold(none, Sets::merge);
        Ok(Counted {
            sets: sets.into_counts(),
            beside: Beside::default(),
            ksm,
        })
    }

    fn manner(&self) -> Manner {
        match self.request.format {
            FlagsFormat::PageTypes => Manner::PageTypes,
            FlagsFormat::Table(_) => Manner::Own,
        }
    }

    fn walk(&self, take: &mut dyn FnMut(&Page) -> Result<()>) -> Result<Counted> {
        let walk = Walk {
            source: self.source,
            sight: &self.request.sight,
            place: &self.place,
            spans: &self.request.spans,
            wanted: self.request.wanted(self.cgroup),
            manner: self.manner(),
            watcher: self.terminal,
        };
        let mut sets = Sets::new(&self.request.sight);
        let (mut beside, mut order) = (Beside::default(), 0);
        let is_page_types = self.request.format == FlagsFormat::PageTypes;
        let passed_over = walk.run(&mut |page| {
            order += 1;
            match page.class {
                Some(key) => sets.add_page(page.flags, key, order),
                // page-types counts it as a page without flags.
                None if is_page_types => {
                    sets.add_page(page.flags, Key(Class::Unmarked as u8), order);
                }
                None if page.entry.is_guard() => beside.guards += 1,
                None => beside.swapped += 1,
            }
            take(page)
        })?;
        self.tell(passed_over);
        Ok(Counted {
            sets: sets.into_counts(),
            beside,
            ksm: self.ksm()?,
        })
    }

    /// What makes an answer less than whole.
    fn tell(&self, passed_over: u64) {
        if self.request.quiet {
            return;
        }
        if passed_over > 0 {
            let remark =
                format!("{passed_over} files were passed over: they vanished, or cannot be mapped");
            self.terminal.remark(&remark);
        }
        if let Place::Process(process) = &self.place
            && let Err(error) = process.check_whole()
        {
            let remark = match process_is_gone(&error) {
                true => format!("process {} ended while it was read", process.pid()),
                false => error.to_string(),
            };
            self.terminal.remark(&remark);
        }
    }

    /// Asked once; page-types knows no classes.
    fn ksm(&self) -> Result<KsmVerdict> {
        if let Some(known) = self.ksm.get() {
            return Ok(*known);
        }
        let verdict = match self.request.format {
            FlagsFormat::PageTypes => KsmVerdict::Doubted,
            FlagsFormat::Table(_) => ksm_verdict(self.source, self.request.threads, self.terminal)?,
        };
        Ok(*self.ksm.get_or_init(|| verdict))
    }

    fn list(&self, out: &mut Pending) -> Result<Counted> {
        let columns = self
            .request
            .list
            .expect("it is asked for when there is a list");
        let edition = self.request.sight.edition;
        match self.request.format {
            FlagsFormat::PageTypes => {
                out.write_text(&columns.page_types_head())?;
                self.runs(columns.runs, &mut |run| {
                    // page-types does not know classes, so a run goes on over them.
                    out.write_text(&columns.page_types_line(run, edition))
                })
            }
            FlagsFormat::Table(format) => {
                let page_bytes = self.source.machine().page_size.bytes();
                let ksm = self.ksm()?;
                let mut table = TableWriter::new(format, columns.columns(), out)?;
                let counted = self.runs(columns.runs, &mut |run| {
                    table.row(&columns.row(run, ksm, edition, page_bytes))
                })?;
                table.finish()?;
                Ok(counted)
            }
        }
    }

    /// Every run, or every page as a run of its own.
    fn runs(&self, joined: bool, take: &mut dyn FnMut(&Run) -> Result<()>) -> Result<Counted> {
        let is_page_types = self.request.format == FlagsFormat::PageTypes;
        let mut runs = Runs::default();
        let counted = self.walk(&mut |page| {
            let page = match is_page_types {
                true => page.as_page_types_sees_it(),
                false => *page,
            };
            match joined {
                false => take(&Run { page, pages: 1 }),
                true => runs.push(&page).map_or(Ok(()), |run| take(&run)),
            }
        })?;
        runs.finish().map_or(Ok(()), |run| take(&run))?;
        Ok(counted)
    }

    fn summarise(&self, counted: &Counted, out: &mut Pending) -> Result<()> {
        let page_bytes = self.source.machine().page_size.bytes();
        let edition = self.request.sight.edition;
        let listed = self.request.list.is_some();
        match self.request.format {
            FlagsFormat::PageTypes => {
                if listed {
                    out.write_text("\n\n")?;
                }
                if let PagesOf::File(path) = &self.request.of {
                    out.write_text(&file_text(&FileState::of(path)?, page_bytes))?;
                }
                let sets = in_page_types_order(&counted.sets);
                out.write_text(&page_types_summary(&sets, edition, page_bytes))
            }
            FlagsFormat::Table(format) => {
                if listed {
                    out.write_text("\n")?;
                }
                let Counted { sets, beside, ksm } = counted;
                let rows = set_rows(sets, *beside, *ksm, edition, page_bytes);
                write_table(format, &SET_COLUMNS, &rows, out)
            }
        }
    }
}
