//! Free queries over tickets (V04, V05): a filter, an order, a page.

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;
use commands::Directory;
use decider::Timestamp;
use events::pipeline::StatusCategory;
use events::value::{Priority, TicketSource};
use events::{ContactId, PipelineId, StatusId, TeamId, UserId};
use projections::inbox::{Direction, Filter, Sort, Visible};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Stale;
use crate::app::App;
use crate::body::Strict;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::hex;
use crate::list::{Limit, Listed};
use crate::read::AtLeast;
use crate::show::list_row::{TicketListed, show};
use crate::show::page;
use crate::show::words::{PriorityWord, StatusCategoryWord, TicketSourceWord};

/// Values of one condition.
const VALUES_MAX: usize = 500;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(query_tickets))
}

/// Which tickets, in which order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    /// Which tickets; all if nothing is said.
    #[serde(default)]
    filter: FilterBody,
    /// In which order.
    #[serde(default)]
    sort: SortBody,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`, with the same filter and order.
    #[serde(default)]
    cursor: Option<String>,
}

/// Conditions. Those of different fields must all hold; an empty list is none.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct FilterBody {
    /// One of these statuses.
    #[schema(value_type = Vec<Uuid>)]
    status_ids: Vec<StatusId>,
    /// A status that means one of these.
    #[schema(value_type = Vec<StatusCategoryWord>)]
    status_categories: Vec<StatusCategory>,
    /// One of these pipelines.
    #[schema(value_type = Vec<Uuid>)]
    pipeline_ids: Vec<PipelineId>,
    /// One of these users is responsible; `me` is the caller.
    owner_ids: Vec<OwnerName>,
    /// One of these teams is responsible.
    #[schema(value_type = Vec<Uuid>)]
    team_ids: Vec<TeamId>,
    /// Whether anybody is responsible.
    assigned: Option<bool>,
    /// One of these priorities.
    #[schema(value_type = Vec<PriorityWord>)]
    priorities: Vec<Priority>,
    /// At least one of these tags.
    tags: Vec<String>,
    /// One of these categories.
    categories: Vec<String>,
    /// One of these sources.
    #[schema(value_type = Vec<TicketSourceWord>)]
    sources: Vec<TicketSource>,
    /// At least one of these contacts takes part.
    #[schema(value_type = Vec<Uuid>)]
    contact_ids: Vec<ContactId>,
    /// When it came into being.
    created: Option<Period>,
    /// When something last happened.
    activity: Option<Period>,
}

/// A user, or the caller.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum OwnerName {
    /// A user.
    #[schema(value_type = Uuid)]
    User(UserId),
    /// `me`.
    Me(Me),
}

/// The caller.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallerWord)]
enum Me {
    /// The caller.
    Me,
}

/// A time from one instant to another, both included; without an end it goes on for ever.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Period {
    /// Not before.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Not after.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// An order.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct SortBody {
    /// What to sort by.
    by: SortWord,
    /// Which way.
    direction: DirectionWord,
}

/// What to sort by.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SortBy)]
enum SortWord {
    /// When something last happened.
    #[default]
    Activity,
    /// When it came into being.
    Created,
    /// How urgent it is, then when something last happened.
    Priority,
    /// Its number.
    Number,
}

/// Which way.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SortDirection)]
enum DirectionWord {
    /// Newest, highest, most urgent first.
    #[default]
    Desc,
    /// Oldest, lowest, least urgent first.
    Asc,
}

/// The tickets that match a filter.
#[utoipa::path(post, path = "/api/v1/tickets/query", tag = "views", request_body = QueryBody,
    responses((status = 200, description = "a page of tickets", body = Listed<TicketListed>)))]
async fn query_tickets(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Strict(body): Strict<QueryBody>,
) -> Result<(Stale, Json<Listed<TicketListed>>), ApiError> {
    let QueryBody { filter, sort, limit, cursor } = body;
    let list = list_name(&filter, sort);
    let after = page::start(&app, &caller, &list, cursor.as_deref())?;
    let directory = app.directory(caller.ws).await?;
    let Some(filter) = filter.conditions(&directory, caller.user)? else {
        return Ok((Stale(false), Json(Listed { items: Vec::new(), next_cursor: None })));
    };
    let stale = app.await_view(&caller, at_least, "inbox").await?;
    let who = (caller.ws, Visible::of(&caller.scope, caller.actor));
    let (limit, order) = (u32::from(limit.0), sort.order());
    let found = app.lists().query(who, &filter, order, (after, limit)).await?;
    let items = show(&app, &caller, found.items).await?;
    Ok((stale, Json(page::listed(&app, &caller, &list, found.next, items))))
}

/// A name of its own for every filter and order: a cursor of one is none of another.
fn list_name(filter: &FilterBody, sort: SortBody) -> String {
    let text = serde_json::to_vec(&(filter, sort)).unwrap_or_default();
    format!("query.{}", hex::encode(&Sha256::digest(&text)))
}

impl SortBody {
    const fn order(self) -> (Sort, Direction) {
        let by = match self.by {
            SortWord::Activity => Sort::Activity,
            SortWord::Created => Sort::Created,
            SortWord::Priority => Sort::Priority,
            SortWord::Number => Sort::Number,
        };
        let direction = match self.direction {
            DirectionWord::Desc => Direction::Descending,
            DirectionWord::Asc => Direction::Ascending,
        };
        (by, direction)
    }
}

impl FilterBody {
    /// The conditions; none when no ticket can meet them.
    fn conditions(self, directory: &Directory, me: UserId) -> Result<Option<Filter>, ApiError> {
        self.refuse_too_many()?;
        self.refuse_nul()?;
        let mut statuses = self.status_ids;
        if !self.status_categories.is_empty() {
            let all = directory.pipelines().flat_map(|(_, pipeline)| &pipeline.statuses);
            let meant = all.filter(|status| self.status_categories.contains(&status.category));
            let meant: Vec<StatusId> = meant.map(|status| status.id).collect();
            if statuses.is_empty() {
                statuses = meant;
            } else {
                statuses.retain(|status| meant.contains(status));
            }
            if statuses.is_empty() {
                return Ok(None);
            }
        }
        let owner = |name: OwnerName| match name {
            OwnerName::User(user) => user,
            OwnerName::Me(Me::Me) => me,
        };
        Ok(Some(Filter {
            statuses,
            pipelines: self.pipeline_ids,
            owners: self.owner_ids.into_iter().map(owner).collect(),
            teams: self.team_ids,
            owned: self.assigned,
            priorities: self.priorities,
            tags: self.tags,
            categories: self.categories,
            sources: self.sources,
            contacts: self.contact_ids,
            created: self.created.map(Period::range),
            activity: self.activity.map(Period::range),
        }))
    }

    fn refuse_too_many(&self) -> Result<(), ApiError> {
        let counts = [
            ("status_ids", self.status_ids.len()),
            ("status_categories", self.status_categories.len()),
            ("pipeline_ids", self.pipeline_ids.len()),
            ("owner_ids", self.owner_ids.len()),
            ("team_ids", self.team_ids.len()),
            ("priorities", self.priorities.len()),
            ("tags", self.tags.len()),
            ("categories", self.categories.len()),
            ("sources", self.sources.len()),
            ("contact_ids", self.contact_ids.len()),
        ];
        match counts.into_iter().find(|(_, count)| *count > VALUES_MAX) {
            Some((field, _)) => {
                let message = format!("at most {VALUES_MAX} values");
                Err(ApiError::invalid_field(&format!("filter.{field}"), "too_many", message))
            }
            None => Ok(()),
        }
    }
}

impl FilterBody {
    /// No text that is stored holds a NUL, and the database does not even take one to look for it.
    fn refuse_nul(&self) -> Result<(), ApiError> {
        for (field, words) in [("tags", &self.tags), ("categories", &self.categories)] {
            if let Some(index) = words.iter().position(|word| word.contains('\0')) {
                let field = format!("filter.{field}.{index}");
                let message = "contains characters that are not allowed";
                return Err(ApiError::invalid_field(&field, "invalid_text", message));
            }
        }
        Ok(())
    }
}

impl Period {
    fn range(self) -> RangeInclusive<Timestamp> {
        let from = self.from.unwrap_or(Timestamp::from_micros(i64::MIN));
        from..=self.to.unwrap_or(Timestamp::from_micros(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn filter(json: &str) -> FilterBody {
        serde_json::from_str(json).unwrap()
    }

    fn conditions(json: &str) -> Option<Filter> {
        let me = UserId(Uuid::from_u128(7));
        filter(json).conditions(&Directory::default(), me).unwrap()
    }

    #[test]
    fn me_is_the_caller_v04() {
        let found = conditions(r#"{"owner_ids": ["me", "00000000-0000-0000-0000-000000000008"]}"#);
        let owners = found.unwrap().owners;
        assert_eq!(owners, [UserId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8))]);
    }

    #[test]
    fn a_category_that_no_status_has_matches_nothing() {
        assert_eq!(conditions(r#"{"status_categories": ["closed"]}"#), None);
        assert_eq!(conditions("{}"), Some(Filter::default()));
    }

    #[test]
    fn a_condition_has_bounds() {
        let tags = vec!["x"; VALUES_MAX + 1];
        let filter = filter(&serde_json::json!({ "tags": tags }).to_string());
        let refused = filter.conditions(&Directory::default(), UserId(Uuid::nil()));
        assert_eq!(refused.unwrap_err().code(), "too_many");
    }

    #[test]
    fn a_word_that_no_database_takes_is_refused() {
        let filter = filter(r#"{"categories": ["x", "a\u0000b"]}"#);
        let refused = filter.conditions(&Directory::default(), UserId(Uuid::nil())).unwrap_err();
        assert_eq!(
            (refused.code(), &*refused.fields()[0].field),
            ("invalid_text", "filter.categories.1")
        );
    }

    #[test]
    fn a_cursor_belongs_to_its_filter_and_order_v05() {
        let sort = SortBody::default();
        let other = SortBody { by: SortWord::Number, ..sort };
        let one = list_name(&filter("{}"), sort);
        assert_eq!(one, list_name(&filter(r#"{"tags": []}"#), sort));
        assert_ne!(one, list_name(&filter(r#"{"tags": ["x"]}"#), sort));
        assert_ne!(one, list_name(&filter("{}"), other));
    }
}
