use clap::Args;

/// Remove for good what was deleted long ago, and every file and environment that nothing refers to
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $gc --dry-run\n  $gc --older-than 7d")]
pub struct Gc {
    /// What was deleted longer ago goes: `30d`, `12h`, `15min`, `0`
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = seconds)]
    pub older_than: u64,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
}

/// Keep everything in one file: rows and files, not the tokens and not the key of the secrets
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $backup lazuli.tar")]
pub struct Backup {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
}

/// Bring back what a backup holds
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $restore lazuli.tar\n  $restore lazuli.tar --force")]
pub struct Restore {
    /// A file that `backup` wrote
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Also when it takes the place of runs and models that are here
    #[arg(long)]
    pub force: bool,
}

fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "d" => 24 * 3600,
        "h" => 3600,
        "min" | "m" => 60,
        "s" | "" => 1,
        _ => return Err("give a time such as `30d`, `12h` or `15min`".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "give a time such as `30d`, `12h` or `15min`".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "the time is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, wanted) in
            [("30d", 2_592_000), ("12h", 43_200), ("15min", 900), ("2m", 120), ("7s", 7), ("0", 0)]
        {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
        }
        for text in
            ["", "d", "-1d", "1.5h", "3 weeks", "99999999999999999999d", "1000000000000000d"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
