use serde::{Deserialize, Serialize};

/// A secret of the workspace's keyvault, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Secret {
    pub name: String,
    pub updated_at_ms: i64,
}

/// Body of `PUT /api/workspaces/{workspace}/secrets/{name}`, and the answer to `GET`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSecret {
    pub value: String,
}

// A secret must not reach a log by way of `{:?}`.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret { value: *** }")
    }
}
