//! Which of the packages asked for are to be installed.

/// Names, in the form of PEP 503, that Lazuli serves itself. `azureml-…` has no support any more,
/// and its packages would overwrite ours.
fn is_served_by_lazuli(name: &str) -> bool {
    name == "azureml" || name.starts_with("azureml-") || name == "lazuli" || name == "lazuli-sdk"
}

pub struct Requirements {
    /// Sorted, each once: the same list in another order is the same environment.
    pub wanted: Vec<String>,
    pub dropped: Vec<String>,
}

pub fn split(packages: &[String]) -> Requirements {
    let mut packages: Vec<String> = packages
        .iter()
        .map(|package| package.trim().to_owned())
        .filter(|package| !package.is_empty())
        .collect();
    packages.sort();
    packages.dedup();
    let (dropped, wanted) =
        packages.into_iter().partition(|package| is_served_by_lazuli(&normalized_name(package)));
    Requirements { wanted, dropped }
}

/// `Azureml_Core[notebooks]>=1.0` is `azureml-core`.
fn normalized_name(requirement: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_old_sdk_are_dropped_however_they_are_written() {
        let packages = [
            "scikit-learn==1.7",
            "azureml-defaults",
            "Azureml_Core[notebooks]>=1.0",
            "azureml.mlflow",
            " numpy ",
            "scikit-learn==1.7",
            "azureml",
            "lazuli-sdk",
            "azuremlx",
            "",
        ];
        let requirements = split(&packages.map(str::to_owned));
        assert_eq!(requirements.wanted, ["azuremlx", "numpy", "scikit-learn==1.7"]);
        assert_eq!(
            requirements.dropped,
            [
                "Azureml_Core[notebooks]>=1.0",
                "azureml",
                "azureml-defaults",
                "azureml.mlflow",
                "lazuli-sdk"
            ]
        );
    }
}
