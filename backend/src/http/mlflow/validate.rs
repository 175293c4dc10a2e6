//! What MLflow allows, in its words.

use lazuli_domain::StringMap;

use super::error::{Answer, Failure};
use super::wire::{Message, invalid_value};

/// Of keys of tags, parameters and metrics, in characters.
pub const LONGEST_KEY: usize = 250;
pub const LONGEST_PARAMETER: usize = 6000;
pub const LONGEST_TAG: usize = 8000;
const LONGEST_EXPERIMENT_NAME: usize = 500;
const LONGEST_EXPERIMENT_TAG: usize = 20_000;
const LONGEST_LOCATION: usize = 2048;

pub fn experiment_name(name: &str) -> Answer<()> {
    if name.is_empty() {
        return Err(Failure::invalid("Invalid experiment name: ''"));
    }
    length("name", LONGEST_EXPERIMENT_NAME, name)
}

pub fn experiment_tag(key: &str, value: &str) -> Answer<()> {
    key_name("key", key)?;
    length("key", LONGEST_KEY, key)?;
    length("value", LONGEST_EXPERIMENT_TAG, value)
}

/// The repeated `tags` of a message, each checked; of two with one key the later one counts.
pub fn tags(
    message: &mut Message,
    check: impl Fn(&Message, &str, &str) -> Answer<()>,
) -> Answer<StringMap> {
    let mut tags = StringMap::new();
    for tag in message.take_messages("tags")? {
        let key = tag.required_text("key")?;
        let value = tag.text("value")?.unwrap_or_default();
        check(&tag, key, value)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// The key of a run's tag.
pub fn tag_key(message: &Message, key: &str) -> Answer<()> {
    let path = message.path("key");
    key_name(&path, key)?;
    length(&path, LONGEST_KEY, key)
}

/// A value that is too long is cut, as MLflow does.
pub fn truncated(value: &str, limit: usize) -> String {
    match value.char_indices().nth(limit) {
        Some((end, _)) => value[..end].to_owned(),
        None => value.to_owned(),
    }
}

pub fn truncated_tags(tags: StringMap) -> StringMap {
    tags.into_iter().map(|(key, value)| (key, truncated(&value, LONGEST_TAG))).collect()
}

/// A key of a tag, parameter or metric: it could be the path of a file.
pub fn key_name(path: &str, name: &str) -> Answer<()> {
    let is_allowed = |character: char| character.is_alphanumeric() || "_/.- :".contains(character);
    let why = if !name.chars().all(is_allowed) {
        "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), \
         colon(:) and slashes (/)."
            .to_owned()
    } else if resolves_elsewhere(name) {
        "Names may be treated as files in certain cases, and must not resolve to other names when \
         treated as such."
            .to_owned()
    } else {
        return Ok(());
    };
    Err(invalid_value(path, &serde_json::Value::String(name.to_owned()), &why))
}

/// True when a path of that name, made plain, would be another one.
fn resolves_elsewhere(name: &str) -> bool {
    name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

pub fn length(path: &str, limit: usize, value: &str) -> Answer<()> {
    // Counting characters is only needed where the bytes are too many.
    match value.len() > limit && value.chars().count() > limit {
        true => Err(Failure::invalid(format!(
            "'{path}' exceeds the maximum length of {limit} characters"
        ))),
        false => Ok(()),
    }
}

/// Where an experiment's files are to lie; a plain path is made absolute, as MLflow's server does.
/// The daemon never reads or writes there: MLflow's clients do.
pub fn artifact_location(location: &str) -> Answer<String> {
    let refuse = |why: &str| Err(Failure::invalid(why.to_owned()));
    if location.starts_with("runs:") {
        return refuse(&format!("Artifact location cannot be a runs:/ URI. Given: '{location}'"));
    }
    if location.contains(['#', ';']) {
        return refuse("'artifact_location' URL can't include fragments or params.");
    }
    if location
        .split_once('?')
        .is_some_and(|(_, query)| query.contains("..") || query.contains('%'))
    {
        return refuse("Invalid query string");
    }
    length("artifact_location", LONGEST_LOCATION, location)?;
    if has_scheme(location) {
        return Ok(location.to_owned());
    }
    match std::path::absolute(location) {
        Ok(path) => Ok(path.display().to_string()),
        Err(error) => refuse(&format!("the artifact location `{location}` is no path: {error}")),
    }
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_mlflows() {
        for good in ["a", "a/b", "val loss", "größe", "a.b-c:d_e", "..a"] {
            assert!(key_name("key", good).is_ok(), "{good}");
        }
        for bad in ["", "a//b", "../a", "a/..", "/a", "a/", "./a", ".", "a\n", "a%b", "a,b"] {
            assert!(key_name("key", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn locations_have_no_second_meaning() {
        for good in ["s3://bucket/x", "mlflow-artifacts:/x", "file:///x", "/x", "x/../y"] {
            assert!(artifact_location(good).is_ok(), "{good}");
        }
        for bad in ["runs:/1", "s3://b/x#../y", "/x;y", "s3://b?a=../../etc", "s3://b?a=%2e%2e"] {
            assert!(artifact_location(bad).is_err(), "{bad}");
        }
        assert!(artifact_location("mine").unwrap().starts_with('/'));
    }
}
