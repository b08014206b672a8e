//! What the inbox shows, told as sentences.

use decider::KeyScope;
use events::message::Direction;
use events::pipeline::{
    PipelineCreated, StatusAdded, StatusCategory, StatusCategoryChanged, StatusDefinition,
    StatusMoved, StatusRenamed,
};
use events::ticket::{
    CategoryChanged, CommentAdded, ContactAssociated, ContactDissociated, MessageImported,
    MessageReceived, OwnerChanged, PriorityChanged, ReplySubmitted, StatusChanged, TagsChanged,
    TicketRenamed,
};
use events::value::{Delivery, Owner, OwnerChangeReason, Place, Priority};
use events::{CommentId, ContactId, PipelineEvent, StatusId, TicketEvent, TicketId, UserId};

use super::log::{ANNA, BERT, DAY, Log, created, id, message, plain, sealed};
use crate::inbox::{Inbox, InboxRows, TicketRow};

const TICKET: TicketId = TicketId(id(1));
const CARL: ContactId = ContactId(id(50));

fn ticket(log: &Log) -> TicketRow {
    log.fold::<Inbox>().tickets.rows()[0].clone()
}

fn opened() -> Log {
    let mut log = Log::new();
    log.ticket(TICKET, created(1042, (100, 101)));
    log
}

fn comment(mentions: Vec<UserId>) -> CommentAdded {
    let text = sealed(&KeyScope::content(id(9), Vec::new()), "Look");
    let (comment, preview) = (CommentId(id(9)), text.clone());
    CommentAdded { comment, text, html: None, preview, mentions, attachments: Vec::new() }
}

#[test]
fn a_new_ticket_has_its_name_still_sealed_and_nobody_responsible() {
    let row = ticket(&opened());
    assert_eq!((row.number, row.status, row.source.as_str()), (1042, id(101), "manual"));
    assert_eq!(plain(&row.name.0), "Printer on fire");
    assert_eq!((row.owner_user, row.owner_team, row.priority, row.version), (None, None, 0, 1));
    assert_eq!((row.created_at, row.last_activity_at), (DAY, DAY));
}

#[test]
fn facts_about_a_ticket_show_as_they_are_now() {
    let mut log = opened();
    let scope = KeyScope::ticket(TICKET.0);
    let place = |status: u128| Place { pipeline: id(100).into(), status: StatusId(id(status)) };
    log.ticket(TICKET, TicketRenamed { from: None, to: sealed(&scope, "Printer saved") })
        .ticket(TICKET, StatusChanged { from: place(101), to: place(103), with_reply: None })
        .ticket(TICKET, PriorityChanged { from: Priority::None, to: Priority::High })
        .ticket(TICKET, CategoryChanged { from: None, to: Some("hardware".to_owned()) });
    let row = ticket(&log);
    assert_eq!(plain(&row.name.0), "Printer saved");
    assert_eq!((row.status, row.priority, row.category.as_deref()), (id(103), 3, Some("hardware")));
    assert_eq!((row.version, row.last_activity_at), (5, DAY + 4 * 60_000_000));
}

#[test]
fn an_assigned_ticket_belongs_to_its_owner_until_it_is_given_away() {
    let mut log = opened();
    let reason = OwnerChangeReason::Manual;
    let owner = |to: Option<Owner>| OwnerChanged { from: None, to, reason, note: None };
    log.ticket(TICKET, owner(Some(Owner { user: Some(ANNA), team: Some(id(7).into()) })));
    assert_eq!((ticket(&log).owner_user, ticket(&log).owner_team), (Some(ANNA.0), Some(id(7))));
    log.ticket(TICKET, owner(None));
    assert_eq!((ticket(&log).owner_user, ticket(&log).owner_team), (None, None));
}

#[test]
fn tags_come_once_and_go() {
    let mut log = opened();
    let tags = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    log.ticket(TICKET, TagsChanged { added: tags(&["a", "b", "a"]), removed: Vec::new() })
        .ticket(TICKET, TagsChanged { added: tags(&["b", "c"]), removed: tags(&["a"]) });
    assert_eq!(ticket(&log).tags, ["b", "c"]);
}

#[test]
fn a_contact_that_leaves_is_no_longer_the_primary_one() {
    let mut log = opened();
    log.ticket(TICKET, ContactAssociated { contact: CARL, primary: true })
        .ticket(TICKET, ContactAssociated { contact: ContactId(id(51)), primary: false });
    assert_eq!(
        (ticket(&log).contacts, ticket(&log).primary_contact),
        (vec![CARL.0, id(51)], Some(CARL.0))
    );
    log.ticket(TICKET, ContactDissociated { contact: CARL });
    assert_eq!((ticket(&log).contacts, ticket(&log).primary_contact), (vec![id(51)], None));
}

