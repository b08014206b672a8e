//! Entries of the audit log as they are shown.

use decider::{Actor, ActorKind};
use events::{AnyEvent, ChannelId, ErasureEvent, PipelineId, PropertyId, UserId};
use ops::{RefusalRow, SignInFailure};
use projections::audit::AuditRow;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::names::Names;
use super::sentences::{Said, say};
use super::{FAILED, REFUSED, instant};
use crate::error::{ApiError, Kind};
use crate::export::Line;
use crate::opened::Shown;
use crate::show::people::{ActorShown, spoken};

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the log; null for what was refused, which changed nothing.
    position: Option<String>,
    /// When: of what was refused several times, when the first came.
    #[schema(format = DateTime)]
    at: String,
    /// Who; null for failures to sign in, of which nobody knows who it was.
    actor: Option<ActorShown>,
    /// The API token that was used.
    token: Option<Uuid>,
    /// The stored type of the event, such as `UserRoleChanged`; `RequestRefused`; `SignInFailed`.
    kind: String,
    /// A sentence.
    summary: String,
    /// The value before.
    #[schema(value_type = Option<Value>)]
    from: Option<Value>,
    /// The value after. Secrets are not in the log: where one was set there is `***`.
    #[schema(value_type = Option<Value>)]
    to: Option<Value>,
    /// What it is about.
    target: Option<AuditTarget>,
    /// The ticket it is about.
    ticket_id: Option<Uuid>,
    /// The event that led to it; null for what somebody did.
    cause: Option<Uuid>,
    /// The command that wrote it: entries of one action have the same.
    command_id: Option<Uuid>,
    /// How often: refusals of the same within one minute are one entry, failures to sign in within a quarter of an hour.
    times: u32,
}

/// What an entry is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditTarget {
    /// `user`, `pipeline`, `property`, `channel`, `workspace`, `contact`, `ticket`, `erasure` or `audit`.
    kind: String,
    /// The id.
    id: Uuid,
    /// The name, if it has one.
    name: Option<Shown<String>>,
}

/// The event that an entry keeps.
pub(super) fn decode(row: &AuditRow) -> Result<AnyEvent, ApiError> {
    let types = AnyEvent::KINDS.iter().find(|(kind, _)| *kind == row.stream_kind);
    let known = types.and_then(|(_, types)| types.iter().find(|known| known.name == row.kind));
    let version = known.map_or(0, |known| known.version);
    let read = AnyEvent::read(&row.stream_kind, &row.kind, version, row.data.0.clone());
    match read {
        Some(event) => event.map_err(ApiError::failed),
        None => {
            Err(ApiError::new(Kind::Failed, "internal", "an entry is of a type not known here"))
        }
    }
}

impl AuditEntry {
    /// As one line for people.
    #[must_use]
    pub fn text(&self) -> String {
        let name = self.actor.as_ref().and_then(|actor| actor.name.as_ref());
        let who = name.map_or("-", |name| spoken(Some(name)));
        let position = self.position.as_deref().unwrap_or("-");
        format!("{position:>8}  {}  {who:<20}  {}", self.at, self.summary)
    }

    pub(super) fn of_event(row: &AuditRow, event: &AnyEvent, names: &Names) -> Self {
        let Said { summary, from, to } = say(event, row.target, names);
        Self {
            position: Some(row.position.to_string()),
            at: instant(row.at),
            actor: Some(actor(&row.actor, names)),
            token: row.token,
            kind: row.kind.clone(),
            summary,
            from,
            to,
            target: Some(target(row, event, names)),
            ticket_id: row.ticket,
            cause: row.cause,
            command_id: Some(row.command),
            times: 1,
        }
    }

    pub(super) fn of_refusal(row: &RefusalRow, names: &Names) -> Self {
        let RefusalRow { code, method, path_template, times, .. } = row;
        Self {
            position: None,
            at: instant(row.at.as_micros()),
            actor: Some(actor(&row.actor, names)),
            token: None,
            kind: REFUSED.to_owned(),
            summary: format!("{method} {path_template} refused: {code}{}", often(*times)),
            from: None,
            to: Some(json!({ "method": method, "path": path_template, "code": code })),
            target: None,
            ticket_id: None,
            cause: None,
            command_id: None,
            times: *times,
        }
    }

