//! What of Azure Storage its client does not do: reading connection strings and SAS tokens, and making
//! a container.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_domain::{ApiError, Credential};
use sha2::{Digest, Sha256};

/// What opens an account.
pub enum Secret {
    Key(String),
    /// Without the leading `?`.
    Sas(String),
    Client {
        tenant: String,
        client: String,
        secret: String,
    },
}

impl Secret {
    pub fn of(credential: &Credential) -> Result<Option<Secret>, ApiError> {
        Ok(match credential {
            Credential::AccountKey { key } => Some(Secret::Key(key.trim().to_owned())),
            Credential::Sas { token } => Some(Secret::Sas(bare(token))),
            Credential::ConnectionString { value } => Some(ConnectionString::parse(value)?.secret),
            Credential::ClientSecret { tenant, client, secret } => Some(Secret::Client {
                tenant: tenant.clone(),
                client: client.clone(),
                secret: secret.clone(),
            }),
            _ => None,
        })
    }
}

fn bare(token: &str) -> String {
    token.trim().trim_start_matches('?').to_owned()
}

/// `DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net`
pub struct ConnectionString {
    pub account: Option<String>,
    /// Of the blob service, where it is not Azure's own.
    pub endpoint: Option<String>,
    pub secret: Secret,
}

impl ConnectionString {
    pub fn parse(text: &str) -> Result<ConnectionString, ApiError> {
        let malformed = |what: &str| {
            // Nothing of it is repeated.
            ApiError::invalid(format!("the connection string {what}"))
                .hint("copy it whole from the storage account's access keys")
        };
        let mut values = std::collections::BTreeMap::new();
        for pair in text.trim().split(';').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| malformed("has a part without `=`"))?;
            values.insert(name.trim().to_lowercase(), value.trim().to_owned());
        }
        let account = values.get("accountname").cloned();
        let secret = match (values.get("accountkey"), values.get("sharedaccesssignature")) {
            (Some(key), _) if STANDARD.decode(key).is_ok() => Secret::Key(key.clone()),
            (Some(_), _) => return Err(malformed("has an AccountKey that is not base64")),
            (None, Some(token)) => Secret::Sas(bare(token)),
            (None, None) => {
                return Err(malformed("has no AccountKey and no SharedAccessSignature"));
            }
        };
        let protocol = values.get("defaultendpointsprotocol").map_or("https", String::as_str);
        let suffix = values.get("endpointsuffix").filter(|suffix| *suffix != "core.windows.net");
        let endpoint = match (values.get("blobendpoint"), &account, suffix) {
            (Some(endpoint), _, _) => Some(endpoint.trim_end_matches('/').to_owned()),
            (None, Some(account), Some(suffix)) => {
                Some(format!("{protocol}://{account}.blob.{suffix}"))
            }
            _ => None,
        };
        Ok(ConnectionString { account, endpoint, secret })
    }
}

/// When a SAS token ends, as it says so itself (`se`): `2026-01-31T08:00:00Z` or `2026-01-31`.
pub fn sas_end(token: &str) -> Option<String> {
    let value = token.split('&').find_map(|pair| pair.strip_prefix("se="))?;
    let decoded = value.replace("%3A", ":").replace("%3a", ":");
    let is_time = decoded.len() >= 10
        && decoded
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-:.".contains(character));
    is_time.then_some(decoded)
}

/// Whether a time of that form lies before another: such texts are ordered as their times are, up
/// to the second.
pub fn is_before(end: &str, now: &str) -> bool {
    let seconds = |time: &str| {
        let time: String = time.trim_end_matches('Z').chars().take(19).collect();
        format!("{time}{}", &"0000-00-00T00:00:00"[time.len().min(19)..])
    };
    seconds(end) < seconds(now)
}

/// The header `authorization` of a request without a body, by the account's key. `date` and `version`
/// must be the headers `x-ms-date` and `x-ms-version`; `resource` is the path of the address, then a
/// line `name:value` per query parameter.
pub fn authorization(
    account: &str,
    key: &str,
    (date, version): (&str, &str),
    resource: &str,
) -> Option<String> {
    let text = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n/{account}{resource}"
    );
    let signature = STANDARD.encode(hmac(&STANDARD.decode(key).ok()?, text.as_bytes()));
    Some(format!("SharedKey {account}:{signature}"))
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |with: u8, text: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ with));
        hash.update(text);
        hash.finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read() {
        let text = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5Cg==;EndpointSuffix=core.windows.net";
        let said = ConnectionString::parse(text).unwrap();
        assert_eq!((said.account.as_deref(), said.endpoint), (Some("acc"), None));
        assert!(matches!(said.secret, Secret::Key(key) if key == "a2V5Cg=="));
        let text = "BlobEndpoint=http://127.0.0.1:1/acc/;AccountName=acc;SharedAccessSignature=?sv=1&sig=x";
        let said = ConnectionString::parse(text).unwrap();
        assert_eq!(said.endpoint.as_deref(), Some("http://127.0.0.1:1/acc"));
        assert!(matches!(said.secret, Secret::Sas(token) if token == "sv=1&sig=x"));
        for bad in ["", "AccountName=acc", "nonsense-secret", "AccountName=a;AccountKey=%%secret"] {
            let error = ConnectionString::parse(bad).err().unwrap();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_end_of_a_sas_token_is_found() {
        let end = |token: &str| sas_end(token);
        assert_eq!(
            end("sv=1&se=2020-01-01T00%3A00%3A00Z&sig=x").as_deref(),
            Some("2020-01-01T00:00:00Z")
        );
        assert_eq!(end("se=2020-01-01").as_deref(), Some("2020-01-01"));
        assert_eq!(end("sv=1&sig=x"), None);
        assert_eq!(end("se=%00"), None);
        assert!(is_before("2020-01-01", "2020-01-01T00:00:01Z"));
        assert!(is_before("2020-01-01T10:00Z", "2020-01-01T10:00:01.5Z"));
        assert!(!is_before("2030-01-01T00:00:00Z", "2026-11-25T15:00:00Z"));
    }

    #[test]
    fn the_published_vector_of_hmac() {
        let hex: String = hmac(b"Jefe", b"what do ya want for nothing?")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
