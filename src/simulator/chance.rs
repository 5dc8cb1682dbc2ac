/// The random numbers of one request.
///
/// Every request has a stream of its own, made from the seed and its number,
/// so that what happens to the tenth request does not depend on how many
/// numbers the nine before it have used. SplitMix64, written out, because the
/// generators of `rand` may change their numbers from one release to the next
/// and a recorded seed is to mean the same run for ever.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut mixed = Self(seed ^ number.wrapping_mul(GOLDEN));
        Self(mixed.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn once_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    /// From the standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_streams_of_their_own() {
        assert_eq!(Chance::of(7, 1).next(), Chance::of(7, 1).next());
        assert_ne!(Chance::of(7, 1).next(), Chance::of(7, 2).next());
        assert_ne!(Chance::of(7, 1).next(), Chance::of(8, 1).next());
    }

    #[test]
    fn the_normal_has_mean_nought_and_deviation_one() {
        let mut chance = Chance::of(1, 1);
        let draws: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }
}
