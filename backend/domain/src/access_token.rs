use serde::{Deserialize, Serialize};

/// Longest life of an access token that ends by itself: ten years.
pub const MAX_TOKEN_DAYS: u32 = 3650;

/// What opens the daemon for a program, by a name of its own. The token itself is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    pub name: String,
    pub created_at_ms: i64,
    /// Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
    /// Absent: it opens the daemon until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
}

/// Body of `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAccessToken {
    pub name: String,
    /// Absent: until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// Answer to `POST /api/tokens`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MadeAccessToken {
    /// The token. Nobody is told it again, and nobody keeps it here.
    pub token: String,
    pub access_token: AccessToken,
}

// A token must not reach a log by way of `{:?}`.
impl std::fmt::Debug for MadeAccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeAccessToken")
            .field("access_token", &self.access_token)
            .finish_non_exhaustive()
    }
}
