/// A stretch of text of at most `MAX` bytes that is wanted as a whole: a slice
/// of the piece that it lies in, copied only when it crosses into another.
#[derive(Clone, Debug, Default)]
pub(super) struct Span<const MAX: usize> {
    carried: Vec<u8>,
    /// Where it begins in this piece; 0 if it began in an earlier one.
    start: usize,
    open: bool,
    /// One was too long.
    overran: bool,
}

impl<const MAX: usize> Span<MAX> {
    /// Begins at `at` in the current piece.
    #[inline]
    pub(super) fn begin(&mut self, at: usize) {
        self.carried.clear();
        self.start = at;
        self.open = true;
    }

    /// Ends before `end` in the current piece. `None` if it was too long, or
    /// was not begun.
    #[inline]
    pub(super) fn end<'a>(&'a mut self, piece: &'a [u8], end: usize) -> Option<&'a [u8]> {
        if !self.open {
            return None;
        }
        self.open = false;
        let here = &piece[self.start..end];
        if self.carried.len() + here.len() > MAX {
            self.overran = true;
            return None;
        }
        if self.carried.is_empty() {
            return Some(here);
        }
        self.carried.extend_from_slice(here);
        Some(&self.carried)
    }

    /// The piece is over: keeps what lies in it, unless that is too much.
    #[inline]
    pub(super) fn carry_over(&mut self, piece: &[u8]) {
        if !self.open {
            return;
        }
        let here = &piece[self.start..];
        if self.carried.len() + here.len() > MAX {
            self.open = false;
            self.overran = true;
            self.carried = Vec::new();
        } else {
            self.carried.extend_from_slice(here);
            self.start = 0;
        }
    }

    /// Whether one was too long to be kept.
    pub(super) fn overran(&self) -> bool {
        self.overran
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.carried.capacity()
    }
}
