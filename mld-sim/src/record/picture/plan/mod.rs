//! Where everything stands in a picture.

mod lanes;
mod letters;
mod rows;
mod sheet;

pub(super) use lanes::{BAR_NAME_SIZE, BAR_WIDTH, Bar, Lane, Lanes, NAME_SIZE};
pub(super) use letters::{shortened, text_width};
pub(super) use rows::{Folded, Row, fold};
pub(super) use sheet::Sheet;
