//! "Did you mean …?"

/// The candidate that a person who typed `given` most likely meant.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given_folded = given.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::jaro_winkler(&given_folded, &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, _)| *likeness >= 0.85)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        assert_eq!(nearest("diabtes", ["churn", "diabetes"]), Some("diabetes"));
        assert_eq!(nearest("Churn", ["churn", "diabetes"]), Some("churn"));
        assert_eq!(nearest("iris", ["churn", "diabetes"]), None);
    }
}
