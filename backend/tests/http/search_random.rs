//! Random searches, answered by the daemon and by reading the filter here, run by run.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use lazuli_backend::store::entries::{self, EntryKind};
use lazuli_backend::store::metrics::{self, NewPoint};
use lazuli_backend::store::runs::{self, RunRow};
use lazuli_backend::store::{Write, experiments};
use lazuli_domain::search::{
    Aggregate, Attribute, Comparison, Field, Filter, Literal, OrderBy, Test,
};
use lazuli_domain::{MetricKind, Page, Run, RunKind, RunStatus, StringMap};

use crate::search::encoded;
use crate::support::Daemon;

/// More than a search looks at one by one, so that every way of finding them is gone.
const RUNS: i64 = 2_600;
const CASES: u64 = 250;
const NOW: i64 = 1_795_600_000_000;

#[tokio::test]
async fn random_searches_find_what_they_say() {
    let daemon = Daemon::start().await;
    let mut random = Random(4711);
    // In the order in which a search without an order has them.
    let mut made: Vec<Made> = (0..RUNS).map(|number| Made::random(number, &mut random)).collect();
    let seeded = made.clone();
    daemon.app.store.write(move |write| seed(write, &seeded)).await.unwrap();
    made.reverse();
    for case in 0..CASES {
        let filter = random.filter(2);
        let order: Vec<OrderBy> = (0..random.below(4)).map(|_| random.order_by()).collect();
        let mut expected: Vec<&Made> = made.iter().filter(|run| run.matches(&filter)).collect();
        expected.sort_by(|one, other| compare(&order, one, other));
        let expected: Vec<&str> = expected.iter().map(|run| run.run_id.as_str()).collect();

        let order_by: Vec<String> = order.iter().map(OrderBy::to_string).collect();
        let said = format!("case {case}: {filter} | {}", order_by.join(", "));
        let limit = random.one_of(&[7, 100, 1000]);
        let query = format!(
            "filter={}&order_by={}&limit={limit}&count=true&fields=run_id,status",
            encoded(&filter.to_string()),
            encoded(&order_by.join(", "))
        );
        let mut found: Vec<String> = Vec::new();
        let mut cursor = String::new();
        for _ in 0..3 {
            let path = format!("/api/workspaces/default/runs?{query}{cursor}");
            let page: Page<serde_json::Value> = daemon.get(&path).await;
            assert_eq!(page.total, Some(expected.len() as u64), "{said}");
            found.extend(page.items.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()));
            let Some(next) = page.next_cursor else {
                assert_eq!(found.len(), expected.len(), "{said}");
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected[..found.len()], "{said}");
    }
    let page: Page<Run> = daemon.get("/api/workspaces/default/runs?limit=1").await;
    assert_eq!(page.items[0].run_id, made[0].run_id);
}

/// A run as it is told to the daemon.
#[derive(Clone)]
struct Made {
    run_id: String,
    name: String,
    experiment: &'static str,
    user: &'static str,
    status: RunStatus,
    created_at_ms: i64,
    started_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    parameters: BTreeMap<&'static str, &'static str>,
    tags: BTreeMap<&'static str, &'static str>,
    metrics: BTreeMap<&'static str, Vec<f64>>,
}

