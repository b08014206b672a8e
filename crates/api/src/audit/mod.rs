//! The audit log (Z02): what the log knows of settings, users, sign-ins and files that left, and between it what was refused. One
//! order, the newest first; each source goes on from where it was left, so that nothing is told twice or left out.

mod line;
mod names;
mod sentences;

use std::cmp::Reverse;
use std::sync::Arc;

use commands::Directory;
use decider::{Timestamp, WorkspaceId};
use events::{AnyEvent, UserId};
use ops::{Ops, RefusalRow, SignInFailure, Stretch};
use projections::audit::{self, AuditRow, Wanted};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;
use vault::Vault;

use crate::error::ApiError;
use crate::filter::Known;

pub use line::{AuditEntry, AuditTarget};
use names::Names;

/// The kind of refused requests.
pub const REFUSED: &str = "RequestRefused";
/// The kind of failures to sign in.
pub const FAILED: &str = "SignInFailed";

/// The kinds that the audit log can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditKind;

impl Known for AuditKind {
    fn knows(word: &str) -> bool {
        let kinds = AnyEvent::KINDS.iter().filter(|(kind, _)| audit::KINDS.contains(kind));
        [REFUSED, FAILED].contains(&word)
            || kinds.flat_map(|(_, types)| types.iter()).any(|known| known.name == word)
    }
}

/// Where the audit log of a workspace is read from.
#[derive(Clone)]
pub struct AuditBook {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Reads the views.
    pub views: PgPool,
    /// Opens names and addresses.
    pub vault: Vault,
    /// Knows what was refused.
    pub ops: Ops,
    /// Names of users and settings.
    pub directory: Arc<Directory>,
}

/// Where a page begins: the last of each source that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    log: i64,
    refused: (i64, Uuid),
    failed: (i64, Uuid),
}

impl Place {
    /// Before everything older than an instant.
    const fn before(until: Option<i64>) -> Self {
        let place = match until {
            Some(until) => (until, Uuid::nil()),
            None => (i64::MAX, Uuid::max()),
        };
        Self { log: i64::MAX, refused: place, failed: place }
    }

    fn pass(&mut self, found: &Found) {
        match found {
            Found::Event(row) => self.log = row.position,
            Found::Refused(row) => self.refused = (row.at.as_micros(), row.id),
            Found::Failed(row) => self.failed = (row.since.as_micros(), row.user),
        }
    }
}

/// One entry as it was found.
enum Found {
    Event(Box<AuditRow>),
    Refused(RefusalRow),
    Failed(SignInFailure),
}

impl Found {
    /// Its place in the order, from the newest; of the same instant in the order of the sources.
    fn at(&self) -> i64 {
        match self {
            Self::Event(row) => row.at,
            Self::Refused(row) => row.at.as_micros(),
            Self::Failed(row) => row.since.as_micros(),
        }
    }
}

impl AuditBook {
    /// The newest entries after a place, at most `limit`, and where the next page begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(
        &self,
        wanted: &Wanted,
        place: Option<Place>,
        limit: u32,
    ) -> Result<(Vec<AuditEntry>, Option<Place>), ApiError> {
        let mut place = place.unwrap_or(Place::before(wanted.until));
        let mut found = Vec::new();
        let rows = audit::page(&self.views, self.ws, wanted, place.log, limit + 1).await?;
        found.extend(rows.into_iter().map(|row| Found::Event(Box::new(row))));
        found.extend(self.refused(wanted, place, limit).await?.into_iter().map(Found::Refused));
        found.extend(self.failed(wanted, place, limit).await?.into_iter().map(Found::Failed));
        // Stable: entries of one source keep their order.
        found.sort_by_key(|entry| Reverse(entry.at()));
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        found.iter().for_each(|entry| place.pass(entry));
        Ok((self.shown(found).await?, more.then_some(place)))
    }

    async fn refused(
        &self,
        wanted: &Wanted,
        place: Place,
        limit: u32,
    ) -> Result<Vec<RefusalRow>, ApiError> {
        let about = wanted.target.is_some() || wanted.ticket.is_some();
        if about || !asks_for(wanted, REFUSED) {
            return Ok(Vec::new());
        }
        let from = wanted.from.unwrap_or(i64::MIN);
        let stretch = Stretch { before: place.refused, from, limit: limit + 1 };
        let actor = wanted.actor.as_deref();
        Ok(self.ops.refusals.page(self.ws, stretch, actor).await?)
    }

    async fn failed(
        &self,
        wanted: &Wanted,
        place: Place,
        limit: u32,
    ) -> Result<Vec<SignInFailure>, ApiError> {
        // Nobody knows who it was.
        let about = wanted.actor.is_some() || wanted.ticket.is_some();
        if about || !asks_for(wanted, FAILED) {
            return Ok(Vec::new());
        }
        let from = wanted.from.unwrap_or(i64::MIN);
        let stretch = Stretch { before: place.failed, from, limit: limit + 1 };
        Ok(self.ops.sign_in_failures.page(self.ws, stretch, wanted.target).await?)
    }

    async fn shown(&self, found: Vec<Found>) -> Result<Vec<AuditEntry>, ApiError> {
        let mut events = Vec::new();
        for entry in &found {
            if let Found::Event(row) = entry {
                events.push(line::decode(row)?);
            }
        }
        let names = Names::find(self, &found, &mut events).await?;
        let mut events = events.into_iter();
        let mut entries = Vec::with_capacity(found.len());
        for entry in found {
            entries.push(match entry {
                Found::Event(row) => {
                    let Some(event) = events.next() else { break };
                    AuditEntry::of_event(&row, &event, &names)
                }
                Found::Refused(row) => AuditEntry::of_refusal(&row, &names),
                Found::Failed(row) => AuditEntry::of_failure(row, &names),
            });
        }
        Ok(entries)
    }
}

fn asks_for(wanted: &Wanted, kind: &str) -> bool {
    wanted.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|known| known == kind))
}

/// The user that an actor's text names.
fn user_of(actor: &str) -> Option<UserId> {
    actor.strip_prefix("user:").and_then(|id| id.parse().ok())
}

fn instant(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}
