//! Medians and percentiles of measured values.

use std::time::Duration;

/// The value below which `percent` (0 to 100) of `sorted` lie; zero when nothing was measured.
///
/// `sorted` must be in ascending order. The nearest rank is taken, never a value between two.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle of `values`, or the mean of the two in the middle; `None` when there are none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0) }
}

/// The median of what `of` takes from each of `rounds`; `None` when there are no rounds.
pub fn median_of<T>(rounds: &[T], of: impl Fn(&T) -> f64) -> Option<f64> {
    median(&rounds.iter().map(of).collect::<Vec<_>>())
}

/// A duration in microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(count: u64) -> Vec<Duration> {
        (1..=count).map(Duration::from_micros).collect()
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let hundred = durations(100);
        assert_eq!(percentile(&hundred, 50.0), Duration::from_micros(50));
        assert_eq!(percentile(&hundred, 99.0), Duration::from_micros(99));
        assert_eq!(percentile(&hundred, 100.0), Duration::from_micros(100));
        assert_eq!(percentile(&durations(1), 0.0), Duration::from_micros(1));
        assert_eq!(percentile(&[], 50.0), Duration::ZERO);
    }

    #[test]
    fn the_median_does_not_depend_on_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