const METRICS: [&str; 3] = ["loss", "val acc", "none"];
const NUMBERS: [f64; 8] = [0.0, 0.5, -1.0, 1.0, 2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
const TEXTS: [&str; 8] = ["a", "b", "B", "50%", "x_y", r"a\b", "it's", "ä"];
const PATTERNS: [&str; 8] = ["a%", "%B%", "_", "x_y", r"%\%", "%'%", "%%", ""];

impl Made {
    fn random(number: i64, random: &mut Random) -> Made {
        let created_at_ms = NOW + number / 3;
        let status = random.one_of(&RunStatus::ALL);
        let started_at_ms = random.one_in(8, || None, || Some(created_at_ms + 5));
        let ended_at_ms = status.is_final().then_some(created_at_ms + 5 + number % 4);
        let mut run = Made {
            run_id: format!("random_{}_{number:08x}", number * 7919 % 2_609),
            name: format!("{}{}", random.one_of(&TEXTS), number % 5),
            experiment: random.one_of(&["one", "two", "three"]),
            user: random.one_of(&["ada", "grace"]),
            status,
            created_at_ms,
            started_at_ms,
            ended_at_ms,
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            metrics: BTreeMap::new(),
        };
        // Most runs have the same value, so that some conditions have many runs and others few.
        for (of, keys) in
            [(&mut run.parameters, ["lr", "net"]), (&mut run.tags, ["team", "odd `key`"])]
        {
            for key in keys {
                if random.below(20) > 0 {
                    of.insert(key, random.one_in(10, || TEXTS[number as usize % 8], || "b"));
                }
            }
        }
        for name in &METRICS[..2] {
            if random.below(20) > 0 {
                let count = 1 + random.below(3);
                let points = (0..count).map(|_| random.one_of(&NUMBERS)).collect();
                run.metrics.insert(name, points);
            }
        }
        run
    }

    fn matches(&self, filter: &Filter) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.matches(part)),
            Filter::Or(parts) => parts.iter().any(|part| self.matches(part)),
            Filter::Not(inner) => !self.matches(inner),
            Filter::Compare(Comparison { field, test }) => holds(&self.value(field), test),
        }
    }

    fn value(&self, field: &Field) -> Value {
        let whole = |value: Option<i64>| value.map_or(Value::Absent, |it| Value::Number(it as f64));
        match field {
            Field::Metric { name, of } => {
                let Some(points) = self.metrics.get(name.as_str()) else { return Value::Absent };
                let numbers = points.iter().copied().filter(|number| !number.is_nan());
                Value::Number(match of {
                    Aggregate::Latest => *points.last().unwrap(),
                    Aggregate::Min => numbers.reduce(f64::min).unwrap_or(f64::NAN),
                    Aggregate::Max => numbers.reduce(f64::max).unwrap_or(f64::NAN),
                    Aggregate::Count => points.len() as f64,
                })
            }
            Field::Parameter(key) => text(self.parameters.get(key.as_str())),
            Field::Tag(key) => text(self.tags.get(key.as_str())),
            Field::Attribute(Attribute::Name) => Value::Text(self.name.clone()),
            Field::Attribute(Attribute::Id) => Value::Text(self.run_id.clone()),
            Field::Attribute(Attribute::Experiment) => Value::Text(self.experiment.to_owned()),
            Field::Attribute(Attribute::User) => Value::Text(self.user.to_owned()),
            Field::Attribute(Attribute::Status) => Value::Text(self.status.as_str().to_owned()),
            Field::Attribute(Attribute::Created) => whole(Some(self.created_at_ms)),
            Field::Attribute(Attribute::Started) => whole(self.started_at_ms),
            Field::Attribute(Attribute::Ended) => whole(self.ended_at_ms),
            other => panic!("{other}"),
        }
    }
}

#[derive(Clone, Debug)]
enum Value {
    Absent,
    Text(String),
    Number(f64),
}

fn text(value: Option<&&str>) -> Value {
    value.map_or(Value::Absent, |value| Value::Text((*value).to_owned()))
}

