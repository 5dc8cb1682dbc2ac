//! Who gets how many tokens, by how many each has a use for.
//!
//! NOTE: `redis/script/fill.lua` does the same sums in the same order. Each stays
//! below 2^53, where Lua's numbers are exact.

/// A share is computed in parts of this size, and rounded in the end.
pub(super) const PARTS: u64 = 16;

/// More that wait than this weigh no more.
const MOST_QUEUED: u64 = 100_000;

/// The wish of one member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) want: u64,
    pub(super) queued: u64,
}

/// Who gets how many.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) targets: Vec<u64>,
    /// In parts, what each has in the long run, where tokens go by turns.
    pub(super) means: Vec<u64>,
}

/// What each gets of `limit` tokens. Nobody gets more than it wants. When
/// there are not enough, half is for all alike and half by backlog, and what
/// cannot be parted goes from one to the next each `turn`, with `none_first` to
/// who would have none before who would have one more.
pub(super) fn fill(limit: u64, wishes: &[Wish], turn: u64, none_first: bool) -> Filled {
    let wanted: u64 = wishes.iter().map(|wish| wish.want).sum();
    let caps: Vec<u64> = wishes.iter().map(|wish| wish.want * PARTS).collect();
    if wanted <= limit {
        return Filled {
            targets: wishes.iter().map(|wish| wish.want).collect(),
            means: caps,
        };
    }
    let all = limit * PARTS;
    let mut parts = pour(all / 2, &caps, &vec![1; wishes.len()]);
    let rest = all - parts.iter().sum::<u64>();
    let left: Vec<u64> = caps
        .iter()
        .zip(&parts)
        .map(|(cap, got)| cap - got)
        .collect();
    let mut weights: Vec<u64> = wishes
        .iter()
        .map(|wish| wish.queued.min(MOST_QUEUED))
        .collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let more = pour(rest, &left, &weights);
    parts
        .iter_mut()
        .zip(more)
        .for_each(|(got, more)| *got += more);
    // Those without a backlog may take what the others cannot use.
    let rest = all - parts.iter().sum::<u64>();
    if rest > 0 {
        let left: Vec<u64> = caps
            .iter()
            .zip(&parts)
            .map(|(cap, got)| cap - got)
            .collect();
        let more = pour(rest, &left, &vec![1; wishes.len()]);
        parts
            .iter_mut()
            .zip(more)
            .for_each(|(got, more)| *got += more);
    }
    round(limit, &parts, wishes, turn, none_first)
}

/// Pours so much into cups of these sizes, each as fast as its weight, until
/// it is full.
fn pour(mut amount: u64, cups: &[u64], weights: &[u64]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..cups.len()).filter(|at| weights[*at] > 0).collect();
    // Those that are full first, first.
    order.sort_by(|a, b| {
        (cups[*a] * weights[*b])
            .cmp(&(cups[*b] * weights[*a]))
            .then(a.cmp(b))
    });
    let mut weight: u64 = order.iter().map(|at| weights[*at]).sum();
    let mut got = vec![0; cups.len()];
    for at in order {
        let share = amount * weights[at] / weight;
        got[at] = share.min(cups[at]);
        amount -= got[at];
        weight -= weights[at];
    }
    got
}

