//! The files of a datastore, wherever it is.

use bytes::Bytes;
use futures_util::Stream;
use lazuli_domain::{ApiError, DatastorePlace, Glob, OpenDatastore, StoredFile, stored_path};

use super::folder::Folder;
use super::objects::Objects;
use super::open::Tries;
use super::told::Teller;
use crate::blobs::Content;
use crate::error::Result;
use crate::uploads::Whole;

/// A datastore that is open for files.
#[derive(Clone)]
pub struct FileStore {
    teller: Teller,
    files: Files,
}

#[derive(Clone)]
enum Files {
    Folder(Folder),
    Objects(Objects),
}

/// Which files.
#[derive(Clone, Debug)]
pub struct FileList {
    /// Beginning of the path.
    pub prefix: String,
    pub glob: Glob,
    /// Only what is sorted behind this path.
    pub after: Option<String>,
    pub limit: usize,
}

impl FileList {
    pub fn matches(&self, path: &str) -> bool {
        path.starts_with(&self.prefix)
            && self.after.as_ref().is_none_or(|after| path > after.as_str())
            && self.glob.matches(path)
    }

    /// The folder in which all of it lies; the longer of the two that prefix and glob give.
    pub fn folder(&self) -> &str {
        let of_prefix = self.prefix.rfind('/').map_or("", |slash| &self.prefix[..slash]);
        let of_glob = self.glob.folder();
        if of_prefix.len() > of_glob.len() { of_prefix } else { of_glob }
    }
}

/// A file and its path as it counts from what was asked for: below a folder, or below the part of a
/// glob before its wildcards; its name alone where one file was named.
#[allow(dead_code, reason = "datasets are resolved by it")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    pub file: StoredFile,
    pub relative_path: String,
}

/// A file's content, and what changes when the file does.
pub struct StoredContent {
    pub content: Content,
    pub tag: String,
}

impl FileStore {
    pub fn open(name: &str, opened: &OpenDatastore) -> Result<FileStore> {
        FileStore::open_with(name, opened, Tries::Several)
    }

    fn open_with(name: &str, opened: &OpenDatastore, tries: Tries) -> Result<FileStore> {
        let teller = Teller::new(name, opened);
        teller.check_expiry()?;
        let files = match &opened.place {
            DatastorePlace::Folder { path } => Files::Folder(Folder::new(path, teller.clone())),
            DatastorePlace::Sqlite { .. } | DatastorePlace::Postgresql { .. } => {
                return Err(ApiError::invalid(format!(
                    "the datastore `{}` ({}) holds tables, not files",
                    teller.name,
                    opened.place.in_words()
                ))
                .hint("read it by an SQL query: `Dataset.Tabular.from_sql_query`")
                .into());
            }
            DatastorePlace::AzureFile { share, account, .. } => {
                return Err(ApiError::invalid(format!(
                    "the datastore `{}` is the Azure file share `{share}` of `{account}`, which Lazuli \
                     does not read over the network yet",
                    teller.name
                ))
                .hint(
                    "mount the share (SMB or NFS) and register its folder, or use a blob container",
                )
                .into());
            }
            _ => Files::Objects(Objects::open(opened, teller.clone(), tries)?),
        };
        Ok(FileStore { teller, files })
    }

    /// Asks for something, once, so that a wrong name or key is told.
    pub async fn check(name: &str, opened: &OpenDatastore) -> Result<()> {
        match FileStore::open_with(name, opened, Tries::Once)?.files {
            Files::Folder(_) => Ok(()),
            Files::Objects(objects) => objects.check().await,
        }
    }

    pub fn check_expiry(&self) -> Result<(), ApiError> {
        self.teller.check_expiry()
    }

    /// At most `limit` files, sorted by path (as bytes), and whether there are more.
    pub async fn list(&self, list: FileList) -> Result<(Vec<StoredFile>, bool)> {
        match &self.files {
            Files::Folder(folder) => folder.list(list).await,
            Files::Objects(objects) => objects.list(&list).await,
        }
    }

    #[allow(dead_code, reason = "datasets are resolved by it")]
    /// What a path means: one file, every file below a folder, or what a glob finds. Sorted by path;
    /// empty when there is nothing.
    pub async fn find(&self, path: &str) -> Result<Vec<FoundFile>> {
        let glob = Glob::parse(path)?;
        if !glob.is_wild() {
            let path = stored_path(path)?;
            match self.head(&path).await {
                Ok(file) => {
                    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                    return Ok(vec![FoundFile { file, relative_path: name }]);
                }
                Err(crate::error::Error::Refused(error))
                    if error.kind == lazuli_domain::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            return self.all(Glob::below(&path)?).await;
        }
        self.all(glob).await
    }

    async fn all(&self, glob: Glob) -> Result<Vec<FoundFile>> {
        let list =
            FileList { prefix: String::new(), glob: glob.clone(), after: None, limit: usize::MAX };
        let (files, _) = self.list(list).await?;
        let found = |file: StoredFile| {
            let relative_path = glob.relative(&file.path).to_owned();
            FoundFile { file, relative_path }
        };
        Ok(files.into_iter().map(found).collect())
    }

    /// What is known of a file. The paths of this and what follows must have passed [`stored_path`].
    pub async fn head(&self, path: &str) -> Result<StoredFile> {
        match &self.files {
            Files::Folder(folder) => folder.head(path).await,
            Files::Objects(objects) => objects.head(path).await,
        }
    }

    pub async fn content(&self, path: &str) -> Result<StoredContent> {
        match &self.files {
            Files::Folder(folder) => folder.content(path).await,
            Files::Objects(objects) => objects.content(path).await,
        }
    }

    /// Keeps what a request brings, whole or not at all.
    pub async fn write<E: std::fmt::Display>(
        &self,
        path: &str,
        body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin + Send,
        size: Option<u64>,
        overwrite: bool,
    ) -> Result<StoredFile> {
        match &self.files {
            Files::Folder(folder) => folder.write(path, body, size, overwrite).await,
            Files::Objects(objects) => objects.write(path, body, size, overwrite).await,
        }
    }

    /// Refuses, before anything is sent, what would replace a file.
    pub async fn check_free(&self, path: &str) -> Result<()> {
        match self.head(path).await {
            Ok(_) => Err(self.teller.is_there(path).into()),
            Err(crate::error::Error::Refused(error))
                if error.kind == lazuli_domain::ErrorKind::NotFound =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a file that came in pieces. What broke off goes on where it was, when it is asked for
    /// again.
    pub async fn keep_upload(&self, whole: &Whole) -> Result<StoredFile> {
        match &self.files {
            Files::Folder(folder) => folder.adopt(whole).await,
            Files::Objects(objects) => objects.send(whole).await,
        }
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        match &self.files {
            Files::Folder(folder) => folder.delete(path).await,
            Files::Objects(objects) => objects.delete(path).await,
        }
    }
}
