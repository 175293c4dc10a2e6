use lazuli::Result;
use lazuli_commands::table::RegisterDataset;
use lazuli_domain::{
    ApiError, DataPath, DatasetDefinition, FileDefinition, HeaderMode, InvalidLines, NewDataset,
    TableDefinition, TableFileOptions, TableSource,
};

use crate::show::{byte_size, count};
use crate::{Context, Outcome, Session, run};

pub(super) fn register(
    context: &Context,
    session: &Session,
    asked: &RegisterDataset,
) -> Result<Outcome> {
    let new = NewDataset {
        name: asked.name.clone(),
        definition: definition(context, asked)?,
        description: asked.description.clone().unwrap_or_default(),
        tags: run::tags(&asked.tags),
        create_new_version: asked.new_version,
        run_id: None,
    };
    let made = context.client.register_dataset(&session.workspace, &new)?;
    let text = format!(
        "registered dataset `{}` version {} ({}, {})",
        made.name,
        made.version,
        count(made.file_count, "file"),
        byte_size(made.size)
    );
    Outcome::new(text, &made)
}

fn definition(context: &Context, asked: &RegisterDataset) -> Result<DatasetDefinition> {
    let paths = asked
        .paths
        .iter()
        .map(|path| data_path(context, asked, path))
        .collect::<Result<Vec<DataPath>>>()?;
    let options = TableFileOptions::default();
    let source = match format(asked)? {
        "file" => {
            return Ok(DatasetDefinition::File(FileDefinition {
                paths,
                partition_format: None,
                steps: Vec::new(),
            }));
        }
        "parquet" => TableSource::Parquet { paths, options },
        "json_lines" => TableSource::JsonLines {
            paths,
            options,
            invalid_lines: InvalidLines::default(),
            encoding: asked.encoding.clone(),
        },
        _ => TableSource::Delimited {
            paths,
            options,
            separator: separator(asked),
            header: match asked.header.as_str() {
                "combine" => HeaderMode::CombineAllFilesHeaders,
                "first" => HeaderMode::OnlyFirstFileHasHeaders,
                "none" => HeaderMode::NoHeaders,
                _ => HeaderMode::AllFilesHaveSameHeaders,
            },
            infer_column_types: true,
            support_multi_line: false,
            empty_as_string: false,
            encoding: asked.encoding.clone(),
        },
    };
    Ok(DatasetDefinition::Tabular(TableDefinition {
        source,
        steps: Vec::new(),
        timestamp: None,
        partition_timestamp: None,
    }))
}

fn data_path(context: &Context, asked: &RegisterDataset, path: &str) -> Result<DataPath> {
    if let Some(datastore) = &asked.datastore {
        return Ok(DataPath::Datastore { datastore: datastore.clone(), path: path.to_owned() });
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return Ok(DataPath::Url { url: path.to_owned() });
    }
    let absolute = std::path::absolute(context.path(path)).map_err(|error| {
        ApiError::invalid(format!("`{path}` is no path: {error}"))
            .hint("name a file or a folder of this machine, or give `--datastore`")
    })?;
    match absolute.into_os_string().into_string() {
        Ok(local) => Ok(DataPath::Local { local }),
        Err(_) => Err(ApiError::invalid(format!("the path `{path}` is not UTF-8"))
            .hint("give it another name")
            .into()),
    }
}

/// What was said, else what the ends of the names say.
fn format(asked: &RegisterDataset) -> Result<&str> {
    if let Some(format) = &asked.format {
        return Ok(format);
    }
    let known = |path: &String| {
        let path = path.split(['?', '#']).next().unwrap_or_default().to_lowercase();
        let (_, ending) = path.trim_end_matches(".gz").rsplit_once('.')?;
        match ending {
            "csv" | "tsv" | "txt" | "tab" => Some("delimited"),
            "jsonl" | "ndjson" => Some("json_lines"),
            "parquet" => Some("parquet"),
            _ => None,
        }
    };
    let mut formats = asked.paths.iter().map(known);
    let first = formats.next().flatten();
    match first {
        Some(format) if formats.all(|other| other == first) => Ok(format),
        _ => Err(ApiError::invalid(format!(
            "how `{}` is read is not clear from its name",
            asked.paths.join("`, `")
        ))
        .hint(
            "say `--format delimited`, `json_lines`, `parquet`, or `file` for the files themselves",
        )
        .into()),
    }
}

fn separator(asked: &RegisterDataset) -> String {
    match asked.separator.as_deref() {
        Some("\\t") => "\t".to_owned(),
        Some(separator) => separator.to_owned(),
        None if asked.paths.iter().all(|path| path.to_lowercase().ends_with(".tsv")) => {
            "\t".to_owned()
        }
        None => ",".to_owned(),
    }
}
