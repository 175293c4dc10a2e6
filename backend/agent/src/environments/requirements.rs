//! Which of the packages asked for are to be installed.

/// Names, in the form of PEP 503, that Lazuli serves itself. `azureml-…` has no support any more,
/// and its packages would overwrite ours.
fn is_served_by_lazuli(name: &str) -> bool {
    name == "azureml" || name.starts_with("azureml-") || name == "lazuli" || name == "lazuli-sdk"
}

/// A line of a requirements file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `--extra-index-url …`
    Option(String),
    Package(String),
    /// One that Lazuli serves itself, by its normal name.
    Served {
        line: String,
        name: String,
    },
}

/// The lines that say something, without comments.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Line> {
    lines
        .into_iter()
        .map(|line| {
            // A `#` inside a word belongs to an address.
            let line = line.trim();
            let comment = if line.starts_with('#') { Some(0) } else { line.find(" #") };
            line[..comment.unwrap_or(line.len())].trim()
        })
        .filter(|line| !line.is_empty())
        .map(|line| match line {
            line if line.starts_with('-') => Line::Option(line.to_owned()),
            line => {
                let name = normalized_name(line);
                let line = line.to_owned();
                match is_served_by_lazuli(&name) {
                    true => Line::Served { line, name },
                    false => Line::Package(line),
                }
            }
        })
        .collect()
}

/// What came with a package of the old SDK and is not ours: scripts import it without naming it.
pub fn brought_along(name: &str) -> Vec<&'static str> {
    match name {
        "azureml-mlflow" => vec!["mlflow"],
        "azureml-core" | "azureml-defaults" | "azureml-sdk" | "azureml-dataset-runtime" => {
            DATA.to_vec()
        }
        name if name.starts_with("azureml-dataprep") => DATA.to_vec(),
        _ => Vec::new(),
    }
}

/// What every environment of SDK v1 had to read data with.
const DATA: [&str; 3] = ["numpy", "pandas", "pyarrow"];

/// `Azureml_Core[notebooks]>=1.0` is `azureml-core`.
pub fn normalized_name(requirement: &str) -> String {
    let end = requirement
        .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
        .unwrap_or(requirement.len());
    let mut name = String::new();
    for character in requirement[..end].chars() {
        match character {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            character => name.push(character.to_ascii_lowercase()),
        }
    }
    name
}

/// Whether a version is asked for.
pub fn is_pinned(requirement: &str) -> bool {
    let versions = requirement.split(';').next().unwrap_or_default();
    versions.contains(['=', '<', '>', '~', '@'])
}

/// The same package in that version or a newer one; `None` where no single version was asked for.
pub fn relaxed(requirement: &str) -> Option<String> {
    let (versions, marker) = match requirement.split_once(';') {
        Some((versions, marker)) => (versions, format!(";{marker}")),
        None => (requirement, String::new()),
    };
    let (name, version) = versions.split_once("==")?;
    if name.contains(['<', '>', '~', '!', '@']) || version.contains(',') {
        return None;
    }
    let version =
        version.trim_start_matches('=').trim().trim_end_matches('*').trim_end_matches('.');
    Some(format!("{}>={version}{marker}", name.trim()))
}

/// The line without a password in an address: it goes into logs.
pub fn shown(line: &str) -> String {
    let Some((before, rest)) = line.split_once("://") else { return line.to_owned() };
    let end = rest.find(['/', ' ']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{before}://***@{}", &rest[at + 1..]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_old_sdk_are_known_however_they_are_written() {
        let given = [
            "scikit-learn==1.7",
            "azureml-defaults",
            "Azureml_Core[notebooks]>=1.0",
            "azureml.mlflow",
            " numpy # fast",
            "azuremlx",
            "# nothing",
            "--pre",
            "",
        ];
        let lines = read(given);
        let served: Vec<&str> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Served { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(served, ["azureml-defaults", "azureml-core", "azureml-mlflow"]);
        assert!(lines.contains(&Line::Package("numpy".into())));
        assert!(lines.contains(&Line::Option("--pre".into())));
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn a_single_version_is_relaxed_to_those_after_it() {
        assert_eq!(relaxed("numpy==1.16.0").as_deref(), Some("numpy>=1.16.0"));
        assert_eq!(relaxed("numpy==1.16.*").as_deref(), Some("numpy>=1.16"));
        assert_eq!(
            relaxed("numpy == 1.16; sys_platform == 'linux'").as_deref(),
            Some("numpy>=1.16; sys_platform == 'linux'")
        );
        assert_eq!(relaxed("numpy>=1,<2"), None);
        assert_eq!(relaxed("numpy"), None);
    }

    #[test]
    fn no_password_is_shown() {
        assert_eq!(
            shown("--extra-index-url https://user:secret@example.org/simple"),
            "--extra-index-url https://***@example.org/simple"
        );
        assert_eq!(shown("numpy"), "numpy");
    }
}
