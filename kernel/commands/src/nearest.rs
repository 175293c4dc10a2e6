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
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = plain(candidate);
            let mistakes = strsim::damerau_levenshtein(&word, &other);
            let begins = word.chars().count() >= 3
                && (other.starts_with(&word) || word.starts_with(&other) && other.len() >= 3);
            match mistakes {
                _ if mistakes <= allowed => Some((mistakes, candidate)),
                _ if begins => Some((allowed + 1, candidate)),
                _ => None,
            }
        })
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, candidate)| candidate)
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
    }
}
