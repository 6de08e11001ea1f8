//! Where flags come from: options to sources.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::args::{SourceArgs, TypedSource};
use crate::error::Result;
use crate::source::{
    EXAMPLE, Frames, Overrides, Recording, Selection, Source, System, is_page_size, open_file,
};

/// Where the flags come from.
#[derive(Clone, Debug)]
pub struct SourceRequest {
    place: Place,
    overrides: Overrides,
    selection: Selection,
}

#[derive(Clone, Debug)]
enum Place {
    Live,
    Sysroot(PathBuf),
    File(PathBuf, Frames),
}

impl SourceRequest {
    /// One source of a picture.
    pub(super) fn one(args: SourceArgs) -> Result<Self, String> {
        let overrides = overrides(args.page_size.as_deref())?;
        let place = match (args.sysroot, args.from) {
            (Some(root), _) => Place::Sysroot(root),
            (None, Some(file)) => file_and_frames(&file)?,
            (None, None) => Place::Live,
        };
        if let Place::File(path, Frames::All) = &place {
            return Err(format!(
                "{}@all is a series, and this is of one frame (@N)",
                path.display()
            ));
        }
        Ok(Self {
            place,
            overrides,
            selection: Selection::default(),
        })
    }

    /// Only part of it.
    pub(super) fn only(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// What stands at a place: a directory is a captured system, a file a recording or a raw copy.
    pub(super) fn at(path: &Path, page_size: Option<&str>) -> Result<Self, String> {
        let (sysroot, from) = match path.is_dir() {
            true => (Some(path.to_owned()), None),
            false => (None, Some(path.to_owned())),
        };
        let page_size = page_size.map(str::to_owned);
        Self::one(SourceArgs {
            sysroot,
            from,
            page_size,
        })
    }

    /// The running kernel.
    pub(super) fn live(page_size: Option<&str>) -> Result<Self, String> {
        Self::one(SourceArgs {
            sysroot: None,
            from: None,
            page_size: page_size.map(str::to_owned),
        })
    }

    /// What stands at a place, as [`SourceRequest::at`], with all frames of a recording where none is named.
    pub(super) fn readings(path: &Path, page_size: Option<&str>) -> Result<Self, String> {
        if path.is_dir() {
            return Self::at(path, page_size);
        }
        Ok(Self {
            place: match file_and_frames(path)? {
                Place::File(file, Frames::Last) if Recording::is_one(&file) => {
                    Place::File(file, Frames::All)
                }
                place => place,
            },
            overrides: overrides(page_size)?,
            selection: Selection::default(),
        })
    }

    /// The numbers of the frames that it is; of what has no frames none.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn frames(&self) -> Result<Vec<Option<u64>>> {
        Ok(match &self.place {
            Place::File(file, Frames::All) => {
                let frames = Recording::open(file)?.frames() as u64;
                (0..frames).map(Some).collect()
            }
            Place::File(_, Frames::Number(number)) => vec![Some(*number)],
            _ => vec![None],
        })
    }

    /// The sources of a recording, in the order of its frames; the running kernel when none is typed.
    pub(super) fn several(
        sources: &[TypedSource],
        page_size: Option<&str>,
    ) -> Result<Vec<Self>, String> {
        let overrides = overrides(page_size)?;
        let place = |source: &TypedSource| {
            Ok(match source {
                TypedSource::Sysroot(root) => Place::Sysroot(root.clone()),
                TypedSource::From(file) => file_and_frames(file)?,
            })
        };
        let mut places = sources
            .iter()
            .map(place)
            .collect::<Result<Vec<_>, String>>()?;
        if places.is_empty() {
            places.push(Place::Live);
        }
        Ok(places
            .into_iter()
            .map(|place| Self {
                place,
                overrides,
                selection: Selection::default(),
            })
            .collect())
    }

