//! Changes to who a contact is (K01).

use access::Right;
use decider::{Aspects, Changes, Command, Halt, KeyScope, Personal, World};
use events::ContactId;
use events::contact::{
    ContactEmailAdded, ContactEmailMadePrimary, ContactEmailRemoved, ContactEvent,
    ContactPhoneAdded, ContactPhoneRemoved, ContactRenamed, EmailEntry, EntryNo, PhoneEntry,
    email_field, phone_field,
};

use super::entries::{checked_emails, checked_phones};
use super::{Contact, ContactRejection, LiveContact};
use crate::claims::{CONTACT_EMAIL, email_key};
use crate::desk::{Desk, ask_all};
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Changes who a contact is; what is none stays.
#[derive(Clone, Debug)]
pub struct UpdateContact {
    /// The contact.
    pub contact_id: ContactId,
    /// The name from now on; an empty one removes it.
    pub name: Option<Personal<String>>,
    /// All e-mail addresses from now on; the first is primary.
    pub emails: Option<Vec<Personal<String>>>,
    /// All phone numbers from now on.
    pub phones: Option<Vec<Personal<String>>>,
}

impl Command for UpdateContact {
    fn name(&self) -> &'static str {
        "UpdateContact"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::TicketsEdit)?;
        let contact = world.state::<Contact>(self.contact_id)?;
        let contact = contact.live().ok_or(Refusal::NotFound("contact"))?;
        if contact.erased.is_some() {
            return Err(ContactRejection::Erased.into());
        }
        let mut checks = Checks::default();
        let name = self
            .name
            .as_ref()
            .map(|name| checks.take("name", text::optional_line(&name.0, LABEL_CHARS_MAX)));
        let emails = self.emails.as_ref().map(|emails| checked_emails(emails, &mut checks));
        let phones = self.phones.as_ref().map(|phones| checked_phones(phones, &mut checks));
        checks.finish()?;
        let mut edit = Edit {
            world,
            id: self.contact_id,
            scope: KeyScope::person(self.contact_id.0),
            contact,
            next_no: contact.last_no.saturating_add(1),
            changes: Changes::none(),
        };
        if let Some(name) = name {
            edit.rename(name)?;
        }
        if let Some(emails) = emails {
            edit.set_emails(emails)?;
        }
        if let Some(phones) = phones {
            edit.set_phones(phones)?;
        }
        Ok(edit.changes)
    }

    fn touches(&self) -> Aspects {
        let name = self.name.as_ref().map(|_| "name");
        let emails = self.emails.as_ref().map(|_| "emails");
        let phones = self.phones.as_ref().map(|_| "phones");
        name.into_iter().chain(emails).chain(phones).fold(Aspects::none(), Aspects::and)
    }
}

struct Edit<'a> {
    world: &'a World<'a>,
    id: ContactId,
    scope: KeyScope,
    contact: &'a LiveContact,
    next_no: EntryNo,
    changes: Changes,
}

