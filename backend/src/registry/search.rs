use std::sync::Arc;

use lazuli_domain::search::{Attribute, Comparison, Entity, Field, Literal, Test, parse_order_by};
use lazuli_domain::{ApiError, LoggedModel, Model, Page, RegisteredModel};

use crate::app::App;
use crate::error::Result;
use crate::store;
pub use crate::store::search::{Dataset, LoggedModelOrder, LoggedModelSearch};
use crate::store::search::{Query, Search, View};

/// MLflow keeps prompts among its models; this tag says which is which.
const PROMPT: &str = "mlflow.prompt.is_prompt";

/// What a client asks of a list of names or versions.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub workspace: String,
    pub filter: String,
    pub order_by: Vec<String>,
    pub limit: usize,
    pub cursor: Option<String>,
}

/// One page of names, by name unless another order is asked for.
pub async fn search_names(app: &Arc<App>, asked: Asked) -> Result<Page<RegisteredModel>> {
    let search = asked.search(Entity::RegisteredModel, |query| {
        query.then_by(Field::Attribute(Attribute::Name), false)
    })?;
    app.store
        .read(move |database| {
            let page = store::search::registered_models(database, &search)?;
            let items = store::registered_models::with_keys(database, &page.items)?;
            Ok(Page { items, next_cursor: page.next_cursor, total: None })
        })
        .await
}

/// One page of versions; what changed last comes first unless another order is asked for.
pub async fn search_versions(app: &Arc<App>, asked: Asked) -> Result<Page<Model>> {
    let is_ordered = !asked.order_by.is_empty();
    let search = asked.search(Entity::ModelVersion, |query| {
        let query = match is_ordered {
            true => query,
            false => query.then_by(Field::Attribute(Attribute::Updated), true),
        };
        query
            .then_by(Field::Attribute(Attribute::Name), false)
            .then_by(Field::Attribute(Attribute::Version), true)
    })?;
    app.store
        .read(move |database| {
            let page = store::search::model_versions(database, &search)?;
            let rows = store::models::with_keys(database, &page.items)?;
            let items = rows.into_iter().map(|row| row.model).collect();
            Ok(Page { items, next_cursor: page.next_cursor, total: None })
        })
        .await
}

impl Asked {
    fn search(self, entity: Entity, ordered: impl FnOnce(Query) -> Query) -> Result<Search> {
        let query = Query::parse(entity, &self.filter, &self.order_by, self.cursor.as_deref())?;
        Ok(Search {
            workspace: self.workspace,
            view: View::Active,
            limit: self.limit,
            query: ordered(without_prompts(query)),
        })
    }
}

/// Prompts are found only by who asks for them.
fn without_prompts(query: Query) -> Query {
    let tag = Field::Tag(PROMPT.to_owned());
    let says = |test: &Test, text: &str| match test {
        Test::Eq(Literal::Text(value)) => value.eq_ignore_ascii_case(text),
        _ => false,
    };
    let says_not = |test: &Test, text: &str| match test {
        Test::Ne(Literal::Text(value)) => value.eq_ignore_ascii_case(text),
        _ => false,
    };
    if query.tests_of(&tag).any(|test| says(test, "true") || says_not(test, "false")) {
        return query;
    }
    // Who asks that the tag is `false` means models, which do not have it at all.
    let is_prompt = Test::Eq(Literal::Text("true".to_owned()));
    query.without(&tag).and_not(Comparison { field: tag, test: is_prompt })
}

/// One page of logged models.
pub async fn search_logged_models(
    app: &Arc<App>,
    search: LoggedModelSearch,
) -> Result<Page<LoggedModel>> {
    app.store.read(move |database| store::search::logged_models(database, &search)).await
}

/// Reads what to search logged models by.
pub fn logged_model_query(filter: &str, cursor: Option<&str>) -> Result<Query> {
    Query::parse::<&str>(Entity::LoggedModel, filter, &[], cursor)
}

/// Reads a field to order logged models by, as MLflow names it: `metrics.KEY`, whatever the key, or
/// an attribute.
pub fn logged_model_order(
    field: &str,
    ascending: bool,
    dataset: Dataset,
) -> Result<LoggedModelOrder> {
    let name = match field.split_once('.') {
        Some(("metrics", key)) => format!("metrics.`{}`", key.trim_matches('`').replace('`', "``")),
        Some(_) => {
            return Err(ApiError::invalid(format!(
                "Invalid order by field name: {field}. Only metrics are supported."
            ))
            .into());
        }
        None => field.to_owned(),
    };
    let item = format!("{name} {}", if ascending { "asc" } else { "desc" });
    let order = parse_order_by(Entity::LoggedModel, &[item]).map_err(ApiError::from)?;
    match order.into_iter().next() {
        Some(by) => Ok(LoggedModelOrder { by, dataset }),
        None => Err(ApiError::invalid(format!("Invalid order by field name: {field}")).into()),
    }
}
