//! Entries, told.

use decider::{Actor, EventMeta, KeyScope, Personal, Timestamp};
use events::audit::DataExported;
use events::erasure::{ErasureKeysDestroyed, ErasureReason, ErasureRequested};
use events::pipeline::{PipelineCreated, StatusRequirementsChanged};
use events::property::{DataType, PropertyDefined};
use events::sign_in::UserSignedIn;
use events::user::{PasswordSet, Role, TokenCreated, UserRoleChanged};
use events::workspace::DefaultPipelineChanged;
use events::{ContactId, StatusId, TokenId};

use super::*;

const BEN: UserId = UserId(Uuid::from_u128(2));
const SUPPORT: PipelineId = PipelineId(Uuid::from_u128(10));
const NEW: StatusId = StatusId(Uuid::from_u128(11));
const CAUSE: PropertyId = PropertyId(Uuid::from_u128(20));

fn names() -> Names {
    let mut directory = commands::Directory::default();
    let occurred_at = Timestamp::from_micros(0);
    let meta = EventMeta { version: 1, occurred_at, actor: Actor::SYSTEM };
    let category = events::pipeline::StatusCategory::Open;
    let status =
        StatusDefinition { id: NEW, name: "New".into(), category, required_properties: vec![] };
    let pipeline = PipelineCreated { name: "Support".into(), statuses: vec![status] };
    let pipeline = AnyEvent::from(PipelineEvent::from(pipeline));
    directory.take_in(SUPPORT.0, &pipeline, &meta);
    let property = PropertyDefined {
        key: "cause".into(),
        label: "Cause".into(),
        description: None,
        data_type: DataType::Text,
        choices: Vec::new(),
        personal: true,
    };
    let property = AnyEvent::from(PropertyEvent::from(property));
    directory.take_in(CAUSE.0, &property, &meta);
    Names::for_tests(&[(BEN, "Ben")], directory)
}

fn said(event: impl Into<AnyEvent>, target: Uuid) -> Said {
    say(&event.into(), target, &names())
}

#[test]
fn a_change_says_what_was_before_and_what_is_now_z02() {
    let changed = UserRoleChanged { from: Role::Agent, to: Role::SuperAdmin };
    let told = said(UserEvent::from(changed), BEN.0);
    assert_eq!(told.summary, "Role of Ben changed from agent to super_admin");
    assert_eq!((told.from, told.to), (Some("agent".into()), Some("super_admin".into())));
    let changed = DefaultPipelineChanged { from: None, to: SUPPORT };
    let told = said(WorkspaceEvent::from(changed), Uuid::nil());
    assert_eq!(told.summary, "Default pipeline set to Support");
    let changed = StatusRequirementsChanged { status: NEW, from: vec![], to: vec![CAUSE] };
    let told = said(PipelineEvent::from(changed), SUPPORT.0);
    assert_eq!(told.summary, "Status New of pipeline Support asks for Cause");
    assert_eq!((told.from, told.to), (Some(json!([])), Some(json!(["Cause"]))));
}

#[test]
fn a_secret_is_masked_z02() {
    assert_eq!(said(UserEvent::from(PasswordSet {}), BEN.0).to, Some("***".into()));
    let token = TokenId(Uuid::from_u128(5));
    let created = TokenCreated { token, label: Some("CI".to_owned()) };
    let told = said(UserEvent::from(created), BEN.0);
    assert_eq!(told.summary, "Token “CI” made for Ben");
    assert_eq!(told.to.unwrap()["secret"], "***");
}

#[test]
fn sign_ins_and_files_are_told_z02() {
    let address = Some(Personal("192.0.2.7".to_owned()).seal(&KeyScope::person(BEN.0)));
    let signed_in = UserSignedIn { user: BEN, method: SignInMethod::Password, address };
    let told = said(SignInEvent::from(signed_in), BEN.0);
    assert_eq!(told.summary, "Ben signed in with a password");
    assert_eq!(told.to.unwrap()["address"], "192.0.2.7");
    let (data, format) = (ExportedData::TicketTimeline, ExportFormat::Csv);
    let exported = DataExported { data, format, filtered: true, ticket: None };
    let told = said(AuditEvent::from(exported), Uuid::nil());
    assert_eq!(told.summary, "The timeline of a ticket exported as a table, in part");
}

#[test]
fn an_erasure_is_told_with_its_reason_and_its_end_z02_z06() {
    let contact = ContactId(Uuid::from_u128(7));
    let asked_for = ErasureRequested {
        subject: ErasureSubject::Contact(contact),
        reason: ErasureReason::RequestOfPerson,
        shared: SharedChoice::Erase,
        also: Vec::new(),
        keys: Vec::new(),
    };
    let told = said(ErasureEvent::from(asked_for), contact.0);
    let expected =
        "Erasure of a contact asked for, with what concerns others too (request of person)";
    assert_eq!(told.summary, expected);
    assert_eq!(told.to.unwrap()["id"], json!(contact));
    let destroyed = ErasureKeysDestroyed { keys: vec![Uuid::nil(); 3], counts: None };
    let told = said(ErasureEvent::from(destroyed), Uuid::nil());
    assert_eq!(
        (told.summary.as_str(), told.to),
        ("Keys of an erasure destroyed: 3", Some(json!({ "keys": 3 })))
    );
}
