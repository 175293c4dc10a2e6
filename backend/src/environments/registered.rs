//! Registered environments, and those that come with Lazuli.

use std::sync::Arc;

use lazuli_domain::{
    ApiError, Environment, EnvironmentDefinition, EnvironmentPatch, JobEnvironment, NewEnvironment,
    check_name, shown,
};
use sha2::{Digest, Sha256};

use super::curated;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::nearest::nearest;
use crate::store::environments::NewRow;
use crate::store::{self, Connection, Write};

/// The newest version of each name, by name; with `curated` only those that come with Lazuli, or
/// none of them.
pub async fn list(
    app: &Arc<App>,
    workspace: String,
    curated: Option<bool>,
) -> Result<Vec<Environment>> {
    app.store
        .read(move |database| {
            let mut found = store::environments::list(database, &workspace)?;
            if curated == Some(true) {
                found.clear();
            }
            if curated != Some(false) {
                for name in curated::names() {
                    found.extend(curated_environment(&workspace, name)?);
                }
            }
            found.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(found)
        })
        .await
}

/// That version, or the newest, or the one with that label.
pub async fn get(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: Option<String>,
    label: Option<String>,
) -> Result<Environment> {
    app.store
        .read(move |database| match &label {
            Some(label) => labelled(database, &workspace, &name, label),
            None => find(database, &workspace, &name, version.as_deref()),
        })
        .await
}

/// Newest first.
pub async fn versions(app: &Arc<App>, workspace: String, name: String) -> Result<Vec<Environment>> {
    app.store
        .read(move |database| {
            if let Some(curated) = curated_environment(&workspace, &name)? {
                return Ok(vec![curated]);
            }
            let found = store::environments::versions(database, &workspace, &name)?;
            match found.is_empty() {
                true => Err(not_found(database, &workspace, &name)?),
                false => Ok(found),
            }
        })
        .await
}

/// Registers the next version, or finds that the newest is defined so already.
pub async fn register(
    app: &Arc<App>,
    workspace: String,
    new: NewEnvironment,
) -> Result<Environment> {
    check_name("environment", &new.name)?;
    if Environment::is_reserved(&new.name) {
        return Err(ApiError::invalid(format!(
            "the name `{}` is kept for environments that come with Lazuli",
            shown(&new.name, 60)
        ))
        .hint("register it under a name that does not begin with `AzureML-` or `Microsoft`")
        .into());
    }
    if let Some(version) = &new.version {
        check_name("version", version)?;
    }
    new.labels.iter().try_for_each(|label| check_label(label))?;
    new.definition.check()?;
    app.store.write(move |write| register_in(write, &workspace, &new)).await
}

/// Lets labels point to this version.
pub async fn patch(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: String,
    patch: EnvironmentPatch,
) -> Result<Environment> {
    patch.labels.iter().try_for_each(|label| check_label(label))?;
    app.store
        .write(move |write| {
            let known = find(write, &workspace, &name, Some(&version))?;
            if known.curated {
                return Err(ApiError::conflict(format!(
                    "`{name}` comes with Lazuli and takes no labels"
                ))
                .hint("register a copy of it under a name of your own")
                .into());
            }
            for label in &patch.labels {
                store::environments::set_label(write, &workspace, &name, &known.version, label)?;
            }
            find(write, &workspace, &name, Some(&version))
        })
        .await
}

/// Forgets every version of the name; jobs keep what they were submitted with.
pub async fn delete(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    app.store
        .write(move |write| {
            if curated_environment(&workspace, &name)?.is_some() {
                return Err(ApiError::conflict(format!("`{name}` comes with Lazuli and stays"))
                    .hint("`lazuli environment list` shows which are your own")
                    .into());
            }
            match store::environments::delete(write, &workspace, &name)? {
                0 => Err(not_found(write, &workspace, &name)?),
                _ => Ok(()),
            }
        })
        .await
}

/// What a job is to run in, with its definition. One that is given by its definition is registered,
/// so that its name says the same from now on.
pub(crate) fn for_job(
    write: &Write<'_>,
    workspace: &str,
    wanted: JobEnvironment,
) -> Result<JobEnvironment> {
    let known = match wanted.definition {
        None => find(write, workspace, &wanted.name, wanted.version.as_deref())?,
        Some(definition) => {
            check_name("environment", &wanted.name)?;
            definition.check()?;
            if Environment::is_reserved(&wanted.name) {
                let definition = Some(definition);
                return Ok(JobEnvironment { definition, ..wanted });
            }
            let new = NewEnvironment {
                name: wanted.name,
                version: wanted.version,
                definition,
                labels: Vec::new(),
            };
            register_in(write, workspace, &new)?
        }
    };
    Ok(JobEnvironment {
        name: known.name,
        version: Some(known.version),
        definition: Some(known.definition),
    })
}