    pub(super) fn of_failure(row: SignInFailure, names: &Names) -> Self {
        let user = UserId(row.user);
        let whose = names.spoken(user);
        Self {
            position: None,
            at: instant(row.since.as_micros()),
            actor: None,
            token: None,
            kind: FAILED.to_owned(),
            summary: format!("Signing in as {whose} failed{}", often(row.times)),
            from: None,
            to: None,
            target: Some(AuditTarget {
                kind: "user".to_owned(),
                id: row.user,
                name: names.user(user).cloned(),
            }),
            ticket_id: None,
            cause: None,
            command_id: None,
            times: row.times,
        }
    }
}

/// How an entry stands in a table.
impl Line for AuditEntry {
    const COLUMNS: &'static [&'static str] = &[
        "position",
        "at",
        "actor_kind",
        "actor_id",
        "actor_name",
        "token",
        "kind",
        "summary",
        "from",
        "to",
        "target_kind",
        "target_id",
        "target_name",
        "ticket_id",
        "cause",
        "command_id",
        "times",
    ];

    fn cells(&self) -> Vec<String> {
        let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
        let id = |id: Option<Uuid>| id.map(|id| id.to_string());
        let word = |name: &Shown<String>| spoken(Some(name)).to_owned();
        let (actor, target) = (self.actor.as_ref(), self.target.as_ref());
        let cells = [
            self.position.clone(),
            Some(self.at.clone()),
            actor.map(|actor| actor.kind.to_owned()),
            id(actor.and_then(|actor| actor.id)),
            actor.and_then(|actor| actor.name.as_ref()).map(word),
            id(self.token),
            Some(self.kind.clone()),
            Some(self.summary.clone()),
            json(&self.from),
            json(&self.to),
            target.map(|target| target.kind.clone()),
            id(target.map(|target| target.id)),
            target.and_then(|target| target.name.as_ref()).map(word),
            id(self.ticket_id),
            id(self.cause),
            id(self.command_id),
            Some(self.times.to_string()),
        ];
        cells.into_iter().map(Option::unwrap_or_default).collect()
    }
}

fn often(times: u32) -> String {
    if times > 1 { format!(", {times} times") } else { String::new() }
}

fn actor(text: &str, names: &Names) -> ActorShown {
    let actor: Actor = text.parse().unwrap_or(Actor::SYSTEM);
    let name = match actor.kind {
        ActorKind::User => names.user(UserId(actor.id)).cloned(),
        ActorKind::System => Some(Shown::Open("Ledgerdesk".to_owned())),
        ActorKind::Channel | ActorKind::Policy | ActorKind::Contact => None,
    };
    let id = (actor.kind != ActorKind::System).then_some(actor.id);
    ActorShown { kind: actor.kind.as_str(), id, name }
}

fn target(row: &AuditRow, event: &AnyEvent, names: &Names) -> AuditTarget {
    let id = row.target;
    let open = |name: String| Some(Shown::Open(name));
    let (kind, name) = match event {
        AnyEvent::User(_) | AnyEvent::SignIn(_) => ("user", names.user(UserId(id)).cloned()),
        AnyEvent::Pipeline(_) => ("pipeline", open(names.pipeline(PipelineId(id)))),
        AnyEvent::Property(_) => ("property", open(names.property(PropertyId(id)))),
        AnyEvent::Channel(_) => ("channel", open(names.channel(ChannelId(id)))),
        AnyEvent::Audit(_) | AnyEvent::Erasure(_) if row.ticket.is_some() => ("ticket", None),
        AnyEvent::Erasure(ErasureEvent::Requested(_)) => ("contact", None),
        _ => (event.kind(), None),
    };
    AuditTarget { kind: kind.to_owned(), id, name }
}
