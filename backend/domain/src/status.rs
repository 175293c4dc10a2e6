use serde::{Deserialize, Serialize};

/// Where a run stands; the words are SDK v1's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunStatus {
    /// Recorded; nothing has been started for it.
    NotStarted,
    /// Waits for its compute target.
    Queued,
    /// The agent makes folder and environment ready.
    Preparing,
    Running,
    /// The command has ended; logs and outputs are being collected.
    Finalizing,
    /// Somebody asked for its end; the processes may still be there.
    CancelRequested,
    Completed,
    Failed,
    Canceled,
}

impl RunStatus {
    pub const ALL: [RunStatus; 9] = [
        Self::NotStarted,
        Self::Queued,
        Self::Preparing,
        Self::Running,
        Self::Finalizing,
        Self::CancelRequested,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
    ];

    /// True when nothing more will happen to the run.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    /// The status machine: forward only, `CancelRequested` from anything alive, and an end from
    /// anything alive. After a request to cancel, the run may still complete or fail by itself.
    pub fn can_become(self, next: RunStatus) -> bool {
        if self.is_final() {
            return false;
        }
        match next {
            Self::Completed | Self::Failed | Self::Canceled => true,
            Self::CancelRequested => self != Self::CancelRequested,
            _ => self != Self::CancelRequested && (next as u8) > (self as u8),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Queued => "Queued",
            Self::Preparing => "Preparing",
            Self::Running => "Running",
            Self::Finalizing => "Finalizing",
            Self::CancelRequested => "CancelRequested",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }

    /// Reads the name back, whatever its case.
    pub fn parse(text: &str) -> Option<RunStatus> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::RunStatus::{self, *};

    #[test]
    fn a_final_status_never_changes() {
        for end in [Completed, Failed, Canceled] {
            for next in RunStatus::ALL {
                assert!(!end.can_become(next), "{end} -> {next}");
            }
        }
    }

    #[test]
    fn a_run_moves_forward_only() {
        assert!(NotStarted.can_become(Queued));
        assert!(Queued.can_become(Preparing));
        assert!(Preparing.can_become(Running));
        assert!(Running.can_become(Finalizing));
        assert!(!Running.can_become(Queued));
        assert!(!Running.can_become(Running));
    }

    #[test]
    fn a_canceled_run_does_not_start_again() {
        assert!(Running.can_become(CancelRequested));
        assert!(!CancelRequested.can_become(Running));
        assert!(!CancelRequested.can_become(Finalizing));
        assert!(CancelRequested.can_become(Completed));
        assert!(CancelRequested.can_become(Canceled));
    }

    #[test]
    fn names_round_trip() {
        for status in RunStatus::ALL {
            assert_eq!(RunStatus::parse(&status.to_string().to_lowercase()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
