//! The map: rows of cells from top to bottom, what stands between them, and the columns they stand in.

use super::canvas::BACKGROUND;
use super::columns::{Column, From, Item, set};
use super::gap::{GAP_HEIGHT, gap};
use super::heading::{Heading, heading, headings};
use super::subject::Subject;
use crate::classify::{Key, KsmVerdict};
use crate::error::Result;
use crate::grid::{Grid, Packed, Piece, long_enough, unpack};
use crate::kernel::{Pfn, PfnRange, PfnSet};
use crate::layout::{Layout, ROW_CELLS};

/// Rows of the map that follow each other, and where they are in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRows {
    /// Pixels left of the first cell.
    pub x: usize,
    /// Pixels above the first row.
    pub y: u64,
    /// Rows, one pixel high each; for a break, the pixels it takes.
    pub height: u64,
    /// The pages behind them. The last row may go on beyond the last page.
    pub pages: PfnRange,
    /// False for a break, which stands for its pages without drawing them.
    pub is_drawn: bool,
}

/// What of the page numbers a map shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first page after the last.
    pub(super) end: Pfn,
    /// Rows that are drawn: from the first to after the last.
    rows: (u64, u64),
    /// Pages of the rows that are cut out.
    cuts: PfnSet,
    /// The pages that are meant, where not all are.
    selected: Option<PfnSet>,
    /// What stands above rows, ascending.
    headings: Vec<Heading>,
}

impl Span {
    /// All up to `end` that is not a long run of rows of `holes`; with `headings` where they are wanted.
    pub(super) fn new(end: Pfn, holes: &PfnSet, subject: &Subject, has_headings: bool) -> Self {
        let layout = &subject.layout;
        let all = PfnRange::new(0, layout.rows(end) * layout.row_pages());
        let selected = subject.selected.as_ref().map(|selected| &selected.pages);
        let first = selected.and_then(|pages| pages.ranges().first());
        let (start, end) = first.map_or((Pfn(0), end), |first| {
            (first.start, selected.map_or(end, PfnSet::end).min(end))
        });
        let first_row = start.0 / layout.unit_pages() * layout.unit_rows();
        let rows = (first_row, layout.rows(end));
        let headings = match has_headings {
            true => headings(subject, start, end),
            false => Vec::new(),
        };
        Self {
            end,
            rows,
            cuts: long_enough(&holes.inside(all).collect(), layout.row_pages()),
            selected: selected.cloned(),
            headings,
        }
    }

    /// What pages are that are not drawn.
    fn left_out(&self, pages: PfnRange) -> &'static str {
        let Some(selected) = &self.selected else {
            return "of hole not drawn";
        };
        let meant: u64 = selected.inside(pages).map(PfnRange::pages).sum();
        match meant {
            0 => "not selected",
            all if all == pages.pages() => "of hole not drawn",
            _ => "of hole, or not selected",
        }
    }
}

/// Consecutive rows of cells somewhere in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowsAt {
    /// Pixels above them, from the top of the map.
    pub(super) y: u64,
    /// Number of the first row.
    pub(super) first: u64,
    /// How many.
    pub(super) rows: u64,
}

/// Every column, from the left.
#[derive(Debug)]
pub(super) struct Map {
    columns: Vec<Column>,
    grid: Grid,
    ksm: KsmVerdict,
    row_pages: u64,
    end: Pfn,
}

