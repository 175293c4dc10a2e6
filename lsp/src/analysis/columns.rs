//! Which variables are data frames of a registered dataset, and where their columns are named:
//! after `df = ws.datasets['x'].to_pandas_dataframe()`, `df['…']`.

use std::collections::HashMap;

use lazuli_commands::NameKind;

use super::Span;
use super::lexer::{Kind, Token, tokens};
use super::places::{places, visit};
use crate::documents::Language;

/// What variables hold, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    all: HashMap<String, Held>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Dataset(String),
    /// A data frame of this dataset.
    Frame(String),
}

/// A string that is the name of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlace {
    pub span: Span,
    pub dataset: String,
}

/// Methods of a data frame whose result has the same columns.
const SAME_COLUMNS: [&str; 10] = [
    "copy",
    "dropna",
    "fillna",
    "head",
    "query",
    "reset_index",
    "sample",
    "sort_values",
    "tail",
    "drop_duplicates",
];

impl Variables {
    /// Adds what the code assigns.
    pub fn read(&mut self, code: &str, skip: &[Span]) {
        let tokens = tokens(code, Language::Python, skip);
        let names = places(code, Language::Python, skip);
        for statement in tokens.split(|token| matches!(token.kind, Kind::Line | Kind::Sign(';'))) {
            let [name, equals, value @ ..] = statement else { continue };
            if name.kind != Kind::Word || !equals.is_sign('=') {
                continue;
            }
            let variable = name.text(code).to_owned();
            match self.held(code, value, &names) {
                Some(held) => self.all.insert(variable, held),
                None => self.all.remove(&variable),
            };
        }
    }

    fn held(&self, code: &str, value: &[Token], names: &[super::places::Place]) -> Option<Held> {
        let first = value.first()?;
        let span = first.span.start..value.last()?.span.end;
        let last_method = last_method(code, value);
        let makes_frame = last_method == Some("to_pandas_dataframe");
        let named = names
            .iter()
            .find(|place| place.kind == NameKind::Dataset && span.contains(&place.span.start));
        if let Some(place) = named {
            let dataset = code[place.span.clone()].to_owned();
            return match last_method {
                Some("to_pandas_dataframe") => Some(Held::Frame(dataset)),
                None | Some("get_by_name" | "get") => Some(Held::Dataset(dataset)),
                Some("register" | "create_new_version") => None,
                Some(_) => Some(Held::Dataset(dataset)),
            };
        }
        match self.all.get(first.text(code))? {
            Held::Dataset(dataset) if makes_frame => Some(Held::Frame(dataset.clone())),
            Held::Dataset(dataset) => Some(Held::Dataset(dataset.clone())),
            Held::Frame(dataset) => {
                let keeps = value.len() == 1
                    || last_method.is_some_and(|method| SAME_COLUMNS.contains(&method));
                keeps.then(|| Held::Frame(dataset.clone()))
            }
        }
    }

    /// Where the code names columns of the frames. What it assigns itself counts from there on.
    pub fn column_places(mut self, code: &str, skip: &[Span]) -> Vec<ColumnPlace> {
        let tokens = tokens(code, Language::Python, skip);
        let mut found = Vec::new();
        let mut read_until = 0;
        visit(code, &tokens, |index, token, calls| {
            if token.kind == Kind::Line {
                // The line is over: what it assigns holds from the next one on.
                self.read(&code[read_until..token.span.start], &[]);
                read_until = token.span.end;
            }
            let Some(span) = token.content() else { return };
            let is_place = index > 0 && matches!(tokens[index - 1].kind, Kind::Sign('[' | ','));
            let Some((last, before)) = calls.split_last() else { return };
            let subscript = match before.last() {
                // `df[['a', 'b']]`
                Some(outer) if last.callee.is_empty() && outer.bracket == '[' => outer,
                _ => last,
            };
            if !is_place || last.bracket != '[' {
                return;
            }
            if let Some(Held::Frame(dataset)) = self.all.get(&subscript.callee) {
                found.push(ColumnPlace { span, dataset: dataset.clone() });
            }
        });
        found
    }
}

/// The method whose call ends the value.
fn last_method<'a>(code: &'a str, value: &[Token]) -> Option<&'a str> {
    if !value.last()?.is_sign(')') {
        return None;
    }
    let mut depth = 0;
    for (index, token) in value.iter().enumerate().rev() {
        match token.kind {
            Kind::Sign(')' | ']' | '}') => depth += 1,
            Kind::Sign('(' | '[' | '{') => {
                depth -= 1;
                if depth == 0 {
                    let method = value.get(index.checked_sub(1)?)?;
                    return (method.kind == Kind::Word).then(|| method.text(code));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(earlier: &str, code: &str, expected: &[(&str, &str)]) {
        let mut variables = Variables::default();
        variables.read(earlier, &[]);
        let found = variables.column_places(code, &[]);
        let found: Vec<_> =
            found.iter().map(|place| (&code[place.span.clone()], place.dataset.as_str())).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn columns_of_a_frame_of_a_dataset() {
        let earlier = "df = ws.datasets['x'].to_pandas_dataframe()\n";
        check(earlier, "df['", &[("", "x")]);
        check(earlier, "df[['a', 'b']].head()", &[("a", "x"), ("b", "x")]);
        check(earlier, "small = df.head(3)\nsmall['a']", &[("a", "x")]);
        check(earlier, "df = 3\ndf['a']", &[]);
        check(earlier, "other['a']", &[]);
        check(
            "d = Dataset.get_by_name(ws, 'y', version=1)\nt = d.take(9)",
            "f = t.to_pandas_dataframe()\nf['q']",
            &[("q", "y")],
        );
        check("", "df = ws.datasets['x'].to_pandas_dataframe()\ndf['a", &[("a", "x")]);
    }
}
