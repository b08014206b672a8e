//! Given-when-then for creating tickets.

use decider::spec::Given;
use serde_json::json;

use super::*;
use crate::contact::{Identity, created};
use crate::fixtures::{Office, id, personal};
use crate::ticket::fixtures::inputs;

const MARIA: ContactId = ContactId(id(70));

fn command() -> CreateTicket {
    CreateTicket {
        ticket_id: Office::TICKET,
        name: personal("  Printer on fire "),
        pipeline_id: None,
        status_id: None,
        source: TicketSource::Manual,
        priority: Priority::None,
        category: None,
        owner: None,
        contact_ids: Vec::new(),
        tags: Vec::new(),
        properties: PropertyInputs::default(),
    }
}

fn given() -> Given {
    Office::new().as_agent().events::<Contact>(MARIA, [created(MARIA, Identity::default())])
}

fn events(command: &CreateTicket) -> Vec<TicketEvent> {
    given().when(command).accepted().events_on(Office::TICKET)
}

#[test]
fn a_ticket_starts_in_the_first_status_of_the_default_pipeline_t04() {
    let changes = given().next_number(1042).when(&command()).then::<TicketEvent>(
        Office::TICKET,
        [TicketCreated {
            number: 1042,
            name: sealed(Office::TICKET, "Printer on fire"),
            pipeline: Office::SUPPORT,
            status: Office::NEW,
            source: TicketSource::Manual,
            imported: false,
            channel: None,
        }
        .into()],
    );
    assert_eq!(changes.numbers, 1);
    assert_eq!((changes.claims[0].scope, changes.claims[0].key.as_str()), (TICKET_NUMBER, "1042"));
    assert_eq!(changes.claims[0].holder, Some(Office::TICKET.0));
}

#[test]
fn a_ticket_starts_in_the_status_that_was_chosen_t04() {
    let chosen = CreateTicket { status_id: Some(Office::WAITING), ..command() };
    let [TicketEvent::Created(created)] = &events(&chosen)[..] else { panic!() };
    assert_eq!(created.status, Office::WAITING);
    let sales = CreateTicket { pipeline_id: Some(Office::SALES), ..command() };
    let [TicketEvent::Created(created)] = &events(&sales)[..] else { panic!() };
    assert_eq!((created.pipeline, created.status), (Office::SALES, Office::LEAD));
}

#[test]
fn a_ticket_has_a_name_t04() {
    for (name, code) in [
        ("", "required"),
        (" \n ", "required"),
        ("\u{200b}", "invalid_text"),
        ("a\0b", "invalid_text"),
    ] {
        let unnamed = CreateTicket { name: personal(name), ..command() };
        let rejected = given().when(&unnamed).then_rejected(code);
        assert_eq!(rejected.fields[0].field, "name");
    }
    let longest = CreateTicket { name: personal(&"ä".repeat(255)), ..command() };
    assert_eq!(events(&longest).len(), 1);
    let longer = CreateTicket { name: personal(&"ä".repeat(256)), ..command() };
    given().when(&longer).then_rejected("too_long");
}

#[test]
fn a_status_of_another_pipeline_is_refused_t04() {
    let mixed = CreateTicket { status_id: Some(Office::LEAD), ..command() };
    let rejected = given().when(&mixed).then_rejected("status_not_in_pipeline");
    assert_eq!(rejected.fields[0].field, "status_id");
}

#[test]
fn the_pipeline_is_known_and_takes_tickets_t04() {
    let unknown = CreateTicket { pipeline_id: Some(PipelineId(id(9))), ..command() };
    given().when(&unknown).then_rejected("unknown_pipeline");
    let archived = events::PipelineEvent::from(events::pipeline::PipelineArchived {});
    let sales = CreateTicket { pipeline_id: Some(Office::SALES), ..command() };
    let office = Office::new().with(Office::SALES, archived);
    office.as_agent().when(&sales).then_rejected("pipeline_archived");
    Given::directory(Directory::default()).when(&command()).then_rejected("unknown_pipeline");
}

#[test]
fn a_conditional_status_asks_for_exactly_what_is_missing_t10() {
    let solved = CreateTicket {
        status_id: Some(Office::SOLVED),
        properties: inputs(&[("severity", json!("low"))]),
        ..command()
    };
    let rejected = given().when(&solved).then_rejected("required_properties_missing");
    let fields: Vec<_> = rejected.fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["properties.root_cause"]);
    let properties = inputs(&[("severity", json!("low")), ("root_cause", json!("Fuse"))]);
    assert_eq!(events(&CreateTicket { properties, ..solved }).len(), 2);
}

#[test]
fn everything_chosen_at_the_start_is_an_event_of_its_own_t11() {
    let full = CreateTicket {
        priority: Priority::High,
        category: Some(" Hardware ".to_owned()),
        owner: Some(Owner::user(Office::AGENT)),
        tags: vec![" vip ".to_owned(), "vip".to_owned()],
        properties: inputs(&[("sku", json!("A1"))]),
        ..command()
    };
    let expected: [TicketEvent; 3] = [
        PriorityChanged { from: Priority::None, to: Priority::High }.into(),
        CategoryChanged { from: None, to: Some("Hardware".to_owned()) }.into(),
        OwnerChanged {
            from: None,
            to: Some(Owner::user(Office::AGENT)),
            reason: OwnerChangeReason::Manual,
            note: None,
        }
        .into(),
    ];
    let events = events(&full);
    assert_eq!(events[1..4], expected);
    let tags = TagsChanged { added: vec!["vip".to_owned()], removed: Vec::new() };
    assert_eq!(events[4], tags.into());
    assert_eq!(events.len(), 6);
}

#[test]
fn contacts_named_at_the_start_begin_the_conversation_t07() {
    let with_contact = CreateTicket { contact_ids: vec![MARIA, MARIA], ..command() };
    assert_eq!(
        events(&with_contact)[1..],
        [
            TicketEvent::from(ContactAssociated { contact: MARIA, primary: true }),
            ConversationStarted {}.into(),
        ]
    );
}

#[test]
fn what_a_ticket_starts_with_is_sound() {
    let unknown = CreateTicket { contact_ids: vec![ContactId(id(9))], ..command() };
    given().when(&unknown).then_rejected("unknown_contact");
    let many = CreateTicket { contact_ids: vec![MARIA; 201], ..command() };
    given().when(&many).then_rejected("too_many");
    let gone = CreateTicket { owner: Some(Owner::user(Office::GONE)), ..command() };
    given().when(&gone).then_rejected("inactive_user");
    let tagged = CreateTicket { tags: vec!["x".repeat(51)], ..command() };
    given().when(&tagged).then_rejected("too_long");
    let tagged = CreateTicket { tags: vec!["x".to_owned(); 101], ..command() };
    given().when(&tagged).then_rejected("too_many");
    let unheard = CreateTicket { properties: inputs(&[("unheard_of", json!(1))]), ..command() };
    given().when(&unheard).then_rejected("unknown_property");
    let wrong = CreateTicket { properties: inputs(&[("severity", json!("x"))]), ..command() };
    given().when(&wrong).then_rejected("invalid_value");
}

#[test]
fn a_ticket_is_created_once_by_who_may() {
    let taken = crate::ticket::fixtures::given();
    taken.when(&command()).then_rejected("already_exists");
    Office::new().as_light_agent().when(&command()).then_rejected("forbidden");
    Office::new().as_gone().when(&command()).then_rejected("no_access");
}
