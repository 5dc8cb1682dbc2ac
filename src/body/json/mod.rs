use std::{fmt, ops::ControlFlow};

mod key;
mod scan;
mod skip;
mod span;
#[cfg(test)]
mod tests;

use self::{
    key::{Meaning, Parent, Paths},
    scan::State,
    skip::{Nested, Text},
    span::Span,
};

/// The longest value that is reported, in bytes of JSON text.
const MAX_VALUE: usize = 8 * 1024;

/// The longest key that can match, in bytes as written, with its two quotes.
const MAX_KEY: usize = 128 + 2;

/// Finds chosen fields of a JSON object while it streams by.
///
/// It works on any chunking of the bytes and keeps none of them, but for a
/// wanted value or a key that crosses from one piece to the next. Nothing is
/// parsed that was not asked for, so the cost up to the last wanted field is
/// that of reading the bytes once, and nothing comes after it.
///
/// The bytes between the wanted fields are skipped, not validated. Text that
/// cannot be an object ends the scan where this shows.
///
/// # Example
/// ```
/// use std::ops::ControlFlow;
/// use tower_tiktok::body::JsonFields;
///
/// let mut fields = JsonFields::new(&["status", "error.code"]);
/// let mut seen = Vec::new();
/// for piece in [&br#"{"Error": {"co"#[..], br#"de": 17}, "data"#, br#"": []}"#] {
///     let _ = fields.push(piece, |path, value| {
///         seen.push((path, value.to_vec()));
///         ControlFlow::Continue(())
///     });
/// }
/// assert_eq!(seen, [(1, b"17".to_vec())]);
/// assert!(fields.is_complete());
/// ```
#[derive(Clone)]
pub struct JsonFields {
    paths: Paths,
    key: Span<MAX_KEY>,
    /// A wanted value at the top, and one inside a wanted object: both are
    /// open at once when `"error"` and `"error.code"` are asked for.
    values: [Span<MAX_VALUE>; 2],
    /// What the last key at the top means, and the last one inside.
    meanings: [Meaning; 2],
    /// The object we are in, if it is not the one at the top.
    inside: Option<Parent>,
    state: State,
    is_object: Option<bool>,
    text: Text,
    nested: Nested,
}

impl JsonFields {
    /// Looks for the fields at `paths`: `"code"` at the top level, or
    /// `"error.code"` one level down. ASCII case is ignored.
    ///
    /// A key that contains a dot matches nothing, and so does a path of more
    /// than two parts. Where two paths are the same, the first is reported.
    /// No more than 256 paths are looked for.
    #[must_use]
    #[inline]
    pub fn new(paths: &'static [&'static str]) -> Self {
        Self {
            paths: Paths {
                paths,
                exact: false,
            },
            key: Span::default(),
            values: Default::default(),
            meanings: Default::default(),
            inside: None,
            state: State::Start { bom: 0 },
            is_object: None,
            text: Text::default(),
            nested: Nested::default(),
        }
    }

    /// Lets the case of keys matter. By default ASCII case is ignored, as
    /// suits answers; whoever reads a request must not find more in it than
    /// the server does.
    #[must_use]
    pub fn exact_case(mut self) -> Self {
        self.paths.exact = true;
        self
    }

    /// Sees the next piece, of any size. `found` is called with the index of
    /// the path and the raw JSON text of its value as soon as the value ends;
    /// its `Break` ends the scan.
    ///
    /// Fields that occur twice are reported twice, in order. A value of more
    /// than 8 KiB is not reported, and a key of more than 128 bytes matches
    /// nothing. Where a number ends is known only when the next byte is there.
    ///
    /// `Break` says that nothing more will be found: `found` said so, the
    /// object is complete, or this is not an object. Later pieces are ignored.
    pub fn push(
        &mut self,
        piece: &[u8],
        mut found: impl FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if matches!(self.state, State::Closed | State::Stopped) {
            return ControlFlow::Break(());
        }
        let flow = self.scan(piece, &mut found);
        if flow.is_break() {
            if self.state != State::Closed {
                self.state = State::Stopped;
            }
            return flow;
        }
        self.key.carry_over(piece);
        for value in &mut self.values {
            value.carry_over(piece);
        }
        flow
    }

    /// Whether this is a JSON object so far. `None` before the first byte
    /// that is not white space.
    #[must_use]
    pub fn is_object(&self) -> Option<bool> {
        self.is_object
    }

    /// Whether a wanted value was there and was too long to be reported.
    #[must_use]
    pub fn has_overrun(&self) -> bool {
        self.values.iter().any(Span::overran)
    }

    /// Whether the object has been closed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Closed
    }
}

impl fmt::Debug for JsonFields {
    // Not what was captured: that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonFields")
            .field("paths", &self.paths.paths)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
