use std::ops::Range;

use crate::ApiError;

/// Why a filter or an order was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchError {
    /// One sentence without a full stop: what is wrong, and where.
    pub message: String,
    /// The character it begins at, from 1; 0 when it is about the whole text.
    pub position: usize,
    /// The characters it is about; empty at the end of the text.
    pub piece: String,
    /// What is allowed there.
    pub hint: Option<String>,
}

impl SearchError {
    /// `span` is bytes of `text`; the message gets "at character …" at its end.
    pub(super) fn at(text: &str, span: Range<usize>, message: impl std::fmt::Display) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let position = before.chars().count() + 1;
        let piece = text.get(span).unwrap_or_default();
        Self {
            message: format!("{message} at character {position}"),
            position,
            piece: piece.to_owned(),
            hint: None,
        }
    }

    pub(super) fn whole(message: String) -> Self {
        Self { message, position: 0, piece: String::new(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for SearchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SearchError {}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let answer = ApiError::invalid(error.message);
        match error.hint {
            Some(hint) => answer.hint(hint),
            None => answer,
        }
    }
}

pub(super) fn check_length(what: &str, length: usize) -> Result<(), SearchError> {
    if length <= super::MAX_LENGTH {
        return Ok(());
    }
    Err(SearchError::whole(format!(
        "the {what} has {length} bytes, at most {} are allowed",
        super::MAX_LENGTH
    ))
    .hint("search in several steps"))
}

/// A piece of the user's text as a message shows it.
pub(super) fn shown(piece: &str) -> String {
    crate::shown(piece, 40)
}

/// The candidate that `given` was probably meant to be: a few letters changed, added, left out or
/// exchanged, more of them in a longer word.
pub(super) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given: Vec<char> = given.chars().take(41).flat_map(char::to_lowercase).collect();
    if given.len() > 40 {
        return None;
    }
    let allowed = given.len().div_ceil(3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&given, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words; exchanged neighbours count once (optimal string alignment).
fn distance(given: &[char], candidate: &str) -> usize {
    let candidate: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=candidate.len()).collect();
    for (row, letter) in given.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in candidate.iter().enumerate() {
            let changed = last[column] + usize::from(letter != other);
            let mut best = changed.min(last[column + 1] + 1).min(current[column] + 1);
            let exchanged = row > 0
                && column > 0
                && *letter == candidate[column - 1]
                && given[row - 1] == *other;
            if exchanged {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[candidate.len()]
}
