mod add;

use std::path::PathBuf;

use lazuli::Result;
use lazuli::client::{StoreName, StoredFileQuery, Transferred};
use lazuli_commands::table::DatastoreCommand;
use lazuli_domain::{ApiError, Datastore, ErrorKind, StoredFile, download_path, stored_path};
use serde_json::json;

use crate::show::{age, byte_size, count, date_time, now_ms, pairs};
use crate::{Context, Outcome, Session, Table, Talk, files};

pub(crate) fn perform(
    command: &DatastoreCommand,
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    let workspace = session.workspace.as_str();
    match command {
        DatastoreCommand::List => list(context, workspace),
        DatastoreCommand::Show { name } => {
            let datastore = chosen(context, workspace, name.as_deref())?;
            Outcome::new(describe(&datastore), &datastore)
        }
        DatastoreCommand::Add(add) => add::add(context, workspace, talk, add),
        DatastoreCommand::Default { name } => {
            let store = StoreName { workspace, datastore: name };
            let datastore = context.client.make_default_datastore(store)?;
            Outcome::new(format!("`{name}` is the default datastore now"), &datastore)
        }
        DatastoreCommand::Upload { files, datastore, target, overwrite } => {
            let datastore = chosen(context, workspace, datastore.as_deref())?;
            upload(context, talk, &datastore, files, target, *overwrite)
        }
        DatastoreCommand::Download { path, datastore, to, overwrite } => {
            let datastore = chosen(context, workspace, datastore.as_deref())?;
            download(context, talk, &datastore, path, to, *overwrite)
        }
        DatastoreCommand::Files { datastore, path, limit } => {
            let datastore = chosen(context, workspace, datastore.as_deref())?;
            list_files(context, &datastore, path, *limit)
        }
        DatastoreCommand::Remove { name, files } => remove(context, workspace, name, files),
    }
}

/// The one of that name, or the default one.
fn chosen(context: &Context, workspace: &str, name: Option<&str>) -> Result<Datastore> {
    if let Some(datastore) = name {
        return context.client.datastore(StoreName { workspace, datastore });
    }
    let all = context.client.datastores(workspace)?;
    all.into_iter().find(|datastore| datastore.is_default).ok_or_else(|| {
        ApiError::not_found("default datastore of workspace", workspace)
            .hint(format!("{} chooses one", context.say("datastore default NAME")))
            .into()
    })
}

fn list(context: &Context, workspace: &str) -> Result<Outcome> {
    let all = context.client.datastores(workspace)?;
    let mut table = Table::new(["Name", "Place", "Default", "Registered", "Tags"]);
    for datastore in &all {
        table.row(vec![
            datastore.name.clone(),
            lazuli::place_in_words(&datastore.place),
            if datastore.is_default { "default" } else { "" }.to_owned(),
            age(datastore.created_at_ms, now_ms()),
            pairs(&datastore.tags),
        ]);
    }
    Outcome::table(&table, &all)
}

fn describe(datastore: &Datastore) -> String {
    let mut lines = vec![
        format!("Datastore  {}", datastore.name),
        format!("Place      {}", lazuli::place_in_words(&datastore.place)),
        format!("Default    {}", if datastore.is_default { "yes" } else { "no" }),
        format!("Registered {}", date_time(datastore.created_at_ms)),
    ];
    let mut optional = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{name:<10} {value}"));
        }
    };
    // Of which kind it is, never what it says.
    let kind = datastore
        .credential
        .and_then(|kind| Some(serde_json::to_value(kind).ok()?.as_str()?.replace('_', " ")));
    optional("Credential", kind.unwrap_or_default());
    optional("About", datastore.description.clone());
    optional("Tags", pairs(&datastore.tags));
    lines.join("\n")
}

fn list_files(context: &Context, datastore: &Datastore, path: &str, limit: u32) -> Result<Outcome> {
    let mut query = StoredFileQuery {
        glob: path.to_owned(),
        limit: Some(limit.clamp(1, 10_000)),
        ..Default::default()
    };
    let store = name_of(datastore);
    let mut page = context.client.stored_file_page(store, &query)?;
    // A folder means what lies below it.
    if page.items.is_empty() && !path.is_empty() && !path.contains(['*', '?']) {
        query.glob = format!("{}/**", path.trim_end_matches('/'));
        page = context.client.stored_file_page(store, &query)?;
    }
    while (page.items.len() as u32) < limit
        && let Some(cursor) = page.next_cursor.take()
    {
        query.cursor = Some(cursor);
        query.limit = Some((limit - page.items.len() as u32).clamp(1, 10_000));
        let more = context.client.stored_file_page(store, &query)?;
        page.items.extend(more.items);
        page.next_cursor = more.next_cursor;
    }
    let nothing = match path {
        "" => format!("datastore `{}` has no files", datastore.name),
        path => format!("datastore `{}` has no file `{path}`", datastore.name),
    };
    let mut table = Table::new(["File", "Size", "Modified"]).when_empty(nothing);
    for file in &page.items {
        let modified = age(file.modified_at_ms, now_ms());
        table.row(vec![file.path.clone(), byte_size(file.size), modified]);
    }
    Outcome::table(&table, &page)
}

