//! Programs that cells have started. None of them outlives the session.

/// A program and everything it has started without leaving its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessGroup(i32);

impl ProcessGroup {
    /// The group of a child that was started with `process_group(0)`.
    pub fn of(child: &tokio::process::Child) -> std::io::Result<ProcessGroup> {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        id.map(ProcessGroup).ok_or_else(|| std::io::Error::other("the program ended at once"))
    }

    /// The group of a child with this id that was started with `process_group(0)`.
    pub fn of_id(id: u32) -> ProcessGroup {
        ProcessGroup(id.cast_signed())
    }

    pub fn signal(self, signal: i32) {
        // SAFETY: kill() takes two numbers and touches no memory.
        let outcome = unsafe { libc::kill(-self.0, signal) };
        if outcome != 0 {
            let error = std::io::Error::last_os_error();
            // Nobody is left in the group.
            if error.raw_os_error() != Some(libc::ESRCH) {
                tracing::warn!(%error, group = self.0, signal, "could not signal");
            }
        }
    }

    pub fn is_alive(self) -> bool {
        // SAFETY: as above; signal 0 only asks.
        unsafe { libc::kill(-self.0, 0) == 0 }
    }
}
