use std::path::{Path, PathBuf};

use lazuli_domain::{
    ApiError, DataPath, DatastorePlace, NewDatastore, StoredFile, download_path, readable,
    stored_path,
};

use crate::client::{Client, Progress, StoreName, StoredFileQuery, Transferred};
use crate::display::Table;
use crate::{Home, List, Listed, Result, Workspace};

/// Rows of what was sent or received that a cell shows.
const MOST_SHOWN: usize = 20;

/// A place where data lies, known by a name in its workspace. What is known of it are its fields:
/// `store.name`, `store.place`, `store.is_default` …
///
/// ```no_run
/// # use lazuli::prelude::*;
/// # let workspace = Workspace::from_config()?;
/// let store = workspace.default_datastore()?;
/// store.upload("data", "diabetes", false)?;
/// store.download("copy", "diabetes", false)?;
/// for file in store.list("diabetes/*.csv")? {
///     println!("{} {}", file.path, file.size);
/// }
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datastore {
    home: Home,
    found: lazuli_domain::Datastore,
}

impl Datastore {
    pub(crate) fn of(workspace: &Workspace, found: lazuli_domain::Datastore) -> Datastore {
        Datastore { home: workspace.home.clone(), found }
    }

    /// Registers a place under a name. What opens it is sealed by the daemon and never comes back.
    /// A place that refuses is an error; one that does not answer is registered, and a line on standard
    /// error says so.
    ///
    /// ```no_run
    /// # use lazuli::prelude::*;
    /// # use lazuli::domain::{Credential, DatastorePlace, NewDatastore};
    /// # let workspace = Workspace::from_config()?;
    /// let key = workspace.secret("lake-key")?;
    /// let lake = Datastore::register(
    ///     &workspace,
    ///     &NewDatastore {
    ///         credential: Some(Credential::AccountKey { key }),
    ///         ..NewDatastore::new("lake", DatastorePlace::azure_blob("account", "container"))
    ///     },
    /// )?;
    /// # Ok::<(), lazuli::Error>(())
    /// ```
    pub fn register(workspace: &Workspace, new: &NewDatastore) -> Result<Datastore> {
        let found = workspace.client()?.register_datastore(workspace.name(), new)?;
        if let Some(why) = &found.unchecked {
            eprintln!("datastore `{}` is registered, but was not opened: {why}", found.name);
        }
        Ok(Self::of(workspace, found))
    }

    /// Files, sorted by path: those that a pattern finds (`*`, `?`, `**`), every file below a folder,
    /// or, of an empty one, all.
    pub fn list(&self, pattern: &str) -> Result<List<StoredFile>> {
        Ok(List::new(find(&self.client()?, self.store(), pattern)?))
    }

    /// Sends every file below a folder. Without `overwrite`, files that are there already stay.
    pub fn upload(
        &self,
        folder: impl AsRef<Path>,
        target: &str,
        overwrite: bool,
    ) -> Result<Transferred> {
        let folder = folder.as_ref();
        let files = crate::folder::files_below(folder)?;
        let pairs = files.into_iter().map(|(name, file)| (file, joined(target, &name)));
        self.send(pairs.collect(), overwrite, None)
    }

    /// Sends files, each by its last name, into the folder `target`.
    pub fn upload_files<P: AsRef<Path>>(
        &self,
        files: impl IntoIterator<Item = P>,
        target: &str,
        overwrite: bool,
    ) -> Result<Transferred> {
        let mut pairs = Vec::new();
        for file in files {
            let file = file.as_ref();
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
                let message = format!("`{}` names no file", file.display());
                return Err(ApiError::invalid(message).hint("give paths of files").into());
            };
            pairs.push((file.to_owned(), joined(target, name)));
        }
        self.send(pairs, overwrite, None)
    }

    /// Writes the files that a pattern or a folder means below `folder`, each by its whole path.
    /// Without `overwrite`, files that are there already stay.
    pub fn download(
        &self,
        folder: impl AsRef<Path>,
        pattern: &str,
        overwrite: bool,
    ) -> Result<Transferred> {
        let client = self.client()?;
        let pairs = placed(find(&client, self.store(), pattern)?, folder.as_ref())?;
        client.download_files(self.store(), &pairs, overwrite, None)
    }

    pub fn delete(&self, path: &str) -> Result<()> {
        self.client()?.delete_stored_file(self.store(), path)
    }

    /// One file, a folder or a pattern of this datastore, as datasets and jobs name it.
    pub fn path(&self, path: &str) -> DataPath {
        DataPath::Datastore { datastore: self.name.clone(), path: path.to_owned() }
    }

    /// Makes it the one that serves where none is named.
    pub fn make_default(&mut self) -> Result<()> {
        self.found = self.client()?.make_default_datastore(self.store())?;
        Ok(())
    }

    /// Forgets the name and what opens it. What lies there stays there.
    pub fn unregister(self) -> Result<()> {
        self.client()?.unregister_datastore(self.store())
    }

    fn send(
        &self,
        pairs: Vec<(PathBuf, String)>,
        overwrite: bool,
        progress: Option<Progress<'_>>,
    ) -> Result<Transferred> {
        self.client()?.upload_files(self.store(), &pairs, overwrite, progress)
    }

    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::known(self.home.clone(), self.workspace.clone())
    }

    fn store(&self) -> StoreName<'_> {
        StoreName { workspace: &self.workspace, datastore: &self.name }
    }

    fn client(&self) -> Result<Client> {
        Client::connect_to(&self.home)
    }

    /// Shows the datastore in a notebook.
    pub fn evcxr_display(&self) {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("Place", place_in_words(&self.place)),
            row("Workspace", self.workspace.clone()),
            row("Default", if self.is_default { "yes" } else { "no" }.to_owned()),
            row("Registered", readable::date_time(self.created_at_ms)),
        ];
        if !self.description.is_empty() {
            rows.push(row("Description", self.description.clone()));
        }
        Table { title: format!("Datastore {}", self.name), headings: &[], rows, empty: "" }
            .show_in_notebook();
    }
}

