//! What is remembered of a column's values while they pass: exactly while they are few, else estimated
//! in little memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use datafusion_functions_aggregate_common::tdigest::TDigest;
use lazuli_domain::ColumnProfile;

type Fixed = BuildHasherDefault<DefaultHasher>;

/// Clusters of a t-digest: more are more exact.
const CLUSTERS: usize = 200;
/// Bins of a histogram.
const BINS: usize = 20;

/// How often each value came, as long as there are not too many different ones.
pub struct Values<K> {
    counts: HashMap<K, u64, Fixed>,
    most: usize,
    /// Values came that are not in `counts`; those that are in it are counted rightly still.
    is_over: bool,
    estimate: HyperLogLog,
}

impl<K: Hash + Eq> Values<K> {
    pub fn new(most: usize) -> Values<K> {
        let estimate = HyperLogLog::new();
        Values { counts: HashMap::default(), most, is_over: false, estimate }
    }

    pub fn add<Q>(&mut self, value: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
            if self.is_over {
                self.estimate.add(Fixed::default().hash_one(value));
            }
            return;
        }
        self.estimate.add(Fixed::default().hash_one(value));
        match self.counts.len() < self.most {
            true if !self.is_over => {
                self.counts.insert(value.to_owned(), 1);
            }
            _ => self.is_over = true,
        }
    }

    pub fn distinct(&self) -> (u64, bool) {
        match self.is_over {
            false => (self.counts.len() as u64, true),
            true => (self.estimate.count().max(self.counts.len() as u64), false),
        }
    }

    /// All values with their counts, when they are all here.
    pub fn exact(&self) -> Option<impl Iterator<Item = (&K, u64)>> {
        (!self.is_over).then(|| self.counts.iter().map(|(value, count)| (value, *count)))
    }

    /// The most frequent ones first, of equally frequent ones the smaller.
    pub fn most_frequent(&self, count: usize) -> Vec<(&K, u64)>
    where
        K: Ord,
    {
        let mut all: Vec<(&K, u64)> =
            self.counts.iter().map(|(value, count)| (value, *count)).collect();
        all.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then(a.cmp(b)));
        all.truncate(count);
        all
    }
}

/// An estimate of how many different values there were (Flajolet and others, 2007), with the correction
/// for small numbers.
struct HyperLogLog(Vec<u8>);

const PRECISION: u32 = 14;

impl HyperLogLog {
    fn new() -> HyperLogLog {
        HyperLogLog(vec![0; 1 << PRECISION])
    }

    fn add(&mut self, hash: u64) {
        let register = (hash >> (64 - PRECISION)) as usize;
        let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
        self.0[register] = self.0[register].max(rank);
    }

    fn count(&self) -> u64 {
        let registers = self.0.len() as f64;
        let sum: f64 = self.0.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty = self.0.iter().filter(|rank| **rank == 0).count();
        match raw <= 2.5 * registers && empty > 0 {
            true => (registers * (registers / empty as f64).ln()).round() as u64,
            false => raw.round() as u64,
        }
    }
}

/// The numbers of a column: moments, quantiles, histogram.
pub struct Numbers {
    count: f64,
    mean: f64,
    /// Sum of squared differences from the mean.
    squares: f64,
    digest: TDigest,
    finite: (f64, f64),
}

impl Numbers {
    pub fn new() -> Numbers {
        Numbers {
            count: 0.0,
            mean: 0.0,
            squares: 0.0,
            digest: TDigest::new(CLUSTERS),
            finite: (f64::INFINITY, f64::NEG_INFINITY),
        }
    }

