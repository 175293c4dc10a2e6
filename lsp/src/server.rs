//! The door: converts nothing, decides nothing. Notifications go to the loop in the order in which
//! they came, requests take a snapshot and hand it on.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, OnceLock};

use serde_json::Value;
use tokio::sync::mpsc;
use tower_lsp_server::jsonrpc::{Error, Result};
use tower_lsp_server::ls_types::notification::Progress as ProgressNotification;
use tower_lsp_server::ls_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability,
    CodeActionResponse, CodeLens, CodeLensOptions, CodeLensParams, CompletionOptions,
    CompletionParams, CompletionResponse, DidChangeConfigurationParams,
    DidChangeNotebookDocumentParams, DidChangeTextDocumentParams, DidCloseNotebookDocumentParams,
    DidCloseTextDocumentParams, DidOpenNotebookDocumentParams, DidOpenTextDocumentParams,
    DocumentSymbolParams, DocumentSymbolResponse, GotoDefinitionParams, GotoDefinitionResponse,
    Hover, HoverParams, HoverProviderCapability, InitializeParams, InitializeResult,
    InitializedParams, InlayHint, InlayHintParams, NotebookCellSelector,
    NotebookDocumentSyncOptions, NotebookSelector, OneOf, PositionEncodingKind, ProgressParams,
    ProgressParamsValue, ProgressToken, SemanticTokensFullOptions, SemanticTokensOptions,
    SemanticTokensParams, SemanticTokensResult, ServerCapabilities, ServerInfo, SignatureHelp,
    SignatureHelpOptions, SignatureHelpParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressOptions,
    WorkDoneProgressReport, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use tower_lsp_server::{Client, ClientSocket, LanguageServer, LspService};

use crate::custom::command::{Answer, CommandParams, SubmitTextParams, Told};
use crate::custom::content::{Content, ContentParams};
use crate::custom::display::DisplayParams;
use crate::custom::log::{LogName, LogParams, LogText, LogsParams};
use crate::custom::status::Status;
use crate::custom::tree::{Reveal, RevealParams, TreePage, TreeParams};
use crate::custom::{self, command, content, display, log, tree};
use crate::handlers;
use crate::main_loop::{Edit, MainLoop, Message, Refreshes, Snapshot};
use crate::watcher::{self, Order};

pub struct Backend {
    client: Client,
    main_loop: OnceLock<MainLoop>,
    /// What the watcher begins with, once it may.
    waiting: Mutex<Option<(String, Receiver<Order>)>>,
}

pub fn service() -> (LspService<Backend>, ClientSocket) {
    LspService::build(|client| Backend {
        client,
        main_loop: OnceLock::new(),
        waiting: Mutex::default(),
    })
    .custom_method("lazuli/status", Backend::status)
    .custom_method("lazuli/start", Backend::start)
    .custom_method("lazuli/tree", Backend::tree)
    .custom_method("lazuli/reveal", Backend::reveal)
    .custom_method("lazuli/command", Backend::command)
    .custom_method("lazuli/submitText", Backend::submit_text)
    .custom_method("lazuli/display", Backend::display)
    .custom_method("lazuli/watch", Backend::watch)
    .custom_method("lazuli/unwatch", Backend::unwatch)
    .custom_method("lazuli/log", Backend::log)
    .custom_method("lazuli/logs", Backend::logs)
    .custom_method("lazuli/content", Backend::content)
    .custom_method("lazuli/subscribe", Backend::subscribe)
    .finish()
}

#[derive(serde::Deserialize)]
struct RunParams {
    run: String,
}

