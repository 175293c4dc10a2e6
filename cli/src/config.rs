//! The one place where the shell reads its environment.

/// Whether the shell knows an agent that holds keys for ssh.
pub fn has_ssh_agent() -> bool {
    std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| !socket.is_empty())
}

/// True unless `NO_COLOR` is set to something (see no-color.org).
pub fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
