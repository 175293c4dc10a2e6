use crate::store::sql::{Bind, Dynamic, Owned};

/// A piece of a statement: text in which each `?` stands for the next of its values.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    text: String,
    values: Vec<Owned>,
}

impl Piece {
    pub fn new(text: impl Into<String>) -> Piece {
        Piece { text: text.into(), values: Vec::new() }
    }

    pub fn with<T: Bind>(text: impl Into<String>, value: T) -> Piece {
        Piece { text: text.into(), values: vec![Owned::of(value.bound())] }
    }

    pub fn push(&mut self, text: &str) -> &mut Piece {
        self.text.push_str(text);
        self
    }

    pub fn value<T: Bind>(&mut self, text: &str, value: T) -> &mut Piece {
        self.text.push_str(text);
        self.values.push(Owned::of(value.bound()));
        self
    }

    pub fn append(&mut self, piece: &Piece) -> &mut Piece {
        self.text.push_str(&piece.text);
        self.values.extend_from_slice(&piece.values);
        self
    }

    /// `?, ?, ?` for as many values.
    pub fn list<T: Bind>(&mut self, values: &[T]) -> &mut Piece {
        for (at, value) in values.iter().enumerate() {
            self.value(if at == 0 { "?" } else { ", ?" }, value);
        }
        self
    }

    /// The same with `{}` replaced.
    pub fn named(&self, alias: &str) -> Piece {
        Piece { text: self.text.replace("{}", alias), values: self.values.clone() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn into_statement(self) -> Dynamic {
        let mut statement = Dynamic::new("");
        statement.add(&self.text, self.values);
        statement
    }
}

/// All of them, with `word` in between; each keeps to itself.
pub(super) fn joined(pieces: impl IntoIterator<Item = Piece>, word: &str) -> Piece {
    let mut all = Piece::default();
    for (at, piece) in pieces.into_iter().enumerate() {
        if at > 0 {
            all.push(word);
        }
        all.append(&piece);
    }
    all
}
