use std::time::Duration;

use crate::poll_pacing::Spacing;

/// How often each kind of job is asked after. See the table in the
/// [module docs](super).
pub(super) const TASK: Spacing = spacing(10, 1, 300);
pub(super) const COPY: Spacing = spacing(60, 8, 300);
pub(super) const VIDEO: Spacing = spacing(30, 4, 60);

const fn spacing(first: u64, min: u64, max: u64) -> Spacing {
    match Spacing::between(Duration::from_secs(min), Duration::from_secs(max)) {
        Ok(spacing) => spacing.with_first(Duration::from_secs(first)),
        Err(_) => panic!("the least wait is not zero, and not above the greatest"),
    }
}