impl Map {
    /// Lays the grid's pieces out in so many columns.
    pub(super) fn new(
        grid: Grid,
        ksm: KsmVerdict,
        span: &Span,
        layout: &Layout,
        page_bytes: u64,
        columns: usize,
    ) -> Self {
        let items = items(&grid, span, layout, page_bytes);
        Self {
            columns: set(items, columns, layout.unit_rows()),
            grid,
            ksm,
            row_pages: layout.row_pages(),
            end: span.end,
        }
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Pixels from the first row to the last of the longest column.
    pub(super) fn height(&self) -> u64 {
        let heights = self.columns.iter().map(|column| column.height);
        heights.max().unwrap_or(0)
    }

    /// How many items the first column has.
    pub(super) fn items(&self) -> usize {
        self.columns.first().map_or(0, |column| column.items.len())
    }

    /// An item of the first column as it is, for a picture that has nothing beside it.
    pub(super) fn item(&mut self, number: usize) -> Result<ItemPixels> {
        let (y, item) = &self.columns[0].items[number];
        let (y, height) = (*y, item.height());
        if let Item::Rows {
            rows,
            from: From::Strip { strip, all, .. },
            ..
        } = *item
            && rows == all
        {
            return Ok(ItemPixels::Packed(self.grid.packed(strip, self.ksm)?));
        }
        Ok(ItemPixels::Plain(self.pixels(0, y, y + height)?))
    }

    /// Pixel rows `from` to `to` of a column; background below its end.
    pub(super) fn pixels(&mut self, column: usize, from: u64, to: u64) -> Result<Vec<u8>> {
        let mut pixels = Vec::with_capacity((to - from) as usize * ROW_CELLS);
        let column = &mut self.columns[column];
        let first = column
            .items
            .partition_point(|(y, item)| y + item.height() <= from);
        for (y, item) in column.items[first..].iter().take_while(|(y, _)| *y < to) {
            let here = from.max(*y) - y..to.min(y + item.height()) - y;
            match item {
                Item::Break(canvas, _) | Item::Heading(canvas) => {
                    here.for_each(|row| pixels.extend(canvas.row(row as usize)));
                }
                Item::Rows {
                    from: From::Hole, ..
                } => {
                    pixels.resize(
                        pixels.len() + (here.end - here.start) as usize * ROW_CELLS,
                        Key::HOLE.0,
                    );
                }
                Item::Rows {
                    from: From::Strip { strip, skip, .. },
                    ..
                } => {
                    if column.unpacked.as_ref().map(|(known, _)| known) != Some(strip) {
                        let packed = self.grid.packed(*strip, self.ksm)?;
                        column.unpacked = Some((*strip, unpack(&packed, ROW_CELLS)));
                    }
                    let (_, rows) = column.unpacked.as_ref().expect("it is unpacked");
                    let at = |row: u64| (skip + row) as usize * ROW_CELLS;
                    pixels.extend_from_slice(&rows[at(here.start)..at(here.end)]);
                }
            }
        }
        pixels.resize((to - from) as usize * ROW_CELLS, BACKGROUND);
        Ok(pixels)
    }

    /// The rows of cells of a column that touch pixel rows `from` to `to`.
    pub(super) fn rows_at(&self, column: usize, from: u64, to: u64) -> Vec<RowsAt> {
        let items = self.columns[column].items.iter();
        let near = items.filter(|(y, item)| *y < to && y + item.height() > from);
        let rows = near.filter_map(|(y, item)| match item {
            Item::Rows { first, rows, .. } => {
                let (start, end) = (from.max(*y), to.min(y + rows));
                Some(RowsAt {
                    y: start,
                    first: first + (start - y),
                    rows: end - start,
                })
            }
            Item::Break(..) | Item::Heading(_) => None,
        });
        rows.collect()
    }

    /// Rows of a column that follow each other without a break, and where they are.
    pub(super) fn runs(&self, column: usize) -> Vec<RowsAt> {
        let mut runs: Vec<RowsAt> = Vec::new();
        for rows in self.rows_at(column, 0, self.columns[column].height) {
            match runs.last_mut() {
                Some(last)
                    if last.first + last.rows == rows.first && last.y + last.rows == rows.y =>
                {
                    last.rows += rows.rows;
                }
                _ => runs.push(rows),
            }
        }
        runs
    }

    /// Which pages are behind which rows, and where: columns begin at `x` each, `top` pixels from above.
    pub(super) fn map_rows(&self, top: u64, x: impl Fn(usize) -> usize) -> Vec<MapRows> {
        let mut all = Vec::new();
        for (number, column) in self.columns.iter().enumerate() {
            let drawn = self.runs(number).into_iter().map(|run| MapRows {
                x: x(number),
                y: top + run.y,
                height: run.rows,
                pages: self.pages_of(run),
                is_drawn: true,
            });
            let breaks = column.items.iter().filter_map(|(y, item)| match item {
                Item::Break(_, pages) => Some(MapRows {
                    x: x(number),
                    y: top + y,
                    height: GAP_HEIGHT as u64,
                    pages: *pages,
                    is_drawn: false,
                }),
                _ => None,
            });
            let mut rows: Vec<MapRows> = drawn.chain(breaks).collect();
            rows.sort_by_key(|rows| rows.y);
            all.extend(rows);
        }
        all
    }

    fn pages_of(&self, run: RowsAt) -> PfnRange {
        let end = (run.first + run.rows) * self.row_pages;
        PfnRange::new(run.first * self.row_pages, end.min(self.end.0))
    }
}

/// What an item looks like.
pub(super) enum ItemPixels {
    /// Rows as they were packed in the scan.
    Packed(Packed),
    /// Rows of palette indices, [`ROW_CELLS`] wide.
    Plain(Vec<u8>),
}

/// Everything from the first row to the last.
fn items(grid: &Grid, span: &Span, layout: &Layout, page_bytes: u64) -> Vec<Item> {
    let (begin, end) = span.rows;
    let mut items = Vec::new();
    let mut headings = span.headings.iter().peekable();
    let mut row = 0;
    for piece in grid.pieces(end, &span.cuts, layout.row_pages()) {
        let (first, after) = (row.max(begin), (row + piece.rows()).min(end));
        let skip = first - row;
        row += piece.rows();
        if first >= after {
            continue;
        }
        let rows = after - first;
        let from = match piece {
            Piece::Cells { strip, rows: all } => From::Strip { strip, skip, all },
            Piece::Hole { .. } => From::Hole,
            Piece::Cut { .. } => {
                let pages = PfnRange::new(first * layout.row_pages(), after * layout.row_pages());
                let pages = pages.intersect(PfnRange::new(0, span.end.0));
                let canvas = gap(pages, page_bytes, span.left_out(pages));
                items.push(Item::Break(canvas, pages));
                continue;
            }
        };
        let mut rest = Item::Rows { first, rows, from };
        // Tiles that are cut out have nothing to stand above; a zone that begins in a hole has what follows it.
        while layout.unit_rows() > 1 && headings.next_if(|heading| heading.row < first).is_some() {}
        while let Some(next) = headings.next_if(|heading| heading.row < after) {
            if let Item::Rows { first, .. } = rest
                && next.row > first
            {
                let (head, tail) = rest.split(next.row - first);
                items.push(head);
                rest = tail;
            }
            items.push(Item::Heading(heading(next)));
        }
        items.push(rest);
    }
    items
}