fn register_in(write: &Write<'_>, workspace: &str, new: &NewEnvironment) -> Result<Environment> {
    let hash = content_hash(&new.definition)?;
    let known = store::environments::versions(write, workspace, &new.name)?;
    let same = match &new.version {
        Some(version) => known.iter().find(|known| known.version == *version),
        None => known.first().filter(|newest| newest.content_hash == hash),
    };
    let version = match same {
        Some(same) if same.content_hash == hash => same.version.clone(),
        Some(same) => {
            return Err(ApiError::conflict(format!(
                "environment `{}` is registered with another definition",
                Environment::label_of(&new.name, &same.version)
            ))
            .hint("a version never changes: leave the version out, and the next one is made")
            .into());
        }
        None => {
            let version = new.version.clone().unwrap_or_else(|| next_number(&known));
            store::environments::insert(
                write,
                workspace,
                &NewRow {
                    name: &new.name,
                    version: &version,
                    definition: &new.definition,
                    content_hash: &hash,
                    created_at_ms: now_ms(),
                },
            )?;
            version
        }
    };
    for label in &new.labels {
        store::environments::set_label(write, workspace, &new.name, &version, label)?;
    }
    find(write, workspace, &new.name, Some(&version))
}

fn next_number(known: &[Environment]) -> String {
    let numbers = known.iter().filter_map(|known| known.version.parse::<u64>().ok());
    numbers.max().unwrap_or(0).saturating_add(1).to_string()
}

fn find(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<&str>,
) -> Result<Environment> {
    // Asked first: the workspace must be there in any case.
    let known = store::environments::versions(connection, workspace, name)?;
    // Azure numbered its images on; here there is one set of packages behind each of those versions.
    if let Some(curated) = curated_environment(workspace, name)? {
        return Ok(Environment {
            version: version.map_or(curated.version, str::to_owned),
            ..curated
        });
    }
    let newest = known.first().map(|newest| newest.version.clone());
    let found = known.into_iter().find(|known| version.is_none_or(|it| known.version == it));
    match (found, newest, version) {
        (Some(found), _, _) => Ok(found),
        (None, Some(newest), Some(version)) => {
            let wanted = Environment::label_of(name, version);
            Err(ApiError::not_found("environment", &wanted)
                .hint(format!("its newest version is `{newest}`"))
                .into())
        }
        _ => Err(not_found(connection, workspace, name)?),
    }
}

fn labelled(
    connection: &Connection,
    workspace: &str,
    name: &str,
    label: &str,
) -> Result<Environment> {
    if label.eq_ignore_ascii_case("latest") {
        return find(connection, workspace, name, None);
    }
    let known = store::environments::versions(connection, workspace, name)?;
    if known.is_empty() {
        return find(connection, workspace, name, None);
    }
    known.into_iter().find(|known| known.labels.iter().any(|it| it == label)).ok_or_else(|| {
        let label = shown(label, 60);
        ApiError::not_found("environment", name)
            .hint(format!("no version of it has the label `{label}`"))
            .into()
    })
}

/// The environment of that name that comes with Lazuli.
fn curated_environment(workspace: &str, name: &str) -> Result<Option<Environment>> {
    let Some((name, definition)) = curated::find(name) else { return Ok(None) };
    Ok(Some(Environment {
        workspace: workspace.to_owned(),
        name,
        version: "1".to_owned(),
        content_hash: content_hash(&definition)?,
        definition,
        labels: Vec::new(),
        curated: true,
        created_at_ms: 0,
    }))
}

fn not_found(connection: &Connection, workspace: &str, name: &str) -> Result<Error> {
    let own = store::environments::list(connection, workspace)?;
    let names = own.iter().map(|known| known.name.as_str()).chain(curated::names());
    let error = ApiError::not_found("environment", name);
    Ok(match nearest(name, names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli environment list --all` shows what there is"),
    }
    .into())
}

fn check_label(label: &str) -> Result<(), ApiError> {
    check_name("label", label)?;
    match label.eq_ignore_ascii_case("latest") {
        true => Err(ApiError::invalid("the label `latest` is reserved")
            .hint("it always means the newest version")),
        false => Ok(()),
    }
}

fn content_hash(definition: &EnvironmentDefinition) -> Result<String> {
    let json = serde_json::to_vec(definition)
        .map_err(|error| Error::Defect(format!("an environment has no JSON form: {error}")))?;
    Ok(format!("{:x}", Sha256::digest(json))[..32].to_owned())
}
