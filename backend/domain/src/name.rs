use crate::{ApiError, ErrorKind};

/// Longest name of anything that people name, in characters.
pub const MAX_NAME: usize = 250;

/// Checks a name that a person gave to `what` (an "experiment", a "model", a "metric" …).
///
/// One rule serves all: 1 to 250 characters, none of them a control character, none of them blank
/// at either end. Names are never used as file names, so `/` and `..` are harmless in them.
pub fn check_name(what: &str, name: &str) -> Result<(), ApiError> {
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.chars().count() > MAX_NAME {
        format!("has {} characters, at most {MAX_NAME} are allowed", name.chars().count())
    } else if name.chars().any(char::is_control) {
        "contains a control character".to_owned()
    } else if name.trim() != name {
        "begins or ends with a blank".to_owned()
    } else {
        return Ok(());
    };
    let name = shown(name, 40);
    Err(ApiError::new(ErrorKind::Invalid, format!("the {what} name `{name}` {problem}"))
        .hint(format!("choose a name of 1 to {MAX_NAME} printable characters")))
}

/// What somebody sent, as a message may repeat it: one line of at most `most` characters.
pub fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_one_short_line() {
        assert_eq!(shown("Größe `a`", 9), "Größe `a`");
        assert_eq!(shown("a\nb\0c", 40), "a\\nb\\u{0}c");
        assert_eq!(shown("abcdef", 3), "abc…");
    }

    #[test]
    fn names_are_printable_and_of_bounded_length() {
        for good in ["a", "diabetes training", "Größe/2", "..", &"x".repeat(200)] {
            assert_eq!(check_name("model", good), Ok(()), "{good}");
        }
        for (bad, why) in [
            (String::new(), "is empty"),
            ("x".repeat(300), "has 300 characters"),
            ("a\nb".into(), "control character"),
            (" a".into(), "blank"),
        ] {
            let error = check_name("model", &bad).unwrap_err();
            assert!(error.message.contains(why), "{}", error.message);
        }
    }
}
