//! Steps of a file dataset: what is left of a list of files.

use lazuli_domain::{DatasetFile, FileStep, SplitPart};

pub fn apply(mut files: Vec<DatasetFile>, steps: &[FileStep]) -> Vec<DatasetFile> {
    for step in steps {
        let mut position = 0;
        files.retain(|_| {
            position += 1;
            let at = position - 1;
            match *step {
                FileStep::Skip { count } => at >= count,
                FileStep::Take { count } => at < count,
                FileStep::Sample { probability, seed } => chance(seed, at) < probability,
                FileStep::Split { percentage, seed, part } => {
                    (chance(seed, at) < percentage) == (part == SplitPart::First)
                }
            }
        });
    }
    files
}

/// A number from 0 up to 1 that depends on nothing else: the two parts of a split never overlap,
/// and come out the same next time. (SplitMix64, by Sebastiano Vigna.)
fn chance(seed: u64, position: u64) -> f64 {
    let mut state = seed ^ position.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    // The first number of neighbouring seeds is alike.
    next();
    (next() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use lazuli_domain::DataPath;

    use super::*;

    fn files(count: usize) -> Vec<DatasetFile> {
        (0..count)
            .map(|number| DatasetFile {
                at: DataPath::Local { local: format!("/{number}") },
                relative_path: number.to_string(),
                size: 1,
                modified_at_ms: 0,
            })
            .collect()
    }

    fn names(files: &[DatasetFile]) -> Vec<&str> {
        files.iter().map(|file| file.relative_path.as_str()).collect()
    }

    #[test]
    fn steps_follow_each_other() {
        let steps = [FileStep::Skip { count: 1 }, FileStep::Take { count: 2 }];
        assert_eq!(names(&apply(files(5), &steps)), ["1", "2"]);
        assert_eq!(names(&apply(files(1), &steps)), [""; 0]);
    }

    #[test]
    fn the_parts_of_a_split_are_everything_once() {
        let part = |part| apply(files(1000), &[FileStep::Split { percentage: 0.7, seed: 5, part }]);
        let (first, second) = (part(SplitPart::First), part(SplitPart::Second));
        assert!((650..750).contains(&first.len()), "{}", first.len());
        let mut both: Vec<usize> =
            first.iter().chain(&second).map(|file| file.relative_path.parse().unwrap()).collect();
        both.sort_unstable();
        assert_eq!(both, (0..1000).collect::<Vec<_>>());
        assert_eq!(part(SplitPart::First), first);
        let other = [FileStep::Sample { probability: 0.7, seed: 6 }];
        assert_ne!(apply(files(1000), &other), first);
    }
}
