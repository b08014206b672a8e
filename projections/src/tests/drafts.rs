//! Which drafts are open, told as sentences.

use events::draft::{DraftDiscarded, DraftKind, DraftSaved, DraftSent, DraftStarted, SentAs};
use events::{DraftEvent, MessageId, TicketId};

use super::log::{ANNA, DAY, Log, id};
use crate::drafts::Drafts;

fn writing() -> Log {
    let mut log = Log::new();
    log.add::<DraftEvent>(
        id(90),
        DraftStarted { ticket: TicketId(id(1)), user: ANNA, kind: DraftKind::Comment },
    )
    .add::<DraftEvent>(id(90), DraftSaved { content_mac: "00".to_owned() });
    log
}

#[test]
fn an_open_draft_shows_where_it_is_and_when_it_was_last_saved() {
    let rows = writing().fold::<Drafts>();
    let draft = rows.drafts.rows()[0];
    assert_eq!((draft.ticket, draft.user_id, draft.kind.as_str()), (id(1), ANNA.0, "comment"));
    assert_eq!((draft.started_at, draft.saved_at), (DAY, DAY + 60_000_000));
}

#[test]
fn a_draft_is_gone_once_it_is_sent_or_thrown_away() {
    let mut sent = writing();
    sent.add::<DraftEvent>(id(90), DraftSent { sent_as: SentAs::Message(MessageId(id(70))) });
    assert!(sent.fold::<Drafts>().drafts.rows().is_empty());
    let mut discarded = writing();
    discarded.add::<DraftEvent>(id(90), DraftDiscarded {});
    assert!(discarded.fold::<Drafts>().drafts.rows().is_empty());
}
