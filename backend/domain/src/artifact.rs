use serde::{Deserialize, Serialize};

use crate::ApiError;

/// A file kept with a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Artifact {
    /// `outputs/model.pkl`: relative, `/` between the parts, whatever the system.
    pub path: String,
    pub size: u64,
    /// Lower-case hex SHA-256 of the content.
    pub sha256: String,
    pub created_at_ms: i64,
}

/// A page of a run's artifacts, by path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactPage {
    /// With a delimiter: what has more below it, each with a `/` at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    pub items: Vec<Artifact>,
    /// Give this back as `cursor` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A log of a run and how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogFile {
    pub path: String,
    pub size: u64,
}

/// Checks and normalises the name of an artifact or of a file in a model.
///
/// The result is relative, its parts are joined by single `/`, and none of them is `..`: joined to
/// a folder, it stays inside. Backslashes are refused because they would mean two things.
pub fn artifact_path(name: &str) -> Result<String, ApiError> {
    relative_path("artifact name", "outputs/model.pkl", name)
}

/// Checks and normalises the path of a file in a datastore by the same rules. A leading `/` is the
/// datastore's root.
pub fn stored_path(path: &str) -> Result<String, ApiError> {
    relative_path("path", "data/diabetes.csv", path.trim_start_matches('/'))
}

fn relative_path(what: &str, example: &str, name: &str) -> Result<String, ApiError> {
    let refuse = |why: &str| {
        let name = crate::shown(name, 60);
        Err(ApiError::invalid(format!("the {what} `{name}` {why}"))
            .hint(format!("use a relative path such as `{example}`")))
    };
    if name.len() > 1024 {
        return refuse("is longer than 1024 bytes");
    }
    if name.contains('\\') {
        return refuse("contains a backslash");
    }
    if name.chars().any(char::is_control) {
        return refuse("contains a control character");
    }
    if name.starts_with('/') || name.chars().nth(1) == Some(':') {
        return refuse("is absolute");
    }
    let parts: Vec<&str> =
        name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return refuse("contains `..`");
    }
    if let Some(part) = parts.iter().find(|part| part.len() > 255) {
        return refuse(&format!("has a part of {} bytes, at most 255 are allowed", part.len()));
    }
    if parts.is_empty() {
        return refuse("is empty");
    }
    Ok(parts.join("/"))
}

/// Where a downloaded file of that name belongs below `folder`.
pub fn download_path(folder: &std::path::Path, name: &str) -> Result<std::path::PathBuf, ApiError> {
    Ok(artifact_path(name)?.split('/').fold(folder.to_owned(), |path, part| path.join(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_folder() {
        assert_eq!(artifact_path("outputs//a/./b.txt").unwrap(), "outputs/a/b.txt");
        for bad in [
            "",
            ".",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "c:/x",
            "a\\..\\b",
            "a\0b",
            &"x".repeat(300),
        ] {
            assert!(artifact_path(bad).is_err(), "{bad}");
        }
        assert_eq!(artifact_path("a..b/..c").unwrap(), "a..b/..c");
        assert_eq!(stored_path("//data/a b#%2e%2e.csv").unwrap(), "data/a b#%2e%2e.csv");
        assert!(stored_path("/../x").is_err());
    }
}
