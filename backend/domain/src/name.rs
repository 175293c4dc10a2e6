use crate::{ApiError, ErrorKind};

/// Longest name of anything that people name, in characters.
pub const MAX_NAME: usize = 250;

/// Checks a name that a person gave to `what` (an "experiment", a "model", a "metric" …).
///
/// One rule serves all: 1 to 250 characters, none of them a control character, none of them blank
/// at either end. Names are never used as file names, so `/` and `..` are harmless in them.
pub fn check_name(what: &str, name: &str) -> Result<(), ApiError> {
    check_key(what, name)?;
    match name.trim() == name {
        true => Ok(()),
        false => Err(refused(what, name, "begins or ends with a blank")),
    }
}

/// Checks the name of a metric, a column or a parameter: programs make these up (`f"loss of {kind} "`),
/// and nobody types them. Blanks at their ends are kept.
pub fn check_key(what: &str, name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    if name.trim().is_empty() {
        Err(refused(what, name, "is empty"))
    } else if length > MAX_NAME {
        let problem = format!("has {length} characters, at most {MAX_NAME} are allowed");
        Err(refused(what, name, &problem))
    } else if name.chars().any(char::is_control) {
        Err(refused(what, name, "contains a control character"))
    } else {
        Ok(())
    }
}

fn refused(what: &str, name: &str, problem: &str) -> ApiError {
    let name = shown(name, 40);
    ApiError::new(ErrorKind::Invalid, format!("the {what} name `{name}` {problem}"))
        .hint(format!("choose a name of 1 to {MAX_NAME} printable characters"))
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
        assert_eq!(check_key("metric", " a "), Ok(()));
        assert!(check_key("metric", " ").is_err());
    }
}
