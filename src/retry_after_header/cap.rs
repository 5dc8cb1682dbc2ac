use std::{fmt, time::Duration};

/// The longest wait that is believed.
///
/// In nanoseconds, half as large as a [`Duration`]: it goes with every request.
#[derive(Clone, Copy)]
pub(super) struct Cap(u64);

impl Cap {
    /// No longer than some 584 years, which is as good as any number of them.
    pub(super) const fn new(max: Duration) -> Self {
        let nanos = max.as_nanos();
        if nanos > u64::MAX as u128 {
            return Self(u64::MAX);
        }
        Self(nanos as u64)
    }

    pub(super) const fn duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl fmt::Debug for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_kept_to_the_nanosecond_and_cut_to_centuries() {
        for kept in [Duration::ZERO, Duration::new(330, 7)] {
            assert_eq!(Cap::new(kept).duration(), kept);
        }
        let cut = Cap::new(Duration::MAX).duration();
        assert!(cut > Duration::from_secs(500 * 365 * 86_400));
    }
}
