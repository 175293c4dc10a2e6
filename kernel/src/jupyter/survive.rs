//! A defect in one feature must not end the session: its request fails, the others go on.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::interpreter::CellError;

/// Does the work; a panic in it becomes an error.
pub async fn survive<T>(work: impl Future<Output = T>) -> Result<T, CellError> {
    // What the work has changed is behind locks that forgive poisoning, and of one request only.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let message = message(&*panic);
        tracing::error!(message, "a defect of the kernel");
        crate::magic::failure(
            "InternalError",
            format!("a defect of Lazuli: {message}"),
            Some("save the notebook, restart the kernel, and report the cell that did this".into()),
        )
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message,
        (None, None) => "no message",
    }
}

#[cfg(test)]
mod tests {
    use super::survive;

    #[tokio::test]
    async fn a_defect_becomes_an_error() {
        let error = survive::<()>(async { panic!("index {}", 7) }).await.unwrap_err();
        assert_eq!(error.name, "InternalError");
        assert!(error.value.starts_with("a defect of Lazuli: index 7\n"), "{}", error.value);
    }
}