fn holds(value: &Value, test: &Test) -> bool {
    let equals = |literal: &Literal| match (value, literal) {
        (Value::Text(value), Literal::Text(literal)) => value == literal,
        (Value::Number(value), literal) => *value == number(literal),
        _ => false,
    };
    let than = |literal: &Literal| match value {
        Value::Number(value) => value.partial_cmp(&number(literal)),
        _ => None,
    };
    let is_there = !matches!(value, Value::Absent);
    match test {
        Test::Eq(literal) => equals(literal),
        Test::Ne(literal) => is_there && !equals(literal),
        Test::Lt(literal) => than(literal) == Some(Ordering::Less),
        Test::Le(literal) => than(literal).is_some_and(Ordering::is_le),
        Test::Gt(literal) => than(literal) == Some(Ordering::Greater),
        Test::Ge(literal) => than(literal).is_some_and(Ordering::is_ge),
        Test::Like(pattern) => is_like(value, pattern, |text| text.to_owned()),
        Test::ILike(pattern) => is_like(value, pattern, str::to_ascii_lowercase),
        Test::In(literals) => literals.iter().any(equals),
        Test::NotIn(literals) => is_there && !literals.iter().any(equals),
        Test::Between(low, high) => {
            than(low).is_some_and(Ordering::is_ge) && than(high).is_some_and(Ordering::is_le)
        }
        Test::IsNull => !is_there,
        Test::IsNotNull => is_there,
    }
}

fn number(literal: &Literal) -> f64 {
    match literal {
        Literal::Number(number) => *number,
        Literal::Time(ms) => *ms as f64,
        Literal::Text(text) => panic!("{text}"),
    }
}

fn is_like(value: &Value, pattern: &str, fold: impl Fn(&str) -> String) -> bool {
    fn like(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|from| like(&text[from..], rest)),
            Some((wanted, rest)) => text.split_first().is_some_and(|(first, text)| {
                (*wanted == '_' || wanted == first) && like(text, rest)
            }),
        }
    }
    let chars = |text: &str| -> Vec<char> { fold(text).chars().collect() };
    matches!(value, Value::Text(text) if like(&chars(text), &chars(pattern)))
}

fn compare(order: &[OrderBy], one: &Made, other: &Made) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Absent => 2,
        Value::Number(number) if number.is_nan() => 1,
        _ => 0,
    };
    for by in order {
        let (one, other) = (one.value(&by.field), other.value(&by.field));
        let values = match (&one, &other) {
            (Value::Number(one), Value::Number(other)) => one.partial_cmp(other),
            (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
            _ => None,
        };
        let values = values.unwrap_or(Ordering::Equal);
        let values = if by.descending { values.reverse() } else { values };
        let decided = rank(&one).cmp(&rank(&other)).then(values);
        if decided != Ordering::Equal {
            return decided;
        }
    }
    Ordering::Equal
}

