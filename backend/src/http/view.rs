use serde::Deserialize;

use crate::store::search;

/// Whether a list shows what is deleted.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Only what is not deleted.
    #[default]
    Active,
    /// Only what is.
    Deleted,
    All,
}

impl From<View> for search::View {
    fn from(view: View) -> search::View {
        match view {
            View::Active => Self::Active,
            View::Deleted => Self::Deleted,
            View::All => Self::All,
        }
    }
}
