//! Views: lists of tickets that every user has (V01), and free queries (V04, V05).

mod query;

use axum::Json;
use axum::extract::State;
use events::TicketId;
use projections::inbox::{self, Counts, DefaultView, TicketRow, Visible};
use projections::{Cursor, drafts};
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::read::{AtLeast, Id, Params};
use crate::show::list_row::{TicketListed, show};
use crate::show::page;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_views))
        .routes(routes!(count_views))
        .routes(routes!(list_tickets))
        .merge(query::routes())
}

/// A view that every user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum View {
    /// Not closed, and nobody is responsible.
    Unassigned,
    /// Not closed, and the caller is responsible.
    Mine,
    /// The caller was called by name.
    Mentions,
    /// Not closed.
    Open,
    /// The caller is writing on it.
    Drafts,
    /// Closed.
    Closed,
}

impl View {
    const ALL: [Self; 6] =
        [Self::Unassigned, Self::Mine, Self::Mentions, Self::Open, Self::Drafts, Self::Closed];

    const fn id(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Mine => "mine",
            Self::Mentions => "mentions",
            Self::Open => "open",
            Self::Drafts => "drafts",
            Self::Closed => "closed",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unassigned => "Unassigned",
            Self::Mine => "Assigned to me",
            Self::Mentions => "My mentions",
            Self::Open => "All open",
            Self::Drafts => "My drafts",
            Self::Closed => "All closed",
        }
    }

    /// Its form in the view `inbox`; none when another one holds it.
    const fn of_inbox(self) -> Option<DefaultView> {
        match self {
            Self::Unassigned => Some(DefaultView::Unassigned),
            Self::Mine => Some(DefaultView::Mine),
            Self::Mentions => Some(DefaultView::Mentions),
            Self::Open => Some(DefaultView::Open),
            Self::Closed => Some(DefaultView::Closed),
            Self::Drafts => None,
        }
    }
}

impl<'de> Deserialize<'de> for View {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|view| view.id() == id);
        known.ok_or_else(|| de::Error::custom("no view"))
    }
}

/// A view.
#[derive(Serialize, ToSchema)]
struct ViewRow {
    /// Its id; that of a default view never changes.
    id: &'static str,
    /// Its name.
    name: &'static str,
    /// Whether it is one that every user has and nobody can delete.
    default: bool,
}

/// How many tickets the views hold, each at most 1,000: that many means "or more".
#[derive(Serialize, ToSchema)]
struct ViewCounts {
    unassigned: u32,
    mine: u32,
    mentions: u32,
    open: u32,
    drafts: u32,
    closed: u32,
}

/// Lists views.
#[utoipa::path(get, path = "/api/v1/views", tag = "views",
    responses((status = 200, description = "all views", body = Listed<ViewRow>)))]
async fn list_views(_: Caller) -> Json<Listed<ViewRow>> {
    let row = |view: View| ViewRow { id: view.id(), name: view.name(), default: true };
    Json(Listed { items: View::ALL.map(row).into(), next_cursor: None })
}

/// How many tickets the views hold.
#[utoipa::path(get, path = "/api/v1/views/counts", tag = "views",
    responses((status = 200, description = "a number for every view", body = ViewCounts)))]
async fn count_views(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<(Stale, Json<ViewCounts>), ApiError> {
    let inbox_stale = app.await_view(&caller, at_least, "inbox").await?;
    let drafts_stale = app.await_view(&caller, at_least, "drafts").await?;
    let visible = Visible::of(&caller.scope, caller.actor);
    let Counts { unassigned, mine, mentions, open, closed } =
        app.lists().counts((caller.ws, caller.user, visible)).await?;
    let drafts = drafts::count(app.views(), caller.ws, caller.user).await?;
    let counts = ViewCounts { unassigned, mine, mentions, open, drafts, closed };
    Ok((Stale(inbox_stale.0 || drafts_stale.0), Json(counts)))
}

/// The tickets of a view, newest activity first.
#[utoipa::path(get, path = "/api/v1/views/{id}/tickets", tag = "views",
    params(("id" = inline(View), Path), PageQuery),
    responses((status = 200, description = "a page of tickets", body = Listed<TicketListed>)))]
async fn list_tickets(
    State(app): State<App>,
    caller: Caller,
    Id(view): Id<View>,
    at_least: AtLeast,
    Params(query): Params<PageQuery>,
) -> Result<(Stale, Json<Listed<TicketListed>>), ApiError> {
    let list = format!("view.{}", view.id());
    let after = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let mut stale = app.await_view(&caller, at_least, "inbox").await?;
    let limit = u32::from(query.limit.0);
    let (rows, next) = match view.of_inbox() {
        Some(view) => {
            let who = (caller.ws, caller.user, Visible::of(&caller.scope, caller.actor));
            let found = app.lists().page(who, view, (after, limit)).await?;
            (found.items, found.next)
        }
        None => {
            stale.0 |= app.await_view(&caller, at_least, "drafts").await?.0;
            with_drafts(&app, &caller, after, limit).await?
        }
    };
    let items = show(&app, &caller, rows).await?;
    Ok((stale, Json(page::listed(&app, &caller, &list, next, items))))
}

/// The tickets the caller is writing on, newest draft first.
async fn with_drafts(
    app: &App,
    caller: &Caller,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Vec<TicketRow>, Option<Cursor>), ApiError> {
    let found = drafts::page(app.views(), caller.ws, caller.user, after, limit).await?;
    let mut ids: Vec<TicketId> = Vec::with_capacity(found.items.len());
    for row in &found.items {
        if !ids.contains(&TicketId(row.ticket)) {
            ids.push(TicketId(row.ticket));
        }
    }
    let visible = Visible::of(&caller.scope, caller.actor);
    let mut rows = inbox::tickets(app.views(), caller.ws, &ids).await?;
    rows.retain(|row| match visible {
        Visible::Everything => true,
        Visible::OwnedBy(user) => row.owner_user == Some(user.0),
        Visible::Nothing => false,
    });
    Ok((rows, found.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_views_have_stable_ids_v01() {
        let ids = View::ALL.map(View::id);
        assert_eq!(ids, ["unassigned", "mine", "mentions", "open", "drafts", "closed"]);
        for view in View::ALL {
            assert_eq!(serde_json::to_value(view).unwrap(), view.id());
            assert_eq!(serde_json::from_value::<View>(view.id().into()).unwrap(), view);
        }
        assert!(serde_json::from_value::<View>("secret".into()).is_err());
    }
}
