//! One ticket, folded from its stream: always current, and at any earlier place (Z04). Payloads are read of changes alone; what
//! was said is only counted, however long the ticket is.

use access::{Reach, TicketSight};
use commands::ticket::{LiveTicket, Ticket};
use decider::{Event as _, EventMeta, LogPosition, State, StoredEvent, Timestamp, Version};
use event_store::log::{Included, Stretch, Sum};
use events::value::TicketSource;
use events::{TicketEvent, TicketId, decode_stored};
use projections::effect::{Effect, MESSAGES, SAID, Until, is_said};

use super::at::{AsOfShown, At, not_yet_created, resolve};
use super::long::LONG;
use super::moment::Moment;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// So many changes of a long ticket are held at a time.
const CHANGES_AT_A_TIME: u32 = 2_000;
/// The present: whatever there is belongs to it.
const PRESENT: At = At::Position(LogPosition(i64::MAX as u64));

/// A ticket and what its rules do not ask about. Its messages are not among it, only whether there are any.
#[derive(Clone)]
pub struct Folded {
    pub id: TicketId,
    pub live: Box<LiveTicket>,
    pub has_messages: bool,
    pub source: TicketSource,
    pub imported: bool,
    pub created_at: Timestamp,
    pub last_activity_at: Timestamp,
    pub version: Version,
    pub position: LogPosition,
    /// When its newest event was recorded.
    pub recorded_at: Timestamp,
}

/// A ticket at an earlier place.
pub struct Journey {
    /// The ticket as it was.
    pub ticket: Folded,
    /// The place.
    pub at: At,
    /// Which of its events belong to it.
    pub until: Until,
    /// The version of its last change.
    pub changed_in: Version,
}

impl Journey {
    /// Which of what was said belongs to it.
    #[must_use]
    pub fn said(&self) -> Included {
        let position = LogPosition(u64::try_from(self.until.said).unwrap_or_default());
        Included { position, instant: Timestamp::from_micros(self.until.said_by) }
    }

    /// What an answer says about the place.
    #[must_use]
    pub fn shown(&self) -> AsOfShown {
        let newest = (self.ticket.position, self.ticket.recorded_at);
        self.at.shown(newest, Some(self.ticket.version))
    }
}

#[derive(Clone, Default)]
struct Fold {
    state: Ticket,
    created: Option<(TicketSource, bool, Timestamp)>,
    has_messages: bool,
    last_activity_at: Timestamp,
    version: Version,
    position: LogPosition,
    recorded_at: Timestamp,
}

impl Fold {
    fn change(&mut self, stored: &StoredEvent) -> Result<(), ApiError> {
        let event: TicketEvent = decode_stored(stored).map_err(ApiError::failed)?;
        let (version, occurred_at) = (stored.version, stored.occurred_at);
        self.state.evolve(&event, &EventMeta { version, occurred_at, actor: stored.actor });
        if let TicketEvent::Created(created) = &event {
            self.created = Some((created.source, created.imported, occurred_at));
            self.last_activity_at = occurred_at;
        }
        self.note((version, stored.position, stored.at), occurred_at);
        Ok(())
    }

    fn said(&mut self, stored: &StoredEvent) {
        self.has_messages |= MESSAGES.contains(&stored.type_name.as_str());
        self.note((stored.version, stored.position, stored.at), stored.occurred_at);
    }

    fn sum(&mut self, sum: &Sum) {
        self.has_messages |= sum.marked;
        self.note((sum.version, sum.position, sum.at), sum.occurred_at);
    }

    fn note(&mut self, newest: (Version, LogPosition, Timestamp), occurred_at: Timestamp) {
        self.last_activity_at = self.last_activity_at.max(occurred_at);
        if newest.0 > self.version {
            (self.version, self.position, self.recorded_at) = newest;
        }
    }

    fn done(self, id: TicketId) -> Option<Folded> {
        let (source, imported, created_at) = self.created?;
        let Ticket::Live(live) = self.state else { return None };
        let Self { has_messages, last_activity_at, version, position, recorded_at, .. } = self;
        Some(Folded {
            id,
            live,
            has_messages,
            source,
            imported,
            created_at,
            last_activity_at,
            version,
            position,
            recorded_at,
        })
    }
}

/// A ticket as it is, whoever asks.
pub async fn present(app: &App, caller: &Caller, id: TicketId) -> Result<Option<Folded>, ApiError> {
    Ok(walk(app, caller, id, PRESENT).await?.then.done(id))
}

/// A ticket that the caller may see, as it was at a moment. Whether it may be seen is decided by how it is now.
///
/// # Errors
/// 404 for what is missing or invisible, and for what did not exist then; 422 for what lies in the future.
pub async fn journey(
    app: &App,
    caller: &Caller,
    id: TicketId,
    (field, moment): (&str, Moment),
) -> Result<Journey, ApiError> {
    if matches!(moment, Moment::Version(_)) {
        // Whoever may not see the ticket does not learn how many versions it has.
        crate::show::fold::visible(app, caller, crate::show::fold::TicketName::Id(id)).await?;
    }
    let at = resolve(app, caller, Some(id.0), (field, moment)).await?;
    back_to(app, caller, id, at).await
}

/// The same at a place in the log.
pub async fn back_to(
    app: &App,
    caller: &Caller,
    id: TicketId,
    at: At,
) -> Result<Journey, ApiError> {
    if caller.scope.view() != Reach::Everything {
        let now = present(app, caller, id).await?.ok_or_else(ApiError::not_found)?;
        if !caller.scope.sees(&TicketSight { owner: now.live.owner }) {
            return Err(ApiError::not_found());
        }
    }
    let walk = walk(app, caller, id, at).await?;
    if walk.read == 0 {
        return Err(ApiError::not_found());
    }
    let (until, changed_in) = (walk.until(), walk.changed_in);
    let ticket = walk.then.done(id).ok_or_else(not_yet_created)?;
    Ok(Journey { ticket, at, until, changed_in })
}

