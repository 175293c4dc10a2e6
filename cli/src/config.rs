//! The one place where the shell reads its environment.

/// True unless `NO_COLOR` is set to something (see no-color.org).
pub fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
