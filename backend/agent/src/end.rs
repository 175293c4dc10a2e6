//! How a job ends, and in which words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use lazuli::domain::{JobEnd, RunError};

use crate::daemon::Undeliverable;

/// Why a job ended before its script did.
#[derive(Debug)]
pub enum Stopped {
    Canceled,
    Failed(RunError),
}

impl Stopped {
    pub fn failed(message: impl Into<String>, details: String) -> Stopped {
        Stopped::Failed(RunError { message: message.into(), details, ..RunError::default() })
    }

    pub fn io(action: &str, path: &Path, error: io::Error) -> Stopped {
        let full =
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let hint = if full { "hint: make room on the disk" } else { "" };
        Stopped::failed(format!("cannot {action} `{}`: {error}", path.display()), hint.to_owned())
    }

    pub fn undeliverable(what: &str, failure: Undeliverable) -> Stopped {
        match failure {
            Undeliverable::GivenUp(_) | Undeliverable::HomeGone => Stopped::Canceled,
            Undeliverable::Refused(error) => {
                let hint = error.hint().map(|hint| format!("hint: {hint}")).unwrap_or_default();
                Stopped::failed(format!("{what}: {}", error.message()), hint)
            }
        }
    }
}

impl From<Stopped> for JobEnd {
    fn from(stopped: Stopped) -> JobEnd {
        match stopped {
            Stopped::Canceled => JobEnd::Canceled,
            Stopped::Failed(error) => JobEnd::Failed(error),
        }
    }
}

/// How a script that ran by itself to its end has ended; `output` is the last it said.
pub fn of_script(status: ExitStatus, output: &str) -> JobEnd {
    if status.success() {
        return JobEnd::Completed;
    }
    if let Some(signal) = status.signal() {
        return JobEnd::Failed(RunError {
            message: format!("the script was killed by {}", describe_signal(signal)),
            details: last_lines(output),
            exit_code: None,
            signal: Some(signal),
        });
    }
    let code = status.code();
    let (message, details) = match traceback(output).filter(|_| code == Some(1)) {
        Some((message, details)) => (message, details),
        None => {
            let code = code.unwrap_or_default();
            // `sys.exit("why")` and argparse leave their reason in the last line.
            let reason = output.lines().rev().map(str::trim).find(|line| !line.is_empty());
            let reason = reason.map(|line| format!(": {line}")).unwrap_or_default();
            (format!("the script ended with exit code {code}{reason}"), last_lines(output))
        }
    };
    JobEnd::Failed(RunError { message, details, exit_code: code, signal: None })
}

/// The exception that ended a Python program: its own line, and the whole traceback.
fn traceback(output: &str) -> Option<(String, String)> {
    const HEAD: &str = "Traceback (most recent call last):";
    let lines: Vec<&str> = output.lines().collect();
    let Some(last) = lines.iter().rposition(|line| *line == HEAD) else {
        return syntax_error(&lines);
    };
    // Below the head stand the frames, indented; the first line that is not names the exception.
    let exception = (last + 1..lines.len())
        .find(|index| !lines[*index].starts_with(' ') && !lines[*index].trim().is_empty())?;
    // Exceptions that led to this one stand above it, each with a head of its own.
    let mut first = last;
    while let Some(cause) = cause_of(&lines, first) {
        first = cause;
    }
    Some((lines[exception].to_owned(), limited(&lines[first..])))
}

/// Where the traceback begins that the one at `head` says it came from.
fn cause_of(lines: &[&str], head: usize) -> Option<usize> {
    let link = lines[..head].iter().rposition(|line| !line.trim().is_empty())?;
    let linked = lines[link].starts_with("During handling of the above exception")
        || lines[link].starts_with("The above exception was the direct cause");
    let heads = lines[..link].iter().rposition(|line| line.starts_with("Traceback (most recent"));
    heads.filter(|_| linked)
}

/// A script that Python cannot read has no traceback, only a place and a reason.
fn syntax_error(lines: &[&str]) -> Option<(String, String)> {
    const NAMES: [&str; 3] = ["SyntaxError:", "IndentationError:", "TabError:"];
    let error = lines.iter().rposition(|line| NAMES.iter().any(|name| line.starts_with(name)))?;
    let place = lines[..error].iter().rposition(|line| line.starts_with("  File "))?;
    Some((lines[error].to_owned(), limited(&lines[place..])))
}

fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A deep recursion repeats itself; both ends of it tell the story.
fn limited(lines: &[&str]) -> String {
    const MOST: usize = 100;
    if lines.len() <= MOST {
        return lines.join("\n");
    }
    let left_out = lines.len() - MOST;
    let (start, end) = (&lines[..MOST / 2], &lines[lines.len() - MOST / 2..]);
    format!("{}\n… {left_out} lines left out …\n{}", start.join("\n"), end.join("\n"))
}

fn describe_signal(signal: i32) -> String {
    let name = match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        _ => return format!("signal {signal}"),
    };
    let guess = match signal {
        libc::SIGKILL => ", perhaps because memory ran out",
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL => ": native code in it crashed",
        _ => "",
    };
    format!("signal {signal} ({name}){guess}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32, output: &str) -> RunError {
        match of_script(ExitStatus::from_raw(code << 8), output) {
            JobEnd::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"train.py\", line 3, in <module>\n    raise ValueError(\"bad\\nnews\")\nValueError: bad\nnews";

    #[test]
    fn an_exception_is_named_by_its_own_line() {
        let error = failure(1, &format!("epoch 1\n{TRACEBACK}\n"));
        assert_eq!(error.message, "ValueError: bad");
        assert_eq!(error.details, TRACEBACK);
        assert_eq!((error.exit_code, error.signal), (Some(1), None));
    }

    #[test]
    fn causes_belong_to_the_traceback() {
        let output = "Traceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a\", line 2\nRuntimeError: y";
        let error = failure(1, &format!("hello\n{output}"));
        assert_eq!(error.message, "RuntimeError: y");
        assert_eq!(error.details, output);
    }

    #[test]
    fn an_earlier_traceback_is_not_the_reason_of_a_chosen_exit_code() {
        let error = failure(3, &format!("{TRACEBACK}\nno data left\n"));
        assert_eq!(error.message, "the script ended with exit code 3: no data left");
    }

    #[test]
    fn a_syntax_error_is_named() {
        let error = failure(
            1,
            "  File \"train.py\", line 1\n    x ==\n        ^\nSyntaxError: invalid syntax\n",
        );
        assert_eq!(error.message, "SyntaxError: invalid syntax");
        assert!(error.details.starts_with("  File \"train.py\""), "{}", error.details);
    }

    #[test]
    fn a_signal_is_named() {
        let JobEnd::Failed(error) = of_script(ExitStatus::from_raw(9), "epoch 1\n") else {
            panic!("killed is failed");
        };
        assert_eq!(error.signal, Some(9));
        assert_eq!(
            error.message,
            "the script was killed by signal 9 (SIGKILL), perhaps because memory ran out"
        );
        assert_eq!(error.details, "epoch 1");
    }

    #[test]
    fn a_deep_recursion_is_cut_in_the_middle() {
        let frames = "  File \"a\", line 1, in f\n    f()\n".repeat(1000);
        let error = failure(
            1,
            &format!("Traceback (most recent call last):\n{frames}RecursionError: deep"),
        );
        assert_eq!(error.message, "RecursionError: deep");
        assert_eq!(error.details.lines().count(), 101);
        assert!(error.details.ends_with("RecursionError: deep"));
    }
}
