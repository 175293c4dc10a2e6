/// The candidate that `word` most probably was meant to be; none when nothing is near.
///
/// Transposed letters count as one mistake, case and `-`/`_` as none, and a candidate that begins
/// with the word (`rundet`, a run's id cut short) is near whatever its length.
pub fn nearest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let word = plain(word);
    if word.is_empty() {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    let letters = Letters::of(&word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // Only what is nearer than the best so far is of interest.
        let limit = best.map_or(allowed + 1, |(mistakes, _)| mistakes - 1);
        let other = plain(candidate);
        let begins = || {
            word.chars().count() >= 3
                && (other.starts_with(&word) || word.starts_with(&other) && other.len() >= 3)
        };
        // A workspace may have ten thousand names, and most are told off by their letters.
        let mistakes = match letters.least_mistakes(&other) {
            least if least <= limit.min(allowed) => strsim::osa_distance(&word, &other),
            _ => usize::MAX,
        };
        if mistakes <= limit.min(allowed) {
            best = Some((mistakes, candidate));
        } else if limit > allowed && begins() {
            best = Some((allowed + 1, candidate));
        }
        if best.is_some_and(|(mistakes, _)| mistakes == 0) {
            break;
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How often a word has each byte.
struct Letters([i16; 256]);

impl Letters {
    fn of(word: &str) -> Letters {
        let mut counts = [0; 256];
        for byte in word.bytes() {
            counts[usize::from(byte)] += 1;
        }
        Letters(counts)
    }

    /// Words that differ in so many letters are at least so many mistakes apart. A letter of several
    /// bytes counts as one mistake at least for each four of them.
    fn least_mistakes(&self, other: &str) -> usize {
        let mut counts = self.0;
        for byte in other.bytes() {
            counts[usize::from(byte)] -= 1;
        }
        let sum = |sign: i16| -> i32 {
            counts.iter().map(|count| i32::from((count * sign).max(0))).sum()
        };
        let differ = usize::try_from(sum(1).max(sum(-1))).unwrap_or_default();
        if other.is_ascii() && counts[128..].iter().all(|count| *count == 0) {
            differ
        } else {
            differ.div_ceil(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["log", "log_row", "submit", "rundetails", "register_model", "run"];
        assert_eq!(nearest("lgo", names), Some("log"));
        assert_eq!(nearest("sumbit", names), Some("submit"));
        assert_eq!(nearest("RunDetails", names), Some("rundetails"));
        assert_eq!(nearest("register-modle", names), Some("register_model"));
        assert_eq!(nearest("regis", names), Some("register_model"));
        assert_eq!(nearest("matplotlib", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("größe", ["grösse", "größen", "log"]), Some("größen"));
        assert_eq!(
            nearest("model-00123", ["model-90321", "model-00132", "model-0012"]),
            Some("model-00132")
        );
    }
}
