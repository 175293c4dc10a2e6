use crate::{ApiError, ErrorKind};

/// Longest name of anything that people name, in characters.
pub const MAX_NAME: usize = 200;

/// Checks a name that a person gave to `what` (an "experiment", a "model", a "metric" …).
///
/// One rule serves all: 1 to 200 characters, none of them a control character, none of them blank
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
    let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
    let shown = if name.chars().count() > 40 { format!("{shown}…") } else { shown };
    Err(ApiError::new(ErrorKind::Invalid, format!("the {what} name `{shown}` {problem}"))
        .hint(format!("choose a name of 1 to {MAX_NAME} printable characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
