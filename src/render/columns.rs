//! What a map is made of, set in columns.

use super::canvas::Canvas;
use super::gap::GAP_HEIGHT;
use super::heading::HEADING_HEIGHT;
use crate::kernel::PfnRange;

/// What a column is made of, from the top.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Rows of cells: the first one's number, how many, and where they come from.
    Rows { first: u64, rows: u64, from: From },
    /// A break.
    Break(Canvas, PfnRange),
    /// A line of words.
    Heading(Canvas),
}

/// Where rows of cells come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// From a strip of the grid, after so many rows of it.
    Strip { strip: usize, skip: u64, all: u64 },
    /// They are hole.
    Hole,
}

impl Item {
    pub(super) fn height(&self) -> u64 {
        match self {
            Self::Rows { rows, .. } => *rows,
            Self::Break(..) => GAP_HEIGHT as u64,
            Self::Heading(_) => HEADING_HEIGHT as u64,
        }
    }

    /// The rows before row `at` of it, and the others.
    pub(super) fn split(self, at: u64) -> (Self, Self) {
        let Self::Rows { first, rows, from } = self else {
            unreachable!("only rows are split")
        };
        let rest = match from {
            From::Strip { strip, skip, all } => From::Strip {
                strip,
                skip: skip + at,
                all,
            },
            From::Hole => From::Hole,
        };
        let head = Self::Rows {
            first,
            rows: at,
            from,
        };
        let tail = Self::Rows {
            first: first + at,
            rows: rows - at,
            from: rest,
        };
        (head, tail)
    }
}

/// Items one below the other, each with the pixels above it.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) items: Vec<(u64, Item)>,
    pub(super) height: u64,
    /// The strip that was unpacked last.
    pub(super) unpacked: Option<(usize, Vec<u8>)>,
}

impl Column {
    fn push(&mut self, item: Item) {
        let y = self.height;
        self.height += item.height();
        self.items.push((y, item));
    }

    fn has_rows(&self) -> bool {
        let mut items = self.items.iter();
        items.any(|(_, item)| matches!(item, Item::Rows { .. }))
    }

    /// Takes back a heading that nothing stands below.
    fn pop_heading(&mut self) -> Option<Item> {
        let (y, _) = self
            .items
            .last()
            .filter(|(_, item)| matches!(item, Item::Heading(_)))?;
        self.height = *y;
        self.items.pop().map(|(_, item)| item)
    }
}

/// A column is at least so high, so that there is room for what stands beside it.
const LEAST_HEIGHT: u64 = 32;

/// Sets items in columns of about the same height. Between rows that cannot be told apart none ends.
pub(super) fn set(items: Vec<Item>, columns: usize, unit: u64) -> Vec<Column> {
    let all: u64 = items.iter().map(Item::height).sum();
    let height = all.div_ceil(columns as u64).max(LEAST_HEIGHT.min(all));
    let mut done: Vec<Column> = Vec::new();
    let mut column = Column::default();
    for item in items {
        let mut item = item;
        loop {
            let room = height.saturating_sub(column.height);
            if item.height() <= room || done.len() + 1 == columns {
                column.push(item);
                break;
            }
            // A tile that is nearer to its place here than in the next column stays.
            let mut taken = (room + unit / 2) / unit * unit;
            if !column.has_rows() {
                taken = taken.max(unit);
            }
            let mut next = Column::default();
            if matches!(item, Item::Rows { rows, .. } if taken > 0 && taken < rows) {
                let (head, tail) = item.split(taken);
                column.push(head);
                item = tail;
            } else if matches!(item, Item::Rows { rows, .. } if taken >= rows) {
                column.push(item);
                break;
            } else if let Some(heading) = column.pop_heading() {
                next.push(heading);
            }
            done.push(std::mem::replace(&mut column, next));
        }
    }
    done.push(column);
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::ROW_CELLS;

    fn rows(first: u64, rows: u64) -> Item {
        let from = From::Hole;
        Item::Rows { first, rows, from }
    }

    fn heights(columns: &[Column]) -> Vec<u64> {
        columns.iter().map(|column| column.height).collect()
    }

    #[test]
    fn columns_are_alike_and_lose_no_row() {
        let columns = set(vec![rows(0, 700), rows(700, 301)], 3, 1);
        assert_eq!(heights(&columns), [334, 334, 333]);
        let tiles = |tiles: u64| {
            let tile = |tile: u64| rows(tile * 512, 512);
            set((0..tiles).map(tile).collect(), 2, 512)
        };
        assert_eq!(heights(&tiles(4)), [1024, 1024]);
        assert_eq!(heights(&tiles(5)), [1536, 1024]);
        assert_eq!(heights(&tiles(1)), [512]);
        assert_eq!(heights(&set(vec![rows(0, 2)], 5, 1)), [2]);
        assert_eq!(heights(&set(vec![rows(0, 80)], 5, 1)), [32, 32, 16]);
    }

    #[test]
    fn a_heading_stays_with_what_it_stands_above() {
        let height = HEADING_HEIGHT as u64;
        let line = || Item::Heading(Canvas::new(ROW_CELLS, HEADING_HEIGHT));
        let items = vec![rows(0, 100), line(), rows(100, 100 - 2 * height)];
        let columns = set(items, 2, 1);
        assert_eq!(heights(&columns), [100 - height / 2, 100 - height / 2]);
        let items = vec![rows(0, 100), line(), rows(100, 100)];
        let columns = set(items, 2, 1);
        assert_eq!(heights(&columns), [100, 100 + height]);
    }
}
