use lazuli_domain::{ApiError, ErrorKind};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one sentence, with the next step and the cause where there is one.
///
/// `{}` and `{:?}` both print the sentence and the hint: a notebook cell and a `main` that returns
/// a `Result` show the latter.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    error: ApiError,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What kind of failure it was, for code that goes on from there.
    pub fn kind(&self) -> ErrorKind {
        self.inner.error.kind
    }

    /// The sentence, without the hint.
    pub fn message(&self) -> &str {
        &self.inner.error.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.inner.error.hint.as_deref()
    }

    /// The same error with this next step.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.error.hint = Some(hint.into());
        self
    }

    pub fn as_api_error(&self) -> &ApiError {
        &self.inner.error
    }

    pub(crate) fn caused_by(
        error: ApiError,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { inner: Box::new(Inner { error, source: Some(source.into()) }) }
    }

    /// A failure of the system while doing `what` ("cannot read `train.py`").
    pub(crate) fn io(what: impl std::fmt::Display, cause: std::io::Error) -> Self {
        let error = match cause.kind() {
            std::io::ErrorKind::NotFound => ApiError::new(
                ErrorKind::NotFound,
                format!("{what}: there is no such file or folder"),
            ),
            _ => ApiError::unavailable(format!("{what}: {cause}")),
        };
        let error = match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                error.hint("free some space and try again")
            }
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                error.hint("see who may write there, or choose another folder")
            }
            _ => error,
        };
        Self::caused_by(error, cause)
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self { inner: Box::new(Inner { error, source: None }) }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        error.inner.error
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.inner.error, f)
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.inner.error, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn people_see_sentence_and_hint_and_code_finds_the_cause() {
        let cause = std::io::Error::from_raw_os_error(13);
        let error = Error::io("cannot read `a.txt`", cause).with_hint("look at its permissions");
        let shown =
            "cannot read `a.txt`: Permission denied (os error 13)\nhint: look at its permissions";
        assert_eq!(error.to_string(), shown);
        assert_eq!(format!("{error:?}"), shown);
        let cause = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(cause.raw_os_error(), Some(13));
    }
}
