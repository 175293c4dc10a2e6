//! The keyvault: secrets sealed with the key in `$LAZULI_HOME/key`.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use lazuli_domain::{ApiError, NewSecret, Secret, check_name};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::home::random;
use crate::store::{self, secrets::SealedSecret};

/// Longest value, in bytes.
const MAX_SECRET: usize = 64 * 1024;

pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    pub(crate) fn new(key: [u8; 32]) -> Vault {
        Vault { cipher: XChaCha20Poly1305::new(&key.into()) }
    }

    /// Seals a value for this workspace and name.
    pub(crate) fn seal(&self, workspace: &str, name: &str, value: &str) -> Result<SealedSecret> {
        let nonce = random::<24>()?;
        let bound_to = bound_to(workspace, name);
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: value.as_bytes(), aad: &bound_to })
            .map_err(|_opaque| Error::Defect("a secret could not be sealed".into()))?;
        Ok(SealedSecret { nonce: nonce.to_vec(), sealed })
    }

    /// The value, if it was sealed with this key for this workspace and name.
    pub(crate) fn open(
        &self,
        workspace: &str,
        name: &str,
        secret: &SealedSecret,
    ) -> Result<Option<String>> {
        if secret.nonce.len() != 24 {
            return Ok(None);
        }
        let bound_to = bound_to(workspace, name);
        let payload = Payload { msg: &secret.sealed, aad: &bound_to };
        let Ok(value) = self.cipher.decrypt(XNonce::from_slice(&secret.nonce), payload) else {
            return Ok(None);
        };
        String::from_utf8(value)
            .map(Some)
            .map_err(|_not_text| Error::Defect(format!("the secret `{name}` is no text")))
    }
}

/// A sealed value opens only for this workspace and name.
fn bound_to(workspace: &str, name: &str) -> Vec<u8> {
    [workspace.as_bytes(), b"\0", name.as_bytes()].concat()
}

pub async fn put(app: &Arc<App>, workspace: String, name: String, secret: NewSecret) -> Result<()> {
    check_name("secret", &name)?;
    if secret.value.len() > MAX_SECRET {
        return Err(ApiError::invalid(format!(
            "the secret `{name}` has {} bytes, at most {MAX_SECRET} are allowed",
            secret.value.len()
        ))
        .into());
    }
    let sealed = app.vault.seal(&workspace, &name, &secret.value)?;
    app.store
        .write(move |write| store::secrets::put(write, &workspace, &name, &sealed, now_ms()))
        .await
}

pub async fn get(app: &Arc<App>, workspace: String, name: String) -> Result<NewSecret> {
    let (asked_workspace, asked_name) = (workspace.clone(), name.clone());
    let sealed = app
        .store
        .read(move |database| store::secrets::get(database, &asked_workspace, &asked_name))
        .await?;
    let value = app.vault.open(&workspace, &name, &sealed)?.ok_or_else(|| {
        ApiError::unavailable(format!("the secret `{name}` does not open with this home's key"))
            .hint("put back the `key` file it was written with, or set the secret again")
    })?;
    Ok(NewSecret { value })
}

pub async fn list(app: &Arc<App>, workspace: String) -> Result<Vec<Secret>> {
    app.store.read(move |database| store::secrets::list(database, &workspace)).await
}

pub async fn delete(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    app.store.write(move |write| store::secrets::delete(write, &workspace, &name)).await
}
