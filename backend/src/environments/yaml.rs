//! YAML, for clients that have no reader of it: conda files, run configurations.

use lazuli_domain::{ApiError, CondaSpecification, shown};
use serde_json::Value;

use crate::nearest::nearest;

/// What a conda file may say.
const KEYS: [&str; 5] = ["name", "channels", "dependencies", "variables", "prefix"];

/// The text as JSON.
pub fn parse(text: &str) -> Result<Value, ApiError> {
    read(text, "the text")
}

/// The conda specification in a text; `file` is what to call it.
pub fn read_conda(text: &str, file: Option<&str>) -> Result<CondaSpecification, ApiError> {
    let file = file.map_or_else(
        || "the conda specification".to_owned(),
        |file| format!("the conda file `{}`", shown(file, 200)),
    );
    let refuse = |why: String| {
        ApiError::invalid(format!("{file} {why}")).hint(
            "it looks like `name: training`, `dependencies:`, `- python=3.8`, `- numpy`, one to a line",
        )
    };
    let mut value = match read(text, &file)? {
        Value::Object(value) => value,
        Value::Null => return Err(refuse("is empty".into())),
        _ => return Err(refuse("holds no `dependencies:`".into())),
    };
    if let Some(stranger) = value.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let shown = shown(stranger, 60);
        let why = match nearest(stranger, KEYS) {
            Some(near) => format!("has a section `{shown}`; did you mean `{near}`?"),
            None => format!("has a section `{shown}`, which conda does not know"),
        };
        return Err(refuse(why));
    }
    // A place on the machine where it was written.
    value.remove("prefix");
    for (section, item) in [("channels", "a channel"), ("dependencies", "a package")] {
        match value.get(section) {
            None | Some(Value::Array(_)) => {}
            Some(Value::Null) => {
                value.remove(section);
            }
            Some(_) => {
                let why = format!("has no list below `{section}:`; write `- ` before {item}");
                return Err(refuse(why));
            }
        }
    }
    // `variables: {THREADS: 4}` is as good as `"4"`.
    if let Some(Value::Object(variables)) = value.get_mut("variables") {
        for variable in variables.values_mut() {
            if let Value::Number(_) | Value::Bool(_) = variable {
                *variable = Value::String(variable.to_string());
            }
        }
    }
    serde_json::from_value(Value::Object(value))
        .map_err(|error| refuse(format!("is not understood: {error}")))
}

fn read(text: &str, what: &str) -> Result<Value, ApiError> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |place| {
            format!(" at line {}, column {}", place.line(), place.column())
        });
        let reason = error.without_snippet().to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let reason = reason.split(" at line ").next().unwrap_or(reason);
        ApiError::invalid(format!("{what} is no YAML{place}: {}", shown(reason, 200)))
            .hint("lists and sections are indented with blanks, and `:` is followed by a blank")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read_conda(text, Some("conda.yml")).unwrap_err().message
    }

    #[test]
    fn a_conda_file_is_read_as_conda_does() {
        let text = "name: training\nchannels:\n- conda-forge\ndependencies:\n- python=3.6.2\n- numpy\n\
                    - pip:\n  - azureml-defaults\n  - --extra-index-url https://example.org/simple\n\
                    variables:\n  THREADS: 4\nprefix: /opt/conda\n";
        let conda = read_conda(text, None).unwrap();
        assert_eq!(conda.name.as_deref(), Some("training"));
        assert_eq!(conda.conda_packages().collect::<Vec<_>>(), ["python=3.6.2", "numpy"]);
        let lines: Vec<&str> = conda.pip_lines().collect();
        assert_eq!(lines, ["azureml-defaults", "--extra-index-url https://example.org/simple"]);
        assert_eq!(conda.variables["THREADS"], "4");
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_line() {
        let message = refused("dependencies:\n- python=3.6\n  - numpy: [\n");
        assert!(message.starts_with("the conda file `conda.yml` is no YAML at line "), "{message}");
        assert_eq!(
            refused("dependancies:\n- numpy\n"),
            "the conda file `conda.yml` has a section `dependancies`; did you mean `dependencies`?"
        );
        assert_eq!(
            refused("dependencies: numpy\n"),
            "the conda file `conda.yml` has no list below `dependencies:`; write `- ` before a package"
        );
        assert_eq!(refused(""), "the conda file `conda.yml` is empty");
        assert_eq!(
            refused("dependencies:\n- numpy: 1.2\n"),
            "the conda file `conda.yml` is not understood: the dependency `{\"numpy\":1.2}` is \
             neither a package nor a list under `pip:`"
        );
    }
}
