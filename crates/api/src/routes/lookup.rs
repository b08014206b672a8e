//! Finding people for pickers: contacts and users by the beginnings of words.

use access::Right;
use axum::Json;
use axum::extract::State;
use projections::lookup::{self, PersonKind, PersonRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Limit, Listed};
use crate::read::{AtLeast, Params};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(look_up))
}

/// A contact or user.
#[derive(Serialize, ToSchema)]
struct PersonShown {
    /// The id.
    id: Uuid,
    /// `contact` or `user`.
    #[schema(value_type = PersonKindWord)]
    kind: String,
    /// The name, if known.
    name: Option<String>,
    /// The address to write to, if there is one.
    email: Option<String>,
    /// Whether a user may sign in; always true for a contact.
    active: bool,
}

/// What kind of people.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PersonKind)]
enum PersonKindWord {
    /// Customers.
    Contact,
    /// Those who sign in.
    User,
}

/// Who is looked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LookupQuery {
    /// Beginnings of words of a name, an address, or digits of a number.
    q: String,
    /// Only this kind.
    #[param(inline)]
    kind: Option<PersonKindWord>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Finds contacts and users: active ones first, then by name.
#[utoipa::path(get, path = "/api/v1/lookup", tag = "contacts", params(LookupQuery),
    responses((status = 200, description = "the best of them", body = Listed<PersonShown>)))]
async fn look_up(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<LookupQuery>,
) -> Result<(Stale, Json<Listed<PersonShown>>), ApiError> {
    caller.require(Right::TicketsView)?;
    let stale = app.await_view(&caller, at_least, "lookup").await?;
    let kind = query.kind.map(|kind| match kind {
        PersonKindWord::Contact => PersonKind::Contact,
        PersonKindWord::User => PersonKind::User,
    });
    let limit = u32::from(query.limit.0);
    let rows = lookup::search(app.views(), caller.ws, &query.q, kind, limit).await?;
    let items = rows.into_iter().map(shown).collect();
    Ok((stale, Json(Listed { items, next_cursor: None })))
}

fn shown(row: PersonRow) -> PersonShown {
    let primary = row.emails.0.iter().find(|email| Some(email.no) == row.primary_email);
    let email = primary.or(row.emails.0.first()).map(|email| email.value.clone());
    PersonShown { id: row.person, kind: row.kind, name: row.name, email, active: row.active }
}
