/// Marks a read that looks for what a write has done. It shares no answer: that
/// of a read which began before the write would not show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadBack;
