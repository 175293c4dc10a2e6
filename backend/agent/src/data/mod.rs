//! Data for the script and from it.
//!
//! Before the script, what its inputs name is downloaded or shown at a path; after it, what it wrote
//! for its outputs goes to their datastores. In arguments and environment variables a placeholder,
//! `$AZUREML_DATAREFERENCE_<name>`, becomes the path.

mod cache;
mod inputs;
mod outputs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazuli::client::Client;
use lazuli::domain::{JobFile, download_path};

use crate::attention::Attention;
use crate::daemon::{Daemon, Undeliverable};
use crate::end::Stopped;
use crate::std_log::StdLog;

pub use outputs::Output;

const PLACEHOLDER: &str = "$AZUREML_DATAREFERENCE_";
/// A daemon that is there and refuses again and again has a reason that stays.
const MOST_REFUSALS: u32 = 5;

/// What belongs to the job that data is made ready for.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub job: &'a JobFile,
    /// `runs/<run_id>/`
    pub folder: &'a Path,
    pub daemon: &'a Daemon,
    pub attention: &'a Attention,
}

/// Data that is ready.
#[derive(Default)]
pub struct Data {
    /// What stands for each name.
    paths: BTreeMap<String, String>,
    outputs: Vec<Output>,
}

/// Makes inputs and the folders of outputs ready.
pub fn prepare(place: Place<'_>, log: &mut StdLog) -> Result<Data, Stopped> {
    let mut data = Data::default();
    for input in &place.job.spec.inputs {
        let path = inputs::prepare(place, input, log)?;
        data.paths.insert(input.name.clone(), path);
        if place.attention.is_requested() {
            return Err(Stopped::Canceled);
        }
    }
    for output in &place.job.spec.outputs {
        let ready = Output::prepare(place, output)?;
        data.paths.insert(output.name.clone(), ready.path());
        data.outputs.push(ready);
    }
    Ok(data)
}

impl Data {
    /// The text with its placeholders replaced; a name that is none stays as it is.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(PLACEHOLDER) {
            let name = &rest[at + PLACEHOLDER.len()..];
            let end = name
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(name.len());
            filled.push_str(&rest[..at]);
            match self.paths.get(&name[..end]) {
                Some(path) => filled.push_str(path),
                None => filled.push_str(&rest[at..at + PLACEHOLDER.len() + end]),
            }
            rest = &name[end..];
        }
        filled.push_str(rest);
        filled
    }

    /// Environment variables that hold the same.
    pub fn variables(&self) -> impl Iterator<Item = (String, &String)> {
        self.paths.iter().map(|(name, path)| (format!("{}{name}", &PLACEHOLDER[1..]), path))
    }

    /// Sends what the script wrote, and registers it when the run completes; says why when something
    /// of it could not be done.
    pub fn take(
        &self,
        place: Place<'_>,
        is_completed: bool,
        log: &mut StdLog,
    ) -> Result<(), String> {
        let mut problem = None;
        for output in &self.outputs {
            if let Err(reason) = output.take(place, is_completed, log) {
                let said = format!("its output `{}`: {reason}", output.name());
                log.say(&said);
                problem.get_or_insert(said);
            }
        }
        problem.map_or(Ok(()), Err)
    }
}

impl<'a> Place<'a> {
    fn code(self) -> PathBuf {
        self.folder.join("code")
    }

    /// Where something is put that names its own place or not.
    fn on_compute(self, given: Option<&str>, kind: &str, name: &str) -> Result<PathBuf, Stopped> {
        match given {
            None => Ok(self.folder.join(kind).join(name)),
            Some(path) if Path::new(path).is_absolute() => Ok(PathBuf::from(path)),
            Some(path) => download_path(&self.code(), path)
                .map_err(|error| Stopped::failed(error.message, error.hint.unwrap_or_default())),
        }
    }

    /// Asks the daemon, for as long as it may be on its way back.
    fn ask<T>(
        self,
        what: &str,
        call: impl FnMut(&Client) -> Result<T, lazuli::Error>,
    ) -> Result<T, Stopped> {
        let mut refusals = 0;
        let patience = |time: Duration| {
            if self.daemon.is_there() {
                refusals += 1;
            }
            refusals < MOST_REFUSALS && !self.attention.wait(time)
        };
        self.daemon.call(call, patience).map_err(|failure| match failure {
            // It answered; what is behind it did not.
            Undeliverable::GivenUp(Some(error)) if !self.attention.is_requested() => {
                Stopped::undeliverable(what, Undeliverable::Refused(error))
            }
            failure => Stopped::undeliverable(what, failure),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Data;

    #[test]
    fn placeholders_become_paths() {
        let mut data = Data::default();
        for (name, path) in [("data", "/d"), ("data_2", "/two")] {
            data.paths.insert(name.to_owned(), path.to_owned());
        }
        for (text, wanted) in [
            ("$AZUREML_DATAREFERENCE_data", "/d"),
            ("--in=$AZUREML_DATAREFERENCE_data_2/a.csv", "--in=/two/a.csv"),
            ("$AZUREML_DATAREFERENCE_data:$AZUREML_DATAREFERENCE_data_2", "/d:/two"),
            ("$AZUREML_DATAREFERENCE_other", "$AZUREML_DATAREFERENCE_other"),
            ("größe", "größe"),
            ("", ""),
        ] {
            assert_eq!(data.fill(text), wanted);
        }
        let variables: Vec<_> = data.variables().collect();
        assert_eq!(variables[0], ("AZUREML_DATAREFERENCE_data".to_owned(), &"/d".to_owned()));
    }
}
