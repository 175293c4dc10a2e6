use std::path::Path;

use lazuli::Result;
use lazuli_commands::table::WorkspaceCommand;
use lazuli_domain::{ApiError, NewWorkspace, Workspace};
use serde_json::{Value, json};

use crate::show::{age, count, date_time, now_ms, pairs};
use crate::{Caller, Context, Outcome, Session, Table, hash};

pub(crate) fn perform(
    command: &WorkspaceCommand,
    context: &Context,
    session: &mut Session,
) -> Result<Outcome> {
    match command {
        WorkspaceCommand::List => list(context, session),
        WorkspaceCommand::Show { name } => {
            show(context, name.as_deref().unwrap_or(&session.workspace))
        }
        WorkspaceCommand::Create { name, tags } => {
            let workspace = NewWorkspace {
                name: name.clone(),
                tags: crate::run::tags(tags),
                ..NewWorkspace::default()
            };
            let exists = context.client.workspaces()?.iter().any(|known| known.name == *name);
            let created = context.client.create_workspace(&workspace)?;
            let text = match exists {
                true => format!("workspace `{name}` exists already"),
                false => format!("created workspace `{name}`"),
            };
            Outcome::new(text, &created)
        }
        WorkspaceCommand::Use { name } => switch(context, session, name),
    }
}

fn list(context: &Context, session: &Session) -> Result<Outcome> {
    let workspaces = context.client.workspaces()?;
    let mut table = Table::new(["", "Name", "Experiments", "Runs", "Models", "Created"]);
    for workspace in &workspaces {
        table.row(vec![
            if workspace.name == session.workspace { "*".into() } else { String::new() },
            workspace.name.clone(),
            workspace.experiments.to_string(),
            workspace.runs.to_string(),
            workspace.models.to_string(),
            age(workspace.created_at_ms, now_ms()),
        ]);
    }
    Outcome::table(&table, &workspaces)
}

fn show(context: &Context, name: &str) -> Result<Outcome> {
    let workspace = context.client.workspace(name)?;
    let mut lines = vec![
        format!("Workspace   {}", workspace.name),
        format!("Created     {}", date_time(workspace.created_at_ms)),
        format!("Experiments {}", workspace.experiments),
        format!("Runs        {}", workspace.runs),
        format!("Models      {}", workspace.models),
    ];
    if !workspace.tags.is_empty() {
        lines.push(format!("Tags        {}", pairs(&workspace.tags)));
    }
    Outcome::new(lines.join("\n"), &workspace)
}

fn switch(context: &Context, session: &mut Session, name: &str) -> Result<Outcome> {
    let workspace: Workspace = context.client.workspace(name)?;
    let text = match context.caller {
        Caller::Cell => {
            if session.workspace != workspace.name {
                *session = Session { workspace: workspace.name.clone(), ..Session::default() };
            }
            format!("using workspace `{}`", workspace.name)
        }
        Caller::Shell => {
            let file = context.path(".azureml/config.json");
            remember(&file, &workspace.name)?;
            session.workspace = workspace.name.clone();
            format!("this folder uses workspace `{}` (`{}`)", workspace.name, file.display())
        }
    };
    let text = format!("{text}, {}", count(workspace.runs, "run"));
    Outcome::new(text, &workspace)
}

/// Writes the name into the config file, whatever else stands in it.
fn remember(file: &Path, name: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        ApiError::unavailable(format!("`{}` cannot be written: {error}", file.display()))
            .hint("check the permissions of the folder")
    };
    let mut config = match std::fs::read(file) {
        Ok(bytes) => parse(file, &bytes)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({}),
        Err(error) => return Err(hash::unreadable(file, &error)),
    };
    config["workspace_name"] = json!(name);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(file, format!("{config:#}\n")).map_err(failed)?;
    Ok(())
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Value> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::invalid(format!("`{}` is no JSON: {error}", file.display()))
            .hint("mend it or remove it")
    })?;
    match value.is_object() {
        true => Ok(value),
        false => Err(ApiError::invalid(format!("`{}` holds no JSON object", file.display()))
            .hint("mend it or remove it")
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_else_stands_in_the_config_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".azureml/config.json");
        remember(&file, "churn").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "{\n  \"workspace_name\": \"churn\"\n}\n"
        );
        std::fs::write(&file, "{\"other\": 1}").unwrap();
        remember(&file, "near").unwrap();
        let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(kept, json!({ "other": 1, "workspace_name": "near" }));
        std::fs::write(&file, "[]").unwrap();
        assert!(remember(&file, "near").is_err());
    }
}
