mod field;
mod fields;

use super::ast::{Comparison, Field, Filter, Literal, OrderBy, Test};
use super::complete::{Candidate, CandidateKind};
use super::error::{SearchError, shown};
use super::lexer::{Kind, Token, tokens};
use super::literal::{self, Refused, Value};
use super::schema::{Entity, FieldType};
use super::{MAX_COMPARISONS, MAX_DEPTH, MAX_VALUES, status};
use crate::RunStatus;

/// What messages call the beginning of a condition.
const CONDITION: &str = "a field";

/// Reads one text by recursive descent. Recursion happens in [`Parser::not`] only, and
/// [`MAX_DEPTH`] bounds it.
pub(super) struct Parser<'a> {
    entity: Entity,
    text: &'a str,
    now_ms: i64,
    /// Ends with [`Kind::End`], which is never passed.
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    comparisons: usize,
    values: usize,
    /// What could go on where the text ended too early; for completion.
    pub(super) wanted: Vec<Candidate>,
}

/// What is being compared, and how messages call it.
struct Subject {
    field: Field,
    kind: FieldType,
    name: String,
}

impl<'a> Parser<'a> {
    pub(super) fn new(entity: Entity, text: &'a str, now_ms: i64) -> Result<Self, SearchError> {
        Ok(Self {
            entity,
            text,
            now_ms,
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
            comparisons: 0,
            values: 0,
            wanted: Vec::new(),
        })
    }

    pub(super) fn filter(&mut self) -> Result<Option<Filter>, SearchError> {
        if self.peek().kind == Kind::End {
            self.wanted = self.condition_words();
            return Ok(None);
        }
        let filter = self.or()?;
        if self.peek().kind == Kind::End {
            self.wanted = keywords(&["and", "or"]);
            return Ok(Some(filter));
        }
        if self.peek().kind == Kind::Symbol(")") {
            return Err(self.refuse("a `)` that nothing opened"));
        }
        Err(self.expected("`and`, `or` or the end of the filter", keywords(&["and", "or"])))
    }

    pub(super) fn order_by(&mut self) -> Result<Vec<OrderBy>, SearchError> {
        let mut order = Vec::new();
        if self.peek().kind == Kind::End {
            self.wanted = self.field_words();
            return Ok(order);
        }
        loop {
            let (start, subject) = (self.peek().clone(), self.subject("a field to order by")?);
            if matches!(subject.field, Field::Dataset(_)) {
                return Err(self
                    .refuse_at(&start, "datasets cannot be ordered by, a run may have several")
                    .hint("order by an attribute, metric, parameter or tag"));
            }
            let descending = self.keyword("desc");
            let ascending = !descending && self.keyword("asc");
            order.push(OrderBy { field: subject.field, descending });
            if self.symbol(",") {
                continue;
            }
            let words = keywords(&["asc", "desc"]);
            if self.peek().kind == Kind::End {
                self.wanted = if ascending || descending { Vec::new() } else { words };
                return Ok(order);
            }
            return Err(self.expected("`asc`, `desc` or a comma", words));
        }
    }

