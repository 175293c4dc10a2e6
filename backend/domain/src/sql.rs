//! The names of tables in SQL, found without understanding the rest of it.

/// A table that a query names: `name` or `name@2`, as it is written, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// With its version; the key of a query's tables.
    pub text: String,
    pub name: String,
    pub version: Option<u64>,
}

/// Every name that follows FROM or JOIN, or a comma between such names, once. Names that a WITH gives
/// are left out.
pub fn tables_of(sql: &str) -> Vec<TableName> {
    let words = words(sql);
    let mut given = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let next = |ahead: usize| words.get(place + ahead);
        let names_query = next(1).is_some_and(|word| word.is("AS"))
            && next(2).is_some_and(|word| word.text == "(");
        let follows = place.checked_sub(1).map(|before| &words[before]).is_some_and(|before| {
            before.is("WITH") || before.is("RECURSIVE") || before.text == ","
        });
        if names_query && follows && word.is_name {
            given.push(word.value.to_lowercase());
        }
    }
    let mut tables: Vec<TableName> = places(&words)
        .into_iter()
        .map(|place| &words[place])
        .filter(|word| !given.contains(&word.value.to_lowercase()))
        .map(|word| {
            let version = word
                .value
                .rsplit_once('@')
                .and_then(|(name, version)| Some((name.to_owned(), version.parse().ok()?)));
            let text = word.value.clone();
            match version {
                Some((name, version)) => TableName { text, name, version: Some(version) },
                None => TableName { name: text.clone(), text, version: None },
            }
        })
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

/// The query with quotes round those of the names that stand where a table does.
pub fn quote_tables(sql: &str, names: &[&str]) -> String {
    let words = words(sql);
    let mut quoted = String::with_capacity(sql.len() + 16);
    let mut end = 0;
    for place in places(&words) {
        let word = &words[place];
        if names.contains(&word.value.as_str()) {
            quoted.push_str(&sql[end..word.start]);
            quoted.push_str(&format!("\"{}\"", word.value.replace('"', "\"\"")));
            // `name@2` says which version, and is no name for its columns.
            if let Some((name, _)) = word.value.rsplit_once('@')
                && !is_alias(words.get(place + 1))
            {
                quoted.push_str(&format!(" AS \"{}\"", name.replace('"', "\"\"")));
            }
            end = word.end;
        }
    }
    quoted.push_str(&sql[end..]);
    quoted
}

/// Whether the word after a table's name gives it another one.
fn is_alias(next: Option<&Word<'_>>) -> bool {
    next.is_some_and(|next| next.is("AS") || next.is_name && !next.is_keyword())
}

struct Word<'a> {
    text: &'a str,
    /// Without quotes.
    value: String,
    is_name: bool,
    is_quoted: bool,
    start: usize,
    end: usize,
}

impl Word<'_> {
    fn is(&self, keyword: &str) -> bool {
        !self.is_quoted && self.text.eq_ignore_ascii_case(keyword)
    }

    fn is_keyword(&self) -> bool {
        const KEYWORDS: [&str; 27] = [
            "WHERE",
            "GROUP",
            "ORDER",
            "HAVING",
            "LIMIT",
            "OFFSET",
            "FETCH",
            "UNION",
            "EXCEPT",
            "INTERSECT",
            "JOIN",
            "INNER",
            "LEFT",
            "RIGHT",
            "FULL",
            "CROSS",
            "NATURAL",
            "OUTER",
            "ON",
            "USING",
            "WINDOW",
            "QUALIFY",
            "SEMI",
            "ANTI",
            "LATERAL",
            "TABLESAMPLE",
            "FOR",
        ];
        KEYWORDS.iter().any(|keyword| self.is(keyword))
    }
}

