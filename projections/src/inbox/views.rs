//! The default views (V01): pages and counts that cost the same however many tickets there are.

use access::{Reach, Scope};
use decider::{Actor, ActorKind, WorkspaceId};
use event_store::projection::Row as _;
use events::{TicketId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, PgPool, Row};
use uuid::Uuid;

use super::{StatusRow, TicketRow};
use crate::cursor::{Cursor, Page, limits};

/// No count goes further.
pub(super) const COUNT_MAX: i64 = 1_000;
const OPEN: [&str; 2] = ["open", "waiting"];
const CLOSED: [&str; 1] = ["closed"];

/// A view that every user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultView {
    /// Not closed, and nobody is responsible.
    Unassigned,
    /// Not closed, and the user is responsible.
    Mine,
    /// The user was called by name; newest mention first.
    Mentions,
    /// Not closed.
    Open,
    /// Closed.
    Closed,
}

/// Which tickets may appear in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// None.
    Nothing,
    /// Those a user owns.
    OwnedBy(UserId),
    /// All.
    Everything,
}

impl Visible {
    /// What an actor's scope lets it see.
    #[must_use]
    pub fn of(scope: &Scope, actor: Actor) -> Self {
        match (scope.view(), actor.kind) {
            (Reach::Everything, _) => Self::Everything,
            (Reach::Owned, ActorKind::User) => Self::OwnedBy(UserId(actor.id)),
            (
                Reach::Owned,
                ActorKind::Contact | ActorKind::Channel | ActorKind::Policy | ActorKind::System,
            )
            | (Reach::Nothing, _) => Self::Nothing,
        }
    }

    /// Whether a ticket may appear.
    #[must_use]
    pub fn shows(self, row: &TicketRow) -> bool {
        match self {
            Self::Nothing => false,
            Self::OwnedBy(user) => row.owner_user == Some(user.0),
            Self::Everything => true,
        }
    }

    /// The only owner whose tickets are seen, if it is only one.
    pub(super) const fn only_owner(self) -> Option<Uuid> {
        match self {
            Self::OwnedBy(user) => Some(user.0),
            Self::Nothing | Self::Everything => None,
        }
    }
}

/// How many tickets the default views hold, each at most 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// See [`DefaultView::Unassigned`].
    pub unassigned: u32,
    /// See [`DefaultView::Mine`].
    pub mine: u32,
    /// See [`DefaultView::Mentions`].
    pub mentions: u32,
    /// See [`DefaultView::Open`].
    pub open: u32,
    /// See [`DefaultView::Closed`].
    pub closed: u32,
}

/// A page of a default view, newest activity first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    pool: &PgPool,
    (ws, user, visible): (WorkspaceId, UserId, Visible),
    view: DefaultView,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<TicketRow>, sqlx::Error> {
    let (shown, wanted) = limits(limit);
    let after = after.unwrap_or(Cursor::TOP);
    let categories = if view == DefaultView::Closed { &CLOSED[..] } else { &OPEN[..] };
    let owner = if view == DefaultView::Mine { Some(user.0) } else { visible.only_owner() };
    let places = match (view, visible) {
        (_, Visible::Nothing) | (DefaultView::Unassigned, Visible::OwnedBy(_)) => {
            return Ok(Page::empty());
        }
        (DefaultView::Mine, Visible::OwnedBy(own)) if own != user => return Ok(Page::empty()),
        (DefaultView::Mentions, _) => {
            sqlx::query(include_str!("page_mentions.sql")).bind(ws.0).bind(user.0)
        }
        (DefaultView::Unassigned, Visible::Everything) => {
            sqlx::query(include_str!("page_unassigned.sql")).bind(ws.0).bind(categories)
        }
        (DefaultView::Mine, _) | (DefaultView::Open | DefaultView::Closed, Visible::OwnedBy(_)) => {
            sqlx::query(include_str!("page_owned.sql")).bind(ws.0).bind(categories)
        }
        (DefaultView::Open | DefaultView::Closed, Visible::Everything) => {
            sqlx::query(include_str!("page_by_status.sql")).bind(ws.0).bind(categories)
        }
    };
    let places = places.bind(after.first).bind(after.id).bind(wanted);
    let takes_owner = view == DefaultView::Mentions || owner.is_some();
    let places = if takes_owner { places.bind(owner) } else { places };
    page_of(pool, ws, places.fetch_all(pool).await?, shown).await
}

/// The rows at the places a page query found.
pub(super) async fn page_of(
    pool: &PgPool,
    ws: WorkspaceId,
    places: Vec<PgRow>,
    shown: u32,
) -> Result<Page<TicketRow>, sqlx::Error> {
    let places = places
        .iter()
        .map(|row| {
            Ok(Cursor { id: row.try_get(0)?, first: row.try_get(1)?, second: row.try_get(2)? })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    let places = Page::cut(places, shown, |place| *place);
    let ids: Vec<TicketId> = places.items.iter().map(|place| TicketId(place.id)).collect();
    Ok(Page { items: tickets(pool, ws, &ids).await?, next: places.next })
}

/// Tickets by id, in the order asked; those that do not exist are left out.
///
/// # Errors
/// When the database fails.
pub async fn tickets(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ids: &[TicketId],
) -> Result<Vec<TicketRow>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows =
        sqlx::query(include_str!("tickets.sql")).bind(ws.0).bind(ids).fetch_all(database).await?;
    rows.iter().map(TicketRow::read).collect()
}

/// Every status of every pipeline, in their order.
///
/// # Errors
/// When the database fails.
pub async fn statuses(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
) -> Result<Vec<StatusRow>, sqlx::Error> {
    let rows = sqlx::query(include_str!("statuses.sql")).bind(ws.0).fetch_all(database).await?;
    rows.iter().map(StatusRow::read).collect()
}

/// How many tickets the default views hold.
///
/// # Errors
/// When the database fails.
pub async fn counts(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    user: UserId,
    visible: Visible,
) -> Result<Counts, sqlx::Error> {
    let sql = match visible {
        Visible::Nothing => return Ok(Counts::default()),
        Visible::OwnedBy(_) => include_str!("counts_owned.sql"),
        Visible::Everything => include_str!("counts.sql"),
    };
    let row = sqlx::query(sql).bind(ws.0).bind(user.0).bind(COUNT_MAX).fetch_one(database).await?;
    let count = |name| row.try_get::<i64, _>(name).map(|count| u32::try_from(count).unwrap_or(0));
    Ok(Counts {
        unassigned: count("unassigned")?,
        mine: count("mine")?,
        mentions: count("mentions")?,
        open: count("open")?,
        closed: count("closed")?,
    })
}
