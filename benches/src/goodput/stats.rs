/// The middle one; of two in the middle, the larger. Nothing of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which this share of them lies. Nothing of nothing.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or_default()
}

/// Jain's index of fairness: 1 if all have as much, 1/n if one has it all.
#[must_use]
pub fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    if squares == 0.0 {
        return 1.0;
    }
    sum * sum / (values.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_a_percentile_its_place() {
        assert_eq!(median(&[3.0, f64::INFINITY, 1.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
        let hundred: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.99), 99.0);
        assert_eq!(percentile(&[1.0], 0.99), 1.0);
    }

    #[test]
    fn jain_is_one_for_equals_and_small_for_a_hog() {
        assert_eq!(jain(&[4.0; 50]), 1.0);
        // Fifteen of 64 workers for one account, one for each of the others.
        let mut shares = vec![23.4; 49];
        shares.push(351.0);
        assert!((jain(&shares) - 0.299).abs() < 0.001);
        assert_eq!(jain(&[0.0; 3]), 1.0);
    }
}
