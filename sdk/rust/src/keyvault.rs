use lazuli_domain::{NewSecret, Secret};

use crate::display::Table;
use crate::{Home, List, Listed, Result, Workspace};

/// The secrets of a workspace, sealed by the daemon. It shows names, never values.
///
/// ```no_run
/// use lazuli::prelude::*;
///
/// let keyvault = Workspace::from_config()?.keyvault();
/// let password = keyvault.get_secret("database-password")?;
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyvault {
    home: Home,
    workspace: String,
}

impl Keyvault {
    pub(crate) fn of(workspace: &Workspace) -> Keyvault {
        Keyvault { home: workspace.home.clone(), workspace: workspace.name().to_owned() }
    }

    /// The value.
    pub fn get_secret(&self, name: &str) -> Result<String> {
        Ok(self.workspace().client()?.secret(&self.workspace, name)?.value)
    }

    /// Keeps a value under a name, in the place of one that is there.
    pub fn set_secret(&self, name: &str, value: &str) -> Result<()> {
        lazuli_domain::check_name("secret", name)?;
        let secret = NewSecret { value: value.to_owned() };
        self.workspace().client()?.set_secret(&self.workspace, name, &secret)
    }

    /// Names, and when they were changed.
    pub fn list_secrets(&self) -> Result<List<Secret>> {
        Ok(List::new(self.workspace().client()?.secrets(&self.workspace)?))
    }

    pub fn delete_secret(&self, name: &str) -> Result<()> {
        self.workspace().client()?.delete_secret(&self.workspace, name)
    }

    fn workspace(&self) -> Workspace {
        Workspace::known(self.home.clone(), self.workspace.clone())
    }

    /// Shows the names in a notebook.
    pub fn evcxr_display(&self) {
        let table = self.list_secrets().map(|secrets| Table {
            title: format!("Keyvault of workspace {}", self.workspace),
            headings: Secret::headings(),
            rows: secrets.iter().map(Secret::cells).collect(),
            empty: "(no secrets)",
        });
        crate::display::show_or_say(table);
    }
}

impl Listed for Secret {
    fn headings() -> &'static [&'static str] {
        &["Secret", "Changed"]
    }

    fn noun() -> &'static str {
        "secret"
    }

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), lazuli_domain::readable::date_time(self.updated_at_ms)]
    }
}
