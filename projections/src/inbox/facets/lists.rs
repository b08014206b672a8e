//! Lists of tickets for readers: from the index where there is one, else from the tables. Either way the same tickets in the
//! same order, and cursors of one are cursors of the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use event_store::projection::Projection;
use events::{TicketId, UserId};
use sqlx::Row;
use tokio::sync::watch;
use uuid::Uuid;

use super::follow::{FacetParts, Held};
use super::index::Index;
use super::select::{Found, place_after};
use crate::cursor::{Cursor, Page, limits};
use crate::inbox::views::COUNT_MAX;
use crate::inbox::{
    self, Counts, DefaultView, Direction, Filter, Inbox, Sort, TicketRow, Visible, tickets,
};

/// How long a read waits for the index to reach what the tables have; then the tables answer.
const WAIT_MAX: Duration = Duration::from_millis(250);
/// Tickets of the contacts of a filter; if there are more, the tables answer.
const OF_CONTACTS_MAX: i64 = 10_000;

/// Answers lists and counts of tickets.
#[derive(Clone)]
pub struct Lists {
    shared: Arc<Shared>,
}

struct Shared {
    parts: FacetParts,
    held: Mutex<HashMap<WorkspaceId, Arc<Held>>>,
    stopping: watch::Sender<bool>,
}

/// What a page is of, besides its filter.
#[derive(Clone, Copy)]
struct Asked {
    ws: WorkspaceId,
    visible: Visible,
    order: (Sort, Direction),
    after: Option<Cursor>,
    shown: u32,
}

impl Lists {
    /// No index is held yet; the first who asks in a workspace starts it.
    #[must_use]
    pub fn new(parts: FacetParts) -> Self {
        let shared = Shared { parts, held: Mutex::default(), stopping: watch::Sender::new(false) };
        Self { shared: Arc::new(shared) }
    }

    /// Ends all followers, for good.
    pub fn stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// How far the index of a workspace is; none while there is none.
    #[must_use]
    pub fn reached(&self, ws: WorkspaceId) -> Option<LogPosition> {
        self.held(ws).reached()
    }

