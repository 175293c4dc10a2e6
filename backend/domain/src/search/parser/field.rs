use super::{CONDITION, Parser, Subject, is_keyword, keywords};
use crate::search::ast::{Aggregate, DatasetField, Field};
use crate::search::complete::{Candidate, CandidateKind};
use crate::search::error::{SearchError, nearest, shown};
use crate::search::lexer::{Kind, Token, is_key};
use crate::search::schema::{Family, FieldType};

const AGGREGATES: [(&str, Aggregate); 4] = [
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("last", Aggregate::Latest),
    ("count", Aggregate::Count),
];

impl Parser<'_> {
    /// Reads the field that stands next; `what` is how messages call it.
    pub(super) fn subject(&mut self, what: &str) -> Result<Subject, SearchError> {
        let token = self.peek().clone();
        match &token.kind {
            Kind::Word(word) => {
                let aggregate = AGGREGATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
                let opens = self.tokens.get(self.next + 1).map(|token| &token.kind)
                    == Some(&Kind::Symbol("("));
                match aggregate {
                    Some((name, of)) if opens && self.entity.has(Family::Metric) => {
                        self.aggregate(name, *of)
                    }
                    _ if is_keyword(word) => Err(self.expected(what, Vec::new())),
                    _ => self.attribute(&token, word, false),
                }
            }
            // In single quotes it is a text, on whatever side it stands.
            Kind::Quoted { text, quote: '`' | '"' } => self.attribute(&token, text, false),
            Kind::Path { family, key } => self.path(&token, family, key),
            Kind::Number(_) | Kind::Quoted { .. } if what == CONDITION => Err(self
                .refuse(format!("a condition begins with its field, not with {}", self.piece()))
                .hint("write the field first: metrics.acc > 0.9")),
            Kind::Number(_) | Kind::Quoted { .. } => Err(self.expected(what, Vec::new())),
            Kind::Symbol(_) | Kind::End => {
                let words = match what {
                    CONDITION => self.condition_words(),
                    _ => self.field_words(),
                };
                Err(self.expected(what, words))
            }
        }
    }

    /// From `min` of `min(metrics.loss)` on.
    fn aggregate(&mut self, name: &str, of: Aggregate) -> Result<Subject, SearchError> {
        self.advance();
        self.advance();
        let token = self.peek().clone();
        let metric = match &token.kind {
            Kind::Path { family, key } if self.is_metric(family) => key.clone(),
            _ => {
                let words = self.words_of(Family::Metric);
                return Err(self
                    .expected(&format!("a metric in `{name}(…)`"), words)
                    .hint(format!("write {name}(metrics.loss)")));
            }
        };
        self.advance();
        if !self.symbol(")") {
            return Err(self.expected(&format!("the `)` of `{name}(…)`"), keywords(&[")"])));
        }
        let called = format!("{name}(metrics.{})", shown(&metric));
        let field = Field::Metric { name: metric, of };
        Ok(Subject { field, kind: FieldType::Number, name: called })
    }

    fn is_metric(&self, family: &str) -> bool {
        Family::find(family) == Some(Family::Metric) && self.entity.has(Family::Metric)
    }

    fn path(&mut self, token: &Token, family: &str, key: &str) -> Result<Subject, SearchError> {
        let plural = self.entity.plural();
        let known = Family::find(family).filter(|found| self.entity.has(*found));
        let Some(known) = known else {
            let names: Vec<&str> =
                self.entity.families().iter().flat_map(|known| known.names()).copied().collect();
            let begin: Vec<String> = self
                .entity
                .families()
                .iter()
                .map(|known| format!("{}.", known.names()[0]))
                .collect();
            let (message, hint) = match (Family::find(family), nearest(family, names)) {
                (Some(_), _) => (
                    format!("{plural} have no `{family}.`"),
                    format!("fields of {plural} begin with {}", begin.join(", ")),
                ),
                (None, Some(near)) => (
                    format!("unknown kind of field `{}`", shown(family)),
                    format!("did you mean `{near}.{}`?", shown(key)),
                ),
                (None, None) => (
                    format!("unknown kind of field `{}`", shown(family)),
                    format!("fields of {plural} begin with {}", begin.join(", ")),
                ),
            };
            return Err(self.refuse_at(token, message).hint(hint));
        };
        let name = format!("{}.{}", known.names()[0], shown(key));
        let key = key.to_owned();
        let (field, kind) = match known {
            Family::Attribute => return self.attribute(token, &key, true),
            Family::Metric => {
                (Field::Metric { name: key, of: Aggregate::Latest }, FieldType::Number)
            }
            Family::Parameter => (Field::Parameter(key), FieldType::Text),
            Family::Tag => (Field::Tag(key), FieldType::Text),
            Family::Property => (Field::Property(key), FieldType::Text),
            Family::Dataset => {
                let found = DatasetField::ALL.into_iter().find(|field| field.as_str() == key);
                let Some(field) = found else {
                    return Err(self
                        .refuse_at(token, format!("datasets have no `{}`", shown(&key)))
                        .hint("ask for datasets.name, datasets.digest or datasets.context"));
                };
                (Field::Dataset(field), FieldType::Text)
            }
        };
        self.advance();
        Ok(Subject { field, kind, name })
    }

    fn attribute(
        &mut self,
        token: &Token,
        name: &str,
        prefixed: bool,
    ) -> Result<Subject, SearchError> {
        let Some(row) = self.entity.attribute(name, prefixed) else {
            let names = self.entity.attributes().iter().flat_map(|row| row.names).copied();
            let aggregates = AGGREGATES.iter().map(|(name, _)| *name);
            let aggregates = aggregates.filter(|_| self.entity.has(Family::Metric));
            let near = nearest(name, names.chain(aggregates));
            let hint = match near {
                Some(near) if AGGREGATES.iter().any(|(name, _)| *name == near) => {
                    format!("write {near}(metrics.loss)")
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => self.what_there_is(name),
            };
            return Err(self
                .refuse_at(token, format!("unknown attribute `{}`", shown(name)))
                .hint(hint));
        };
        self.advance();
        let field = Field::Attribute(row.attribute);
        Ok(Subject { field, kind: row.kind, name: name.to_owned() })
    }

    fn what_there_is(&self, name: &str) -> String {
        if let Some((family, key)) = name.split_once('.')
            && Family::find(family).is_some_and(|family| self.entity.has(family))
        {
            return format!("quote the name alone: {family}.`{}`", shown(key));
        }
        let attributes: Vec<&str> =
            self.entity.attributes().iter().map(|row| row.names[0]).collect();
        let name: String = name.chars().filter(|c| is_key(*c)).take(40).collect();
        let elsewhere: Vec<String> = self
            .entity
            .families()
            .iter()
            .filter(|family| !matches!(family, Family::Attribute | Family::Dataset))
            .map(|family| format!("{}.{name}", family.names()[0]))
            .collect();
        format!(
            "attributes of {} are {}; otherwise write {}",
            self.entity.plural(),
            attributes.join(", "),
            elsewhere.join(" or ")
        )
    }

    pub(super) fn condition_words(&self) -> Vec<Candidate> {
        let mut words = self.field_words();
        words.extend(keywords(&["not", "("]));
        words
    }

    pub(super) fn field_words(&self) -> Vec<Candidate> {
        let mut words: Vec<Candidate> = self
            .entity
            .attributes()
            .iter()
            .map(|row| Candidate { text: row.names[0].to_owned(), kind: CandidateKind::Field })
            .collect();
        for family in self.entity.families() {
            match family {
                Family::Attribute => {}
                Family::Dataset => words.extend(DatasetField::ALL.map(|field| Candidate {
                    text: format!("datasets.{}", field.as_str()),
                    kind: CandidateKind::Field,
                })),
                family => words.extend(self.words_of(*family)),
            }
        }
        if self.entity.has(Family::Metric) {
            words.extend(AGGREGATES.map(|(name, _)| Candidate {
                text: format!("{name}("),
                kind: CandidateKind::Field,
            }));
        }
        words
    }

    /// The family's beginning; completion puts the names it knows behind it.
    fn words_of(&self, family: Family) -> Vec<Candidate> {
        let text = format!("{}.", family.names()[0]);
        vec![Candidate { text, kind: CandidateKind::Family(family) }]
    }
}
