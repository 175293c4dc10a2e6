use std::ops::Range;

use super::error::{SearchError, check_length, shown};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// An unquoted name or keyword.
    Word(String),
    /// What stands between `'`, `"` or `` ` ``, which is `quote`.
    Quoted {
        text: String,
        quote: char,
    },
    /// `family.key`
    Path {
        family: String,
        key: String,
    },
    /// Finite.
    Number(f64),
    /// An operator, a parenthesis or a comma.
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes of the text.
    pub(super) span: Range<usize>,
}

/// Longer ones first.
const SYMBOLS: [&str; 10] = ["<=", ">=", "!=", "=", "<", ">", "(", ")", ",", ";"];

/// What people write in other languages, and what it is here.
const FOREIGN: [(&str, &str); 8] = [
    ("==", "="),
    ("<>", "!="),
    ("&&", "and"),
    ("||", "or"),
    ("=~", "like"),
    ("!~", "not like"),
    ("!", "not"),
    ("~", "like"),
];

/// The tokens of a text; the last is always [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SearchError> {
    check_length("filter", text.len())?;
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let is_end = token.kind == Kind::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// Always on a character's first byte.
    at: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Token, SearchError> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(Token { kind: Kind::End, span: start..start });
        };
        let kind = match first {
            '\'' => Kind::Quoted { text: self.quoted(first)?, quote: first },
            '`' | '"' => {
                let text = self.quoted(first)?;
                match self.peek() {
                    Some('.') => Kind::Path { family: text, key: self.key()? },
                    _ => Kind::Quoted { text, quote: first },
                }
            }
            _ if starts_number(self.rest()) => self.number()?,
            _ if first.is_alphabetic() || first == '_' => {
                let word = self.take_while(is_word).to_owned();
                match self.peek() {
                    Some('.') => Kind::Path { family: word, key: self.key()? },
                    _ => Kind::Word(word),
                }
            }
            _ => Kind::Symbol(self.symbol()?),
        };
        Ok(Token { kind, span: start..self.at })
    }

    /// From the dot on.
    fn key(&mut self) -> Result<String, SearchError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(quote @ ('`' | '"')) => {
                let key = self.quoted(quote)?;
                if key.is_empty() {
                    return Err(self.refuse(start, "an empty name"));
                }
                match self.peek() {
                    Some(next) if is_key(next) => Err(self
                        .refuse(start, "a quoted name that goes on after its quote")
                        .hint("put the whole name between the quotes")),
                    _ => Ok(key),
                }
            }
            Some('\'') => {
                self.quoted('\'')?;
                Err(self
                    .refuse(start, "a name in single quotes")
                    .hint("names take backticks or double quotes: metrics.`val loss`"))
            }
            _ => {
                let key = self.take_while(is_key).to_owned();
                match key.is_empty() {
                    true => Err(self
                        .refuse(start, "a dot without a name")
                        .hint("write the name right after the dot, as in metrics.loss")),
                    false => Ok(key),
                }
            }
        }
    }

    /// From the opening quote to the closing one; a doubled quote inside is one.
    fn quoted(&mut self, quote: char) -> Result<String, SearchError> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut inside = String::new();
        loop {
            let Some(character) = self.peek() else {
                return Err(self
                    .refuse(start, "unbalanced quote")
                    .hint(format!("close it with {quote}; inside, write the quote twice")));
            };
            self.at += character.len_utf8();
            if character == '\0' {
                return Err(self.refuse(self.at - 1, "a NUL character"));
            }
            if character == quote {
                if self.peek() != Some(quote) {
                    return Ok(inside);
                }
                self.at += quote.len_utf8();
            }
            inside.push(character);
        }
    }

    fn number(&mut self) -> Result<Kind, SearchError> {
        let start = self.at;
        self.take_while(|c| matches!(c, '+' | '-'));
        self.take_while(|c| c.is_ascii_digit());
        if self.peek() == Some('.') {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        if has_exponent(self.rest()) {
            self.at += 2;
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(|next| is_word(next) || next == '.') {
            self.take_while(is_key);
            let piece = shown(&self.text[start..self.at]);
            return Err(self.refuse(start, format!("`{piece}` is not a number")).hint(format!(
                "a text takes quotes: '{piece}'; a name that begins with a digit takes backticks"
            )));
        }
        match self.text[start..self.at].parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Kind::Number(number)),
            _ => {
                let piece = shown(&self.text[start..self.at]);
                Err(self.refuse(start, format!("the number `{piece}` is too large")))
            }
        }
    }

    fn symbol(&mut self) -> Result<&'static str, SearchError> {
        let start = self.at;
        let foreign = FOREIGN.iter().find(|(foreign, _)| self.rest().starts_with(foreign));
        let symbol = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol));
        match (foreign, symbol) {
            // `!` is also the beginning of `!=`.
            (Some((foreign, _)), Some(symbol)) if foreign.len() < symbol.len() => {}
            (Some((foreign, ours)), _) => {
                self.at += foreign.len();
                return Err(self
                    .refuse(start, format!("unknown operator `{foreign}`"))
                    .hint(format!("write `{ours}`")));
            }
            _ => {}
        }
        match symbol {
            Some(&";") => {
                self.at += 1;
                Err(self
                    .refuse(start, "more than one filter: a `;`")
                    .hint("join conditions with `and` or `or`"))
            }
            Some(symbol) => {
                self.at += symbol.len();
                Ok(symbol)
            }
            None => {
                self.at += self.peek().map_or(0, char::len_utf8);
                let piece = shown(&self.text[start..self.at]);
                Err(self
                    .refuse(start, format!("unexpected `{piece}`"))
                    .hint("put names with such characters between backticks, texts in quotes"))
            }
        }
    }

    fn refuse(&self, start: usize, message: impl std::fmt::Display) -> SearchError {
        SearchError::at(self.text, start..self.at, message)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        let length = self.rest().find(|c| !belongs(c)).unwrap_or(self.rest().len());
        self.at += length;
        &self.text[start..self.at]
    }
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What a key may hold without quotes. None of these begins an operator.
pub(super) fn is_key(character: char) -> bool {
    is_word(character) || matches!(character, '.' | '-' | '/' | ':' | '@' | '$' | '#')
}

/// `5`, `-5`, `+.5`
fn starts_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// `e5`, `E-5`: an exponent with at least one digit.
fn has_exponent(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return false };
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_digit())
}