/// xorshift64: the same searches every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn one_in<T>(&mut self, times: u64, rare: impl Fn() -> T, usual: impl Fn() -> T) -> T {
        if self.below(times) == 0 { rare() } else { usual() }
    }

    fn filter(&mut self, depth: u64) -> Filter {
        let parts = |random: &mut Random| -> Vec<Filter> {
            (0..2 + random.below(2)).map(|_| random.filter(depth - 1)).collect()
        };
        match self.below(if depth == 0 { 1 } else { 5 }) {
            1 | 2 => Filter::And(parts(self)),
            3 => Filter::Or(parts(self)),
            4 => Filter::Not(Box::new(self.filter(depth - 1))),
            _ => self.comparison(),
        }
    }

    fn comparison(&mut self) -> Filter {
        let field = self.field();
        let test = match &field {
            Field::Metric { .. } => {
                self.test_of_numbers(|random| Literal::Number(random.one_of(&NUMBERS[..5])))
            }
            Field::Attribute(Attribute::Created | Attribute::Started | Attribute::Ended) => {
                self.test_of_numbers(|random| Literal::Time(NOW + random.below(900) as i64))
            }
            Field::Attribute(Attribute::Status) => {
                let status = Literal::Text(self.one_of(&RunStatus::ALL).as_str().to_owned());
                if self.below(2) == 0 { Test::Eq(status) } else { Test::Ne(status) }
            }
            Field::Attribute(Attribute::Experiment | Attribute::User) => {
                let texts = ["one", "two", "ada", "eve"];
                Test::In((0..2).map(|_| Literal::Text(self.one_of(&texts).into())).collect())
            }
            _ => self.test_of_texts(),
        };
        Filter::Compare(Comparison { field, test })
    }

    fn field(&mut self) -> Field {
        match self.below(9) {
            0..3 => {
                let all = [Aggregate::Latest, Aggregate::Min, Aggregate::Max, Aggregate::Count];
                let of = self.one_in(2, || None, || Some(Aggregate::Latest));
                let of = of.unwrap_or(self.one_of(&all));
                Field::Metric { name: self.one_of(&METRICS).to_owned(), of }
            }
            3 | 4 => Field::Parameter(self.one_of(&["lr", "net", "none"]).to_owned()),
            5 | 6 => Field::Tag(self.one_of(&["team", "odd `key`", "none"]).to_owned()),
            _ => Field::Attribute(self.one_of(&[
                Attribute::Name,
                Attribute::Id,
                Attribute::Experiment,
                Attribute::User,
                Attribute::Status,
                Attribute::Created,
                Attribute::Started,
                Attribute::Ended,
            ])),
        }
    }

    fn test_of_numbers(&mut self, literal: impl Fn(&mut Random) -> Literal) -> Test {
        let one = |random: &mut Random| literal(random);
        match self.below(11) {
            0 => Test::Eq(one(self)),
            1 => Test::Ne(one(self)),
            2 => Test::Lt(one(self)),
            3 => Test::Le(one(self)),
            4 => Test::Gt(one(self)),
            5 => Test::Ge(one(self)),
            6 => Test::Between(one(self), one(self)),
            7 => Test::In(vec![one(self), one(self)]),
            8 => Test::NotIn(vec![one(self), one(self)]),
            9 => Test::IsNull,
            _ => Test::IsNotNull,
        }
    }

    fn test_of_texts(&mut self) -> Test {
        let one = |random: &mut Random| Literal::Text(random.one_of(&TEXTS).to_owned());
        match self.below(9) {
            0 | 1 => Test::Eq(one(self)),
            2 => Test::Ne(one(self)),
            3 => Test::Like(self.one_of(&PATTERNS).to_owned()),
            4 => Test::ILike(self.one_of(&PATTERNS).to_owned()),
            5 => Test::In(vec![one(self), one(self)]),
            6 => Test::NotIn(vec![one(self), one(self)]),
            7 => Test::IsNull,
            _ => Test::IsNotNull,
        }
    }

    fn order_by(&mut self) -> OrderBy {
        OrderBy { field: self.field(), descending: self.below(2) == 0 }
    }
}

fn seed(write: &mut Write<'_>, made: &[Made]) -> lazuli_backend::Result<()> {
    for run in made {
        let experiment =
            experiments::ensure(write, "default", run.experiment, &StringMap::new(), NOW)?;
        let key = runs::insert(
            write,
            &RunRow {
                run_id: &run.run_id,
                workspace: "default",
                experiment,
                name: &run.name,
                kind: RunKind::Interactive,
                status: run.status,
                parent: None,
                user: run.user,
                compute: "local",
                created_at_ms: run.created_at_ms,
                started_at_ms: run.started_at_ms,
                owner: None,
                snapshot_id: None,
            },
        )?;
        if let Some(ended_at_ms) = run.ended_at_ms {
            runs::set_end(write, key, run.status, None, Some(ended_at_ms))?;
        }
        for (kind, all) in [(EntryKind::Parameter, &run.parameters), (EntryKind::Tag, &run.tags)] {
            all.iter().try_for_each(|(name, value)| entries::set(write, kind, key, name, value))?;
        }
        for (name, values) in &run.metrics {
            let mut metric = metrics::insert(write, key, name, MetricKind::Scalar, "")?;
            let points: Vec<NewPoint> = values
                .iter()
                .map(|value| NewPoint { step: None, time_ms: NOW, value: (*value).into() })
                .collect();
            metrics::append(write, &mut metric, &points)?;
        }
    }
    Ok(())
}
