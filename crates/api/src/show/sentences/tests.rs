//! What the timeline says of an event: with names, without them, and where something was erased.

use decider::{Cipher, EventMeta, KeyScope, Personal, SealId, Timestamp};
use events::pipeline::{PipelineCreated, PipelineEvent, StatusCategory, StatusDefinition};
use events::ticket::ConversationStarted;
use events::value::Priority;
use events::{AnyEvent, MessageId, PipelineId, StatusId, UserId};

use super::*;
use crate::show::opening::Tombs;

const ANNA: Uuid = Uuid::from_u128(1);
const BEN: Uuid = Uuid::from_u128(2);
const SUPPORT: PipelineId = PipelineId(Uuid::from_u128(10));
const SALES: PipelineId = PipelineId(Uuid::from_u128(20));

const fn status(number: u128) -> StatusId {
    StatusId(Uuid::from_u128(number))
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    let meta = EventMeta {
        version: 1,
        occurred_at: Timestamp::from_micros(0),
        actor: decider::Actor::SYSTEM,
    };
    for (pipeline, name, statuses) in [
        (SUPPORT, "Support", vec![(11, "New"), (12, "Closed")]),
        (SALES, "Sales", vec![(21, "Lead")]),
    ] {
        let statuses = statuses.into_iter().map(|(id, name)| StatusDefinition {
            id: status(id),
            name: name.to_owned(),
            category: StatusCategory::Open,
            required_properties: Vec::new(),
        });
        let created = PipelineCreated { name: name.to_owned(), statuses: statuses.collect() };
        let event = AnyEvent::from(PipelineEvent::from(created));
        directory.take_in(pipeline.0, &event, &meta);
    }
    directory
}

fn tell(event: impl Into<TicketEvent>) -> Told {
    let people = People::for_tests(&[(BEN, "Ben")], &[(ANNA, "Anna")]);
    let directory = directory();
    Teller { people: &people, directory: &directory, tombs: &Tombs::default() }
        .tell(&Fact::Event(Box::new(event.into())))
}

fn open(text: &str) -> Sealed<String> {
    Personal(text.to_owned()).seal(&KeyScope::ticket(Uuid::nil()))
}

fn gone() -> Sealed<String> {
    let (seal, key) = (SealId(Uuid::nil()), Uuid::nil());
    Sealed::Cipher(Cipher { seal, key, nonce: vec![0; 12], bytes: vec![1] })
}

fn moved(from: (PipelineId, u128), to: (PipelineId, u128)) -> StatusChanged {
    let place = |(pipeline, id): (PipelineId, u128)| Place { pipeline, status: status(id) };
    StatusChanged { from: place(from), to: place(to), with_reply: None }
}

fn owned(from: Option<Uuid>, to: Option<Uuid>) -> OwnerChanged {
    let owner = |id: Uuid| Owner::user(UserId(id));
    let reason = OwnerChangeReason::Manual;
    OwnerChanged { from: from.map(owner), to: to.map(owner), reason, note: None }
}

#[test]
fn a_change_says_what_was_before_and_what_is_now_t20() {
    let told = tell(moved((SUPPORT, 11), (SUPPORT, 12)));
    assert_eq!(told.summary, "Status changed from New to Closed");
    assert_eq!(told.from.unwrap()["status"]["name"], "New");
    assert_eq!(told.to.unwrap()["status"]["name"], "Closed");
    let told = tell(moved((SUPPORT, 11), (SALES, 21)));
    assert_eq!(told.summary, "Moved from Support, New to Sales, Lead");
    let reply = MessageId(Uuid::from_u128(9));
    let told =
        tell(StatusChanged { with_reply: Some(reply), ..moved((SUPPORT, 11), (SUPPORT, 12)) });
    assert_eq!(told.summary, "Status changed from New to Closed together with a reply");
    assert_eq!(told.item, Some(reply.0));
    let changed = events::ticket::PriorityChanged { from: Priority::None, to: Priority::Urgent };
    assert_eq!(tell(changed).summary, "Priority changed from none to urgent");
}

#[test]
fn an_owner_is_named_and_so_is_the_one_before_t20() {
    assert_eq!(tell(owned(None, Some(BEN))).summary, "Assigned to Ben");
    assert_eq!(tell(owned(Some(BEN), None)).summary, "Unassigned; Ben was responsible");
    let unknown = Uuid::from_u128(99);
    let told = tell(owned(Some(BEN), Some(unknown)));
    assert_eq!(told.summary, "Assigned to somebody; Ben was responsible");
    let first = OwnerChanged { reason: OwnerChangeReason::FirstReply, ..owned(None, Some(BEN)) };
    assert_eq!(tell(first).summary, "Assigned to Ben by the first reply");
}

#[test]
fn what_was_erased_is_told_as_erased_z06() {
    let told = tell(TicketRenamed { from: Some(gone()), to: open("Fire") });
    assert_eq!(told.summary, "Renamed from (erased) to “Fire”");
    assert_eq!(told.from.unwrap()["erased"], true);
    assert_eq!(told.to, Some("Fire".into()));
}

#[test]
fn people_tags_and_categories_are_told_in_words_t20() {
    let contact = ContactId(ANNA);
    assert_eq!(
        tell(ContactAssociated { contact, primary: true }).summary,
        "Anna added as the primary contact"
    );
    let told = tell(TagsChanged { added: vec!["a".into(), "b".into()], removed: vec!["c".into()] });
    assert_eq!(told.summary, "Tags added a, b; removed c");
    let told = tell(CategoryChanged { from: Some("A".into()), to: None });
    assert_eq!((told.summary.as_str(), told.from), ("Category A removed", Some("A".into())));
    assert_eq!(tell(ConversationStarted {}).summary, "Conversation started");
}
