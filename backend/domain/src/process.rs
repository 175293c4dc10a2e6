use serde::{Deserialize, Serialize};

/// A process that is told from every other, also after its pid was given to another one and after
/// a reboot. Linux: field 22 of `/proc/<pid>/stat` and `/proc/sys/kernel/random/boot_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProcessIdentity {
    pub pid: u32,
    /// Clock ticks since boot at which the process started.
    pub start_time: u64,
    pub boot_id: String,
}

impl ProcessIdentity {
    /// Reads the start time out of the text of `/proc/<pid>/stat`. The command's name, in
    /// parentheses, may itself contain blanks and parentheses.
    pub fn start_time_of_stat(stat: &str) -> Option<u64> {
        let (_, after_name) = stat.rsplit_once(')')?;
        // Field 3 (state) is the first one after the name; the start time is field 22.
        after_name.split_whitespace().nth(19)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 9 9 9";
        assert_eq!(ProcessIdentity::start_time_of_stat(stat), Some(4242));
    }
}
