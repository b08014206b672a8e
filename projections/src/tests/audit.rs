//! What the audit log keeps, told as sentences.

use decider::KeyScope;
use events::audit::{DataExported, ExportFormat, ExportedData};
use events::erasure::{
    ErasureKeysDestroyed, ErasureReason, ErasureRequested, ErasureSubject, SharedChoice,
};
use events::sign_in::{SignInMethod, UserSignedIn};
use events::user::{Role, UserRoleChanged};
use events::{AuditEvent, CommentId, ContactId, ErasureEvent, SignInEvent, TicketId, UserEvent};

use super::database::Database;
use super::history::{play, steps};
use super::log::{ANNA, BERT, Log, created, id, sealed};
use crate::audit::{self, Audit, AuditRow, Wanted};

const TICKET: TicketId = TicketId(id(1));
const CONTACT: ContactId = ContactId(id(2));

fn lived(mut log: Log) -> Log {
    let address = Some(sealed(&KeyScope::person(ANNA.0), "192.0.2.7"));
    let signed_in = UserSignedIn { user: ANNA, method: SignInMethod::Password, address };
    let (data, format) = (ExportedData::TicketTimeline, ExportFormat::Csv);
    let exported = DataExported { data, format, filtered: false, ticket: Some(TICKET) };
    let comment = CommentId(id(7));
    log.ticket(TICKET, created(1042, (100, 101)))
        .add::<UserEvent>(BERT, UserRoleChanged { from: Role::Agent, to: Role::SuperAdmin })
        .add::<SignInEvent>(id(80), signed_in)
        .add::<AuditEvent>(id(81), exported)
        .add::<ErasureEvent>(id(82), asked_for(ErasureSubject::Contact(CONTACT)))
        .add::<ErasureEvent>(id(83), asked_for(ErasureSubject::Comment { ticket: TICKET, comment }))
        .add::<ErasureEvent>(id(82), ErasureKeysDestroyed { keys: vec![id(9)], counts: None });
    log
}

fn asked_for(subject: ErasureSubject) -> ErasureRequested {
    let (reason, shared) = (ErasureReason::Other, SharedChoice::Keep);
    ErasureRequested { subject, reason, shared, also: Vec::new(), keys: Vec::new() }
}

#[test]
fn settings_users_sign_ins_files_and_erasures_are_entries_and_tickets_are_not_z02() {
    let rows = lived(Log::new()).fold::<Audit>();
    let entries = rows.entries.rows();
    let told: Vec<_> = entries.iter().map(|row| (row.position, row.kind.as_str())).collect();
    let expected = [
        (2, "UserRoleChanged"),
        (3, "UserSignedIn"),
        (4, "DataExported"),
        (5, "ErasureRequested"),
        (6, "ErasureRequested"),
        (7, "ErasureKeysDestroyed"),
    ];
    assert_eq!(told, expected);
    let about: Vec<_> = entries.iter().map(|row| (row.target, row.ticket)).collect();
    let expected = [
        (BERT.0, None),
        (ANNA.0, None),
        (TICKET.0, Some(TICKET.0)),
        (CONTACT.0, None),
        (TICKET.0, Some(TICKET.0)),
        (id(82), None),
    ];
    assert_eq!(about, expected);
    assert_eq!(entries[0].data.0["from"], "agent");
    assert!(entries[1].data.0["address"]["c"].is_string(), "an address stays sealed");
}

#[tokio::test]
async fn entries_are_found_newest_first_and_by_every_filter_z02() {
    use proptest::strategy::{Strategy, ValueTree};
    let steps = steps(120).new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let database = Database::new().await;
    let mut log = lived(database.log(&[]).await);
    play(&mut log, &steps.unwrap().current());
    let events = database.append(&log.events, &[5]).await;
    database.catch_up().await;
    let mut all = super::splits::in_memory::<Audit>(&database, &events)
        .await
        .entries
        .rows()
        .into_iter()
        .cloned()
        .collect::<Vec<AuditRow>>();
    all.reverse();
    assert!(all.len() > 5);
    let (pool, ws) = (&database.pool, database.ws);
    let middle = all[all.len() / 2].clone();
    let every = Wanted::default;
    for wanted in [
        every(),
        Wanted { actor: Some(middle.actor.clone()), ..every() },
        Wanted { actor: Some("user:x".to_owned()), ..every() },
        Wanted { kinds: Some(vec![middle.kind.clone()]), ..every() },
        Wanted { from: Some(middle.at), ..every() },
        Wanted { until: Some(middle.at), ..every() },
        Wanted { target: Some(middle.target), ..every() },
        Wanted { ticket: Some(TICKET.0), ..every() },
    ] {
        let kept = |row: &&AuditRow| {
            wanted.actor.as_ref().is_none_or(|actor| *actor == row.actor)
                && wanted.kinds.as_ref().is_none_or(|kinds| kinds.contains(&row.kind))
                && wanted.from.is_none_or(|from| row.at >= from)
                && wanted.until.is_none_or(|until| row.at < until)
                && wanted.target.is_none_or(|target| target == row.target)
                && wanted.ticket.is_none_or(|ticket| row.ticket == Some(ticket))
        };
        let kept: Vec<_> = all.iter().filter(kept).cloned().collect();
        let (mut found, mut before) = (Vec::new(), i64::MAX);
        loop {
            let page = audit::page(pool, ws, &wanted, before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = last.position;
            found.extend(page);
        }
        assert_eq!(found, kept, "{wanted:?}");
    }
    database.remove().await;
}