fn upload(
    context: &Context,
    talk: &mut dyn Talk,
    datastore: &Datastore,
    given: &[String],
    target: &str,
    overwrite: bool,
) -> Result<Outcome> {
    let mut chosen: Vec<(PathBuf, String)> = Vec::new();
    for path in given {
        let is_folder = context.path(path).is_dir();
        for (name, file) in files::named_by_last_part(context, path)? {
            // Of a folder, what is in it goes up and not the folder, as SDK v1 does.
            let name = match is_folder {
                true => name.split_once('/').map_or(name.as_str(), |(_, inside)| inside),
                false => name.as_str(),
            };
            chosen.push((file, stored_path(&format!("{target}/{name}"))?));
        }
    }
    let mut paths: Vec<&String> = chosen.iter().map(|(_, path)| path).collect();
    paths.sort();
    if let Some(twice) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ApiError::invalid(format!("two files would be kept as `{}`", twice[0]))
            .hint("upload them into different folders with `--target`")
            .into());
    }
    let mut total = 0;
    for (file, _) in &chosen {
        let metadata =
            std::fs::metadata(file).map_err(|error| crate::hash::unreadable(file, &error))?;
        total += metadata.len();
    }
    let mut progress = |done: u64| talk.transfer("uploading", done.min(total), total);
    let store = name_of(datastore);
    let sent = context.client.upload_files(store, &chosen, overwrite, Some(&mut progress))?;
    talk.transfer("uploading", total, total);
    outcome("uploaded", "to datastore", &datastore.name, &sent)
}

fn download(
    context: &Context,
    talk: &mut dyn Talk,
    datastore: &Datastore,
    path: &str,
    to: &str,
    overwrite: bool,
) -> Result<Outcome> {
    let folder = context.path(to);
    let found = found(context, datastore, path)?;
    let pairs = found
        .into_iter()
        .map(|file| {
            // A store may hold names that would lead out of the folder.
            let place = download_path(&folder, &stored_path(&file.path)?)?;
            Ok((file, place))
        })
        .collect::<Result<Vec<(StoredFile, PathBuf)>, ApiError>>()?;
    let total = pairs.iter().map(|(file, _)| file.size).sum();
    let mut progress = |done: u64| talk.transfer("downloading", done.min(total), total);
    let store = name_of(datastore);
    let received = context.client.download_files(store, &pairs, overwrite, Some(&mut progress))?;
    talk.transfer("downloading", total, total);
    outcome("downloaded", "to", to, &received)
}

/// The files that a path, a folder or a pattern means.
fn found(context: &Context, datastore: &Datastore, path: &str) -> Result<Vec<StoredFile>> {
    let path = path.trim_matches('/');
    let all = |glob: &str| {
        let query = StoredFileQuery { glob: glob.to_owned(), ..StoredFileQuery::default() };
        context.client.stored_files(name_of(datastore), &query)
    };
    let mut files = all(path)?;
    if files.is_empty() && !path.is_empty() && !path.contains(['*', '?']) {
        files = all(&format!("{path}/**"))?;
    }
    if files.is_empty() {
        let name = &datastore.name;
        let message = match path {
            "" => format!("datastore `{name}` has no files"),
            path => format!("datastore `{name}` has no file `{path}`"),
        };
        return Err(ApiError::new(ErrorKind::NotFound, message)
            .hint(format!("{} lists what it has", context.say(&format!("datastore files {name}"))))
            .into());
    }
    Ok(files)
}

fn outcome(
    done: &str,
    preposition: &str,
    place: &str,
    transferred: &Transferred,
) -> Result<Outcome> {
    let mut text = format!(
        "{done} {} ({}) {preposition} `{place}`",
        count(transferred.files.len() as u64, "file"),
        byte_size(transferred.size())
    );
    match transferred.skipped.len() as u64 {
        0 => {}
        1 => text.push_str("; 1 file was there already and stays (`--overwrite` replaces it)"),
        skipped => text.push_str(&format!(
            "; {skipped} files were there already and stay (`--overwrite` replaces them)"
        )),
    }
    Outcome::new(text, &json!({ "files": transferred.files, "skipped": transferred.skipped }))
}

fn remove(context: &Context, workspace: &str, name: &str, files: &[String]) -> Result<Outcome> {
    let store = StoreName { workspace, datastore: name };
    if files.is_empty() {
        context.client.unregister_datastore(store)?;
        let text = format!("forgot the datastore `{name}`; what it holds stays where it is");
        return Outcome::new(text, &json!({ "name": name }));
    }
    for file in files {
        context.client.delete_stored_file(store, file)?;
    }
    let what = match files {
        [file] => format!("`{file}`"),
        files => count(files.len() as u64, "file"),
    };
    Outcome::new(
        format!("removed {what} from datastore `{name}`"),
        &json!({ "name": name, "files": files }),
    )
}

fn name_of(datastore: &Datastore) -> StoreName<'_> {
    StoreName { workspace: &datastore.workspace, datastore: &datastore.name }
}