    /// A batch of numbers, none of them NaN (Chan and others, 1979).
    pub fn add(&mut self, values: Vec<f64>) {
        if values.is_empty() {
            return;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let (all, difference) = (self.count + count, mean - self.mean);
        self.squares += squares + difference * difference * self.count * count / all;
        self.mean += difference * count / all;
        self.count = all;
        for value in values.iter().filter(|value| value.is_finite()) {
            self.finite = (self.finite.0.min(*value), self.finite.1.max(*value));
        }
        self.digest = self.digest.merge_unsorted_f64(values);
    }

    pub fn moments(&self) -> (Option<f64>, Option<f64>) {
        let mean = (self.count > 0.0).then_some(self.mean).filter(|mean| mean.is_finite());
        // Of a sample, as pandas and SDK v1 have it.
        let deviation = (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt());
        (mean, deviation.filter(|deviation| deviation.is_finite()))
    }

    /// At [`ColumnProfile::QUANTILES`]: of all values where they are given, else estimated.
    pub fn quantiles(&self, exact: Option<&[(f64, u64)]>) -> Vec<f64> {
        if self.count == 0.0 {
            return Vec::new();
        }
        let of = |share: f64| match exact {
            Some(sorted) => exact_quantile(sorted, share),
            None => self.digest.estimate_quantile(share),
        };
        ColumnProfile::QUANTILES.iter().map(|share| of(*share)).collect()
    }

    pub fn histogram(&self, exact: Option<&[(f64, u64)]>) -> Vec<u64> {
        let (low, high) = self.finite;
        if low > high {
            return Vec::new();
        }
        let bins = if low == high { 1 } else { BINS };
        let bin = |value: f64| {
            let share = (value - low) / (high - low);
            ((share * bins as f64) as usize).min(bins - 1)
        };
        let mut counts = vec![0; bins];
        match exact {
            Some(values) => {
                for (value, count) in values.iter().filter(|(value, _)| value.is_finite()) {
                    counts[if bins == 1 { 0 } else { bin(*value) }] += count;
                }
            }
            None => {
                // As many values as there are, spread as the digest says.
                const STEPS: u64 = 2000;
                let all = self.count as u64;
                for step in 0..STEPS {
                    let value = self.digest.estimate_quantile((step as f64 + 0.5) / STEPS as f64);
                    let share = all * (step + 1) / STEPS - all * step / STEPS;
                    if value.is_finite() {
                        counts[if bins == 1 { 0 } else { bin(value.clamp(low, high)) }] += share;
                    }
                }
            }
        }
        counts
    }
}

/// Between the two nearest values, as numpy and pandas have it.
fn exact_quantile(sorted: &[(f64, u64)], share: f64) -> f64 {
    let all: u64 = sorted.iter().map(|(_, count)| count).sum();
    let place = share * (all.saturating_sub(1)) as f64;
    let at = |rank: u64| {
        let mut before = 0;
        for (value, count) in sorted {
            before += count;
            if rank < before {
                return *value;
            }
        }
        sorted.last().map_or(f64::NAN, |(value, _)| *value)
    };
    let (low, high) = (at(place.floor() as u64), at(place.ceil() as u64));
    // Both may be infinite, whose difference is no number.
    if low == high { low } else { low + (high - low) * place.fract() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_and_many_estimated() {
        let mut values: Values<u64> = Values::new(1000);
        for number in 0..3000_u64 {
            values.add(&(number % 1000));
        }
        assert_eq!(values.distinct(), (1000, true));
        assert_eq!(values.most_frequent(2), [(&0, 3), (&1, 3)]);
        for number in 0..200_000_u64 {
            values.add(&number);
        }
        let (estimate, exact) = values.distinct();
        assert!(!exact && (195_000..205_000).contains(&estimate), "{estimate}");
        assert_eq!(values.most_frequent(1), [(&0, 4)]);
    }

    #[test]
    fn quantiles_lie_between_values() {
        let sorted = [(1.0, 1), (2.0, 1), (3.0, 1), (4.0, 1)];
        assert_eq!(exact_quantile(&sorted, 0.5), 2.5);
        assert_eq!(exact_quantile(&sorted, 0.25), 1.75);
        assert_eq!(exact_quantile(&[(5.0, 9)], 0.99), 5.0);
    }

    #[test]
    fn moments_do_not_depend_on_batches() {
        let mut numbers = Numbers::new();
        numbers.add((0..500).map(f64::from).collect());
        numbers.add((500..1000).map(f64::from).collect());
        let (mean, deviation) = numbers.moments();
        assert_eq!(mean, Some(499.5));
        assert!((deviation.unwrap() - 288.819_436_095_749_4).abs() < 1e-9);
        let histogram = numbers.histogram(None);
        assert_eq!((histogram.len(), histogram.iter().sum::<u64>()), (20, 1000));
        assert!(histogram.iter().all(|count| (45..=55).contains(count)), "{histogram:?}");
    }
}