impl Backend {
    fn waiting(&self) -> MutexGuard<'_, Option<(String, Receiver<Order>)>> {
        self.waiting.lock().unwrap_or_else(|lock| lock.into_inner())
    }

    fn tell(&self, message: Message) {
        if let Some(main_loop) = self.main_loop.get() {
            main_loop.send(message);
        }
    }

    async fn look(&self) -> Result<Snapshot> {
        let main_loop = self.main_loop.get().ok_or_else(Error::internal_error)?;
        main_loop.snapshot().await.ok_or_else(Error::internal_error)
    }

    async fn status(&self) -> Result<Status> {
        Ok(Status::of(&self.look().await?))
    }

    async fn start(&self) -> Result<Status> {
        let status = custom::status::start(&self.look().await?).await?;
        self.tell(Message::Refresh);
        Ok(status)
    }

    async fn tree(&self, params: TreeParams) -> Result<TreePage> {
        tree::tree(&self.look().await?, params).await
    }

    async fn reveal(&self, params: RevealParams) -> Result<Reveal> {
        tree::reveal(&self.look().await?, params).await
    }

    async fn command(&self, params: CommandParams) -> Result<Answer> {
        let snapshot = self.look().await?;
        let title = params.words.join(" ");
        let told_tx = self.progress(params.work_done_token.clone(), title);
        let answer = command::command(&snapshot, params, told_tx).await;
        // Datastores, secrets and compute tell no events.
        self.tell(Message::Refresh);
        answer
    }

    async fn submit_text(&self, params: SubmitTextParams) -> Result<Answer> {
        let snapshot = self.look().await?;
        let told_tx = self.progress(params.work_done_token.clone(), "submit".into());
        let answer = command::submit_text(&snapshot, params, told_tx).await;
        self.tell(Message::Refresh);
        answer
    }

    async fn display(&self, params: DisplayParams) -> Result<lazuli_domain::DisplayBundle> {
        display::display(&self.look().await?, params).await
    }

    async fn watch(&self, params: RunParams) -> Result<()> {
        self.tell(Message::Watch { run: params.run, is_on: true });
        Ok(())
    }

    async fn unwatch(&self, params: RunParams) -> Result<()> {
        self.tell(Message::Watch { run: params.run, is_on: false });
        Ok(())
    }

    async fn log(&self, params: LogParams) -> Result<LogText> {
        log::log(params).await
    }

    async fn logs(&self, params: LogsParams) -> Result<Vec<LogName>> {
        log::logs(params).await
    }

    async fn content(&self, params: ContentParams) -> Result<Content> {
        content::content(&self.look().await?, params).await
    }

    async fn subscribe(&self) -> Result<()> {
        self.tell(Message::Subscribe);
        Ok(())
    }

    /// Passes on what is told, as progress of the request; the end comes when nobody tells any more.
    fn progress(&self, token: Option<ProgressToken>, title: String) -> Told {
        let (told_tx, mut told) = mpsc::unbounded_channel();
        let Some(token) = token else { return told_tx };
        let client = self.client.clone();
        tokio::spawn(async move {
            let send = async |value: WorkDoneProgress| {
                let value = ProgressParamsValue::WorkDone(value);
                let params = ProgressParams { token: token.clone(), value };
                client.send_notification::<ProgressNotification>(params).await;
            };
            send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
                title,
                cancellable: Some(true),
                ..WorkDoneProgressBegin::default()
            }))
            .await;
            while let Some(message) = told.recv().await {
                send(WorkDoneProgress::Report(WorkDoneProgressReport {
                    message: Some(message),
                    ..WorkDoneProgressReport::default()
                }))
                .await;
            }
            send(WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
        });
        told_tx
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let wanted =
            params.initialization_options.as_ref().and_then(|options| text(options, "workspace"));
        let folder = folder(&params);
        let workspace = wanted.unwrap_or_else(|| workspace_of(folder));
        let (orders_tx, orders) = std::sync::mpsc::channel::<Order>();
        let main_loop = MainLoop::start(self.client.clone(), workspace.clone(), orders_tx);
        main_loop.send(abilities(&params));
        if self.main_loop.set(main_loop).is_err() {
            return Err(Error::invalid_request());
        }
        *self.waiting() = Some((workspace, orders));
        Ok(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: "lazuli".into(),
                version: Some(lazuli_domain::VERSION.into()),
            }),
            offset_encoding: None,
        })
    }

    /// Nothing may be told before this.
    async fn initialized(&self, _: InitializedParams) {
        let (Some(main_loop), Some((workspace, orders))) =
            (self.main_loop.get().cloned(), self.waiting().take())
        else {
            return;
        };
        let watching = std::thread::Builder::new().name("watcher".into()).spawn(move || {
            watcher::watch(workspace, &orders, &|news| {
                main_loop.send(Message::News(news));
                main_loop.is_open()
            });
        });
        if let Err(error) = watching {
            tracing::error!(%error, "the workspace is not watched");
        }
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if let Some(workspace) =
            params.settings.get("lazuli").and_then(|own| text(own, "workspace"))
        {
            self.tell(Message::Workspace(workspace));
        }
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.tell(Message::Edit(Edit::Open(params.text_document)));
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let (uri, version) = (params.text_document.uri, params.text_document.version);
        self.tell(Message::Edit(Edit::Change { uri, version, changes: params.content_changes }));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.tell(Message::Edit(Edit::Close(params.text_document.uri)));
    }

    async fn notebook_did_open(&self, params: DidOpenNotebookDocumentParams) {
        let notebook = params.notebook_document;
        self.tell(Message::Edit(Edit::OpenNotebook {
            uri: notebook.uri,
            cells: notebook.cells,
            texts: params.cell_text_documents,
        }));
    }

    async fn notebook_did_change(&self, params: DidChangeNotebookDocumentParams) {
        let uri = params.notebook_document.uri;
        self.tell(Message::Edit(Edit::ChangeNotebook { uri, change: params.change }));
    }

    async fn notebook_did_close(&self, params: DidCloseNotebookDocumentParams) {
        self.tell(Message::Edit(Edit::CloseNotebook(params.notebook_document.uri)));
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        Ok(handlers::completion::completion(&self.look().await?, &params))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        Ok(handlers::hover::hover(&self.look().await?, &params))
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        Ok(handlers::signature_help::signature_help(&self.look().await?, &params))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(handlers::code_action::code_action(&self.look().await?, &params))
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        Ok(handlers::definition::definition(&self.look().await?, &params))
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        Ok(handlers::inlay_hint::inlay_hints(&self.look().await?, &params))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(handlers::code_lens::code_lenses(&self.look().await?, &params))
    }

    async fn document_symbol(
        &self,
        params: DocumentSymbolParams,
    ) -> Result<Option<DocumentSymbolResponse>> {
        Ok(handlers::symbols::document_symbols(&self.look().await?, &params))
    }

    async fn symbol(
        &self,
        params: WorkspaceSymbolParams,
    ) -> Result<Option<WorkspaceSymbolResponse>> {
        Ok(Some(handlers::symbols::workspace_symbols(&self.look().await?, &params)))
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        Ok(handlers::semantic_tokens::semantic_tokens(&self.look().await?, &params))
    }
}

