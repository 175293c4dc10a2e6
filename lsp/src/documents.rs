//! What is open in the editor.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tower_lsp_server::ls_types::{
    NotebookCell, NotebookDocumentChangeEvent, TextDocumentContentChangeEvent, TextDocumentItem,
    Uri,
};

use crate::text::Lines;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Rust,
    Yaml,
    Other,
}

impl Language {
    fn of(id: &str) -> Language {
        match id {
            "python" => Language::Python,
            "rust" => Language::Rust,
            "yaml" => Language::Yaml,
            _ => Language::Other,
        }
    }
}

/// A file, or a cell of a notebook.
#[derive(Clone, Debug)]
pub struct Document {
    pub uri: Uri,
    pub language: Language,
    pub version: i32,
    pub text: String,
    pub lines: Lines,
    /// The notebook whose cell it is.
    pub notebook: Option<Uri>,
}

impl Document {
    /// Whether magics may stand in it.
    pub fn is_cell(&self) -> bool {
        self.notebook.is_some() || self.is_whole_notebook()
    }

    /// JupyterLab sends the cells of a notebook as one text, with two empty lines between them.
    pub fn is_whole_notebook(&self) -> bool {
        self.notebook.is_none() && self.uri.as_str().ends_with(".ipynb")
    }

    /// Where the file lies; for a cell, where its notebook lies.
    pub fn path(&self) -> Option<PathBuf> {
        self.notebook.as_ref().unwrap_or(&self.uri).to_file_path().map(|path| path.into_owned())
    }

    /// The folder in which relative paths of the document begin.
    pub fn folder(&self) -> Option<PathBuf> {
        self.path()?.parent().map(std::path::Path::to_owned)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Documents {
    all: HashMap<Uri, Arc<Document>>,
    /// The code cells of a notebook, in their order.
    notebooks: HashMap<Uri, Vec<Uri>>,
}

impl Documents {
    pub fn get(&self, uri: &Uri) -> Option<&Arc<Document>> {
        self.all.get(uri)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.all.values()
    }

    /// The cells of a notebook that stand before this document, and are in its language.
    pub fn before(&self, document: &Document) -> Vec<Arc<Document>> {
        let cells = document.notebook.as_ref().and_then(|notebook| self.notebooks.get(notebook));
        let cells = cells.map_or(&[][..], Vec::as_slice);
        let before = cells.iter().take_while(|uri| **uri != document.uri);
        before.filter_map(|uri| self.all.get(uri)).cloned().collect()
    }

    pub fn cells(&self, notebook: &Uri) -> &[Uri] {
        self.notebooks.get(notebook).map_or(&[], Vec::as_slice)
    }

    pub fn open(&mut self, item: TextDocumentItem) {
        self.insert(item, None);
    }

    fn insert(&mut self, item: TextDocumentItem, notebook: Option<Uri>) {
        let document = Document {
            language: Language::of(&item.language_id),
            version: item.version,
            lines: Lines::of(&item.text),
            text: item.text,
            notebook,
            uri: item.uri.clone(),
        };
        self.all.insert(item.uri, Arc::new(document));
    }

    /// Applies changes in their order; each is in terms of the text that the one before it left.
    pub fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let Some(document) = self.all.get_mut(uri) else {
            tracing::warn!(uri = uri.as_str(), "a change of what is not open");
            return;
        };
        let document = Arc::make_mut(document);
        document.version = version;
        for change in changes {
            match change.range {
                Some(range) => {
                    let span = document.lines.span(&document.text, range);
                    document.text.replace_range(span, &change.text);
                }
                None => document.text = change.text,
            }
            document.lines = Lines::of(&document.text);
        }
    }

    pub fn close(&mut self, uri: &Uri) {
        self.all.remove(uri);
    }

    pub fn open_notebook(
        &mut self,
        notebook: Uri,
        cells: Vec<NotebookCell>,
        texts: Vec<TextDocumentItem>,
    ) {
        self.notebooks
            .insert(notebook.clone(), cells.into_iter().map(|cell| cell.document).collect());
        for text in texts {
            self.insert(text, Some(notebook.clone()));
        }
    }

    /// Gives the documents that have changed.
    pub fn change_notebook(
        &mut self,
        notebook: &Uri,
        change: NotebookDocumentChangeEvent,
    ) -> Vec<Uri> {
        let mut changed = Vec::new();
        let Some(cells) = change.cells else { return changed };
        if let Some(structure) = cells.structure {
            let array = structure.array;
            let order = self.notebooks.entry(notebook.clone()).or_default();
            let start = (array.start as usize).min(order.len());
            let end = (start + array.delete_count as usize).min(order.len());
            let new = array.cells.unwrap_or_default().into_iter().map(|cell| cell.document);
            order.splice(start..end, new);
            for closed in structure.did_close.unwrap_or_default() {
                self.all.remove(&closed.uri);
                changed.push(closed.uri);
            }
            for opened in structure.did_open.unwrap_or_default() {
                self.insert(opened, Some(notebook.clone()));
            }
            changed.extend(self.cells(notebook).iter().cloned());
        }
        for text in cells.text_content.unwrap_or_default() {
            self.change(&text.document.uri, text.document.version, text.changes);
            changed.push(text.document.uri);
        }
        changed
    }

    pub fn close_notebook(&mut self, notebook: &Uri) -> Vec<Uri> {
        let cells = self.notebooks.remove(notebook).unwrap_or_default();
        for cell in &cells {
            self.all.remove(cell);
        }
        cells
    }
}
