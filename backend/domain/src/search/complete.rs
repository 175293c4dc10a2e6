use super::ast::quoted;
use super::lexer::is_key;
use super::parser::Parser;
use super::schema::{Entity, Family};

/// Something that may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Replaces the word before the cursor.
    pub text: String,
    pub kind: CandidateKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    Field,
    /// `metrics.`: a name follows.
    Family(Family),
    Operator,
    Keyword,
    Value,
}

/// Names the caller knows; they complete what stands behind `metrics.`, `params.` and so on.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub metrics: Vec<String>,
    pub parameters: Vec<String>,
    pub tags: Vec<String>,
    pub properties: Vec<String>,
}

/// What may come at `cursor` (a byte of `text`; what lies behind it is not read): where the word
/// that a candidate replaces begins, and the candidates. None inside quotes and after a mistake.
pub fn complete_filter(
    entity: Entity,
    text: &str,
    cursor: usize,
    known: &Known,
) -> (usize, Vec<Candidate>) {
    complete(entity, text, cursor, known, |parser| {
        // An error at the end of the text is what completion is for; `wanted` says what of it.
        let _ = parser.filter();
    })
}

/// As [`complete_filter`], for a text to order by.
pub fn complete_order_by(
    entity: Entity,
    text: &str,
    cursor: usize,
    known: &Known,
) -> (usize, Vec<Candidate>) {
    complete(entity, text, cursor, known, |parser| {
        // As above.
        let _ = parser.order_by();
    })
}

fn complete(
    entity: Entity,
    text: &str,
    cursor: usize,
    known: &Known,
    parse: impl Fn(&mut Parser<'_>),
) -> (usize, Vec<Candidate>) {
    let before = text.get(..cursor.min(text.len())).unwrap_or_default();
    let word = before.trim_end_matches(is_key);
    // A candidate that is a text replaces the quote it was begun with.
    let start = word.strip_suffix('\'').unwrap_or(word).len();
    let word = &before[start..];
    let Ok(mut parser) = Parser::new(entity, &before[..start], 0) else {
        return (start, Vec::new());
    };
    parse(&mut parser);
    let mut candidates = Vec::new();
    for candidate in std::mem::take(&mut parser.wanted) {
        if let CandidateKind::Family(family) = candidate.kind {
            candidates.extend(names(family, &candidate.text, known));
        }
        candidates.push(candidate);
    }
    let word = word.to_lowercase();
    candidates.retain(|candidate| candidate.text.to_lowercase().starts_with(&word));
    (start, candidates)
}

fn names(family: Family, beginning: &str, known: &Known) -> Vec<Candidate> {
    let names: &[String] = match family {
        Family::Metric => &known.metrics,
        Family::Parameter => &known.parameters,
        Family::Tag => &known.tags,
        Family::Property => &known.properties,
        Family::Attribute | Family::Dataset => &[],
    };
    names
        .iter()
        .map(|name| {
            let is_plain = !name.is_empty() && name.chars().all(is_key);
            let name = if is_plain { name.clone() } else { quoted(name, '`') };
            Candidate { text: format!("{beginning}{name}"), kind: CandidateKind::Field }
        })
        .collect()
}
