use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lazuli_domain::ApiError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where a page ended. It travels as text that says nothing to its reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Which search it belongs to; see [`bound_to`].
    #[serde(rename = "s")]
    pub search: String,
    #[serde(rename = "n")]
    pub now_ms: i64,
    /// The last row's values of what is ordered by.
    #[serde(rename = "m")]
    pub marks: Vec<Mark>,
    #[serde(rename = "k")]
    pub key: i64,
}

/// A value as it is ordered: values first, then NaN, then what is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Mark {
    #[serde(rename = "i")]
    Integer(i64),
    /// The bits of a double: JSON has no infinities.
    #[serde(rename = "r")]
    Real(u64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "n")]
    NotANumber,
    #[serde(rename = "a")]
    Absent,
}

impl Cursor {
    pub fn parse(text: &str) -> Result<Cursor, ApiError> {
        let cursor: Option<Cursor> = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|cursor: &Cursor| !cursor.marks.iter().any(Mark::has_nul));
        cursor.ok_or_else(|| {
            let shown: String = text.chars().take(40).flat_map(char::escape_default).collect();
            ApiError::invalid(format!("`{shown}` is not a cursor"))
                .hint("give the one that came with the page before, or none for the first page")
        })
    }

    pub fn other_search() -> ApiError {
        ApiError::invalid("the cursor belongs to another search").hint(
            "ask for the next page with the same filter, order and experiments as for the first, or begin again without a cursor",
        )
    }
}

impl Mark {
    fn has_nul(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains('\0'))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

/// A short name of everything that decides which rows come in which order.
pub(super) fn bound_to(parts: &[String]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&digest.finalize()[..12])
}
