//! A table on the whole terminal: keys sort, filter and scroll it. The only module that knows crossterm.

use std::io::{self, Stdout, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{cursor, execute, queue};
use unicode_width::UnicodeWidthChar;

use crate::error::{Error, Result};
use crate::usage::{Kind, Row, keep_top};

/// How long a signal may stay unnoticed.
const NAP: Duration = Duration::from_millis(100);

/// What is on the screen.
pub struct Show<'a> {
    /// Two lines above the rows.
    pub head: [String; 2],
    /// The row of all, and those of the groups, the largest first.
    pub rows: &'a [Row],
    /// Groups up to this per cent of all are shown.
    pub top: f64,
    /// What else is to be said.
    pub notes: &'a [String],
    /// A row as a line.
    pub line: &'a dyn Fn(&Row) -> String,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Memory,
    Change,
    Swap,
    Name,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Memory => Self::Change,
            Self::Change => Self::Swap,
            Self::Swap => Self::Name,
            Self::Name => Self::Memory,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "ptotal",
            Self::Change => "change",
            Self::Swap => "pswap",
            Self::Name => "name",
        }
    }
}

/// What keys have made of it.
#[derive(Debug)]
struct State {
    order: Order,
    filter: String,
    /// While it is typed.
    is_typing: bool,
    top: usize,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Redraw,
    Nothing,
}

/// As much of a line as so many columns hold: some letters take two, some none.
fn cut(line: &str, width: usize) -> String {
    let mut left = width;
    let fits = |letter: &char| match left.checked_sub(letter.width().unwrap_or(0)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    line.chars().take_while(fits).collect()
}

/// The terminal, taken over; given back when it is dropped.
#[derive(Debug)]
pub struct Screen {
    out: Stdout,
    state: State,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// It will not.
    pub fn open() -> Result<Self> {
        enable_raw_mode().map_err(failed)?;
        let mut screen = Self {
            out: stdout(),
            state: State::new(),
        };
        execute!(screen.out, EnterAlternateScreen, cursor::Hide).map_err(failed)?;
        Ok(screen)
    }

    /// Draws it anew.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn draw(&mut self, show: &Show<'_>) -> Result<()> {
        let (width, height) = size().map_err(failed)?;
        let (width, height) = (usize::from(width), usize::from(height));
        let lines = self.state.lines(show, height);
        self.paint(&lines, width, height).map_err(failed)
    }

    fn paint(
        &mut self,
        lines: &[(String, Attribute)],
        width: usize,
        height: usize,
    ) -> io::Result<()> {
        let out = &mut self.out;
        queue!(out, BeginSynchronizedUpdate, cursor::MoveTo(0, 0))?;
        for (number, (line, attribute)) in lines.iter().enumerate() {
            let cut = cut(line, width);
            queue!(
                out,
                cursor::MoveTo(0, u16::try_from(number).unwrap_or(u16::MAX)),
                Clear(ClearType::CurrentLine),
                SetAttribute(*attribute),
                Print(cut),
                SetAttribute(Attribute::Reset)
            )?;
        }
        for below in lines.len()..height {
            let below = u16::try_from(below).unwrap_or(u16::MAX);
            queue!(out, cursor::MoveTo(0, below), Clear(ClearType::CurrentLine))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()
    }

    /// Waits for a key until a time; false when it says quit. True when something has to be drawn.
    ///
    /// # Errors
    /// `check` failed, which is asked now and then, or the terminal cannot be read.
    pub fn wait(&mut self, until: Instant, check: &dyn Fn() -> Result<()>) -> Result<bool> {
        while Instant::now() < until {
            check()?;
            let left = until.saturating_duration_since(Instant::now());
            if !event::poll(left.min(NAP)).map_err(failed)? {
                continue;
            }
            match event::read().map_err(failed)? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    match self.state.take(key) {
                        Wish::Quit => return Ok(false),
                        Wish::Redraw => return Ok(true),
                        Wish::Nothing => {}
                    }
                }
                Event::Resize(..) => return Ok(true),
                _ => {}
            }
        }
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = execute!(self.out, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

fn failed(cause: io::Error) -> Error {
    Error::Write {
        path: Path::new("the terminal").to_owned(),
        cause,
    }
}

impl State {
    fn new() -> Self {
        Self {
            order: Order::Memory,
            filter: String::new(),
            is_typing: false,
            top: 0,
        }
    }

    fn take(&mut self, key: KeyEvent) -> Wish {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => return Wish::Quit,
            code if self.is_typing => return self.type_filter(code),
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('/') => {
                self.is_typing = true;
                self.filter.clear();
            }
            KeyCode::Down | KeyCode::Char('j') => self.top += 1,
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top += 10,
            KeyCode::PageUp => self.top = self.top.saturating_sub(10),
            KeyCode::Home => self.top = 0,
            _ => return Wish::Nothing,
        }
        Wish::Redraw
    }

    fn type_filter(&mut self, code: KeyCode) -> Wish {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) => self.filter.push(letter),
            _ => return Wish::Nothing,
        }
        self.top = 0;
        Wish::Redraw
    }

    /// What stands on a screen of so many lines.
    fn lines(&mut self, show: &Show<'_>, height: usize) -> Vec<(String, Attribute)> {
        let head = &show.head;
        let mut lines = vec![
            (head[0].clone(), Attribute::Bold),
            (head[1].clone(), Attribute::Underlined),
        ];
        let (total, groups) = match show.rows.split_first() {
            Some((total, groups)) => (Some(total), groups),
            None => (None, &[][..]),
        };
        lines.extend(total.map(|row| ((show.line)(row), Attribute::Bold)));
        let filtered = groups.iter().filter(|row| self.keeps(row));
        let filtered: Vec<Row> = total.into_iter().chain(filtered).cloned().collect();
        let kept = keep_top(&filtered, show.top);
        let mut chosen: Vec<&Row> = kept.iter().skip(1).collect();
        self.sort(&mut chosen);
        let notes = show.notes.len() + 1;
        let room = height.saturating_sub(lines.len() + notes);
        self.top = self.top.min(chosen.len().saturating_sub(room));
        let seen = chosen.iter().skip(self.top).take(room);
        lines.extend(seen.map(|row| ((show.line)(row), attribute(row))));
        lines.truncate(height.saturating_sub(notes));
        lines.extend(show.notes.iter().map(|note| (note.clone(), Attribute::Dim)));
        lines.push((self.keys(chosen.len()), Attribute::Reverse));
        lines
    }

    fn keeps(&self, row: &Row) -> bool {
        row.key.to_lowercase().contains(&self.filter.to_lowercase())
    }

    fn sort(&self, rows: &mut [&Row]) {
        let change = |row: &Row| match row.kind {
            Kind::Changed(bytes) => bytes.unsigned_abs(),
            Kind::Added | Kind::Gone => row.parts.total().max(1),
            _ => 0,
        };
        match self.order {
            // As they come.
            Order::Memory => {}
            Order::Change => rows.sort_by_key(|row| std::cmp::Reverse(change(row))),
            Order::Swap => rows.sort_by_key(|row| std::cmp::Reverse(row.swap)),
            Order::Name => rows.sort_by_key(|row| (row.key.to_lowercase(), row.pid)),
        }
    }

    fn keys(&self, groups: usize) -> String {
        if self.is_typing {
            return format!(
                " filter: {}_   Enter keeps it, Esc takes it away ",
                self.filter
            );
        }
        let filter = match self.filter.as_str() {
            "" => String::new(),
            filter => format!(" ({filter})"),
        };
        let order = self.order.name();
        format!(" q quit   s sort ({order})   / filter{filter}   arrows scroll   {groups} groups ")
    }
}