    /// The recording that it is all or the last of.
    pub fn recording(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path, Frames::All | Frames::Last) if Recording::is_one(path) => Some(path),
            _ => None,
        }
    }

    /// Where its `proc` is; `None` for a file.
    pub fn root(&self) -> Option<&Path> {
        match &self.place {
            Place::Live => Some(Path::new("/")),
            Place::Sysroot(root) => Some(root),
            Place::File(..) => None,
        }
    }

    /// Whether it is the running kernel.
    pub(super) fn is_running(&self) -> bool {
        match &self.place {
            Place::Live => true,
            Place::Sysroot(root) => root == Path::new("/"),
            Place::File(..) => false,
        }
    }

    /// Whether it is one file: a recording or a copy of kpageflags.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.place, Place::File(..))
    }

    /// True when it is a frame that was chosen from others.
    pub(super) fn is_one_of_several(&self) -> bool {
        matches!(self.place, Place::File(_, Frames::Number(_)))
    }

    /// True when it is all frames of a recording.
    pub(super) fn is_series(&self) -> bool {
        matches!(self.place, Place::File(_, Frames::All))
    }

    /// Opens the source; of a series the last.
    ///
    /// # Errors
    /// What opening says.
    pub fn open(&self) -> Result<Box<dyn Source>> {
        self.selection.of(self.whole(None)?)
    }

    /// The same pages in each of these frames of the recording that it is; none of them is what it is.
    ///
    /// # Errors
    /// They cannot be opened, or none of them has what is meant.
    pub fn selection_in_all(&self, frames: &[Option<u64>]) -> Result<Selection> {
        match frames {
            [] | [_] => Ok(self.selection.clone()),
            several => self
                .selection
                .in_all(several.iter().map(|&frame| self.whole(frame))),
        }
    }

    /// Opens a frame of the recording that it is, and these pages of it; or what it is.
    ///
    /// # Errors
    /// What opening says.
    pub fn open_frame(
        &self,
        number: Option<u64>,
        selection: &Selection,
    ) -> Result<Box<dyn Source>> {
        selection.of(self.whole(number)?)
    }

    fn whole(&self, frame: Option<u64>) -> Result<Box<dyn Source>> {
        let frames = |frames: Frames| frame.map_or(frames, Frames::Number);
        Ok(match &self.place {
            Place::Live => Box::new(System::open_live(self.overrides)?),
            Place::Sysroot(root) => Box::new(System::open(root, self.overrides)?),
            Place::File(file, Frames::All) => {
                open_file(file, frames(Frames::Last), self.overrides)?
            }
            Place::File(file, own) => open_file(file, frames(*own), self.overrides)?,
        })
    }

    /// Opens every frame that is meant, one after the other, and hands it over.
    ///
    /// # Errors
    /// What opening says, or what `take` does.
    pub fn each(&self, take: &mut dyn FnMut(&dyn Source) -> Result<()>) -> Result<()> {
        let Place::File(file, Frames::All) = &self.place else {
            return take(self.open()?.as_ref());
        };
        let recording = Recording::open(file)?;
        (0..recording.frames() as u64).try_for_each(|number| take(&recording.frame(Some(number))?))
    }
}

fn overrides(page_bytes: Option<&str>) -> Result<Overrides, String> {
    let page_bytes = page_bytes.map(page_size).transpose()?;
    Ok(Overrides {
        page_bytes,
        time: source_date()?,
    })
}

/// `FILE`, `FILE@N` or `FILE@all`. A file whose name has an @ is meant when it is there.
fn file_and_frames(path: &Path) -> Result<Place, String> {
    let whole = || Ok(Place::File(path.to_owned(), Frames::Last));
    let Some((file, frames)) = path.to_str().and_then(|text| text.rsplit_once('@')) else {
        return whole();
    };
    let file = Path::new(file);
    if path.exists() || !(file.exists() || file.as_os_str() == EXAMPLE) {
        return whole();
    }
    let frames = match frames {
        "all" => Frames::All,
        number => Frames::Number(number.parse().map_err(|_| {
            format!(
                "'{number}' is no frame of {} (a number from 0, or all)",
                file.display()
            )
        })?),
    };
    Ok(Place::File(file.into(), frames))
}

/// `4096`, `4K`, `16KiB`, `64k`: a power of two from 1 KiB to 1 MiB.
fn page_size(text: &str) -> Result<u64, String> {
    size(text).filter(|&bytes| is_page_size(bytes)).ok_or_else(|| {
        format!("--page-size {text} is no page size (a power of two from 1 KiB to 1 MiB: 4096, 16KiB, 64k)")
    })
}

/// A number of bytes: `4096`, `64k`, `2MiB`, `1.5G`.
pub(super) fn size(text: &str) -> Option<u64> {
    const UNITS: [(char, u32); 4] = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches("ib").trim_end_matches('b');
    let unit = UNITS.iter().find(|(unit, _)| digits.ends_with(*unit));
    let shift = unit.map_or(0, |&(_, shift)| shift);
    let digits = digits.trim_end_matches(|last| unit.is_some_and(|&(unit, _)| last == unit));
    let (whole, decimals) = digits.trim().split_once('.').unwrap_or((digits.trim(), ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > MOST_DECIMALS {
        return None;
    }
    let number: u128 = format!("{whole}{decimals}").parse().ok()?;
    let scale = 10u128.pow(decimals.len() as u32);
    let bytes = number.checked_mul(1 << shift)?;
    // A part of a byte is none.
    (bytes % scale == 0)
        .then(|| u64::try_from(bytes / scale).ok())
        .flatten()
}

/// Of a number of bytes; addresses are told with three at most.
const MOST_DECIMALS: usize = 12;

/// <https://reproducible-builds.org/specs/source-date-epoch/>: a time that outputs carry instead
/// of the clock's.
fn source_date() -> Result<Option<Timestamp>, String> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let seconds = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .and_then(|s| Timestamp::from_second(s).ok());
    seconds
        .map(Some)
        .ok_or_else(|| "SOURCE_DATE_EPOCH is not a number of seconds".to_owned())
}
