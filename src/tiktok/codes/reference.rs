#![doc = include_str!("REFERENCE.md")]
// NOTE: `tests/reference.rs` sees to it that the page says what the tables say.
