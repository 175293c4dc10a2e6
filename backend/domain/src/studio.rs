use serde::{Deserialize, Serialize};

/// Answer to `POST /api/studio/codes`: an address that signs a browser in, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInCode {
    /// The code stands behind a `#`: browsers keep that to themselves.
    pub url: String,
    pub ends_at_ms: i64,
}

/// Body of `POST /api/studio/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSession {
    pub code: String,
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrowserSession {
    pub id: String,
    /// What the browser calls itself.
    pub browser: String,
    pub created_at_ms: i64,
    pub ends_at_ms: i64,
    /// The one that asks.
    #[serde(default)]
    pub is_own: bool,
}

/// Answer to `GET /api/workspaces/{workspace}/completions`: what may come at the end of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Completions {
    /// Where the word begins that a candidate replaces, in UTF-16 units, as browsers count.
    pub start: usize,
    pub candidates: Vec<Completion>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Completion {
    pub text: String,
}
