use lazuli_domain::MIME_RUN_REQUEST;

use crate::client::Client;
use crate::display::print_content;
use crate::{Home, Result, Run};

/// Shows a run and follows it until it ends.
///
/// ```no_run
/// # use lazuli::prelude::*;
/// # let run = Run::get_context()?;
/// RunDetails::new(&run)
/// # ;
/// # Ok::<(), lazuli::Error>(())
/// ```
///
/// As the last expression of a cell it becomes a live display in the Lazuli kernel. Elsewhere
/// [`RunDetails::show`] prints its text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDetails {
    home: Home,
    run_id: String,
}

impl RunDetails {
    pub fn new(run: &Run) -> RunDetails {
        RunDetails { home: run.home.clone(), run_id: run.id().to_owned() }
    }

    /// In a notebook a live display; in any other program the text form, once.
    pub fn show(&self) -> Result<()> {
        if crate::Config::from_environment()?.in_notebook {
            self.evcxr_display();
        } else {
            println!("{}", self.text()?);
        }
        Ok(())
    }

    /// The run as text, as it is now.
    pub fn text(&self) -> Result<String> {
        let bundle = Client::connect_to(&self.home)?.display(&self.run_id)?;
        Ok(bundle.data.get("text/plain").and_then(|text| text.as_str()).unwrap_or_default().into())
    }

    /// Asks the kernel for the display.
    pub fn evcxr_display(&self) {
        let request = serde_json::json!({ "run_id": self.run_id }).to_string();
        print_content(&[(MIME_RUN_REQUEST, &request)]);
    }
}
