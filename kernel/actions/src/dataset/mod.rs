mod register;

use lazuli::Result;
use lazuli_commands::table::{DatasetCommand, OneDataset};
use lazuli_domain::{
    ColumnProfile, Dataset, DatasetFile, DatasetKind, Number, TableColumn, TableInput, TablePreview,
};
use serde_json::{Value, json};

use crate::show::{age, byte_size, count, now_ms, pairs, shorten};
use crate::{Context, Outcome, Session, Table};

/// Longest text of a value that is listed.
const LONGEST_CELL: usize = 60;

pub(crate) fn perform(
    command: &DatasetCommand,
    context: &Context,
    session: &Session,
) -> Result<Outcome> {
    match command {
        DatasetCommand::List { prefix } => list(context, session, prefix.as_deref()),
        DatasetCommand::Show(asked) => show(context, session, asked),
        DatasetCommand::Preview { dataset, rows } => {
            let found = find(context, session, dataset)?;
            let preview = context.client.preview_table(&found.workspace, input(&found), *rows)?;
            Outcome::table(&rows_of(&preview), &preview)
        }
        DatasetCommand::Profile(asked) => profile(context, session, asked),
        DatasetCommand::Register(asked) => register::register(context, session, asked),
        DatasetCommand::Files(asked) => files(context, session, asked),
        DatasetCommand::Versions { name } => {
            let versions = context.client.dataset_versions(&session.workspace, name)?;
            Outcome::table(&table(&versions, String::new()), &versions)
        }
        DatasetCommand::Remove { name } => {
            context.client.delete_dataset(&session.workspace, name)?;
            let text = format!(
                "unregistered dataset `{name}`; {} brings it back",
                context.say(&format!("dataset restore {name}"))
            );
            Outcome::new(text, &json!({ "name": name }))
        }
        DatasetCommand::Restore { name } => {
            let dataset = context.client.restore_dataset(&session.workspace, name)?;
            let text = format!("brought back dataset `{name}`, version {}", dataset.version);
            Outcome::new(text, &dataset)
        }
    }
}

fn list(context: &Context, session: &Session, prefix: Option<&str>) -> Result<Outcome> {
    let datasets = context.client.datasets(&session.workspace, prefix.unwrap_or_default())?;
    let nothing = match prefix {
        Some(prefix) => {
            format!("no dataset of workspace `{}` begins with `{prefix}`", session.workspace)
        }
        None => format!(
            "workspace `{}` has no datasets; {} registers one",
            session.workspace,
            context.say("dataset register NAME PATH")
        ),
    };
    Outcome::table(&table(&datasets, nothing), &datasets)
}

fn table(datasets: &[Dataset], nothing: String) -> Table {
    let mut table = Table::new([
        "Name",
        "Version",
        "Kind",
        "Files",
        "Size",
        "Registered",
        "Run",
        "About",
        "Tags",
    ])
    .when_empty(nothing);
    for dataset in datasets {
        let kind = match dataset.kind {
            DatasetKind::Tabular => "tabular",
            DatasetKind::File => "file",
        };
        table.row(vec![
            dataset.name.clone(),
            dataset.version.to_string(),
            kind.to_owned(),
            dataset.file_count.to_string(),
            byte_size(dataset.size),
            age(dataset.created_at_ms, now_ms()),
            dataset.run_id.clone().unwrap_or_default(),
            shorten(&dataset.description, 40),
            shorten(&pairs(&dataset.tags), 40),
        ]);
    }
    table
}

fn show(context: &Context, session: &Session, asked: &OneDataset) -> Result<Outcome> {
    let found = find(context, session, asked)?;
    let bundle = context.client.display_dataset(&found.workspace, &found.name, found.version)?;
    let form = |mime: &str| bundle.data.get(mime).and_then(Value::as_str).map(str::to_owned);
    Ok(Outcome {
        html: form("text/html"),
        ..Outcome::new(form("text/plain").unwrap_or_default().trim_end(), &found)?
    })
}

