use std::ops::ControlFlow;

/// Finds chosen fields of a JSON object while it streams by.
#[derive(Debug)]
pub struct JsonFields {}

impl JsonFields {
    /// Looks for the fields at `paths`: `"code"` at the top level, or
    /// `"error.code"` one level down. ASCII case is ignored.
    #[must_use]
    pub fn new(paths: &'static [&'static str]) -> Self {
        let _ = paths;
        todo!()
    }

    /// Sees the next piece, of any size. `found` is called with the index of
    /// the path and the raw JSON text of its value as soon as the value ends;
    /// its `Break` ends the scan.
    pub fn push(
        &mut self,
        piece: &[u8],
        found: impl FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let _ = (piece, found);
        todo!()
    }

    /// Whether this is a JSON object so far. `None` before the first byte
    /// that is not white space.
    #[must_use]
    pub fn is_object(&self) -> Option<bool> {
        todo!()
    }

    /// Whether the object has been closed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        todo!()
    }
}
