//! How it looks: palettes, type, caption, map, legend, and how they make one picture. Pure, but that a picture
//! fetches the strips of its map from where the scan left them.

mod axis;
mod canvas;
mod caption;
mod columns;
mod entries;
mod gap;
mod heading;
mod legend;
mod map;
mod margins;
mod numbers;
mod palette;
mod palette_check;
mod picture;
mod regions;
mod series;
mod set_colours;
mod strip;
mod subject;
mod typeface;

pub use canvas::Canvas;
pub use caption::time;
pub use entries::{Counted, Entry};
pub use map::MapRows;
pub use numbers::{counted, grouped, share, size, span_of_time};
pub use palette::{Colour, Palette, SHIPPED, Surface};
pub use palette_check::{Check, Finding, check};
pub use picture::{LegendPlace, Part, Picture, Place, Style, picture};
pub use series::{Readings, Series};
pub use subject::{Since, SoughtLines, Subject};