fn capabilities() -> ServerCapabilities {
    let texts = |signs: &[&str]| Some(signs.iter().map(|sign| (*sign).to_owned()).collect());
    let cells =
        ["python", "rust"].map(|language| NotebookCellSelector { language: language.into() });
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Kind(
            TextDocumentSyncKind::INCREMENTAL,
        )),
        notebook_document_sync: Some(OneOf::Left(NotebookDocumentSyncOptions {
            notebook_selector: vec![NotebookSelector::ByCells {
                notebook: None,
                cells: cells.to_vec(),
            }],
            save: None,
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: texts(&["'", "\"", "%", " ", "-", "=", "/"]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: texts(&[" "]),
            retrigger_characters: texts(&["-"]),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        definition_provider: Some(OneOf::Left(true)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        semantic_tokens_provider: Some(
            SemanticTokensOptions {
                legend: handlers::semantic_tokens::legend(),
                full: Some(SemanticTokensFullOptions::Bool(true)),
                ..SemanticTokensOptions::default()
            }
            .into(),
        ),
        ..ServerCapabilities::default()
    }
}

fn abilities(params: &InitializeParams) -> Message {
    let text = params.capabilities.text_document.as_ref();
    let workspace = params.capabilities.workspace.as_ref();
    Message::Abilities {
        has_links: text
            .and_then(|text| text.definition.as_ref())
            .is_some_and(|definition| definition.link_support == Some(true)),
        has_symbol_trees: text
            .and_then(|text| text.document_symbol.as_ref())
            .is_some_and(|symbols| symbols.hierarchical_document_symbol_support == Some(true)),
        refreshes: Refreshes {
            code_lenses: workspace
                .and_then(|workspace| workspace.code_lens.as_ref())
                .is_some_and(|lens| lens.refresh_support == Some(true)),
            inlay_hints: workspace
                .and_then(|workspace| workspace.inlay_hint.as_ref())
                .is_some_and(|hint| hint.refresh_support == Some(true)),
        },
    }
}

fn text(json: &Value, field: &str) -> Option<String> {
    json.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[allow(deprecated, reason = "editors that know no folders say where they stand so")]
fn folder(params: &InitializeParams) -> Option<PathBuf> {
    let first = params.workspace_folders.as_ref().and_then(|folders| folders.first());
    let uri = first.map(|folder| &folder.uri).or(params.root_uri.as_ref())?;
    uri.to_file_path().map(|path| path.into_owned())
}

/// What config.json says, as everywhere else; the default workspace when it says nothing.
fn workspace_of(folder: Option<PathBuf>) -> String {
    let named = || {
        if let Some(folder) = &folder {
            std::env::set_current_dir(folder).ok()?;
        }
        lazuli::workspace_name(&lazuli::Config::from_environment().ok()?).ok()
    };
    named().unwrap_or_else(|| lazuli_domain::DEFAULT_WORKSPACE.to_owned())
}
