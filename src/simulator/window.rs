use std::{collections::VecDeque, time::Duration};

use super::clock::{Micros, micros};

/// How the second and the minute windows run. The day is always the calendar
/// day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowKind {
    /// Windows that begin at `phase` after the start, and at every full length
    /// before and after it.
    Fixed {
        /// When the first window begins.
        phase: Duration,
    },
    /// The trailing second and the trailing minute.
    Sliding,
}

impl WindowKind {
    pub(super) fn window(self, length: Micros) -> Window {
        match self {
            Self::Fixed { phase } => Window::fixed(length, micros(phase)),
            Self::Sliding => Window::Sliding {
                length,
                log: VecDeque::new(),
            },
        }
    }
}

/// Counts the calls of one window.
#[derive(Clone, Debug)]
pub(super) enum Window {
    Fixed {
        length: Micros,
        shift: Micros,
        index: u64,
        count: u64,
    },
    /// The instants of the calls, oldest first. A call leaves exactly one
    /// length after it came.
    Sliding {
        length: Micros,
        log: VecDeque<Micros>,
    },
}

impl Window {
    pub(super) fn fixed(length: Micros, phase: Micros) -> Self {
        Self::Fixed {
            length,
            shift: (length - phase % length) % length,
            index: 0,
            count: 0,
        }
    }

    /// What the count would be with this call.
    pub(super) fn with_this(&mut self, now: Micros) -> u64 {
        match self {
            Self::Fixed {
                length,
                shift,
                index,
                count,
            } => {
                let current = now.saturating_add(*shift) / *length;
                if current != *index {
                    (*index, *count) = (current, 0);
                }
                *count + 1
            }
            Self::Sliding { length, log } => {
                while log.front().is_some_and(|&at| now - at >= *length) {
                    log.pop_front();
                }
                log.len() as u64 + 1
            }
        }
    }

    pub(super) fn count(&mut self, now: Micros) {
        self.with_this(now);
        match self {
            Self::Fixed { count, .. } => *count += 1,
            Self::Sliding { log, .. } => log.push_back(now),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Fixed { count, .. } => *count = 0,
            Self::Sliding { log, .. } => log.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simulator::clock::SECOND;

    fn admitted(kind: WindowKind, limit: u64, gaps: &[u64]) -> Vec<Micros> {
        let (mut now, mut window) = (0, kind.window(SECOND));
        let mut admitted = Vec::new();
        for gap in gaps {
            now += gap;
            if window.with_this(now) <= limit {
                window.count(now);
                admitted.push(now);
            }
        }
        admitted
    }

    proptest! {
        #[test]
        fn no_trailing_second_holds_more_than_the_limit(
            limit in 1_u64..20,
            gaps in prop::collection::vec(0_u64..400_000, 1..200),
        ) {
            let admitted = admitted(WindowKind::Sliding, limit, &gaps);
            for at in &admitted {
                let inside = admitted.iter().filter(|t| *t <= at && at - *t < SECOND).count();
                prop_assert!(inside as u64 <= limit);
            }
        }

        #[test]
        fn no_fixed_second_holds_more_than_the_limit(
            limit in 1_u64..20,
            phase in 0_u64..3_000_000,
            gaps in prop::collection::vec(0_u64..400_000, 1..200),
        ) {
            let kind = WindowKind::Fixed { phase: Duration::from_micros(phase) };
            let admitted = admitted(kind, limit, &gaps);
            for at in &admitted {
                let window = |t: u64| (t + 3 * SECOND - phase) / SECOND;
                let inside = admitted.iter().filter(|t| window(**t) == window(*at)).count();
                prop_assert!(inside as u64 <= limit);
            }
        }
    }
}