/// Walks a stream up to a place. How far it came in a long one is kept, so that the next time only newer events are read.
async fn walk(app: &App, caller: &Caller, id: TicketId, at: At) -> Result<Walk, ApiError> {
    let is_rewound = app.handler().recent().continuity().is_rewound(caller.ws);
    let name = (caller.ws, id.0, at);
    let kept = app.long_tickets().get(&name).filter(|_| !is_rewound);
    let mut walk = kept.map_or_else(|| Walk::new(at), |kept| Walk::clone(&kept));
    let page = app.reader().stream_page(caller.ws, id.0, walk.read, LONG).await?;
    check_kind(&page)?;
    page.iter().try_for_each(|stored| walk.take_in(stored))?;
    if page.len() == LONG as usize {
        let stretch = rest(app, caller, id, walk.read).await?;
        walk_on(app, &mut walk, stretch).await?;
    }
    if !is_rewound {
        app.long_tickets().put(name, &walk);
    }
    Ok(walk)
}

/// The rest of a long ticket.
async fn walk_on(app: &App, walk: &mut Walk, stretch: Stretch) -> Result<(), ApiError> {
    let mut pages = Changes::of(app, stretch);
    while !walk.is_over
        && let Some(changes) = pages.next().await?
    {
        changes.iter().try_for_each(|stored| walk.change(stored))?;
    }
    let nothing = Timestamp::from_micros(i64::MIN);
    let included = match walk.at {
        At::Position(position) => Included { position, instant: nothing },
        At::Instant(instant) => Included { position: LogPosition(0), instant },
    };
    let (sum, recorded) = app.reader().stream_sum(stretch, (&SAID, &MESSAGES), included).await?;
    sum.iter().for_each(|sum| walk.then.sum(sum));
    walk.said = walk.said.max(recorded);
    walk.read = stretch.to;
    Ok(())
}

/// A stream up to a place.
#[derive(Clone)]
pub(crate) struct Walk {
    at: At,
    then: Fold,
    effect: Effect,
    /// The last change that is included.
    changes: LogPosition,
    /// Its version.
    changed_in: Version,
    /// The last of what was said that had been recorded by then.
    said: LogPosition,
    /// Whether a change is not included any more: then none after it is.
    is_over: bool,
    /// The version up to which everything was looked at.
    read: Version,
}

impl Walk {
    fn new(at: At) -> Self {
        Self {
            at,
            then: Fold::default(),
            effect: Effect::default(),
            changes: LogPosition(0),
            changed_in: 0,
            said: LogPosition(0),
            is_over: false,
            read: 0,
        }
    }

    /// The version up to which everything was looked at.
    pub(super) const fn read(&self) -> Version {
        self.read
    }

    fn take_in(&mut self, stored: &StoredEvent) -> Result<(), ApiError> {
        self.read = stored.version;
        if !is_said(stored) {
            return self.change(stored);
        }
        if self.at.includes_said(stored) {
            self.then.said(stored);
        }
        if matches!(self.at, At::Instant(instant) if stored.at <= instant) {
            self.said = stored.position;
        }
        Ok(())
    }

    fn change(&mut self, stored: &StoredEvent) -> Result<(), ApiError> {
        if self.is_over || !self.at.includes_change(stored, &mut self.effect) {
            self.is_over = true;
            return Ok(());
        }
        (self.changes, self.changed_in) = (stored.position, stored.version);
        self.then.change(stored)
    }

    fn until(&self) -> Until {
        let signed = |position: LogPosition| i64::try_from(position.0).unwrap_or(i64::MAX);
        let (changes, said, said_by) = match self.at {
            At::Position(position) => (position, position, i64::MIN),
            At::Instant(instant) => (self.changes, self.said, instant.as_micros()),
        };
        Until {
            changes: signed(changes),
            said: signed(said),
            said_by,
            newest: signed(self.then.position),
            latest: self.then.last_activity_at.as_micros(),
        }
    }
}

/// The changes of a stretch, a bounded number at a time.
pub struct Changes<'a> {
    app: &'a App,
    rest: Option<Stretch>,
}

impl<'a> Changes<'a> {
    /// Of a stretch.
    #[must_use]
    pub const fn of(app: &'a App, stretch: Stretch) -> Self {
        Self { app, rest: Some(stretch) }
    }

    /// The next of them; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, ApiError> {
        let Some(stretch) = self.rest.take() else { return Ok(None) };
        let found = self.app.reader().stream_without(stretch, &SAID, CHANGES_AT_A_TIME).await?;
        if found.len() == CHANGES_AT_A_TIME as usize {
            let after = found.last().map_or(stretch.to, |last| last.version);
            self.rest = Some(Stretch { after, ..stretch });
        }
        Ok(Some(found))
    }
}

/// What follows after a version, up to the version of this moment: what both parts are asked for belongs together.
async fn rest(
    app: &App,
    caller: &Caller,
    id: TicketId,
    after: Version,
) -> Result<Stretch, ApiError> {
    let versions = app.reader().versions(caller.ws, &[id.0]).await?;
    let to = versions.first().copied().unwrap_or(after);
    Ok(Stretch { ws: caller.ws, stream: id.0, after, to })
}

fn check_kind(page: &[StoredEvent]) -> Result<(), ApiError> {
    let is_ticket = page.iter().all(|stored| stored.kind == TicketEvent::KIND);
    if is_ticket { Ok(()) } else { Err(ApiError::not_found()) }
}
