//! The one owner of what the server knows. Handlers send edits here in the order in which they came
//! and get snapshots to read; the watcher tells what the daemon knows.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lazuli_commands::NameKind;
use lazuli_domain::{Event, TableColumn, TableInput};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tower_lsp_server::Client;
use tower_lsp_server::ls_types::{
    Diagnostic, MessageType, NotebookCell, NotebookDocumentChangeEvent,
    TextDocumentContentChangeEvent, TextDocumentItem, Uri,
};

use crate::custom::notifications::{
    EventNotification, RunChanged, RunChangedParams, StatusChanged, TreeChanged, TreeChangedParams,
};
use crate::custom::status::Status;
use crate::custom::{display, tree};
use crate::documents::Documents;
use crate::handlers::diagnostics::diagnostics;
use crate::handlers::tables_in;
use crate::names::Names;
use crate::watcher::{Daemon, News, Order};

/// Somebody who types changes the text again at once.
const SETTLE: Duration = Duration::from_millis(30);
/// A panel is drawn at most three times a second.
const BETWEEN_PICTURES: Duration = Duration::from_millis(330);

pub enum Message {
    Edit(Edit),
    Look(oneshot::Sender<Snapshot>),
    News(News),
    Workspace(String),
    Refresh,
    Abilities {
        has_links: bool,
        has_symbol_trees: bool,
        refreshes: Refreshes,
    },
    Subscribe,
    Watch {
        run: String,
        is_on: bool,
    },
    /// Names of datasets that a document says.
    Tables(Vec<String>),
    Columns {
        table: String,
        columns: Option<Vec<TableColumn>>,
    },
    Diagnosed {
        uri: Uri,
        version: i32,
        diagnostics: Vec<Diagnostic>,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Refreshes {
    pub code_lenses: bool,
    pub inlay_hints: bool,
}

pub enum Edit {
    Open(TextDocumentItem),
    Change { uri: Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent> },
    Close(Uri),
    OpenNotebook { uri: Uri, cells: Vec<NotebookCell>, texts: Vec<TextDocumentItem> },
    ChangeNotebook { uri: Uri, change: NotebookDocumentChangeEvent },
    CloseNotebook(Uri),
}

/// What is known at one moment.
#[derive(Clone)]
pub struct Snapshot {
    pub documents: Arc<Documents>,
    pub names: Arc<Names>,
    /// Columns of the datasets that open documents name, by the id of their version.
    pub columns: Arc<HashMap<String, Vec<TableColumn>>>,
    pub daemon: Daemon,
    pub workspace: String,
    pub has_links: bool,
    pub has_symbol_trees: bool,
}

/// The entrance of the loop.
#[derive(Clone)]
pub struct MainLoop {
    messages_tx: mpsc::UnboundedSender<Message>,
}

impl Snapshot {
    /// The columns of a dataset, as far as they are known.
    pub fn columns(&self, dataset: &str) -> &[TableColumn] {
        let table =
            self.names.get(NameKind::Dataset, dataset).and_then(|entry| entry.table.as_ref());
        table.and_then(|table| self.columns.get(table)).map_or(&[], Vec::as_slice)
    }
}

impl MainLoop {
    pub fn start(
        client: Client,
        workspace: String,
        orders_tx: std::sync::mpsc::Sender<Order>,
    ) -> MainLoop {
        let (messages_tx, messages_rx) = mpsc::unbounded_channel();
        let main_loop = MainLoop { messages_tx };
        let world = World {
            client,
            orders_tx,
            own: main_loop.clone(),
            now: Snapshot {
                documents: Arc::default(),
                names: Arc::new(Names::of(workspace.clone())),
                columns: Arc::default(),
                daemon: Daemon::Absent { message: None },
                workspace,
                has_links: false,
                has_symbol_trees: false,
            },
            is_told: false,
            is_subscribed: false,
            refreshes: Refreshes::default(),
            stale: HashSet::new(),
            stale_since: None,
            published: HashMap::new(),
            changed_nodes: BTreeSet::new(),
            asked_tables: HashSet::new(),
            watched: HashMap::new(),
        };
        tokio::spawn(world.run(messages_rx));
        main_loop
    }

    /// Never waits: edits keep their order.
    pub fn send(&self, message: Message) {
        if self.messages_tx.send(message).is_err() {
            tracing::debug!("a message after the end");
        }
    }

    /// What is known after everything that was sent before.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let (snapshot_tx, snapshot) = oneshot::channel();
        self.send(Message::Look(snapshot_tx));
        snapshot.await.ok()
    }

    pub fn is_open(&self) -> bool {
        !self.messages_tx.is_closed()
    }
}

struct World {
    client: Client,
    orders_tx: std::sync::mpsc::Sender<Order>,
    own: MainLoop,
    now: Snapshot,
    /// The editor knows whether the daemon is there.
    is_told: bool,
    is_subscribed: bool,
    refreshes: Refreshes,
    /// Documents whose diagnostics are of an earlier text.
    stale: HashSet<Uri>,
    stale_since: Option<Instant>,
    /// What the editor shows now: the same again is not sent.
    published: HashMap<Uri, Vec<Diagnostic>>,
    changed_nodes: BTreeSet<String>,
    /// Tables whose columns are known or on their way.
    asked_tables: HashSet<String>,
    /// Runs that a panel shows, and when it got its last picture.
    watched: HashMap<String, Picture>,
}

#[derive(Default)]
struct Picture {
    is_stale: bool,
    drawn: Option<Instant>,
}

impl World {
    async fn run(mut self, mut messages_rx: mpsc::UnboundedReceiver<Message>) {
        let mut pictures = tokio::time::interval(BETWEEN_PICTURES);
        pictures.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let settled = self.stale_since.map(|since| since + SETTLE);
            tokio::select! {
                biased;
                message = messages_rx.recv() => match message {
                    Some(message) => self.hear(message).await,
                    None => return,
                },
                () = until(settled) => self.diagnose(),
                _ = pictures.tick(), if !self.watched.is_empty() => self.draw(),
            }
        }
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Edit(edit) => self.edit(edit).await,
            Message::Look(snapshot_tx) => {
                // Who asked may have given up.
                let _ = snapshot_tx.send(self.now.clone());
            }
            Message::News(News::Names(names)) => self.know(*names).await,
            Message::News(News::Daemon(daemon)) => self.meet(daemon).await,
            Message::News(News::Event(event)) => self.happened(*event).await,
            Message::Workspace(workspace) => {
                if workspace != self.now.workspace {
                    self.now.workspace = workspace.clone();
                    self.now.names = Arc::new(Names::of(workspace.clone()));
                    self.order(Order::Workspace(workspace));
                    self.changed_nodes.insert(String::new());
                    if self.is_told {
                        let status = Status::of(&self.now);
                        self.client.send_notification::<StatusChanged>(status).await;
                    }
                }
            }
            Message::Refresh => self.order(Order::Refresh),
            Message::Abilities { has_links, has_symbol_trees, refreshes } => {
                self.now.has_links = has_links;
                self.now.has_symbol_trees = has_symbol_trees;
                self.refreshes = refreshes;
            }
            Message::Tables(datasets) => self.ask_columns(&datasets),
            Message::Columns { table, columns: Some(columns) } => {
                Arc::make_mut(&mut self.now.columns).insert(table, columns);
            }
            Message::Columns { table, columns: None } => {
                self.asked_tables.remove(&table);
            }
            Message::Subscribe => self.is_subscribed = true,
            Message::Watch { run, is_on: true } => {
                self.watched.insert(run, Picture { is_stale: true, drawn: None });
            }
            Message::Watch { run, is_on: false } => {
                self.watched.remove(&run);
            }
            Message::Diagnosed { uri, version, diagnostics } => {
                // The text may have changed since; then others are on their way.
                let is_current = self
                    .now
                    .documents
                    .get(&uri)
                    .is_some_and(|document| document.version == version);
                let shown = self.published.get(&uri).map_or(&[][..], Vec::as_slice);
                if is_current && !self.stale.contains(&uri) && shown != diagnostics {
                    self.published.insert(uri.clone(), diagnostics.clone());
                    self.client.publish_diagnostics(uri, diagnostics, Some(version)).await;
                }
            }
        }
    }

    async fn edit(&mut self, edit: Edit) {
        let documents = Arc::make_mut(&mut self.now.documents);
        let (changed, closed): (Vec<Uri>, Vec<Uri>) = match edit {
            Edit::Open(item) => {
                let uri = item.uri.clone();
                documents.open(item);
                (vec![uri], Vec::new())
            }
            Edit::Change { uri, version, changes } => {
                documents.change(&uri, version, changes);
                let mut changed = vec![uri.clone()];
                // What a cell makes, the ones below it know.
                if let Some(notebook) =
                    documents.get(&uri).and_then(|document| document.notebook.clone())
                {
                    let cells = documents.cells(&notebook).iter();
                    changed.extend(cells.skip_while(|cell| **cell != uri).skip(1).cloned());
                }
                (changed, Vec::new())
            }
            Edit::Close(uri) => {
                documents.close(&uri);
                (Vec::new(), vec![uri])
            }
            Edit::OpenNotebook { uri, cells, texts } => {
                documents.open_notebook(uri.clone(), cells, texts);
                (documents.cells(&uri).to_vec(), Vec::new())
            }
            Edit::ChangeNotebook { uri, change } => {
                documents.change_notebook(&uri, change);
                (documents.cells(&uri).to_vec(), Vec::new())
            }
            Edit::CloseNotebook(uri) => (Vec::new(), documents.close_notebook(&uri)),
        };
        for uri in closed {
            self.stale.remove(&uri);
            if self.published.remove(&uri).is_none_or(|shown| shown.is_empty()) {
                continue;
            }
            self.client.publish_diagnostics(uri, Vec::new(), None).await;
        }
        self.mark_stale(changed);
    }

    fn mark_stale(&mut self, uris: impl IntoIterator<Item = Uri>) {
        self.stale.extend(uris);
        if !self.stale.is_empty() {
            self.stale_since = Some(Instant::now());
        }
    }

    /// Looks at the texts that have changed, beside this loop.
    fn diagnose(&mut self) {
        self.stale_since = None;
        let snapshot = self.now.clone();
        let stale: Vec<Uri> = self.stale.drain().collect();
        let own = self.own.clone();
        tokio::task::spawn_blocking(move || {
            for uri in stale {
                let Some(document) = snapshot.documents.get(&uri) else { continue };
                let tables = tables_in(document);
                if !tables.is_empty() {
                    own.send(Message::Tables(tables));
                }
                let diagnostics = diagnostics(&snapshot, document);
                own.send(Message::Diagnosed { version: document.version, uri, diagnostics });
            }
        });
    }

    /// Columns take a moment to read: they are there before somebody asks.
    fn ask_columns(&mut self, datasets: &[String]) {
        for dataset in datasets {
            let entry = self.now.names.get(NameKind::Dataset, dataset);
            let Some(table) = entry.and_then(|entry| entry.table.clone()) else { continue };
            if !self.asked_tables.insert(table.clone()) {
                continue;
            }
            let (workspace, own) = (self.now.workspace.clone(), self.own.clone());
            tokio::spawn(async move {
                let columns = columns_of(workspace, table.clone()).await;
                own.send(Message::Columns { table, columns });
            });
        }
    }

    async fn know(&mut self, names: Names) {
        if names.workspace != self.now.workspace {
            // Of the workspace that was left.
            return;
        }
        self.now.names = Arc::new(names);
        let all: Vec<Uri> =
            self.now.documents.iter().map(|document| document.uri.clone()).collect();
        let has_documents = !all.is_empty();
        self.mark_stale(all);
        let nodes = std::mem::take(&mut self.changed_nodes);
        if !nodes.is_empty() {
            let everything = nodes.contains("");
            let parents = if everything { Vec::new() } else { nodes.into_iter().collect() };
            self.client.send_notification::<TreeChanged>(TreeChangedParams { parents }).await;
        }
        if has_documents {
            // Not awaited: the answers come when the editor has the time.
            let (client, refreshes) = (self.client.clone(), self.refreshes);
            tokio::spawn(async move {
                if refreshes.code_lenses
                    && let Err(error) = client.code_lens_refresh().await
                {
                    tracing::debug!(%error, "code lenses are not asked again");
                }
                if refreshes.inlay_hints
                    && let Err(error) = client.inlay_hint_refresh().await
                {
                    tracing::debug!(%error, "inlay hints are not asked again");
                }
            });
        }
    }

    async fn meet(&mut self, daemon: Daemon) {
        let was = std::mem::replace(&mut self.now.daemon, daemon);
        if !std::mem::replace(&mut self.is_told, true) || was != self.now.daemon {
            let status = Status::of(&self.now);
            match &self.now.daemon {
                Daemon::Absent { message: Some(message) } => {
                    self.client
                        .log_message(
                            MessageType::WARNING,
                            format!("the daemon is not there: {message}"),
                        )
                        .await;
                }
                Daemon::Absent { message: None } => {
                    self.client
                        .log_message(
                            MessageType::INFO,
                            "no daemon runs; names of the workspace are not known",
                        )
                        .await;
                }
                Daemon::Running => {}
            }
            self.changed_nodes.insert(String::new());
            self.client.send_notification::<StatusChanged>(status).await;
        }
    }

    async fn happened(&mut self, event: Event) {
        self.changed_nodes.extend(tree::touched(&event));
        if let Some(run) = &event.run_id
            && let Some(picture) = self.watched.get_mut(run)
        {
            picture.is_stale = true;
        }
        if self.is_subscribed {
            self.client.send_notification::<EventNotification>(event).await;
        }
    }

    /// Sends fresh pictures of the watched runs.
    fn draw(&mut self) {
        for (run, picture) in &mut self.watched {
            let is_due = picture.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN_PICTURES);
            if !picture.is_stale || !is_due {
                continue;
            }
            picture.is_stale = false;
            picture.drawn = Some(Instant::now());
            let (run, client, own) = (run.clone(), self.client.clone(), self.own.clone());
            tokio::spawn(async move {
                match display::of_run(run.clone()).await {
                    Ok(bundle) => {
                        if bundle.is_final {
                            own.send(Message::Watch { run: run.clone(), is_on: false });
                        }
                        client
                            .send_notification::<RunChanged>(RunChangedParams { run, bundle })
                            .await;
                    }
                    Err(error) => tracing::info!(%error, run, "no picture"),
                }
            });
        }
    }

    fn order(&self, order: Order) {
        if self.orders_tx.send(order).is_err() {
            tracing::warn!("the watcher has ended");
        }
    }
}

async fn columns_of(workspace: String, table: String) -> Option<Vec<TableColumn>> {
    let input = TableInput::Dataset {
        dataset_id: table,
        steps: Vec::new(),
        timestamp: None,
        partition_timestamp: None,
    };
    match crate::custom::ask(move |client| client.table_columns(&workspace, input)).await {
        Ok(columns) => Some(columns),
        Err(error) => {
            tracing::info!(%error, "columns are not known");
            None
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
