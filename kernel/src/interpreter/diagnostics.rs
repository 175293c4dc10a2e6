//! Errors as people read them: the line of the cell, underlined.

use evcxr::CompilationError;

use super::CellError;
use super::runtime::Death;

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Compiler errors, placed in the cell.
pub fn compile_error(errors: &[CompilationError], cell: &str, count: u32) -> CellError {
    let mut traceback = Vec::new();
    for error in errors {
        let code = error.code().map(|code| format!("[{code}]")).unwrap_or_default();
        traceback.push(format!("{RED}error{code}{PLAIN}{BOLD}: {}{PLAIN}", error.message()));
        for message in error.spanned_messages() {
            let Some(span) = &message.span else { continue };
            let place = Place {
                line: span.start_line,
                column: span.start_column,
                end_column: (span.end_line == span.start_line).then_some(span.end_column),
            };
            traceback.extend(excerpt(cell, count, &place, &message.label, message.is_primary));
        }
        for help in error.help() {
            traceback.push(format!("{BLUE}help{PLAIN}: {help}"));
        }
        if let Some(hint) = error.evcxr_extra_hint() {
            traceback.push(format!("{BLUE}note{PLAIN}: {hint}"));
        }
    }
    let first = errors.first();
    let value = match (errors.len(), first) {
        (0 | 1, Some(error)) => error.message(),
        (more, Some(error)) => format!("{} (and {} more)", error.message(), more - 1),
        (_, None) => "the cell does not compile".to_owned(),
    };
    CellError { name: "CompileError".to_owned(), value, traceback }
}

/// A panic; `location` is `file:line:column` of the generated source.
pub fn panic(message: &str, location: &str, source: &str, cell: &str, count: u32) -> CellError {
    let mut traceback = vec![format!("{RED}panicked{PLAIN}{BOLD}: {message}{PLAIN}")];
    let mut parts = location.rsplitn(3, ':');
    let column = parts.next().and_then(|text| text.parse::<usize>().ok());
    let line = parts.next().and_then(|text| text.parse::<usize>().ok());
    let file = parts.next().unwrap_or_default();
    match (line, column) {
        (Some(line), Some(column)) if file == "src/lib.rs" => {
            match place_in_cell(source, line, column, cell) {
                Some(place) => traceback.extend(excerpt(cell, count, &place, "", true)),
                None => {
                    let text = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
                    traceback.push(format!("{BLUE} -->{PLAIN} an earlier cell: {}", text.trim()));
                }
            }
        }
        _ if !location.is_empty() => traceback.push(format!("{BLUE} -->{PLAIN} {location}")),
        _ => {}
    }
    CellError { name: "Panic".to_owned(), value: first_line(message), traceback }
}

/// The cell ended by `?`; `printed` is what it wrote to its standard error.
pub fn returned_error(printed: &str) -> CellError {
    // The error was printed as the last thing; a hint of ours stands on a line of its own.
    let mut lines: Vec<&str> = printed.trim_end().lines().collect();
    let hint_lines = lines.iter().rev().take_while(|line| line.starts_with("hint: ")).count();
    let hints = lines.split_off(lines.len() - hint_lines);
    let value = lines.last().copied().unwrap_or("the cell returned an error").to_owned();
    let mut traceback = vec![format!("{RED}error{PLAIN}{BOLD}: {value}{PLAIN}")];
    traceback.extend(hints.iter().map(|hint| (*hint).to_owned()));
    CellError { name: "Error".to_owned(), value, traceback }
}

/// The process that ran the cell is gone; `kept` tells whether the variables are still there.
pub fn death(death: Death, kept: bool, lost_threads: bool) -> CellError {
    let (name, value) = match death {
        Death::Interrupted => ("Interrupted", "the cell was interrupted".to_owned()),
        Death::Exited(code) => {
            ("ProcessExit", format!("the cell ended its process with exit code {code}"))
        }
        Death::Signaled(signal) => {
            ("Signal", format!("the cell was ended by signal {signal} ({})", signal_name(signal)))
        }
    };
    let fate = match kept {
        true => "variables of earlier cells are kept; this cell's changes to them are undone",
        false => "the variables are lost, because no checkpoint was made before this cell",
    };
    let mut traceback = vec![
        format!("{RED}{name}{PLAIN}{BOLD}: {value}{PLAIN}"),
        format!("{BLUE}note{PLAIN}: {fate}"),
    ];
    if kept && lost_threads {
        traceback.push(format!(
            "{BLUE}note{PLAIN}: background threads of earlier cells are gone; start them again"
        ));
    }
    CellError { name: name.to_owned(), value, traceback }
}

