//! What the texts say. Nothing here knows LSP, asks the daemon or reads a file: places are bytes,
//! names come in a [`Names`](crate::names::Names), scripts as text.

pub mod columns;
pub mod job_file;
pub mod lexer;
pub mod magics;
pub mod places;
pub mod runs;
pub mod scripts;

/// Bytes of a text.
pub type Span = std::ops::Range<usize>;

/// Something to underline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub span: Span,
    pub severity: Severity,
    pub message: String,
    /// What to put in the place of which span, and how to call that.
    pub fix: Option<Fix>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    pub span: Span,
    pub text: String,
}

impl Finding {
    pub fn warning(span: Span, message: impl Into<String>) -> Finding {
        Finding { span, severity: Severity::Warning, message: message.into(), fix: None }
    }
}
