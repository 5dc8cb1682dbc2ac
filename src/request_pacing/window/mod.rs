//! What a window has room for, as pure arithmetic.

mod day;
mod slots;
mod trailing;

pub(super) use self::{day::Day, slots::Slots, trailing::Trailing};