/// Whole tokens; those that are left over go by turns. With `none_first`, who would
/// have none comes first, and where there are too few for these, they alone take turns.
fn round(limit: u64, parts: &[u64], wishes: &[Wish], turn: u64, none_first: bool) -> Filled {
    let mut whole: Vec<u64> = parts.iter().map(|part| part / PARTS).collect();
    let mut over = limit - whole.iter().sum::<u64>();
    let each = 0..whole.len();
    let comes_first = |at: &usize| none_first && whole[*at] == 0 && wishes[*at].want > 0;
    let mut open: Vec<usize> = each.clone().filter(comes_first).collect();
    if open.len() as u64 <= over {
        over -= open.len() as u64;
        open.iter().for_each(|at| whole[*at] = 1);
        open = each.filter(|at| whole[*at] < wishes[*at].want).collect();
    }
    let count = open.len() as u64;
    let over = over.min(count);
    let mut means: Vec<u64> = whole.iter().map(|whole| whole * PARTS).collect();
    for at in &open {
        means[*at] += (over * PARTS).div_ceil(count);
    }
    for next in 0..over {
        let at = (turn % count * over + next) % count;
        whole[open[at as usize]] += 1;
    }
    Filled {
        targets: whole,
        means,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wishes() -> impl Strategy<Value = Vec<Wish>> {
        let wish = (0_u64..200, 0_u64..300).prop_map(|(want, queued)| Wish { want, queued });
        prop::collection::vec(wish, 0..40)
    }

    proptest! {
        #[test]
        fn all_is_given_and_nobody_gets_more_than_it_wants(
            limit in 1_u64..1_000,
            wishes in wishes(),
            turn in 0_u64..2_000_000_000,
            none_first: bool,
        ) {
            let got = fill(limit, &wishes, turn, none_first).targets;
            let wanted: u64 = wishes.iter().map(|wish| wish.want).sum();
            prop_assert_eq!(got.iter().sum::<u64>(), wanted.min(limit));
            prop_assert!(got.iter().zip(&wishes).all(|(got, wish)| *got <= wish.want));
        }

        #[test]
        fn half_is_for_all_alike(
            limit in 1_u64..1_000,
            wishes in wishes(),
            turn in 0_u64..100,
            none_first: bool,
        ) {
            let got = fill(limit, &wishes, turn, none_first).targets;
            let alike = limit / 2 / wishes.len().max(1) as u64;
            for (got, wish) in got.iter().zip(&wishes) {
                prop_assert!(got + 1 >= wish.want.min(alike));
            }
        }

        #[test]
        fn everyone_that_wants_gets_a_turn(
            limit in 1_u64..10,
            queued in prop::collection::vec(0_u64..10, 1..40),
            none_first: bool,
        ) {
            let wish = |queued: &u64| Wish { want: 100, queued: *queued };
            let wishes: Vec<Wish> = queued.iter().map(wish).collect();
            let turns = wishes.len() as u64;
            let mut had = vec![false; wishes.len()];
            for turn in 0..turns {
                for (had, got) in had.iter_mut().zip(fill(limit, &wishes, turn, none_first).targets) {
                    *had |= got > 0;
                }
            }
            prop_assert!(had.iter().all(|had| *had));
        }

        #[test]
        fn the_largest_numbers_stay_exact(queued in prop::collection::vec(0..u64::from(u32::MAX), 1..5)) {
            let most = u64::from(u32::MAX);
            let wishes: Vec<Wish> = queued.iter().map(|queued| Wish { want: most, queued: *queued }).collect();
            prop_assert_eq!(fill(most, &wishes, 1, true).targets.iter().sum::<u64>(), most);
            prop_assert!(most * PARTS * MOST_QUEUED < 1 << 53);
        }
    }

    #[test]
    fn a_longer_backlog_gets_more() {
        let wish = |queued| Wish { want: 100, queued };
        let got = fill(80, &[wish(300), wish(100), wish(0)], 0, true).targets;
        assert_eq!(got, [44, 23, 13]);
    }

    #[test]
    fn who_would_have_none_comes_first_and_alone_takes_turns() {
        let wish = |queued| Wish { want: 100, queued };
        let wishes = [wish(60), wish(1), wish(1)];
        let turns = |limit| [0, 1].map(|turn| fill(limit, &wishes, turn, true));
        assert!(turns(4).iter().all(|got| got.targets == [2, 1, 1]));
        let [one, other] = turns(2);
        assert_eq!((one.targets, other.targets), (vec![1, 1, 0], vec![1, 0, 1]));
        assert_eq!(one.means, [PARTS, PARTS / 2, PARTS / 2]);
        // Without, all take turns.
        let got = [0, 1, 2].map(|turn| fill(4, &wishes, turn, false).targets);
        assert_eq!(got, [[3, 1, 0], [3, 0, 1], [2, 1, 1]]);
    }
}
