use serde::{Deserialize, Serialize};
use tower_lsp_server::jsonrpc::Result;

use lazuli_actions::count;
use lazuli_commands::NameKind;

use super::{ask, invalid};
use crate::main_loop::Snapshot;
use crate::names::in_lines;

#[derive(Debug, Deserialize)]
pub struct ContentParams {
    pub uri: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Content {
    pub text: String,
}

/// What `lazuli:/WORKSPACE/KIND/NAME` says.
pub async fn content(snapshot: &Snapshot, params: ContentParams) -> Result<Content> {
    let refused = || invalid(format!("`{}` names nothing of a workspace", params.uri));
    let path = params.uri.strip_prefix("lazuli:/").ok_or_else(refused)?;
    let parts: Option<Vec<String>> = path.split('/').map(decoded).collect();
    let [workspace, kind, name, ..] = parts.as_deref().unwrap_or_default() else {
        return Err(refused());
    };
    let of_kind =
        NameKind::ALL.into_iter().find(|known| known.as_str().split(' ').next() == Some(kind));
    let of_kind = of_kind.ok_or_else(refused)?;
    if of_kind == NameKind::Run {
        let run = name.clone();
        let bundle = ask(move |client| client.display(&run)).await?;
        let text = bundle.data.get("text/plain").and_then(|text| text.as_str()).unwrap_or_default();
        return Ok(Content { text: text.to_owned() });
    }
    if *workspace == snapshot.names.workspace
        && let Some(entry) = snapshot.names.get(of_kind, name)
    {
        let columns = match of_kind {
            NameKind::Dataset => in_lines(snapshot.columns(name)),
            _ => String::new(),
        };
        return Ok(Content { text: entry.about.clone() + &columns });
    }
    let (workspace, name) = (workspace.clone(), name.clone());
    ask(move |client| {
        Ok(match of_kind {
            NameKind::Dataset => {
                crate::names::dataset(&client.dataset(&workspace, &name, None)?).about
            }
            NameKind::Model => crate::names::model(&client.model(&workspace, &name, None)?).about,
            NameKind::Experiment => {
                let found = client.experiment(&workspace, &name)?;
                format!("experiment {}, {}", found.name, count(found.runs, "run"))
            }
            kind => return Err(lazuli_domain::ApiError::not_found(kind.as_str(), &name).into()),
        })
    })
    .await
    .map(|text| Content { text })
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
