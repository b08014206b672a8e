//! Free queries over tickets (V04, V05): a filter, an order, a page. The statement is built here alone, with bound values.

use std::ops::RangeInclusive;

use decider::{Timestamp, WorkspaceId};
use events::value::{Priority, TicketSource};
use events::{ContactId, PipelineId, StatusId, TeamId, UserId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::TicketRow;
use super::fold::priority_number;
use super::views::{Visible, page_of};
use crate::cursor::{Cursor, Page, limits};
use crate::kinds::word;

/// Which tickets. Conditions of different fields must all hold; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these statuses.
    pub statuses: Vec<StatusId>,
    /// One of these pipelines.
    pub pipelines: Vec<PipelineId>,
    /// One of these users is responsible.
    pub owners: Vec<UserId>,
    /// One of these teams is responsible.
    pub teams: Vec<TeamId>,
    /// Whether anybody is responsible.
    pub owned: Option<bool>,
    /// One of these priorities.
    pub priorities: Vec<Priority>,
    /// At least one of these tags.
    pub tags: Vec<String>,
    /// One of these categories.
    pub categories: Vec<String>,
    /// One of these sources.
    pub sources: Vec<TicketSource>,
    /// At least one of these contacts takes part.
    pub contacts: Vec<ContactId>,
    /// When it came into being.
    pub created: Option<RangeInclusive<Timestamp>>,
    /// When something last happened.
    pub activity: Option<RangeInclusive<Timestamp>>,
}

impl Filter {
    /// Whether a ticket matches.
    #[must_use]
    pub fn matches(&self, row: &TicketRow) -> bool {
        let times = [(&self.created, row.created_at), (&self.activity, row.last_activity_at)];
        let owned = row.owner_user.is_some() || row.owner_team.is_some();
        one_of(&self.statuses, |id| id.0 == row.status)
            && one_of(&self.pipelines, |id| id.0 == row.pipeline)
            && one_of(&self.owners, |id| row.owner_user == Some(id.0))
            && one_of(&self.teams, |id| row.owner_team == Some(id.0))
            && self.owned.is_none_or(|wanted| wanted == owned)
            && one_of(&self.priorities, |one| priority_number(*one) == row.priority)
            && one_of(&self.tags, |tag| row.tags.contains(tag))
            && one_of(&self.categories, |one| row.category.as_ref() == Some(one))
            && one_of(&self.sources, |source| word(source) == row.source)
            && one_of(&self.contacts, |id| row.contacts.contains(&id.0))
            && times.into_iter().all(|(range, at)| {
                range.as_ref().is_none_or(|range| range.contains(&Timestamp::from_micros(at)))
            })
    }
}

/// No condition holds for all.
fn one_of<T>(wanted: &[T], test: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(test)
}

/// What to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Newest, highest, most urgent first.
    #[default]
    Descending,
    /// Oldest, lowest, least urgent first.
    Ascending,
}

/// A page of the tickets that match a filter.
///
/// # Errors
/// When the database fails.
pub async fn query(
    pool: &PgPool,
    (ws, visible): (WorkspaceId, Visible),
    filter: &Filter,
    (sort, direction): (Sort, Direction),
    (after, limit): (Option<Cursor>, u32),
) -> Result<Page<TicketRow>, sqlx::Error> {
    if visible == Visible::Nothing {
        return Ok(Page::empty());
    }
    let (shown, wanted) = limits(limit);
    let mut sql = statement((ws, visible), filter, (sort, direction), after, wanted);
    let places = sql.build().fetch_all(pool).await?;
    page_of(pool, ws, places, shown).await
}

