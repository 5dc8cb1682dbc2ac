//! Where a value lies along the edge of a chart, and which values are named.

/// An axis from nought. Charts are a thousand wide and a thousand high.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    top: f64,
    ticks: Vec<(f64, String)>,
}

/// The length of an axis on the page.
pub(crate) const LENGTH: f64 = 1000.0;

impl Axis {
    /// Whole numbers, up to a round one.
    pub(crate) fn count(max: f64) -> Self {
        let step = step(max / 4.0).max(1.0);
        let top = (max / step).ceil().max(1.0) * step;
        Self {
            top,
            ticks: upto(top, step, |value| super::text::number(value as u64)),
        }
    }

    /// Seconds since the start, up to the last one.
    pub(crate) fn time(seconds: u64) -> Self {
        let top = seconds.max(1) as f64;
        let step = match seconds {
            0..=120 => step(top / 5.0).max(1.0),
            _ => (top / 5.0 / 60.0).ceil() * 60.0,
        };
        Self {
            top,
            ticks: upto(top, step, |value| match seconds {
                0..=120 => format!("{value} s"),
                _ => format!("{} min", value / 60.0),
            }),
        }
    }

    /// Steps of equal width, of which some have a name at their beginning.
    pub(crate) fn steps(number: usize, named: Vec<(f64, String)>) -> Self {
        Self {
            top: number.max(1) as f64,
            ticks: named,
        }
    }

    /// Where a value lies, from the beginning of the axis.
    pub(crate) fn at(&self, value: f64) -> f64 {
        round((value / self.top).clamp(0.0, 1.0) * LENGTH)
    }

    /// Where a value lies on the way down, as pictures count.
    pub(crate) fn down(&self, value: f64) -> f64 {
        round(LENGTH - self.at(value))
    }

    pub(crate) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

fn upto(top: f64, step: f64, name: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    let number = (top / step + 1e-9).floor() as u32;
    let values = (0..=number).map(|n| f64::from(n) * step);
    values.map(|value| (value, name(value))).collect()
}

/// The round number next above: 1, 2 or 5 and noughts.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    let fits = round.into_iter().find(|step| *step >= least * 0.999_999);
    fits.unwrap_or(10.0 * power)
}

/// More digits than one sees would only make the page larger.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn few_round_numbers_name_an_axis() {
        assert_eq!(names(&Axis::count(50.0)), ["0", "20", "40", "60"]);
        assert_eq!(names(&Axis::count(15.0)), ["0", "5", "10", "15"]);
        assert_eq!(names(&Axis::count(3.0)), ["0", "1", "2", "3"]);
        assert_eq!(names(&Axis::count(0.0)), ["0", "1"]);
        let many = Axis::count(123_456.0);
        assert_eq!(names(&many), ["0", "50,000", "100,000", "150,000"]);
    }

    #[test]
    fn time_ends_with_the_run() {
        let axis = Axis::time(24);
        assert_eq!(names(&axis), ["0 s", "5 s", "10 s", "15 s", "20 s"]);
        assert_eq!(axis.at(24.0), LENGTH);
        let hour = Axis::time(3_600);
        assert_eq!(names(&hour)[..2], ["0 min", "12 min"]);
    }

    #[test]
    fn what_is_above_the_top_lies_at_the_top() {
        let axis = Axis::count(10.0);
        assert_eq!((axis.at(99.0), axis.down(99.0)), (LENGTH, 0.0));
        assert_eq!((axis.at(0.0), axis.down(0.0)), (0.0, LENGTH));
    }
}