/// The files that a pattern, a folder or a path means; it is an error when there is none, unless
/// everything was asked for.
pub(crate) fn find(
    client: &Client,
    store: StoreName<'_>,
    pattern: &str,
) -> Result<Vec<StoredFile>> {
    let pattern = pattern.trim_matches('/');
    let all = |glob: String| {
        client.stored_files(store, &StoredFileQuery { glob, ..StoredFileQuery::default() })
    };
    if pattern.is_empty() || pattern == "." {
        return all(String::new());
    }
    let mut files = all(pattern.to_owned())?;
    if files.is_empty() && !pattern.contains(['*', '?']) {
        files = all(format!("{pattern}/**"))?;
    }
    if files.is_empty() {
        let message = format!("datastore `{}` has no file `{pattern}`", store.datastore);
        return Err(ApiError::new(lazuli_domain::ErrorKind::NotFound, message)
            .hint(format!("`lazuli datastore files {}` lists what it has", store.datastore))
            .into());
    }
    Ok(files)
}

/// Each file with its place below a folder.
pub(crate) fn placed(files: Vec<StoredFile>, folder: &Path) -> Result<Vec<(StoredFile, PathBuf)>> {
    files
        .into_iter()
        .map(|file| {
            // A store may hold names that would lead out of the folder.
            let place = download_path(folder, &stored_path(&file.path)?)?;
            Ok((file, place))
        })
        .collect()
}

/// A place as people read it: a path below their home folder begins with `~`.
pub fn place_in_words(place: &DatastorePlace) -> String {
    let words = place.in_words();
    match std::env::home_dir() {
        Some(home) if home.parent().is_some() => {
            words.replace(&format!("`{}/", home.display()), "`~/")
        }
        _ => words,
    }
}

fn joined(folder: &str, name: &str) -> String {
    match folder.trim_matches('/') {
        "" | "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

impl std::ops::Deref for Datastore {
    type Target = lazuli_domain::Datastore;

    fn deref(&self) -> &Self::Target {
        &self.found
    }
}

impl Listed for Datastore {
    fn headings() -> &'static [&'static str] {
        &["Datastore", "Place", "Default"]
    }

    fn noun() -> &'static str {
        "datastore"
    }

    fn cells(&self) -> Vec<String> {
        let default = if self.is_default { "default" } else { "" };
        vec![self.name.clone(), place_in_words(&self.place), default.to_owned()]
    }
}

impl Listed for StoredFile {
    fn headings() -> &'static [&'static str] {
        &["File", "Size", "Modified"]
    }

    fn noun() -> &'static str {
        "file"
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.path.clone(),
            readable::byte_size(self.size),
            readable::date_time(self.modified_at_ms),
        ]
    }
}

impl Transferred {
    fn table(&self) -> Table {
        let plural = if self.files.len() == 1 { "" } else { "s" };
        let (count, size) = (self.files.len(), readable::byte_size(self.size()));
        let mut title = format!("{count} file{plural}, {size}");
        if !self.skipped.is_empty() {
            title = format!("{title}; {} skipped, because they are there", self.skipped.len());
        }
        let rows = self.files.iter().take(MOST_SHOWN).map(Listed::cells).collect();
        Table { title, headings: StoredFile::headings(), rows, empty: "(none)" }
    }

    /// Shows in a notebook what was sent or received: at most twenty files.
    pub fn evcxr_display(&self) {
        self.table().show_in_notebook();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_the_home_folder_are_short() {
        let words = |path: String| place_in_words(&DatastorePlace::Folder { path });
        let home = std::env::home_dir().unwrap().display().to_string();
        assert_eq!(words(format!("{home}/data")), "folder `~/data`");
        assert_eq!(words(format!("{home}s/data")), format!("folder `{home}s/data`"));
        assert_eq!(words("/data".into()), "folder `/data`");
    }
}