/// The statement of a free query.
pub(crate) fn statement(
    (ws, visible): (WorkspaceId, Visible),
    filter: &Filter,
    (sort, direction): (Sort, Direction),
    after: Option<Cursor>,
    wanted: i64,
) -> QueryBuilder<Postgres> {
    let (place, columns) = match sort {
        Sort::Activity => {
            ("t.last_activity_at as first, 0::bigint as second", "t.last_activity_at")
        }
        Sort::Created => ("t.created_at as first, 0::bigint as second", "t.created_at"),
        Sort::Number => ("t.number as first, 0::bigint as second", "t.number"),
        Sort::Priority => (
            "t.priority::bigint as first, t.last_activity_at as second",
            "t.priority, t.last_activity_at",
        ),
    };
    let mut sql = QueryBuilder::new("select t.ticket, ");
    sql.push(place).push(" from inbox_ticket as t where t.ws = ").push_bind(ws.0);
    conditions(&mut sql, visible, filter);
    if let Some(after) = after {
        let beyond = if direction == Direction::Descending { " < (" } else { " > (" };
        sql.push(" and (").push(columns).push(", t.ticket)").push(beyond);
        match sort {
            // The column is a smallint: a wider value would not use its index.
            Sort::Priority => {
                let priority = i16::try_from(after.first).unwrap_or(if after.first < 0 {
                    i16::MIN
                } else {
                    i16::MAX
                });
                sql.push_bind(priority).push(", ").push_bind(after.second)
            }
            Sort::Activity | Sort::Created | Sort::Number => sql.push_bind(after.first),
        };
        sql.push(", ").push_bind(after.id).push(")");
    }
    let way = if direction == Direction::Descending { " desc" } else { " asc" };
    sql.push(" order by ");
    for column in columns.split(", ") {
        sql.push(column).push(way).push(", ");
    }
    sql.push("t.ticket").push(way).push(" limit ").push_bind(wanted);
    sql
}

fn conditions(sql: &mut QueryBuilder<Postgres>, visible: Visible, filter: &Filter) {
    if let Some(owner) = visible.only_owner() {
        sql.push(" and t.owner_user = ").push_bind(owner);
    }
    any_of(sql, "t.status", filter.statuses.iter().map(|id| id.0));
    any_of(sql, "t.pipeline", filter.pipelines.iter().map(|id| id.0));
    any_of(sql, "t.owner_user", filter.owners.iter().map(|id| id.0));
    any_of(sql, "t.owner_team", filter.teams.iter().map(|id| id.0));
    match filter.owned {
        Some(true) => {
            sql.push(" and (t.owner_user is not null or t.owner_team is not null)");
        }
        Some(false) => {
            sql.push(" and t.owner_user is null and t.owner_team is null");
        }
        None => {}
    }
    if !filter.priorities.is_empty() {
        let priorities: Vec<i16> =
            filter.priorities.iter().map(|priority| priority_number(*priority)).collect();
        sql.push(" and t.priority = any(").push_bind(priorities).push(")");
    }
    if !filter.tags.is_empty() {
        sql.push(" and t.tags && ").push_bind(filter.tags.clone());
    }
    if !filter.categories.is_empty() {
        sql.push(" and t.category = any(").push_bind(filter.categories.clone()).push(")");
    }
    if !filter.sources.is_empty() {
        let sources: Vec<String> = filter.sources.iter().map(word).collect();
        sql.push(" and t.source = any(").push_bind(sources).push(")");
    }
    if !filter.contacts.is_empty() {
        let contacts: Vec<Uuid> = filter.contacts.iter().map(|id| id.0).collect();
        sql.push(" and t.contacts && ").push_bind(contacts);
    }
    between(sql, "t.created_at", filter.created.as_ref());
    between(sql, "t.last_activity_at", filter.activity.as_ref());
}

fn any_of(sql: &mut QueryBuilder<Postgres>, column: &str, ids: impl Iterator<Item = Uuid>) {
    let ids: Vec<Uuid> = ids.collect();
    if !ids.is_empty() {
        sql.push(" and ").push(column).push(" = any(").push_bind(ids).push(")");
    }
}

fn between(
    sql: &mut QueryBuilder<Postgres>,
    column: &str,
    range: Option<&RangeInclusive<Timestamp>>,
) {
    if let Some(range) = range {
        sql.push(" and ").push(column).push(" between ").push_bind(range.start().as_micros());
        sql.push(" and ").push_bind(range.end().as_micros());
    }
}
