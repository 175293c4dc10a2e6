//! The one place where a command reads the environment: a variable that it was told the name of.

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