impl Edit<'_> {
    fn emit(&mut self, event: impl Into<ContactEvent>) {
        self.changes.on(self.id, event.into());
    }

    fn take_no(&mut self) -> EntryNo {
        let no = self.next_no;
        self.next_no = no.saturating_add(1);
        no
    }

    fn rename(&mut self, to: Option<String>) -> Result<(), Halt> {
        let from = match &self.contact.name {
            Some(name) => self.world.open(self.id, "name", name)?.into_option(),
            None => None,
        };
        let gone = from.is_none() && self.contact.name.is_some();
        if from != to || gone {
            let from = from.map(|name| Personal(name).seal(&self.scope));
            let to = to.map(|name| Personal(name).seal(&self.scope));
            self.emit(ContactRenamed { from, to });
        }
        Ok(())
    }

    fn set_emails(&mut self, wanted: Vec<String>) -> Result<(), Halt> {
        let (world, contact) = (self.world, self.contact);
        let opened = ask_all(
            contact
                .emails
                .iter()
                .map(|email| world.open(self.id, &email_field(email.no), &email.address)),
        )?;
        let known: Vec<(EntryNo, Option<String>)> = contact
            .emails
            .iter()
            .zip(opened)
            .map(|(email, address)| (email.no, address.into_option().map(|a| email_key(&a))))
            .collect();
        let mut kept: Vec<EntryNo> = Vec::new();
        for address in wanted {
            let key = email_key(&address);
            let entry = known.iter().find(|(_, known)| known.as_ref() == Some(&key));
            kept.push(match entry {
                Some((no, _)) => *no,
                None => self.add_email(address, key)?,
            });
        }
        for (no, key) in &known {
            if !kept.contains(no) {
                self.remove_email(*no, key.as_deref())?;
            }
        }
        self.make_first_primary(&kept);
        Ok(())
    }

    fn add_email(&mut self, address: String, key: String) -> Result<EntryNo, Halt> {
        match self.world.claim(CONTACT_EMAIL, &key)? {
            Some(holder) if holder != self.id.0 => {
                return Err(ContactRejection::AddressInUse(ContactId(holder)).into());
            }
            Some(_) => {}
            None => {
                self.changes.claim(CONTACT_EMAIL, key, self.id);
            }
        }
        let no = self.take_no();
        let address = Personal(address).seal(&self.scope);
        self.emit(ContactEmailAdded { email: EmailEntry { no, address } });
        Ok(no)
    }

    fn remove_email(&mut self, no: EntryNo, key: Option<&str>) -> Result<(), Halt> {
        if let Some(key) = key
            && self.world.claim(CONTACT_EMAIL, key)? == Some(self.id.0)
        {
            self.changes.release(CONTACT_EMAIL, key);
        }
        self.emit(ContactEmailRemoved { no });
        Ok(())
    }

    fn make_first_primary(&mut self, kept: &[EntryNo]) {
        let Some(first) = kept.first().copied() else { return };
        // A removed primary address passes its place to the oldest that is left.
        let stays = self.contact.primary_email.filter(|no| kept.contains(no));
        let primary = stays.or_else(|| kept.iter().min().copied());
        if primary != Some(first) {
            self.emit(ContactEmailMadePrimary { from: primary, to: first });
        }
    }

    fn set_phones(&mut self, wanted: Vec<String>) -> Result<(), Halt> {
        let (world, contact) = (self.world, self.contact);
        let known = ask_all(contact.phones.iter().map(|phone| {
            let number = world.open(self.id, &phone_field(phone.no), &phone.number)?;
            Ok((phone.no, number.into_option()))
        }))?;
        for number in &wanted {
            if !known.iter().any(|(_, known)| known.as_ref() == Some(number)) {
                let no = self.take_no();
                let number = Personal(number.clone()).seal(&self.scope);
                self.emit(ContactPhoneAdded { phone: PhoneEntry { no, number } });
            }
        }
        for (no, number) in known {
            if number.is_none_or(|number| !wanted.contains(&number)) {
                self.emit(ContactPhoneRemoved { no });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use decider::spec::Given;

    use super::super::{Identity, created};
    use super::*;
    use crate::fixtures::{Office, id, personal, sealed};

    const MARIA: ContactId = ContactId(id(500));

    fn given() -> Given {
        let identity = Identity {
            name: Some("Maria".to_owned()),
            emails: vec!["maria@example.net".to_owned(), "m@example.net".to_owned()],
            phones: vec!["123".to_owned()],
        };
        Office::new()
            .as_agent()
            .events::<Contact>(MARIA, [created(MARIA, identity)])
            .claim(CONTACT_EMAIL, "maria@example.net", MARIA)
            .claim(CONTACT_EMAIL, "m@example.net", MARIA)
    }

    fn update() -> UpdateContact {
        UpdateContact { contact_id: MARIA, name: None, emails: None, phones: None }
    }

    fn emails(emails: &[&str]) -> UpdateContact {
        let emails = Some(emails.iter().map(|email| personal(email)).collect());
        UpdateContact { emails, ..update() }
    }

    fn phones(phones: &[&str]) -> UpdateContact {
        let phones = Some(phones.iter().map(|phone| personal(phone)).collect());
        UpdateContact { phones, ..update() }
    }

    fn scope() -> KeyScope {
        KeyScope::person(MARIA.0)
    }

    #[test]
    fn a_contact_gets_another_name_or_none() {
        let from = Some(sealed(&scope(), "Maria"));
        let to = Some(sealed(&scope(), "Maria Rossi"));
        let rename = |name: &str| UpdateContact { name: Some(personal(name)), ..update() };
        given()
            .when(&rename("Maria Rossi"))
            .then::<ContactEvent>(MARIA, [ContactRenamed { from: from.clone(), to }.into()]);
        given()
            .when(&rename(" "))
            .then::<ContactEvent>(MARIA, [ContactRenamed { from, to: None }.into()]);
        given().when(&rename("Maria")).then_nothing();
    }

    #[test]
    fn addresses_come_and_go_and_the_first_is_primary_k01() {
        let new = EmailEntry { no: 4, address: sealed(&scope(), "new@example.net") };
        let changes = given().when(&emails(&["new@example.net", "M@example.net"])).then(
            MARIA,
            [
                ContactEvent::from(ContactEmailAdded { email: new }),
                ContactEmailRemoved { no: 1 }.into(),
                ContactEmailMadePrimary { from: Some(2), to: 4 }.into(),
            ],
        );
        let claims: Vec<_> = changes.claims.iter().map(|c| (c.key.as_str(), c.holder)).collect();
        assert_eq!(claims, [("new@example.net", Some(MARIA.0)), ("maria@example.net", None)]);
    }

    #[test]
    fn another_order_makes_another_address_primary() {
        given()
            .when(&emails(&["m@example.net", "maria@example.net"]))
            .then::<ContactEvent>(MARIA, [ContactEmailMadePrimary { from: Some(1), to: 2 }.into()]);
    }

    #[test]
    fn the_oldest_left_is_primary_without_a_word() {
        given()
            .when(&emails(&["m@example.net"]))
            .then::<ContactEvent>(MARIA, [ContactEmailRemoved { no: 1 }.into()]);
    }

    #[test]
    fn phone_numbers_come_and_go() {
        let new = PhoneEntry { no: 4, number: sealed(&scope(), "456") };
        given().when(&phones(&["456"])).then::<ContactEvent>(
            MARIA,
            [ContactPhoneAdded { phone: new }.into(), ContactPhoneRemoved { no: 3 }.into()],
        );
    }

    #[test]
    fn what_stays_as_it_is_is_no_change() {
        given().when(&emails(&["MARIA@example.net", "m@example.net"])).then_nothing();
        given().when(&phones(&["123"])).then_nothing();
        given().when(&update()).then_nothing();
    }

    #[test]
    fn an_address_of_somebody_else_is_refused_k01() {
        let taken = given().claim(CONTACT_EMAIL, "new@example.net", id(7));
        taken.when(&emails(&["new@example.net"])).then_rejected("address_in_use");
        given().when(&emails(&["nobody"])).then_rejected("invalid_email");
        given().when(&phones(&["nobody"])).then_rejected("invalid_phone");
    }

    #[test]
    fn a_known_contact_is_changed_by_who_may() {
        let unknown = UpdateContact { contact_id: ContactId(id(9)), ..update() };
        given().when(&unknown).then_rejected("not_found");
        Office::new().as_light_agent().when(&update()).then_rejected("forbidden");
    }
}
