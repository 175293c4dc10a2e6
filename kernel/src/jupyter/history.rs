//! The cells of this session, and `history_request`.

use serde_json::{Value, json};

use super::wire::Request;

/// This session's number; history of earlier sessions is not kept.
const SESSION: i64 = 1;

#[derive(Default)]
pub struct History {
    entries: Vec<Entry>,
}

struct Entry {
    line: u32,
    input: String,
    output: Option<String>,
}

impl History {
    pub fn add(&mut self, line: u32, input: &str, output: Option<String>) {
        self.entries.push(Entry { line, input: input.to_owned(), output });
    }

    /// The content of the `history_reply`.
    pub fn reply(&self, request: &Request) -> Value {
        let with_output = request.flag("output", false);
        let found = match request.text("hist_access_type") {
            "range" => self.range(request),
            "search" => self.search(request),
            _ => latest(self.entries.iter().collect(), request.number("n")),
        };
        let history: Vec<Value> = found
            .into_iter()
            .map(|entry| {
                if with_output {
                    json!([SESSION, entry.line, [entry.input, entry.output]])
                } else {
                    json!([SESSION, entry.line, entry.input])
                }
            })
            .collect();
        json!({ "status": "ok", "history": history })
    }

    /// `session` 0 is the present one, a negative one counts back from it.
    fn range(&self, request: &Request) -> Vec<&Entry> {
        if !matches!(request.number("session"), None | Some(0 | SESSION)) {
            return Vec::new();
        }
        let start = request.number("start").unwrap_or(0);
        let stop = request.number("stop").unwrap_or(i64::MAX);
        self.entries.iter().filter(|entry| (start..stop).contains(&entry.line.into())).collect()
    }

    fn search(&self, request: &Request) -> Vec<&Entry> {
        let pattern = match request.text("pattern") {
            "" => "*",
            pattern => pattern,
        };
        let mut found: Vec<&Entry> =
            self.entries.iter().filter(|entry| matches_glob(pattern, &entry.input)).collect();
        if request.flag("unique", false) {
            // Of equal cells the newest stays.
            let mut seen = std::collections::HashSet::new();
            found = found.into_iter().rev().filter(|entry| seen.insert(&entry.input)).collect();
            found.reverse();
        }
        latest(found, request.number("n"))
    }
}

fn latest(mut entries: Vec<&Entry>, n: Option<i64>) -> Vec<&Entry> {
    if let Some(n) = n.and_then(|n| usize::try_from(n).ok()) {
        entries.drain(..entries.len().saturating_sub(n));
    }
    entries
}

/// `*` stands for any text, `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                last_star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match last_star {
                // The star takes one character more.
                Some((star, taken)) => {
                    last_star = Some((star, taken + 1));
                    at_pattern = star + 1;
                    at_text = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn a_glob_matches_the_whole_cell() {
        assert!(matches_glob("let*", "let x = 5;"));
        assert!(matches_glob("*x*5*", "let x = 5;"));
        assert!(matches_glob("?+?", "1+1"));
        assert!(!matches_glob("let", "let x = 5;"));
        assert!(!matches_glob("*y*", "let x = 5;"));
    }
}