/// Anything else, in plain words.
pub fn plain(name: &str, value: &str) -> CellError {
    let traceback = vec![format!("{RED}{name}{PLAIN}{BOLD}: {value}{PLAIN}")];
    CellError { name: name.to_owned(), value: first_line(value), traceback }
}

/// Something is missing on this machine.
pub fn not_available(what: &str, hint: &str) -> CellError {
    let mut error = plain("NotAvailable", what);
    error.traceback.push(format!("{BLUE}hint{PLAIN}: {hint}"));
    error
}

/// One-based lines and columns (in characters) of the cell.
struct Place {
    line: usize,
    column: usize,
    /// Absent when the place goes on in further lines.
    end_column: Option<usize>,
}

fn excerpt(cell: &str, count: u32, place: &Place, label: &str, is_primary: bool) -> Vec<String> {
    let text = cell.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let length = text.chars().count();
    let start = place.column.saturating_sub(1).min(length);
    let end = place
        .end_column
        .map_or(length, |end| end.saturating_sub(1))
        .clamp(start, length.max(start));
    let (mark, color) = if is_primary { ("^", RED) } else { ("-", BLUE) };
    vec![
        format!("{gutter}{BLUE}-->{PLAIN} In[{count}]:{}:{}", place.line, place.column),
        format!("{BLUE}{number} |{PLAIN} {text}"),
        format!(
            "{gutter}{BLUE} |{PLAIN} {}{color}{} {label}{PLAIN}",
            " ".repeat(start),
            mark.repeat((end - start).max(1))
        )
        .trim_end()
        .to_owned(),
    ]
}

/// Finds a line of the generated source in the cell. evcxr copies statements verbatim, one after
/// the other, so the neighbours decide when the same line stands several times in the cell.
fn place_in_cell(source: &str, line: usize, column: usize, cell: &str) -> Option<Place> {
    let source: Vec<&str> = source.lines().collect();
    let cell: Vec<&str> = cell.lines().collect();
    let wanted = source.get(line.checked_sub(1)?)?;
    let matches = |generated: &str, typed: &str| {
        let typed = typed.trim();
        !typed.is_empty() && generated.contains(typed)
    };
    let agreement = |index: usize| {
        (-3i64..=3)
            .filter(|offset| {
                let generated = usize::try_from(line as i64 - 1 + offset).ok();
                let typed = usize::try_from(index as i64 + offset).ok();
                match (generated.and_then(|at| source.get(at)), typed.and_then(|at| cell.get(at))) {
                    (Some(generated), Some(typed)) => matches(generated, typed),
                    _ => false,
                }
            })
            .count()
    };
    let index = (0..cell.len())
        .filter(|&index| matches(wanted, cell[index]))
        .max_by_key(|&index| (agreement(index), std::cmp::Reverse(index)))?;
    // The last expression is wrapped in generated code that shifts it to the right.
    let typed = cell[index].trim();
    let shift_generated = wanted.find(typed).map(|at| wanted[..at].chars().count())?;
    let shift_typed = cell[index].chars().take_while(|char| char.is_whitespace()).count();
    let column = (column + shift_typed).saturating_sub(shift_generated).max(1);
    Some(Place { line: index + 1, column, end_column: Some(column + 1) })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV: invalid memory access",
        libc::SIGABRT => "SIGABRT: aborted, for example by a stack overflow",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL: killed, for example for want of memory",
        libc::SIGTERM => "SIGTERM",
        _ => "no common signal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_points_at_the_line_of_the_cell() {
        let source = "use x;\nfn run() {\nlet a = 1;\nlet v = vec![1];\n(v[3]).evcxr_display();\n}";
        let error = panic(
            "index out of bounds",
            "src/lib.rs:5:2",
            source,
            "let a = 1;\nlet v = vec![1];\n  v[3]",
            4,
        );
        assert_eq!(error.value, "index out of bounds");
        assert!(error.traceback[1].contains("In[4]:3:3"), "{:?}", error.traceback);
    }

    #[test]
    fn neighbours_tell_equal_lines_apart() {
        let cell = "f(1);\ng();\nf(2);\nf(1);";
        let source = format!("fn run() {{\n{cell}\n}}");
        assert_eq!(place_in_cell(&source, 2, 1, cell).map(|place| place.line), Some(1));
        assert_eq!(place_in_cell(&source, 5, 1, cell).map(|place| place.line), Some(4));
    }

    #[test]
    fn the_hint_of_a_returned_error_is_kept_apart() {
        let error = returned_error("noise\nrun `x` not found\nhint: see `lazuli run list`\n");
        assert_eq!(error.value, "run `x` not found");
        assert_eq!(error.traceback[1], "hint: see `lazuli run list`");
    }
}
