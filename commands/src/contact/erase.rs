//! Forgetting a person (Z06). The decision is an event like any other; destroying keys is carried out after it.

use access::Right;
use decider::{Changes, Command, Halt, StreamRef, World};
use events::contact::{ContactErased, ContactEvent, email_field};
use events::erasure::{
    ErasureEvent, ErasureReason, ErasureRequested, ErasureSubject, SharedChoice,
};
use events::{ContactId, ErasureId};
use uuid::Uuid;

use super::Contact;
use crate::claims::{CONTACT_EMAIL, email_key};
use crate::desk::{Desk, ask_all};
use crate::limits::ALSO_ERASED_MAX;
use crate::refusal::Refusal;

/// Forgets a person. Who was forgotten already is no change: their first certificate counts.
#[derive(Clone, Debug)]
pub struct EraseContact {
    /// The contact.
    pub contact_id: ContactId,
    /// The erasure's id.
    pub erasure_id: ErasureId,
    /// Why.
    pub reason: ErasureReason,
    /// What becomes of contents that concern others, too.
    pub shared: SharedChoice,
    /// Of those, the ones to be forgotten although the others stay.
    pub also: Vec<Uuid>,
}

impl Command for EraseContact {
    fn name(&self) -> &'static str {
        "EraseContact"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: <ErasureEvent as decider::Event>::KIND, id: self.erasure_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::Erase)?;
        if self.also.len() > ALSO_ERASED_MAX {
            return Err(Refusal::field("also", "too_many", "there are too many contents").into());
        }
        let contact = world.state::<Contact>(self.contact_id)?;
        let contact = contact.live().ok_or(Refusal::NotFound("contact"))?;
        if contact.erased.is_some() {
            return Ok(Changes::none());
        }
        let mut changes = Changes::none();
        let emails = contact.emails.iter();
        let opened = ask_all(
            emails.map(|email| world.open(self.contact_id, &email_field(email.no), &email.address)),
        )?;
        let keys: Vec<String> = opened
            .into_iter()
            .filter_map(|address| Some(email_key(&address.into_option()?)))
            .collect();
        let holders = ask_all(keys.iter().map(|key| world.claim(CONTACT_EMAIL, key)))?;
        let erasure = self.erasure_id;
        let emails = contact.emails.iter().map(|email| email.no).collect();
        changes.on(self.contact_id, ContactEvent::from(ContactErased { erasure, emails }));
        changes.on(
            erasure,
            ErasureEvent::from(ErasureRequested {
                subject: ErasureSubject::Contact(self.contact_id),
                reason: self.reason,
                shared: self.shared,
                also: self.also.clone(),
                keys: Vec::new(),
            }),
        );
        for (key, holder) in keys.into_iter().zip(holders) {
            if holder == Some(self.contact_id.0) {
                changes.release(CONTACT_EMAIL, key);
            }
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use events::contact::{ContactCreated, EmailEntry};

    use super::*;
    use crate::contact::{ContactRejection, CreateContact, UpdateContact};
    use crate::fixtures::{Office, id, personal, sealed};
    use decider::KeyScope;

    const MARIA: ContactId = ContactId(id(7));
    const ERASURE: ErasureId = ErasureId(id(900));

    fn command() -> EraseContact {
        EraseContact {
            contact_id: MARIA,
            erasure_id: ERASURE,
            reason: ErasureReason::RequestOfPerson,
            shared: SharedChoice::Keep,
            also: Vec::new(),
        }
    }

    fn created() -> ContactEvent {
        let scope = KeyScope::person(MARIA.0);
        let address = sealed(&scope, "Maria@Example.net");
        ContactCreated {
            name: Some(sealed(&scope, "Maria")),
            emails: vec![EmailEntry { no: 1, address }],
            phones: Vec::new(),
        }
        .into()
    }

    fn erased() -> ContactEvent {
        ContactErased { erasure: ERASURE, emails: vec![1] }.into()
    }

    #[test]
    fn an_erasure_is_noted_on_the_person_and_frees_their_addresses_z06() {
        let given = Office::new().as_admin().events::<Contact>(MARIA.0, [created()]).claim(
            CONTACT_EMAIL,
            "maria@example.net",
            MARIA.0,
        );
        let changes = given.when(&command()).accepted();
        let kinds: Vec<_> = changes.events.iter().map(|event| event.event.type_name()).collect();
        assert_eq!(kinds, ["ContactErased", "ErasureRequested"]);
        assert_eq!(changes.claims.len(), 1);
        assert_eq!(
            (changes.claims[0].key.as_str(), changes.claims[0].holder),
            ("maria@example.net", None)
        );
    }

    #[test]
    fn who_was_erased_is_not_erased_again_z06() {
        let given = Office::new().as_admin().events::<Contact>(MARIA.0, [created(), erased()]);
        let again = EraseContact { erasure_id: ErasureId(id(901)), ..command() };
        given.when(&again).then_nothing();
    }

    #[test]
    fn only_who_may_erase_does_and_only_whom_there_is_z06() {
        let refused = Office::new().as_agent().when(&command()).then_rejected("forbidden");
        assert_eq!(refused.missing_right, Some("content.erase"));
        Office::new().as_admin().when(&command()).then_rejected("not_found");
        let many = EraseContact { also: vec![id(1); ALSO_ERASED_MAX + 1], ..command() };
        Office::new().as_admin().when(&many).then_rejected("too_many");
    }

    #[test]
    fn nothing_more_is_written_about_an_erased_person_z06() {
        let given = || Office::new().as_admin().events::<Contact>(MARIA.0, [created(), erased()]);
        let update = UpdateContact {
            contact_id: MARIA,
            name: Some(personal("Maria again")),
            emails: None,
            phones: None,
        };
        let code = decider::Rejection::code(&ContactRejection::Erased);
        given().when(&update).then_rejected(code);
        let anew = CreateContact {
            contact_id: ContactId(id(8)),
            name: None,
            emails: vec![personal("maria@example.net")],
            phones: Vec::new(),
        };
        drop(given().when(&anew).accepted());
    }
}
