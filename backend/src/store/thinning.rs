//! Histories cut down to what a chart can show.

use lazuli_domain::{MetricPoint, MetricValue};

/// Takes the points of a scalar metric one by one and keeps, of each stretch, the smallest and the
/// largest, so that no spike is lost; the first and the last point always stay.
pub struct Thinning {
    stretch: u64,
    taken: u64,
    kept: Vec<MetricPoint>,
    lowest: Option<(f64, u64, MetricPoint)>,
    highest: Option<(f64, u64, MetricPoint)>,
    last: Option<MetricPoint>,
}

impl Thinning {
    /// For `count` points of which about `most` are to stay.
    pub fn new(count: u64, most: u64) -> Thinning {
        // Two points come from each stretch, and the two ends.
        let most = most.max(4);
        let stretch = if count <= most { 1 } else { count.div_ceil((most - 2) / 2) };
        Thinning { stretch, taken: 0, kept: Vec::new(), lowest: None, highest: None, last: None }
    }

    pub fn take(&mut self, point: MetricPoint) {
        let at = self.taken;
        self.taken += 1;
        if self.stretch == 1 || at == 0 {
            self.kept.push(point);
            return;
        }
        let value = match &point.value {
            MetricValue::Number(number) => number.as_f64(),
            // A text has no place on an axis.
            _ => f64::NAN,
        };
        if self.lowest.as_ref().is_none_or(|(lowest, ..)| value < *lowest) && !value.is_nan() {
            self.lowest = Some((value, at, point.clone()));
        }
        if self.highest.as_ref().is_none_or(|(highest, ..)| value > *highest) && !value.is_nan() {
            self.highest = Some((value, at, point.clone()));
        }
        self.last = Some(point);
        if self.taken.is_multiple_of(self.stretch) {
            self.close_stretch();
        }
    }

    pub fn finish(mut self) -> Vec<MetricPoint> {
        self.close_stretch();
        if let Some(last) = self.last
            && self.kept.last() != Some(&last)
        {
            self.kept.push(last);
        }
        self.kept
    }

    fn close_stretch(&mut self) {
        let mut extremes: Vec<_> =
            self.lowest.take().into_iter().chain(self.highest.take()).collect();
        extremes.sort_by_key(|(_, at, _)| *at);
        extremes.dedup_by_key(|(_, at, _)| *at);
        self.kept.extend(extremes.into_iter().map(|(_, _, point)| point));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinned(values: &[f64]) -> Vec<(i64, f64)> {
        let mut thinning = Thinning::new(values.len() as u64, 400);
        for (step, value) in values.iter().enumerate() {
            let value = MetricValue::Number((*value).into());
            thinning.take(MetricPoint { step: step as i64, time_ms: 0, value });
        }
        let number = |point: MetricPoint| match point.value {
            MetricValue::Number(number) => (point.step, number.as_f64()),
            other => panic!("not a number: {other:?}"),
        };
        thinning.finish().into_iter().map(number).collect()
    }

    #[test]
    fn a_short_history_is_shown_whole() {
        let values: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(thinned(&values).len(), 400);
    }

    #[test]
    fn a_long_history_keeps_its_spikes_and_its_ends() {
        let mut values: Vec<f64> = (0..100_000).map(|step| f64::from(step % 7)).collect();
        values[31_337] = 1e9;
        values[77_777] = -1e9;
        values[5] = f64::NAN;
        let kept = thinned(&values);
        assert!(kept.len() <= 400, "{}", kept.len());
        assert!(kept.contains(&(31_337, 1e9)));
        assert!(kept.contains(&(77_777, -1e9)));
        assert_eq!(kept.first(), Some(&(0, 0.0)));
        assert_eq!(kept.last(), Some(&(99_999, f64::from(99_999 % 7))));
        assert!(kept.is_sorted_by_key(|(step, _)| *step));
    }
}
