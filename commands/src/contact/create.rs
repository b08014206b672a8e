//! A new contact (K01).

use access::Right;
use decider::{Changes, Command, Event, Halt, KeyScope, Personal, StreamRef, World};
use events::ContactId;
use events::contact::{ContactCreated, ContactEvent, EmailEntry, EntryNo, PhoneEntry};

use super::entries::{checked_emails, checked_phones};
use super::{Contact, ContactRejection};
use crate::claims::{CONTACT_EMAIL, email_key};
use crate::desk::{Desk, ask_all};
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Makes a person known.
#[derive(Clone, Debug)]
pub struct CreateContact {
    /// The contact's id.
    pub contact_id: ContactId,
    /// The name.
    pub name: Option<Personal<String>>,
    /// E-mail addresses; the first is primary.
    pub emails: Vec<Personal<String>>,
    /// Phone numbers; the first is primary.
    pub phones: Vec<Personal<String>>,
}

/// Checked identity of a person to be made known.
#[derive(Default)]
pub struct Identity {
    pub name: Option<String>,
    pub emails: Vec<String>,
    pub phones: Vec<String>,
}

/// The event that makes a person known, sealed with their own key.
pub fn created(contact: ContactId, identity: Identity) -> ContactEvent {
    let scope = KeyScope::person(contact.0);
    let mut numbers: std::ops::RangeFrom<EntryNo> = 1..;
    let mut next_no = || numbers.next().unwrap_or(EntryNo::MAX);
    let emails = identity.emails.into_iter();
    let emails = emails
        .map(|email| EmailEntry { no: next_no(), address: Personal(email).seal(&scope) })
        .collect();
    let phones = identity.phones.into_iter();
    let phones = phones
        .map(|phone| PhoneEntry { no: next_no(), number: Personal(phone).seal(&scope) })
        .collect();
    let name = identity.name.map(|name| Personal(name).seal(&scope));
    ContactCreated { name, emails, phones }.into()
}

impl CreateContact {
    fn identity(&self) -> Result<Identity, Halt> {
        let mut checks = Checks::default();
        let name = self.name.as_ref().map_or("", |name| &name.0);
        let identity = Identity {
            name: checks.take("name", text::optional_line(name, LABEL_CHARS_MAX)),
            emails: checked_emails(&self.emails, &mut checks),
            phones: checked_phones(&self.phones, &mut checks),
        };
        if self.emails.is_empty() && self.phones.is_empty() && identity.name.is_none() {
            checks.fault("name", "required", "a contact has a name, an address or a number");
        }
        checks.finish()?;
        Ok(identity)
    }
}

impl Command for CreateContact {
    fn name(&self) -> &'static str {
        "CreateContact"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: ContactEvent::KIND, id: self.contact_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::TicketsEdit)?;
        let identity = self.identity()?;
        if world.state::<Contact>(self.contact_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("contact").into());
        }
        let keys: Vec<_> = identity.emails.iter().map(|email| email_key(email)).collect();
        let holders = ask_all(keys.iter().map(|key| world.claim(CONTACT_EMAIL, key)))?;
        if let Some(holder) = holders.into_iter().flatten().next() {
            return Err(ContactRejection::AddressInUse(ContactId(holder)).into());
        }
        let mut changes = Changes::none();
        changes.on(self.contact_id, created(self.contact_id, identity));
        for key in keys {
            changes.claim(CONTACT_EMAIL, key, self.contact_id);
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id, personal, sealed};

    fn command() -> CreateContact {
        CreateContact {
            contact_id: ContactId(id(500)),
            name: Some(personal(" Maria ")),
            emails: vec![personal("Maria@Example.net"), personal(" maria@example.NET")],
            phones: vec![personal("+49 30 1234")],
        }
    }

    #[test]
    fn a_contacts_identity_is_sealed_with_their_own_key_k01() {
        let scope = KeyScope::person(id(500));
        let changes = Office::new().as_agent().when(&command()).then::<ContactEvent>(
            id(500),
            [ContactCreated {
                name: Some(sealed(&scope, "Maria")),
                emails: vec![EmailEntry { no: 1, address: sealed(&scope, "Maria@Example.net") }],
                phones: vec![PhoneEntry { no: 2, number: sealed(&scope, "+49 30 1234") }],
            }
            .into()],
        );
        assert_eq!(changes.claims.len(), 1);
        assert_eq!(changes.claims[0].key, "maria@example.net");
    }

    #[test]
    fn there_are_never_two_live_contacts_with_one_address_k01() {
        let taken = Office::new().as_agent().claim(CONTACT_EMAIL, "maria@example.net", id(7));
        let rejected = taken.when(&command()).then_rejected("address_in_use");
        assert!(rejected.detail.contains(&id(7).to_string()));
        assert!(!rejected.detail.contains("maria"));
    }

    #[test]
    fn a_contact_has_something_to_know_them_by() {
        let empty = CreateContact { name: None, emails: vec![], phones: vec![], ..command() };
        Office::new().as_agent().when(&empty).then_rejected("required");
        let wrong = CreateContact { emails: vec![personal("maria")], ..command() };
        let rejected = Office::new().as_agent().when(&wrong).then_rejected("invalid_email");
        assert_eq!(rejected.fields[0].field, "emails.0");
        let wrong = CreateContact { phones: vec![personal("call me")], ..command() };
        Office::new().as_agent().when(&wrong).then_rejected("invalid_phone");
        let many = CreateContact { emails: vec![personal("a@b"); 51], ..command() };
        Office::new().as_agent().when(&many).then_rejected("too_many");
    }

    #[test]
    fn a_contact_is_made_once_and_not_by_light_agents() {
        let known = Office::new()
            .as_agent()
            .events::<Contact>(id(500), [created(ContactId(id(500)), Identity::default())]);
        known.when(&command()).then_rejected("already_exists");
        Office::new().as_light_agent().when(&command()).then_rejected("forbidden");
    }
}
