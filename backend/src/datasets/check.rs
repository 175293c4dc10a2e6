//! What is wrong with a definition before anything is looked up.

use lazuli_domain::{
    ApiError, DataPath, DatasetDefinition, FileStep, TableDefinition, TableSource, TableStep,
};

/// The name of a dataset: any name, but `@` says which version in SQL.
pub fn dataset_name(name: &str) -> Result<(), ApiError> {
    lazuli_domain::check_name("dataset", name)?;
    match name.contains('@') {
        true => Err(ApiError::invalid(format!("the dataset name `{name}` contains `@`"))
            .hint("leave it out: `name@2` is version 2 of `name`")),
        false => Ok(()),
    }
}

pub fn definition(definition: &DatasetDefinition) -> Result<(), ApiError> {
    match definition {
        DatasetDefinition::Tabular(table) => self::table(table),
        DatasetDefinition::File(files) => {
            has_paths(&files.paths)?;
            files.steps.iter().try_for_each(|step| match step {
                FileStep::Skip { .. } | FileStep::Take { .. } => Ok(()),
                FileStep::Sample { probability, .. } => share("probability", *probability),
                FileStep::Split { percentage, .. } => share("percentage", *percentage),
            })
        }
    }
}

pub fn table(table: &TableDefinition) -> Result<(), ApiError> {
    match &table.source {
        TableSource::Delimited { paths, separator, .. } => {
            has_paths(paths)?;
            if separator.chars().count() != 1 {
                let separator = lazuli_domain::shown(separator, 20);
                return Err(ApiError::invalid(format!(
                    "the separator `{separator}` is not one character"
                ))
                .hint("for instance `,`, `;` or a tab"));
            }
        }
        TableSource::JsonLines { paths, .. } | TableSource::Parquet { paths, .. } => {
            has_paths(paths)?;
        }
        TableSource::Sql { query, .. } => {
            if query.trim().is_empty() {
                return Err(ApiError::invalid("the query of the dataset is empty")
                    .hint("give a SELECT that the datastore's database understands"));
            }
        }
    }
    table.steps.iter().try_for_each(|step| match step {
        TableStep::Sample { probability, .. } => share("probability", *probability),
        TableStep::Split { percentage, .. } => share("percentage", *percentage),
        TableStep::TimeRange { .. } | TableStep::TimeRecent { .. }
            if table.timestamp.is_none() && table.partition_timestamp.is_none() =>
        {
            Err(ApiError::invalid("rows are chosen by time, but no column says their time")
                .hint("name it with `with_timestamp_columns`"))
        }
        _ => Ok(()),
    })
}

fn has_paths(paths: &[DataPath]) -> Result<(), ApiError> {
    match paths.is_empty() {
        true => Err(ApiError::invalid("the dataset names no files")
            .hint("give at least one path, such as `data/*.csv` of a datastore")),
        false => Ok(()),
    }
}

fn share(what: &str, value: f64) -> Result<(), ApiError> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!("the {what} {value} is not between 0 and 1"))
            .hint("0.1 is a tenth")),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_domain::FileDefinition;

    use super::*;

    fn files(steps: Vec<FileStep>) -> DatasetDefinition {
        let paths = vec![DataPath::Local { local: "/data".into() }];
        DatasetDefinition::File(FileDefinition { paths, partition_format: None, steps })
    }

    #[test]
    fn shares_are_shares() {
        let sample = |probability| files(vec![FileStep::Sample { probability, seed: 1 }]);
        assert_eq!(definition(&sample(0.5)), Ok(()));
        for wrong in [-0.1, 1.5, f64::NAN] {
            let refused = definition(&sample(wrong)).unwrap_err();
            assert!(refused.message.contains("is not between 0 and 1"), "{refused}");
        }
    }

    #[test]
    fn a_name_does_not_look_like_a_version() {
        assert_eq!(dataset_name("diabetes dataset"), Ok(()));
        assert_eq!(dataset_name("a@2").unwrap_err().message, "the dataset name `a@2` contains `@`");
    }
}
