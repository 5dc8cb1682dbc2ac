/// The client rate limiter of the AWS SDKs' adaptive retry mode, as
/// `aws-smithy-runtime` 1.16 has it: CUBIC on the measured sending rate.
///
/// Times are seconds since any origin. It knows no limit: it does nothing
/// until the first refusal, and from then on a token is taken for each attempt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cubic {
    enabled: bool,
    fill_rate: f64,
    capacity: f64,
    tokens: f64,
    filled_at: Option<f64>,
    sending_rate: f64,
    bucket: f64,
    sent_in_bucket: f64,
    last_max: f64,
    throttled_at: f64,
    window: f64,
}

const BETA: f64 = 0.7;
const SCALE: f64 = 0.4;
const SMOOTH: f64 = 0.8;
const MIN_FILL_RATE: f64 = 0.5;
const MIN_CAPACITY: f64 = 1.0;

impl Cubic {
    /// Takes a token, or says in how many seconds there may be one.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn acquire(&mut self, now: f64) -> Result<(), f64> {
        if !self.enabled {
            return Ok(());
        }
        self.refill(now);
        if self.tokens < 1.0 {
            return Err((1.0 - self.tokens) / self.fill_rate);
        }
        // Charged on grant only, as since smithy-rs#4632.
        self.tokens -= 1.0;
        Ok(())
    }

    /// An answer came.
    pub fn answered(&mut self, now: f64, throttled: bool) {
        self.measure(now);
        let rate = if throttled {
            let rate = match self.enabled {
                true => self.sending_rate.min(self.fill_rate),
                false => self.sending_rate,
            };
            self.last_max = rate;
            self.set_window();
            self.throttled_at = now;
            self.enabled = true;
            rate * BETA
        } else {
            self.set_window();
            self.success(now)
        };
        self.set_rate(now, rate.min(2.0 * self.sending_rate));
    }

    fn success(&self, now: f64) -> f64 {
        let since = now - self.throttled_at - self.window;
        SCALE * since.powi(3) + self.last_max
    }

    fn set_window(&mut self) {
        self.window = (self.last_max * (1.0 - BETA) / SCALE).cbrt();
    }

    fn set_rate(&mut self, now: f64, rate: f64) {
        self.refill(now);
        self.fill_rate = rate.max(MIN_FILL_RATE);
        self.capacity = rate.max(MIN_CAPACITY);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn refill(&mut self, now: f64) {
        if let Some(at) = self.filled_at {
            self.tokens = self.capacity.min(self.tokens + (now - at) * self.fill_rate);
        }
        self.filled_at = Some(now);
    }

    /// The sending rate, smoothed over buckets of half a second.
    fn measure(&mut self, now: f64) {
        let bucket = (now * 2.0).floor() / 2.0;
        self.sent_in_bucket += 1.0;
        if bucket > self.bucket {
            let rate = self.sent_in_bucket / (bucket - self.bucket);
            self.sending_rate = rate * SMOOTH + self.sending_rate * (1.0 - SMOOTH);
            self.sent_in_bucket = 0.0;
            self.bucket = bucket;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of the specification that all of the SDKs are tested with.
    #[test]
    fn it_climbs_as_the_specification_says() {
        let mut cubic = Cubic {
            last_max: 10.0,
            throttled_at: 5.0,
            ..Cubic::default()
        };
        cubic.set_window();
        let expected = [
            (5.0, 7.0),
            (6.0, 9.648_936),
            (7.0, 10.000_031),
            (8.0, 10.453_285),
            (9.0, 13.408_697),
            (10.0, 21.266_268),
            (11.0, 36.425_999),
        ];
        for (now, rate) in expected {
            assert!((cubic.success(now) - rate).abs() < 1e-4, "at {now}");
        }
    }

    #[test]
    fn nothing_is_held_back_before_the_first_refusal() {
        let mut cubic = Cubic::default();
        for call in 0..1_000 {
            let now = f64::from(call) / 100.0;
            assert_eq!(cubic.acquire(now), Ok(()));
            cubic.answered(now, false);
        }
        cubic.answered(10.0, true);
        assert!(cubic.fill_rate > 60.0 && cubic.fill_rate < 80.0);
    }
}
