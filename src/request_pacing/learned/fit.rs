use std::time::Duration;

use tokio::time::Instant;

/// A request that was answered, and when it arrived at the server, as far as
/// one can tell.
#[derive(Clone, Copy, Debug)]
pub(in crate::request_pacing) struct Arrival {
    pub(in crate::request_pacing) at: Instant,
    pub(in crate::request_pacing) admitted: bool,
    /// Whether it is of the event; else it counts, and proves nothing.
    pub(in crate::request_pacing) proves: bool,
}

/// What the requests around a refusal say of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::request_pacing) struct Fit {
    pub(in crate::request_pacing) limit: u32,
    /// Refusals that it was found from.
    pub(in crate::request_pacing) refused: u32,
    /// Those that it does not explain, and admissions that it rules out.
    pub(in crate::request_pacing) wrong: u32,
}

/// The limit of a window of this length that contradicts the fewest arrivals:
/// what was refused found it full, what was admitted did not.
///
/// Whether refused requests count is unknown: they do if that fits better. Of
/// limits that fit as well, the largest.
pub(in crate::request_pacing) fn fit(arrivals: &mut [Arrival], length: Duration) -> Option<Fit> {
    arrivals.sort_by_key(|arrival| arrival.at);
    let without = fit_counting(arrivals, length, false)?;
    let with = fit_counting(arrivals, length, true)?;
    Some(if with.wrong < without.wrong {
        with
    } else {
        without
    })
}

fn fit_counting(arrivals: &[Arrival], length: Duration, count_refused: bool) -> Option<Fit> {
    // For each that proves anything: how many were before it in its window.
    let (mut refused, mut admitted) = (Vec::new(), Vec::new());
    let (mut first, mut inside) = (0, 0_u32);
    for arrival in arrivals {
        while arrivals[first].at + length <= arrival.at {
            inside -= u32::from(arrivals[first].admitted || count_refused);
            first += 1;
        }
        if arrival.proves {
            let found = if arrival.admitted {
                &mut admitted
            } else {
                &mut refused
            };
            found.push(inside);
        }
        inside += u32::from(arrival.admitted || count_refused);
    }
    refused.sort_unstable();
    admitted.sort_unstable();
    let most = *refused.last()?;
    let wrong = |limit: &u32| {
        let unexplained = refused.partition_point(|found| found < limit);
        let ruled_out = admitted.len() - admitted.partition_point(|found| found < limit);
        unexplained + ruled_out
    };
    let limit = (1..=most.max(1)).rev().min_by_key(wrong)?;
    Some(Fit {
        limit,
        refused: u32::try_from(refused.len()).unwrap_or(u32::MAX),
        wrong: u32::try_from(wrong(&limit)).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        /// A server that counts a sliding second, told exactly.
        #[test]
        fn it_finds_the_limit_of_the_server(
            limit in 1_u32..40,
            count_refused in any::<bool>(),
            gaps in prop::collection::vec(0_u64..40, 150..300),
        ) {
            let mut now = Instant::now();
            let mut counted: Vec<Instant> = Vec::new();
            let mut arrivals = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                let inside = counted.iter().filter(|at| **at + SECOND > now).count() as u32;
                let admitted = inside < limit;
                if admitted || count_refused {
                    counted.push(now);
                }
                arrivals.push(Arrival { at: now, admitted, proves: true });
            }
            match fit(&mut arrivals, SECOND) {
                Some(found) => {
                    prop_assert_eq!(found.wrong, 0);
                    // With few refusals, both may explain all of it.
                    prop_assert!(found.limit >= limit);
                    if !count_refused {
                        prop_assert_eq!(found.limit, limit);
                    }
                }
                None => prop_assert!(arrivals.iter().all(|arrival| arrival.admitted)),
            }
        }
    }
}