fn attribute(row: &Row) -> Attribute {
    match row.kind {
        Kind::Changed(_) | Kind::Added => Attribute::Bold,
        Kind::Gone => Attribute::Dim,
        _ => Attribute::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Parts;

    fn row(key: &str, data: u64, swap: u64, kind: Kind) -> Row {
        let parts = Parts {
            data,
            ..Parts::default()
        };
        Row {
            kind,
            key: key.into(),
            processes: 1,
            swap,
            parts,
            ..Row::default()
        }
    }

    fn keys_shown(state: &mut State, height: usize) -> Vec<String> {
        let rows = [
            row("all", 60, 6, Kind::Total),
            row("bash", 30, 1, Kind::Same),
            row("Cat", 20, 3, Kind::Changed(-5)),
            row("awk", 10, 2, Kind::Changed(4)),
        ];
        let show = Show {
            head: ["head".into(), "columns".into()],
            rows: &rows,
            notes: &["note".into()],
            top: 100.0,
            line: &|row| row.key.clone(),
        };
        state
            .lines(&show, height)
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }

    fn press(state: &mut State, code: KeyCode) -> Wish {
        state.take(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("a漢字b", 4), "a漢");
        assert_eq!(cut("a漢字b", 6), "a漢字b");
        assert_eq!(cut("e\u{301}x", 1), "e\u{301}");
    }

    #[test]
    fn keys_sort_filter_and_scroll() {
        let mut state = State::new();
        let shown = keys_shown(&mut state, 20);
        assert_eq!(shown[..6], ["head", "columns", "all", "bash", "Cat", "awk"]);
        assert_eq!(shown[6], "note");
        let mut orders = Vec::new();
        for _ in 0..4 {
            assert_eq!(press(&mut state, KeyCode::Char('s')), Wish::Redraw);
            orders.push(keys_shown(&mut state, 20)[3..6].join(" "));
        }
        let expected = [
            "Cat awk bash",
            "Cat awk bash",
            "awk bash Cat",
            "bash Cat awk",
        ];
        assert_eq!(orders, expected);
        press(&mut state, KeyCode::Char('/'));
        for letter in "cA".chars() {
            press(&mut state, KeyCode::Char(letter));
        }
        // While a filter is typed, q is a letter.
        assert_eq!(keys_shown(&mut state, 20)[3..5], ["Cat", "note"]);
        assert_eq!(press(&mut state, KeyCode::Char('q')), Wish::Redraw);
        assert_eq!(press(&mut state, KeyCode::Esc), Wish::Redraw);
        // Three lines of head and two below leave one.
        press(&mut state, KeyCode::Down);
        assert_eq!(keys_shown(&mut state, 6)[3], "Cat");
        for _ in 0..9 {
            press(&mut state, KeyCode::Down);
        }
        assert_eq!(keys_shown(&mut state, 6)[3], "awk");
        assert_eq!(press(&mut state, KeyCode::Char('q')), Wish::Quit);
        for height in 0..6 {
            assert!(keys_shown(&mut state, height).len() <= height.max(2));
        }
    }
}