    fn or(&mut self) -> Result<Filter, SearchError> {
        let mut parts = vec![self.and()?];
        while self.keyword("or") {
            parts.push(self.and()?);
        }
        Ok(combined(parts, Filter::Or, |part| match part {
            Filter::Or(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn and(&mut self) -> Result<Filter, SearchError> {
        let mut parts = vec![self.not()?];
        while self.keyword("and") {
            parts.push(self.not()?);
        }
        Ok(combined(parts, Filter::And, |part| match part {
            Filter::And(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn not(&mut self) -> Result<Filter, SearchError> {
        let opening = self.peek().clone();
        let is_not = self.keyword("not");
        if !is_not && !self.symbol("(") {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.refuse_at(
                &opening,
                format!("parentheses and `not` nest deeper than {MAX_DEPTH} levels"),
            ));
        }
        let filter = if is_not {
            match self.not()? {
                Filter::Not(inner) => *inner,
                inner => Filter::Not(Box::new(inner)),
            }
        } else {
            let inner = self.or()?;
            if !self.symbol(")") {
                return Err(self.expected("`and`, `or` or a `)`", keywords(&["and", "or", ")"])));
            }
            inner
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, SearchError> {
        self.count_comparison()?;
        let subject = self.subject(CONDITION)?;
        let operator = self.peek().clone();
        if self.keyword("is") {
            let is_not = self.keyword("not");
            if !self.keyword("null") {
                let words: &[&str] = if is_not { &["null"] } else { &["null", "not null"] };
                return Err(self.expected("`null` or `not null`", keywords(words)));
            }
            return Ok(compare(subject.field, if is_not { Test::IsNotNull } else { Test::IsNull }));
        }
        if self.keyword("not") {
            return self.negated(subject);
        }
        if self.keyword("in") {
            let values = self.list(&subject)?;
            return Ok(compare(subject.field, Test::In(values)));
        }
        if self.keyword("between") {
            return self.between(subject);
        }
        for word in ["like", "ilike"] {
            if self.keyword(word) {
                return self.like(subject, &operator, word);
            }
        }
        let Kind::Symbol(symbol @ ("=" | "!=" | "<" | "<=" | ">" | ">=")) = operator.kind else {
            return Err(self.no_operator(&subject));
        };
        self.advance();
        if subject.kind.is_text() && !matches!(symbol, "=" | "!=") {
            return Err(self.unfit(&subject, &operator, symbol));
        }
        if subject.kind == FieldType::Status {
            return self.status(subject, symbol == "=");
        }
        let value = self.value(&subject, matches!(symbol, "=" | "!="))?;
        let test = match symbol {
            "=" => Test::Eq(value),
            "!=" => Test::Ne(value),
            "<" => Test::Lt(value),
            "<=" => Test::Le(value),
            ">" => Test::Gt(value),
            _ => Test::Ge(value),
        };
        Ok(compare(subject.field, test))
    }

    fn count_comparison(&mut self) -> Result<(), SearchError> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return Err(self
                .refuse(format!("more than {MAX_COMPARISONS} conditions"))
                .hint("many values of one field fit in one `in (…)`"));
        }
        Ok(())
    }

    /// After `field not`. Like `not in` and `!=`, what is absent does not match.
    fn negated(&mut self, subject: Subject) -> Result<Filter, SearchError> {
        let operator = self.peek().clone();
        if self.keyword("in") {
            let values = self.list(&subject)?;
            return Ok(compare(subject.field, Test::NotIn(values)));
        }
        // It becomes two comparisons.
        self.count_comparison()?;
        let field = subject.field.clone();
        let holds = if self.keyword("between") {
            self.between(subject)?
        } else if self.keyword("like") {
            self.like(subject, &operator, "like")?
        } else if self.keyword("ilike") {
            self.like(subject, &operator, "ilike")?
        } else {
            let words: &[&str] = match subject.kind.is_text() {
                true => &["in", "like", "ilike"],
                false => &["in", "between"],
            };
            return Err(self.expected("`in`, `like`, `ilike` or `between`", operators(words)));
        };
        let there = compare(field, Test::IsNotNull);
        Ok(Filter::And(vec![there, Filter::Not(Box::new(holds))]))
    }

    fn between(&mut self, subject: Subject) -> Result<Filter, SearchError> {
        if subject.kind.is_text() {
            let operator = self.tokens[self.next - 1].clone();
            return Err(self.unfit(&subject, &operator, "between"));
        }
        let low = self.value(&subject, false)?;
        if !self.keyword("and") {
            return Err(self.expected("the `and` of `between`", keywords(&["and"])));
        }
        let high = self.value(&subject, false)?;
        Ok(compare(subject.field, Test::Between(low, high)))
    }

    fn like(
        &mut self,
        subject: Subject,
        operator: &Token,
        word: &str,
    ) -> Result<Filter, SearchError> {
        if !subject.kind.is_text() {
            return Err(self.unfit(&subject, operator, word));
        }
        self.value_follows(&subject)?;
        let token = self.peek().clone();
        let pattern =
            literal::text(&subject.name, &token).map_err(|why| self.refused(&token, why))?;
        self.advance();
        if subject.kind == FieldType::Status {
            let statuses = status::statuses_like(&pattern, word == "ilike");
            if statuses.is_empty() {
                let message = format!("no status is like '{}'", shown(&pattern));
                let hint = format!("a status is one of {}", status::words().join(", "));
                return Err(self.refuse_at(&token, message).hint(hint));
            }
            return Ok(compare(subject.field, Test::In(names(&statuses))));
        }
        let test = if word == "like" { Test::Like(pattern) } else { Test::ILike(pattern) };
        Ok(compare(subject.field, test))
    }

    /// `status = …` and `status != …`; one word may stand for several statuses.
    fn status(&mut self, subject: Subject, is_equal: bool) -> Result<Filter, SearchError> {
        let mut meant = names(&self.status_value(&subject)?);
        let test = match (meant.len(), is_equal) {
            (1, true) => Test::Eq(meant.remove(0)),
            (1, false) => Test::Ne(meant.remove(0)),
            (_, true) => Test::In(meant),
            (_, false) => Test::NotIn(meant),
        };
        Ok(compare(subject.field, test))
    }

    fn status_value(&mut self, subject: &Subject) -> Result<Vec<RunStatus>, SearchError> {
        self.value_follows(subject)?;
        let token = self.peek().clone();
        let statuses = literal::text(&subject.name, &token)
            .and_then(|word| literal::statuses(&word))
            .map_err(|why| self.refused(&token, why))?;
        self.advance();
        Ok(statuses)
    }

    fn value(&mut self, subject: &Subject, for_equality: bool) -> Result<Literal, SearchError> {
        self.value_follows(subject)?;
        let token = self.peek().clone();
        let Value { literal, is_date } =
            literal::literal(&subject.name, subject.kind, &token, self.now_ms)
                .map_err(|why| self.refused(&token, why))?;
        if is_date && for_equality {
            let message = format!("`{}` is a time, which never equals a whole day", subject.name);
            return Err(self.refuse_at(&token, message).hint(format!(
                "ask for the day's beginning and end: {name} >= '2026-11-25' and {name} < '2026-11-26'",
                name = subject.name
            )));
        }
        self.advance();
        Ok(literal)
    }

    /// `(a, b)`; a comma at its end is allowed, because Python writes `('a',)`.
    fn list(&mut self, subject: &Subject) -> Result<Vec<Literal>, SearchError> {
        if !self.symbol("(") {
            return Err(self.expected("the `(` of a list", keywords(&["("])));
        }
        if self.peek().kind == Kind::Symbol(")") {
            return Err(self.refuse("an empty list").hint("name at least one value"));
        }
        let mut values = Vec::new();
        let mut statuses = Vec::new();
        loop {
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(self.refuse(format!("more than {MAX_VALUES} values in lists")));
            }
            match subject.kind {
                FieldType::Status => statuses.extend(self.status_value(subject)?),
                _ => values.push(self.value(subject, true)?),
            }
            let had_comma = self.symbol(",");
            if self.symbol(")") {
                break;
            }
            if !had_comma {
                return Err(self.expected("a comma or the `)` of the list", keywords(&[",", ")"])));
            }
        }
        if subject.kind == FieldType::Status {
            let each_once = RunStatus::ALL.into_iter().filter(|status| statuses.contains(status));
            values = names(&each_once.collect::<Vec<_>>());
        }
        Ok(values)
    }

    fn no_operator(&mut self, subject: &Subject) -> SearchError {
        let allowed = subject.kind.operators();
        let what = format!("an operator after `{}`", subject.name);
        let error = self.expected(&what, operators(allowed));
        error.hint(format!("`{}` takes {}", subject.name, allowed.join(", ")))
    }

    fn unfit(&self, subject: &Subject, operator: &Token, word: &str) -> SearchError {
        let Subject { name, kind, .. } = subject;
        self.refuse_at(operator, format!("`{name}` {} and does not take `{word}`", kind.is_a()))
            .hint(format!("it takes {}", kind.operators().join(", ")))
    }

    /// Refuses the end of the text where a value should stand.
    fn value_follows(&mut self, subject: &Subject) -> Result<(), SearchError> {
        if self.peek().kind != Kind::End {
            return Ok(());
        }
        let words: Vec<String> = match subject.kind {
            FieldType::Status => status::words().iter().map(|word| format!("'{word}'")).collect(),
            FieldType::Time => ["'now'", "'-1h'", "'-1d'", "'-7d'"].map(str::to_owned).into(),
            FieldType::Duration => ["'90s'", "'10m'", "'1h'"].map(str::to_owned).into(),
            _ => Vec::new(),
        };
        let words = words.into_iter().map(|text| Candidate { text, kind: CandidateKind::Value });
        Err(self.expected(&format!("a value for `{}`", subject.name), words.collect()))
    }

    /// `words`: what completion offers when this is the end of the text.
    fn expected(&mut self, what: &str, words: Vec<Candidate>) -> SearchError {
        if self.peek().kind == Kind::End {
            self.wanted = words;
            return self.refuse(format!("{what} is missing at the end,"));
        }
        self.refuse(format!("expected {what}, found {}", self.piece()))
    }

    fn refused(&self, token: &Token, why: Refused) -> SearchError {
        self.refuse_at(token, why.message).hint(why.hint)
    }

    fn refuse(&self, message: impl std::fmt::Display) -> SearchError {
        self.refuse_at(self.peek(), message)
    }

    fn refuse_at(&self, token: &Token, message: impl std::fmt::Display) -> SearchError {
        SearchError::at(self.text, token.span.clone(), message)
    }

    /// The next token as messages show it.
    fn piece(&self) -> String {
        format!("`{}`", shown(self.text.get(self.peek().span.clone()).unwrap_or_default()))
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next]
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    /// Passes the keyword if it comes next.
    fn keyword(&mut self, word: &str) -> bool {
        let found =
            matches!(&self.peek().kind, Kind::Word(next) if next.eq_ignore_ascii_case(word));
        if found {
            self.advance();
        }
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().kind, Kind::Symbol(next) if next == symbol);
        if found {
            self.advance();
        }
        found
    }
}

fn compare(field: Field, test: Test) -> Filter {
    Filter::Compare(Comparison { field, test })
}

fn names(statuses: &[RunStatus]) -> Vec<Literal> {
    statuses.iter().map(|status| Literal::Text(status.as_str().to_owned())).collect()
}

/// One part stays itself; parts of the same sort dissolve into it.
fn combined(
    mut parts: Vec<Filter>,
    combine: fn(Vec<Filter>) -> Filter,
    inner: fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match inner(part) {
            Ok(several) => flat.extend(several),
            Err(one) => flat.push(one),
        }
    }
    combine(flat)
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in", "is", "like", "ilike", "between", "null", "asc", "desc"]
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(word))
}

fn keywords(words: &[&str]) -> Vec<Candidate> {
    candidates(words, CandidateKind::Keyword)
}

fn operators(words: &[&str]) -> Vec<Candidate> {
    candidates(words, CandidateKind::Operator)
}

fn candidates(words: &[&str], kind: CandidateKind) -> Vec<Candidate> {
    words.iter().map(|word| Candidate { text: (*word).to_owned(), kind }).collect()
}
