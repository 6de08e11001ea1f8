//! What stands left and right of a column of the map: page numbers and addresses, memory blocks, nodes and
//! zones.

use super::axis::{AXIS_WIDTH, Run, Scale, axis};
use super::canvas::Canvas;
use super::map::{Map, RowsAt};
use super::regions::{BLOCKS_WIDTH, REGIONS_WIDTH, blocks, regions};
use super::subject::Subject;
use crate::kernel::{PfnSet, ZoneMap};
use crate::layout::CellOrder;

/// Pixels right of a column where nothing is known.
const BARE_WIDTH: usize = 4;

/// What is known of pages by where they are.
#[derive(Debug)]
pub(super) struct Margins {
    scale: Scale,
    zones: ZoneMap,
    blocks: Option<PfnSet>,
    block_pages: Option<u64>,
}

impl Margins {
    /// Of what a picture shows. Of tiles only the axis, because their rows are not pages in order.
    pub(super) fn new(subject: &Subject) -> Self {
        let is_rows = subject.layout.order == CellOrder::Rows;
        let (blocks, block_pages) = subject.blocks.clone();
        Self {
            scale: Scale {
                row_pages: subject.layout.row_pages(),
                page_bytes: subject.page_size.bytes(),
                unit_rows: subject.layout.unit_rows(),
            },
            zones: match is_rows {
                true => subject.zones.clone(),
                false => ZoneMap::default(),
            },
            blocks: blocks.filter(|_| is_rows),
            block_pages,
        }
    }

    /// Pixels left of the cells.
    pub(super) fn left(&self) -> usize {
        AXIS_WIDTH + self.blocks_width()
    }

    fn blocks_width(&self) -> usize {
        self.blocks.as_ref().map_or(0, |_| BLOCKS_WIDTH)
    }

    /// Pixels right of them.
    pub(super) fn right(&self) -> usize {
        match self.zones.is_empty() {
            true => BARE_WIDTH,
            false => REGIONS_WIDTH,
        }
    }

    /// Draws both sides of pixel rows `from` to `to` of a column.
    pub(super) fn draw(&self, map: &Map, column: usize, from: u64, to: u64) -> (Canvas, Canvas) {
        let height = (to - from) as usize;
        let mut left = Canvas::new(self.left(), height);
        let mut right = Canvas::new(self.right(), height);
        let runs = map.runs(column);
        for RowsAt { y, first, rows } in map.rows_at(column, from, to) {
            let holds = |run: &&RowsAt| run.y <= y && y < run.y + run.rows;
            let Some(run) = runs.iter().find(holds) else {
                continue;
            };
            let run = Run {
                first: run.first,
                end: run.first + run.rows,
            };
            let y = (y - from) as usize;
            left.paste(0, y, &axis(first, rows, run, self.scale));
            let row_pages = self.scale.row_pages;
            if self.blocks.is_some() {
                let strip = blocks(
                    first,
                    rows,
                    row_pages,
                    self.blocks.as_ref(),
                    self.block_pages,
                );
                left.paste(AXIS_WIDTH, y, &strip);
            }
            if !self.zones.is_empty() {
                right.paste(0, y, &regions(first, rows, run, row_pages, &self.zones));
            }
        }
        (left, right)
    }
}
