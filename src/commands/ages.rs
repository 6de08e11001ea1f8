//! How long ago pages changed class, in each reading of a series.

use std::time::Duration;

use crate::compare::{Ages, LastChanges, age_key};
use crate::error::Result;
use crate::overlay::Shade;
use crate::render::{SoughtLines, span_of_time};
use crate::source::{Clock, Recording, Source};

/// Upper ends of the steps between the latest change and the longest ago, as parts of the series.
const PARTS: [f64; 3] = [0.125, 0.25, 0.5];

/// Steps: since the reading before, those up to [`PARTS`], and longer ago.
const STEPS: usize = PARTS.len() + 2;

/// Changes of a series, and how old each is in each reading.
#[derive(Debug)]
pub(super) struct AgeSeries {
    last: LastChanges,
    /// When each reading began: seconds since the first, or its number where times are not known.
    times: Vec<f64>,
    has_times: bool,
}

impl AgeSeries {
    /// Of the readings of `recording`.
    pub(super) fn new(recording: &Recording) -> Result<Self> {
        let mut times = Vec::new();
        let mut has_times = true;
        for number in 0..recording.frames() as u64 {
            let frame = recording.frame(Some(number))?;
            has_times &= frame.clock() != Clock::FileDate;
            times.push(frame.time().as_millisecond() as f64 / 1e3);
        }
        has_times &= times.is_sorted_by(|one, next| one < next);
        let first = times[0];
        let since = |(number, time): (usize, &f64)| match has_times {
            true => time - first,
            false => number as f64,
        };
        Ok(Self {
            last: LastChanges::new()?,
            times: times.iter().enumerate().map(since).collect(),
            has_times,
        })
    }

    /// The marks of reading `number`, which follow those of the one before it. The first forgets all.
    pub(super) fn marks(&self, number: usize) -> Result<Ages<'_>> {
        if number == 0 {
            self.last.forget()?;
        }
        let step = |changed: usize| self.step(number, changed);
        Ok(Ages::new(&self.last, (0..=number).map(step).collect()))
    }

    fn step(&self, number: usize, changed: usize) -> u8 {
        if changed == number {
            return 0;
        }
        let age = self.times[number] - self.times[changed];
        1 + PARTS.partition_point(|part| part * self.whole() < age) as u8
    }

    fn whole(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }

    /// What the legend says.
    pub(super) fn lines(&self) -> SoughtLines {
        let ends = PARTS.map(|part| self.shown(part * self.whole()));
        let between = ends.iter().map(|end| format!("up to {end} ago"));
        let longest = format!("more than {} ago", ends[PARTS.len() - 1]);
        let first = "since the picture before".to_owned();
        let names = [first].into_iter().chain(between).chain([longest]);
        let kind = |(step, name): (usize, String)| {
            let shade = Shade::Step(STEPS - 1 - step, STEPS);
            (name, age_key(step as u8), shade)
        };
        SoughtLines {
            title: "when pages changed class".to_owned(),
            kinds: names.enumerate().map(kind).collect(),
            notes: vec!["Dim: did not change class so far, by class.".to_owned()],
        }
    }

    fn shown(&self, time: f64) -> String {
        match self.has_times {
            true => {
                let whole = Duration::from_secs_f64(self.whole());
                span_of_time(Duration::from_secs_f64(time), whole)
            }
            false => match time as u64 {
                1 => "1 picture".to_owned(),
                pictures => format!("{pictures} pictures"),
            },
        }
    }
}
