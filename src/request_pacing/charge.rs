use crate::slab::At;

/// The gates of one request, narrow first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    gates: [At; 4],
    len: u8,
    /// As how many requests it counts in each.
    pub(super) cost: u32,
}

/// What a request holds that may be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charges {
    pub(super) path: Path,
    pub(super) parts: [Charge; 4],
}

/// A request's part in one gate.
///
/// One word: the future of each request holds four, and is moved about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charge(u64);

impl Charge {
    #[inline]
    pub(super) fn new(number: u64, tight: bool) -> Self {
        Self(number << 1 | u64::from(tight))
    }

    #[inline]
    pub(super) fn number(self) -> u64 {
        self.0 >> 1
    }

    /// Whether it took the last free slot.
    #[inline]
    pub(super) fn is_tight(self) -> bool {
        self.0 & 1 == 1
    }
}

impl Path {
    /// Goes on through that gate.
    #[inline]
    pub(super) fn extend(&mut self, gate: Option<At>) {
        if let (Some(gate), Some(free)) = (gate, self.gates.get_mut(usize::from(self.len))) {
            *free = gate;
            self.len += 1;
        }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[At] {
        self.gates.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(super) fn gates(self) -> impl Iterator<Item = At> {
        self.gates.into_iter().take(self.len.into())
    }

    /// The wide ones first.
    pub(super) fn wide_first(self) -> impl Iterator<Item = At> {
        self.gates.into_iter().take(self.len.into()).rev()
    }

    /// Which of its gates that is.
    pub(super) fn stage(&self, gate: At) -> usize {
        let found = self.as_slice().iter().position(|it| *it == gate);
        found.expect("a request stands only in lines of its path")
    }

    pub(super) fn contains(&self, gate: At) -> bool {
        self.as_slice().contains(&gate)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for Path {
    fn default() -> Self {
        Self {
            gates: [At::FIRST; 4],
            len: 0,
            cost: 1,
        }
    }
}

impl Charges {
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (At, Charge)> {
        let gates = self.path.as_slice().iter().copied();
        gates.zip(self.parts.iter().copied())
    }
}