fn profile(context: &Context, session: &Session, asked: &OneDataset) -> Result<Outcome> {
    let found = find(context, session, asked)?;
    let profile = context.client.profile_table(&found.workspace, input(&found))?;
    let mut headings = vec!["Column", "Type", "Count", "Missing", "Distinct", "Min", "Max", "Mean"];
    headings.extend(["Deviation", "25 %", "50 %", "75 %"]);
    let mut table = Table::with_headings(headings.into_iter().map(str::to_owned).collect());
    for column in &profile.columns {
        table.row(figures(column));
    }
    let mut outcome = Outcome::table(&table, &profile)?;
    outcome.text.push_str(&format!("\n{}", count(profile.row_count, "row")));
    Ok(outcome)
}

fn figures(column: &ColumnProfile) -> Vec<String> {
    let of = TableColumn { name: column.name.clone(), data_type: column.data_type.clone() };
    let number = |value: Option<f64>| {
        let number = |value| lazuli_domain::readable::number(Number::Float(value));
        value.map(number).unwrap_or_default()
    };
    let quantile = |wanted: f64| {
        let at = ColumnProfile::QUANTILES.iter().position(|known| *known == wanted);
        number(at.and_then(|at| column.quantiles.get(at)).copied())
    };
    let about = if column.is_distinct_exact { "" } else { "~" };
    vec![
        column.name.clone(),
        column.data_type.clone(),
        column.count.to_string(),
        column.missing_count.to_string(),
        format!("{about}{}", column.distinct_count),
        cell(&of, &column.min),
        cell(&of, &column.max),
        number(column.mean),
        number(column.standard_deviation),
        quantile(0.25),
        quantile(0.5),
        quantile(0.75),
    ]
}

fn files(context: &Context, session: &Session, asked: &OneDataset) -> Result<Outcome> {
    let found = find(context, session, asked)?;
    let files: Vec<DatasetFile> =
        context.client.dataset_files(&found.workspace, &found.name, found.version)?;
    let nothing = format!("`{}` reads a database and has no files", found.name);
    let mut table = Table::new(["File", "Size", "Where"]).when_empty(nothing);
    for file in &files {
        table.row(vec![
            file.relative_path.clone(),
            byte_size(file.size),
            crate::dataset::place(&file.at),
        ]);
    }
    Outcome::table(&table, &files)
}

pub(crate) fn place(at: &lazuli_domain::DataPath) -> String {
    use lazuli_domain::DataPath;
    match at {
        DataPath::Datastore { datastore, path } => format!("{datastore}: {path}"),
        // Behind the `?` may stand a signature.
        DataPath::Url { url } => url.split('?').next().unwrap_or_default().to_owned(),
        DataPath::Local { local } => local.clone(),
    }
}

/// `name@2` is understood as well.
pub(crate) fn find(context: &Context, session: &Session, asked: &OneDataset) -> Result<Dataset> {
    let (name, version) = match (asked.name.rsplit_once('@'), asked.version) {
        (Some((name, version)), None) => match version.parse() {
            Ok(version) => (name, Some(version)),
            Err(_) => (asked.name.as_str(), None),
        },
        (_, version) => (asked.name.as_str(), version),
    };
    context.client.dataset(&session.workspace, name, version)
}

fn input(dataset: &Dataset) -> TableInput {
    TableInput::Dataset {
        dataset_id: dataset.id.clone(),
        steps: Vec::new(),
        timestamp: None,
        partition_timestamp: None,
    }
}

/// The rows with their columns' names above them.
pub(crate) fn rows_of(preview: &TablePreview) -> Table {
    let headings = preview.columns.iter().map(|column| column.name.clone()).collect();
    let mut table = Table::with_headings(headings).when_empty("no rows");
    for row in &preview.rows {
        let cells = preview.columns.iter().zip(row);
        table.row(cells.map(|(column, value)| cell(column, value)).collect());
    }
    table
}

fn cell(column: &TableColumn, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if column.data_type == "datetime" => text.replacen('T', " ", 1),
        Value::String(text) => shorten(text, LONGEST_CELL),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => lazuli_domain::readable::number(Number::Float(float)),
            _ => number.to_string(),
        },
        other => shorten(&other.to_string(), LONGEST_CELL),
    }
}