/// The words that are names of tables.
fn places(words: &[Word<'_>]) -> Vec<usize> {
    let mut places = Vec::new();
    // Per open bracket: whether a name, or a comma and a name, of a FROM comes next there.
    let mut levels = vec![(false, false)];
    for (place, word) in words.iter().enumerate() {
        let Some((wants, lists)) = levels.last_mut() else { break };
        match word.text {
            "(" => {
                *wants = false;
                levels.push((false, false));
            }
            ")" => {
                levels.pop();
                if levels.is_empty() {
                    levels.push((false, false));
                }
            }
            "," => *wants = *lists,
            _ if word.is("FROM") => {
                // `EXTRACT(year FROM time)` and its kin have no SELECT in their brackets.
                let depth = levels.len();
                if depth == 1 || has_select(words, place) {
                    levels[depth - 1] = (true, true);
                }
            }
            _ if word.is("JOIN") => (*wants, *lists) = (true, true),
            _ if *wants && (word.is("LATERAL") || word.is("ONLY")) => {}
            _ if *wants => {
                let is_call = words.get(place + 1).is_some_and(|next| next.text == "(");
                if word.is_name && !is_call {
                    places.push(place);
                }
                *wants = false;
            }
            _ if word.is_keyword() && !word.is("ON") && !word.is("USING") => {
                let joins = ["INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "OUTER"];
                if !joins.iter().any(|keyword| word.is(keyword)) {
                    *lists = false;
                }
            }
            _ => {}
        }
    }
    places
}

/// Whether a SELECT stands before this word in the same brackets.
fn has_select(words: &[Word<'_>], place: usize) -> bool {
    let mut depth = 0;
    for word in words[..place].iter().rev() {
        match word.text {
            ")" => depth += 1,
            "(" if depth == 0 => return false,
            "(" => depth -= 1,
            _ if depth == 0 && word.is("SELECT") => return true,
            _ => {}
        }
    }
    true
}

fn words(sql: &str) -> Vec<Word<'_>> {
    let bytes = sql.as_bytes();
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &sql[at..];
        let next = rest.chars().next().unwrap_or(' ');
        let (length, is_name) = match next {
            _ if next.is_whitespace() => {
                at += next.len_utf8();
                continue;
            }
            '-' if rest.starts_with("--") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '/' if rest.starts_with("/*") => {
                at += rest.find("*/").map_or(rest.len(), |end| end + 2);
                continue;
            }
            '\'' => (quoted(rest, '\''), false),
            '"' => (quoted(rest, '"'), true),
            '`' => (quoted(rest, '`'), true),
            _ if is_word(next) => {
                // A table's name may have `-` and `.` in it, which elsewhere are operators.
                let names_table = words
                    .last()
                    .is_some_and(|word| word.is("FROM") || word.is("JOIN") || word.text == ",");
                let inner = |c: char| is_word(c) || names_table && matches!(c, '-' | '.');
                let mut length = rest.find(|c| !inner(c)).unwrap_or(rest.len());
                // A comment begins, or the statement ends.
                if let Some(comment) = rest[..length].find("--") {
                    length = comment;
                }
                (rest[..length].trim_end_matches(['-', '.']).len(), true)
            }
            _ => (next.len_utf8(), false),
        };
        let mut length = length;
        let is_quoted = matches!(next, '"' | '`');
        let mut value = match is_quoted {
            true => {
                let quote = next.to_string();
                let inner = rest[..length].strip_prefix(next).unwrap_or_default();
                inner.strip_suffix(next).unwrap_or(inner).replace(&quote.repeat(2), &quote)
            }
            false => rest[..length].to_owned(),
        };
        // `"my table"@2`
        if is_quoted && let Some(version) = rest[length..].strip_prefix('@') {
            let digits = version.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                value.push_str(&rest[length..=length + digits]);
                length += digits + 1;
            }
        }
        words.push(Word {
            text: &rest[..length],
            value,
            is_name,
            is_quoted,
            start: at,
            end: at + length,
        });
        at += length;
    }
    words
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '@' | '$' | '#')
}

/// How long the text between quotes is, with them; doubled quotes are part of it.
fn quoted(text: &str, quote: char) -> usize {
    let mut inner = text.char_indices().skip(1).peekable();
    while let Some((place, character)) = inner.next() {
        if character == quote {
            match inner.peek() {
                Some((_, next)) if *next == quote => {
                    inner.next();
                }
                _ => return place + 1,
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, wanted: &[&str], quoted: &str) {
        let tables = tables_of(sql);
        let names: Vec<&str> = tables.iter().map(|table| table.text.as_str()).collect();
        assert_eq!(names, wanted, "{sql}");
        assert_eq!(quote_tables(sql, wanted), quoted);
    }

    #[test]
    fn tables_are_found_and_quoted() {
        check("SELECT * FROM csv_table", &["csv_table"], "SELECT * FROM \"csv_table\"");
        check(
            "select a from csv_table@2 where b > 1",
            &["csv_table@2"],
            "select a from \"csv_table@2\" AS \"csv_table\" where b > 1",
        );
        check(
            "SELECT * FROM a@1 x JOIN b@2 AS y ON x.id = y.id, c",
            &["a@1", "b@2", "c"],
            "SELECT * FROM \"a@1\" x JOIN \"b@2\" AS y ON x.id = y.id, \"c\"",
        );
        check(
            "SELECT a, b - c FROM my-data.v1 LIMIT 1",
            &["my-data.v1"],
            "SELECT a, b - c FROM \"my-data.v1\" LIMIT 1",
        );
        check(
            "SELECT * FROM \"my data\"@3",
            &["my data@3"],
            "SELECT * FROM \"my data@3\" AS \"my data\"",
        );
        check(
            "WITH x AS (SELECT * FROM t), y AS (SELECT 1) SELECT extract(year FROM d), 'from q' FROM x, y, u -- from z",
            &["t", "u"],
            "WITH x AS (SELECT * FROM \"t\"), y AS (SELECT 1) SELECT extract(year FROM d), 'from q' FROM x, y, \"u\" -- from z",
        );
        check(
            "SELECT * FROM (SELECT a FROM t GROUP BY a, b ORDER BY c, d) s, u",
            &["t", "u"],
            "SELECT * FROM (SELECT a FROM \"t\" GROUP BY a, b ORDER BY c, d) s, \"u\"",
        );
        check("SELECT 1 FROM range(1, 2)", &[], "SELECT 1 FROM range(1, 2)");
        check("", &[], "");
        check("SELECT 'a", &[], "SELECT 'a");
    }

    #[test]
    fn versions_are_numbers() {
        let table = |sql: &str| tables_of(sql).remove(0);
        assert_eq!(table("FROM t@12").version, Some(12));
        assert_eq!((table("FROM t@x").version, table("FROM t@x").name), (None, "t@x".to_owned()));
    }
}
