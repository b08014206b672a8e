//! Finding people.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use sqlx::PgExecutor;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PersonRow;
use super::terms::{address, wanted};
use crate::cursor::limits;

/// So many words are looked at for one search at most.
const CANDIDATES_MAX: i64 = 2_000;

/// What kind of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// Customers.
    Contact,
    /// Those who sign in.
    User,
}

impl PersonKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::User => "user",
        }
    }
}

/// People by id, in the order asked; those that are not known (or forgotten) are left out.
///
/// # Errors
/// When the database fails.
pub async fn people(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<PersonRow>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    read(sqlx::query(include_str!("people.sql")).bind(ws.0).bind(ids).fetch_all(database).await?)
}

/// People of one kind by name, those after a place in that order: a `sort_name` and who has it. One more than the limit where there
/// are more.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    kind: PersonKind,
    after: Option<(&str, Uuid)>,
    limit: u32,
) -> Result<Vec<PersonRow>, sqlx::Error> {
    let (name, person) = after.unwrap_or(("", Uuid::nil()));
    let query = sqlx::query(include_str!("page.sql"))
        .bind(ws.0)
        .bind(kind.as_str())
        .bind(name)
        .bind(person)
        .bind(limits(limit).1);
    read(query.fetch_all(database).await?)
}

/// People with an e-mail address, whatever its case.
///
/// # Errors
/// When the database fails.
pub async fn by_email(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    email: &str,
) -> Result<Vec<PersonRow>, sqlx::Error> {
    let query = sqlx::query(include_str!("by_email.sql"))
        .bind(ws.0)
        .bind(address(email))
        .bind(limits(u32::MAX).1);
    read(query.fetch_all(database).await?)
}

/// People of whom every word of the query begins some word: of the name, of an address, or a number. Active ones first, then by
/// name.
///
/// # Errors
/// When the database fails.
pub async fn search(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    query: &str,
    kind: Option<PersonKind>,
    limit: u32,
) -> Result<Vec<PersonRow>, sqlx::Error> {
    let mut words = wanted(query).into_iter();
    let Some(first) = words.next() else { return Ok(Vec::new()) };
    let (low, high): (Vec<String>, Vec<String>) =
        words.map(|word| (word.clone(), beyond(&word))).unzip();
    let query = sqlx::query(include_str!("search.sql"))
        .bind(ws.0)
        .bind(first.clone())
        .bind(beyond(&first))
        .bind(low)
        .bind(high)
        .bind(CANDIDATES_MAX)
        .bind(kind.map(PersonKind::as_str))
        .bind(i64::from(limits(limit).0));
    read(query.fetch_all(database).await?)
}

/// After every text that begins with this one, byte by byte.
fn beyond(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

fn read(rows: Vec<PgRow>) -> Result<Vec<PersonRow>, sqlx::Error> {
    rows.iter().map(PersonRow::read).collect()
}