#[test]
fn the_newest_message_is_previewed_with_its_direction() {
    let mut log = opened();
    log.ticket(TICKET, MessageReceived { message: message(70, CARL, "It burns") });
    assert_eq!(ticket(&log).last_direction.as_deref(), Some("incoming"));
    let reply = ReplySubmitted {
        message: message(71, CARL, "Water is on its way"),
        in_reply_to: None,
        deliver_after: decider::Timestamp::from_micros(0),
        delivery: Delivery::Queued,
        status: None,
    };
    log.ticket(TICKET, reply);
    let row = ticket(&log);
    assert_eq!((row.last_message, row.last_direction.as_deref()), (Some(id(71)), Some("outgoing")));
    assert_eq!(plain(&row.last_preview.unwrap().0), "Water is on its way");
    assert!(row.has_conversation);
}

#[test]
fn history_taken_over_in_any_order_shows_its_newest_message() {
    let mut log = opened();
    let imported = |number, text| MessageImported {
        message: message(number, CARL, text),
        direction: Direction::Incoming,
    };
    log.add_at::<TicketEvent>(TICKET, 5_000, imported(70, "newest")).add_at::<TicketEvent>(
        TICKET,
        3_000,
        imported(71, "older"),
    );
    let row = ticket(&log);
    assert_eq!(plain(&row.last_preview.unwrap().0), "newest");
    assert_eq!((row.last_message_at, row.last_activity_at), (Some(5_000), DAY));
}

#[test]
fn a_mention_is_remembered_for_each_user_who_was_called() {
    let mut log = opened();
    log.ticket(TICKET, comment(vec![ANNA, BERT])).ticket(TICKET, comment(vec![BERT]));
    let rows = log.fold::<Inbox>();
    let mentions: Vec<_> =
        rows.mentions.rows().iter().map(|row| (row.user_id, row.last_at)).collect();
    assert_eq!(mentions, [(ANNA.0, DAY + 60_000_000), (BERT.0, DAY + 120_000_000)]);
}

fn pipeline() -> (Log, impl Fn(u128, StatusCategory) -> StatusDefinition) {
    let status = |number: u128, category| StatusDefinition {
        id: StatusId(id(number)),
        name: format!("s{number}"),
        category,
        required_properties: Vec::new(),
    };
    let statuses = vec![status(101, StatusCategory::Open), status(102, StatusCategory::Closed)];
    let mut log = Log::new();
    log.add::<PipelineEvent>(id(100), PipelineCreated { name: "Support".to_owned(), statuses });
    (log, status)
}

fn order(rows: &InboxRows) -> Vec<u128> {
    rows.pipelines.rows()[0].statuses.iter().map(|status| status.as_u128()).collect()
}

#[test]
fn statuses_keep_their_order_when_they_are_added_and_moved() {
    let (mut log, status) = pipeline();
    log.add::<PipelineEvent>(
        id(100),
        StatusAdded { status: status(103, StatusCategory::Waiting), index: 1 },
    );
    assert_eq!(order(&log.fold::<Inbox>()), [101, 103, 102]);
    log.add::<PipelineEvent>(id(100), StatusMoved { status: StatusId(id(102)), from: 2, to: 0 });
    assert_eq!(order(&log.fold::<Inbox>()), [102, 101, 103]);
    log.add::<PipelineEvent>(
        id(100),
        StatusAdded { status: status(104, StatusCategory::Open), index: 99 },
    );
    assert_eq!(order(&log.fold::<Inbox>()), [102, 101, 103, 104]);
}

#[test]
fn a_status_changes_its_meaning_for_all_its_tickets_at_once_in_one_row() {
    let (mut log, _) = pipeline();
    let status = StatusId(id(101));
    let (from, to) = (StatusCategory::Open, StatusCategory::Waiting);
    log.add::<PipelineEvent>(id(100), StatusCategoryChanged { status, from, to })
        .add::<PipelineEvent>(
            id(100),
            StatusRenamed { status, from: String::new(), to: "On hold".to_owned() },
        );
    let rows = log.fold::<Inbox>();
    let row = rows.statuses.rows()[0];
    assert_eq!((row.category.as_str(), row.name.as_str()), ("waiting", "On hold"));
}
