use super::{Parser, keywords};
use crate::search::ast::Field;
use crate::search::error::SearchError;
use crate::search::fields::{KEYS, Names, RunFields};
use crate::search::lexer::Kind;
use crate::search::schema::{Attribute, Family};

impl Parser<'_> {
    /// `run_id, status, metrics.loss, tags`; everything when there is nothing.
    pub(in crate::search) fn fields(&mut self) -> Result<RunFields, SearchError> {
        if self.peek().kind == Kind::End {
            return Ok(RunFields::all());
        }
        let mut fields = RunFields::default();
        loop {
            if !self.whole(&mut fields) {
                self.one(&mut fields)?;
            }
            if self.peek().kind == Kind::End {
                return Ok(fields);
            }
            if !self.symbol(",") {
                return Err(self.expected("a comma between two fields", keywords(&[","])));
            }
        }
    }

    /// A key of a run's JSON, or a family of names with all that it has.
    fn whole(&mut self, fields: &mut RunFields) -> bool {
        let Kind::Word(word) = self.peek().kind.clone() else { return false };
        if let Some(key) = KEYS.into_iter().find(|key| *key == word) {
            fields.add_key(key);
        } else {
            let (key, names) = match Family::find(&word) {
                Some(Family::Metric) => ("metrics", &mut fields.metrics),
                Some(Family::Parameter) => ("parameters", &mut fields.parameters),
                Some(Family::Tag) => ("tags", &mut fields.tags),
                Some(Family::Property) => ("properties", &mut fields.properties),
                Some(Family::Attribute | Family::Dataset) | None => return false,
            };
            *names = Names::All;
            fields.add_key(key);
        }
        self.advance();
        true
    }

    fn one(&mut self, fields: &mut RunFields) -> Result<(), SearchError> {
        let start = self.peek().clone();
        let subject = self.subject("a field of a run")?;
        let keys: &[&'static str] = match subject.field {
            Field::Metric { name, .. } => {
                fields.metrics.add(name);
                &["metrics"]
            }
            Field::Parameter(name) => {
                fields.parameters.add(name);
                &["parameters"]
            }
            Field::Tag(name) => {
                fields.tags.add(name);
                &["tags"]
            }
            Field::Property(name) => {
                fields.properties.add(name);
                &["properties"]
            }
            Field::Attribute(attribute) => keys_of(attribute),
            Field::Dataset(_) => &[],
        };
        if keys.is_empty() {
            return Err(self
                .refuse_at(&start, format!("a list of runs does not carry `{}`", subject.name))
                .hint(format!("fields are {}, metrics, params, tags and properties, whole or by name (metrics.loss)", KEYS.join(", "))));
        }
        keys.iter().for_each(|key| fields.add_key(key));
        Ok(())
    }
}

/// Where the JSON of a run has it.
fn keys_of(attribute: Attribute) -> &'static [&'static str] {
    match attribute {
        Attribute::Id => &["run_id"],
        Attribute::Name => &["name"],
        Attribute::Experiment => &["experiment"],
        Attribute::User => &["user"],
        Attribute::Status => &["status"],
        Attribute::Created => &["created_at_ms"],
        Attribute::Started => &["started_at_ms"],
        Attribute::Ended => &["ended_at_ms"],
        Attribute::Duration => &["started_at_ms", "ended_at_ms"],
        Attribute::Compute => &["compute"],
        Attribute::Kind => &["kind"],
        Attribute::Parent => &["parent_run_id"],
        _ => &[],
    }
}
