use super::{count::Count, plan::Plan};

/// One for each window of a plan.
///
/// Most scopes have one window or two.
#[derive(Debug)]
pub(super) enum Counts {
    Few([Count; 2]),
    More(Box<[Count]>),
}

impl Counts {
    pub(super) fn new(plan: Option<&Plan>) -> Self {
        let mut counts = plan.map_or(&[][..], Plan::limits).iter().map(Count::new);
        if counts.len() > 2 {
            return Self::More(counts.collect());
        }
        let mut next = || counts.next().unwrap_or_default();
        Self::Few([next(), next()])
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Count] {
        match self {
            Self::Few(few) => few,
            Self::More(more) => more,
        }
    }

    #[inline]
    pub(super) fn as_mut_slice(&mut self) -> &mut [Count] {
        match self {
            Self::Few(few) => few,
            Self::More(more) => more,
        }
    }
}
