//! Job files in YAML: `compute: local`, `experiment: churn`.

use lazuli_commands::NameKind;

use super::places::{Place, Role};

pub fn places(text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if let Some((key, value)) = content.split_once(':')
            && let Some((kind, role)) = kind(key.trim().trim_start_matches("- "))
        {
            let value_start = start + key.len() + 1 + (value.len() - value.trim_start().len());
            let value = value.trim();
            let value = value.split(" #").next().unwrap_or_default().trim_end();
            let quoted =
                value.len() >= 2 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']);
            let inset = usize::from(quoted);
            // `azureml:name` is how Azure's files refer to something.
            let prefix = if value[inset..].starts_with("azureml:") { "azureml:".len() } else { 0 };
            let span = value_start + inset + prefix..value_start + value.len() - inset;
            if !value.contains(['{', '[']) && span.start <= span.end {
                found.push(Place { span, kind, role });
            }
        }
        start += line.len();
    }
    found
}

fn kind(key: &str) -> Option<(NameKind, Role)> {
    Some(match key {
        "compute" | "compute_target" | "target" => (NameKind::Compute, Role::Use),
        "experiment" | "experiment_name" => (NameKind::Experiment, Role::Any),
        "environment" => (NameKind::Environment, Role::Any),
        "dataset" | "dataset_name" => (NameKind::Dataset, Role::Use),
        "datastore" | "datastore_name" => (NameKind::Datastore, Role::Use),
        "model" | "model_name" => (NameKind::Model, Role::Any),
        "script" | "entry_script" => (NameKind::File, Role::Any),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_job_file() {
        let text = "experiment: churn\ncompute: \"azureml:local\"  # here\nscript: src/train.py\nname: x\ncompute: \n";
        let found: Vec<_> =
            places(text).into_iter().map(|p| (text[p.span].to_owned(), p.kind)).collect();
        assert_eq!(
            found,
            [
                ("churn".to_owned(), NameKind::Experiment),
                ("local".to_owned(), NameKind::Compute),
                ("src/train.py".to_owned(), NameKind::File),
                (String::new(), NameKind::Compute),
            ]
        );
    }
}