    /// How many tickets the default views hold.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(
        &self,
        (ws, user, visible): (WorkspaceId, UserId, Visible),
    ) -> Result<Counts, sqlx::Error> {
        let held = self.ready(ws).await?;
        let most = u32::try_from(COUNT_MAX).unwrap_or(u32::MAX);
        let counted = held
            .and_then(|held| held.index().as_ref().map(|index| index.counts(user, visible, most)));
        answered("counts", counted.is_some());
        match counted {
            Some(counts) => Ok(counts),
            None => inbox::counts(&self.shared.parts.pool, ws, user, visible).await,
        }
    }

    /// A page of a default view, newest activity first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(
        &self,
        (ws, user, visible): (WorkspaceId, UserId, Visible),
        view: DefaultView,
        (after, limit): (Option<Cursor>, u32),
    ) -> Result<Page<TicketRow>, sqlx::Error> {
        let pool = &self.shared.parts.pool;
        // Mentions are sorted by when they were made, which the index does not keep.
        if view != DefaultView::Mentions
            && let Some(held) = self.ready(ws).await?
        {
            let (shown, order) = (limits(limit).0, (Sort::Activity, Direction::Descending));
            let asked = Asked { ws, visible, order, after, shown };
            let places = held.index().as_ref().map(|index| {
                let filter = index.filter_of(view, user);
                let places = filter
                    .as_ref()
                    .map_or_else(Page::empty, |filter| places(index, filter, &asked, None));
                (filter.unwrap_or_default(), places)
            });
            if let Some((filter, places)) = places
                && let Some(page) = self.proven(&filter, &asked, places).await?
            {
                answered("view", true);
                return Ok(page);
            }
        }
        answered("view", false);
        inbox::page(pool, (ws, user, visible), view, after, limit).await
    }

    /// A page of the tickets that match a filter.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn query(
        &self,
        (ws, visible): (WorkspaceId, Visible),
        filter: &Filter,
        order: (Sort, Direction),
        (after, limit): (Option<Cursor>, u32),
    ) -> Result<Page<TicketRow>, sqlx::Error> {
        if let Some(held) = self.ready(ws).await? {
            let asked = Asked { ws, visible, order, after, shown: limits(limit).0 };
            if let Some(page) = self.by_index(&held, filter, &asked).await? {
                answered("query", true);
                return Ok(page);
            }
        }
        answered("query", false);
        inbox::query(&self.shared.parts.pool, (ws, visible), filter, order, (after, limit)).await
    }

    async fn by_index(
        &self,
        held: &Held,
        filter: &Filter,
        asked: &Asked,
    ) -> Result<Option<Page<TicketRow>>, sqlx::Error> {
        let of_contacts = match self.of_contacts(asked.ws, filter).await? {
            OfContacts::All => None,
            OfContacts::These(tickets) => Some(tickets),
            OfContacts::TooMany => return Ok(None),
        };
        let places =
            held.index().as_ref().map(|index| places(index, filter, asked, of_contacts.as_deref()));
        match places {
            Some(places) => self.proven(filter, asked, places).await,
            None => Ok(None),
        }
    }

    /// The rows at places of the index, each proven against the row itself. The index is never ahead of the tables but after a
    /// crash that took rows away: then none, and the tables answer. A row that has changed since is only shown if it still
    /// belongs where it was found.
    async fn proven(
        &self,
        filter: &Filter,
        asked: &Asked,
        places: Page<Found>,
    ) -> Result<Option<Page<TicketRow>>, sqlx::Error> {
        let ids: Vec<TicketId> =
            places.items.iter().map(|found| TicketId(found.place.id)).collect();
        let mut rows = tickets(&self.shared.parts.pool, asked.ws, &ids).await?;
        let behind = |(row, found): (&TicketRow, &Found)| {
            row.ticket != found.place.id || row.version < found.version
        };
        if rows.len() != ids.len() || rows.iter().zip(&places.items).any(behind) {
            return Ok(None);
        }
        let mut found = places.items.iter();
        rows.retain(|row| found.next().is_some_and(|found| belongs(row, found, filter, asked)));
        Ok(Some(Page { items: rows, next: places.next }))
    }

    /// The tickets of the contacts of a filter: the table's index knows them, and they are few.
    async fn of_contacts(
        &self,
        ws: WorkspaceId,
        filter: &Filter,
    ) -> Result<OfContacts, sqlx::Error> {
        if filter.contacts.is_empty() {
            return Ok(OfContacts::All);
        }
        let contacts: Vec<Uuid> = filter.contacts.iter().map(|contact| contact.0).collect();
        let rows = sqlx::query(include_str!("of_contacts.sql"))
            .bind(ws.0)
            .bind(contacts)
            .bind(OF_CONTACTS_MAX + 1)
            .fetch_all(&self.shared.parts.pool)
            .await?;
        if rows.len() as i64 > OF_CONTACTS_MAX {
            return Ok(OfContacts::TooMany);
        }
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map(OfContacts::These)
    }

    /// The index, once it is as new as the tables are now: what somebody knows to be in them is in every list, and a page that
    /// goes on from one of another process neither meets a ticket twice nor misses one that moved before.
    async fn ready(&self, ws: WorkspaceId) -> Result<Option<Arc<Held>>, sqlx::Error> {
        let (parts, held) = (&self.shared.parts, self.held(ws));
        if held.reached().is_none() || parts.recent.continuity().is_rewound(ws) {
            return Ok(None);
        }
        let Some(view) = parts.checkpoints.standing(ws, Inbox::NAME).await? else {
            return Ok(None);
        };
        if held.reached() < Some(view.position) {
            // Should nobody have told this process of it: whoever follows looks again.
            parts.recent.heard_of(ws, view.position);
        }
        Ok(held.has_reached(view.position, WAIT_MAX).await.then_some(held))
    }

    /// The index of a workspace, perhaps not read yet.
    fn held(&self, ws: WorkspaceId) -> Arc<Held> {
        let mut all = self.all();
        if let Some(held) = all.get(&ws) {
            return Arc::clone(held);
        }
        let held = Arc::new(Held::new(ws));
        all.insert(ws, Arc::clone(&held));
        drop(all);
        // Whoever follows does not keep the rest alive.
        let (shared, parts) = (Arc::downgrade(&self.shared), self.shared.parts.clone());
        let (following, mut stopping) = (Arc::clone(&held), self.shared.stopping.subscribe());
        tokio::spawn(async move {
            let let_go = move |held: &Held| {
                if let Some(shared) = shared.upgrade() {
                    let mut all = shared.held.lock().unwrap_or_else(PoisonError::into_inner);
                    all.retain(|_, known| !std::ptr::eq(Arc::as_ptr(known), held));
                }
            };
            tokio::select! {
                () = following.run(parts, let_go) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        });
        held
    }

    fn all(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<Held>>> {
        // Nothing panics while holding the lock.
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tickets that a condition on contacts leaves.
enum OfContacts {
    All,
    These(Vec<Uuid>),
    TooMany,
}

fn places(
    index: &Index,
    filter: &Filter,
    asked: &Asked,
    of_contacts: Option<&[Uuid]>,
) -> Page<Found> {
    let mut set = index.matching(filter, asked.visible);
    if let Some(tickets) = of_contacts {
        *set.to_mut() &= index.numbers_of(tickets);
    }
    let wanted = asked.shown as usize + 1;
    let found = index.page(&set, filter, asked.order, asked.after, wanted);
    Page::cut(found, asked.shown, |found| found.place)
}

/// Whether a row belongs where the index found it.
fn belongs(row: &TicketRow, found: &Found, filter: &Filter, asked: &Asked) -> bool {
    if row.version == found.version {
        return true;
    }
    let there = place_after(found.place, asked.order.0) == asked.order.0.place(row);
    // On a first page nothing can have been met before, and what just moved is what people look for.
    asked.visible.shows(row) && filter.matches(row) && (there || asked.after.is_none())
}

/// Says where an answer came from.
fn answered(what: &'static str, from_index: bool) {
    let from = if from_index { "memory" } else { "tables" };
    metrics::counter!("ledgerdesk_facets_answers_total", "what" => what, "from" => from)
        .increment(1);
}
