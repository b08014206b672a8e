//! What of a ticket can be taken back: its newest events, as the rule of undoing sees them (Z11).

use std::collections::BTreeMap;

use commands::ticket::undo::{History, Past, PastEvent, UNDO_EVENTS_MAX};
use decider::{LogPosition, StoredEvent, Version};
use event_store::log::Stretch;
use events::{TicketEvent, TicketId, decode_stored};

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::travel::Journey;

/// What was said is not asked for, and may be large.
const WITHOUT_PAYLOAD: [&str; 9] = [
    "TicketCreated",
    "MessageReceived",
    "ReplySubmitted",
    "MessageImported",
    "CommentAdded",
    "MessageRedacted",
    "CommentRedacted",
    "MessageCopyKept",
    "RawMessageKept",
];
/// So large are the changes that are looked at; what lies further back is not taken back any more.
const HISTORY_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// So many events of one command are looked through for the other side of a link.
const COMMAND_EVENTS_MAX: u32 = 1_000;

/// The newest events of a ticket: of those there are, or of those that belong to an earlier place.
pub async fn history(
    app: &App,
    caller: &Caller,
    ticket: TicketId,
    then: Option<&Journey>,
) -> Result<History, ApiError> {
    let types = TicketEvent::TYPES.iter().map(|known| known.name);
    let with_payload: Vec<_> = types.filter(|name| !WITHOUT_PAYLOAD.contains(name)).collect();
    let limit = u32::try_from(UNDO_EVENTS_MAX).unwrap_or(u32::MAX);
    let newest = then.map_or(Version::MAX, |then| then.ticket.version);
    let stretch = Stretch { ws: caller.ws, stream: ticket.0, after: 0, to: newest };
    let most = (limit, HISTORY_BYTES_MAX);
    let stored = app.reader().newest_of_stream(stretch, &with_payload, most).await?;
    if stored.first().is_none_or(|first| first.kind != "ticket") {
        return Err(ApiError::not_found());
    }
    let belongs = |event: &&StoredEvent| then.is_none_or(|then| then.until.includes(event));
    let events: Result<Vec<_>, ApiError> = stored.iter().filter(belongs).map(past).collect();
    Ok(History::new(events?))
}

fn past(stored: &StoredEvent) -> Result<PastEvent, ApiError> {
    let what = match stored.type_name.as_str() {
        "TicketCreated" => Past::Created,
        "MessageReceived" | "ReplySubmitted" | "MessageImported" => Past::Message,
        "CommentAdded" | "MessageCopyKept" | "RawMessageKept" => Past::Kept,
        "MessageRedacted" | "CommentRedacted" => Past::Redacted,
        _ => Past::of(decode_stored(stored).map_err(ApiError::failed)?),
    };
    Ok(PastEvent {
        position: stored.position,
        version: stored.version,
        command: stored.command,
        actor: stored.actor,
        undoes: stored.context.undoes,
        what,
    })
}

/// Where the other side of links stands that may be taken back: in the other ticket, by the same command.
pub async fn mirrors(
    app: &App,
    caller: &Caller,
    history: &History,
    position: Option<LogPosition>,
) -> Result<BTreeMap<LogPosition, LogPosition>, ApiError> {
    let aim = match position {
        Some(position) => history.aim_at(position),
        None => history.last_action_of(caller.actor),
    };
    let mut mirrors = BTreeMap::new();
    for past in aim.unwrap_or_default() {
        let Some(other) = past.what.change().and_then(other_side) else { continue };
        let rows = app.reader().commands(caller.ws, &[past.command]).await?;
        let Some(Some(row)) = rows.first() else { continue };
        let before = LogPosition(row.first_pos.0.saturating_sub(1));
        let count = row.events.min(COMMAND_EVENTS_MAX);
        let events = app.reader().after(caller.ws, before, count).await?;
        let kinds = ["TicketLinked", "TicketUnlinked"];
        let there = events
            .iter()
            .find(|event| event.stream == other.0 && kinds.contains(&event.type_name.as_str()));
        mirrors.extend(there.map(|event| (past.position, event.position)));
    }
    Ok(mirrors)
}

fn other_side(change: &TicketEvent) -> Option<TicketId> {
    match change {
        TicketEvent::Linked(linked) => Some(linked.other),
        TicketEvent::Unlinked(unlinked) => Some(unlinked.other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_known() {
        let known: Vec<_> = TicketEvent::TYPES.iter().map(|known| known.name).collect();
        assert!(WITHOUT_PAYLOAD.iter().all(|name| known.contains(name)));
    }
}
