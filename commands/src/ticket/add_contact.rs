//! A contact takes part, and the conversation can start (T07).

use access::Right;
use decider::{Aspects, Changes, Command, Event, Halt, Personal, StreamRef, World};
use events::{ContactEvent, ContactId, TicketId};

use super::LiveTicket;
use super::parts::associate;
use crate::address::checked;
use crate::claims::{CONTACT_EMAIL, email_key};
use crate::contact::{Contact, ContactRejection, Identity, created};
use crate::desk::Desk;
use crate::limits::{CONTACTS_MAX, LABEL_CHARS_MAX, PHONE_CHARS_MAX};
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Whom to add.
#[derive(Clone, Debug)]
pub enum ContactChoice {
    /// Somebody known.
    Existing(ContactId),
    /// Somebody new; an address that a contact already has means that contact.
    New {
        /// The contact's id, if one must be created.
        contact_id: ContactId,
        /// The name.
        name: Option<Personal<String>>,
        /// The e-mail address.
        email: Option<Personal<String>>,
        /// The phone number.
        phone: Option<Personal<String>>,
    },
}

/// Adds a contact to a ticket.
#[derive(Clone, Debug)]
pub struct AddContact {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Whom to add.
    pub contact: ContactChoice,
}

impl Command for AddContact {
    fn name(&self) -> &'static str {
        "AddContact"
    }

    fn creates(&self) -> Vec<StreamRef> {
        match &self.contact {
            ContactChoice::Existing(_) => Vec::new(),
            ContactChoice::New { contact_id, .. } => {
                vec![StreamRef { kind: ContactEvent::KIND, id: contact_id.0 }]
            }
        }
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsEdit)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsEdit)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        let mut changes = Changes::none();
        let contact = match &self.contact {
            ContactChoice::Existing(id) => existing(world, *id)?,
            ContactChoice::New { contact_id, name, email, phone } => {
                let identity = identity(name.as_ref(), email.as_ref(), phone.as_ref())?;
                found_or_new(world, *contact_id, identity, &mut changes)?
            }
        };
        refuse_too_many(live)?;
        associate(self.ticket_id, live, contact, &mut changes);
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["contacts", "conversation"])
    }
}

fn refuse_too_many(live: &LiveTicket) -> Result<(), Refusal> {
    if live.contacts.len() < CONTACTS_MAX {
        return Ok(());
    }
    Err(Refusal::field("contact_id", "too_many", "the ticket has too many contacts"))
}

fn existing(world: &World<'_>, id: ContactId) -> Result<ContactId, Halt> {
    match world.state::<Contact>(id)?.live() {
        Some(contact) if contact.erased.is_some() => Err(ContactRejection::Erased.into()),
        Some(_) => Ok(id),
        None => {
            Err(Refusal::field("contact_id", "unknown_contact", "there is no such contact").into())
        }
    }
}

fn identity(
    name: Option<&Personal<String>>,
    email: Option<&Personal<String>>,
    phone: Option<&Personal<String>>,
) -> Result<Identity, Halt> {
    let clear =
        |text: Option<&Personal<String>>| text.map_or_else(String::new, |text| text.0.clone());
    let mut checks = Checks::default();
    let name = checks.take("contact.name", text::optional_line(&clear(name), LABEL_CHARS_MAX));
    let phone = checks.take("contact.phone", text::optional_line(&clear(phone), PHONE_CHARS_MAX));
    let email = clear(email);
    let email = (!email.trim().is_empty()).then(|| checks.take("contact.email", checked(&email)));
    if name.is_none() && phone.is_none() && email.is_none() {
        checks.fault("contact", "required", "has a name, an address or a number");
    }
    checks.finish()?;
    Ok(Identity { name, emails: email.into_iter().collect(), phones: phone.into_iter().collect() })
}

fn found_or_new(
    world: &World<'_>,
    id: ContactId,
    identity: Identity,
    changes: &mut Changes,
) -> Result<ContactId, Halt> {
    if let Some(email) = identity.emails.first() {
        let key = email_key(email);
        if let Some(holder) = world.claim(CONTACT_EMAIL, &key)? {
            return Ok(ContactId(holder));
        }
        changes.claim(CONTACT_EMAIL, key, id);
    }
    if world.state::<Contact>(id)?.live().is_some() {
        return Err(Refusal::AlreadyExists("contact").into());
    }
    changes.on(id, created(id, identity));
    Ok(id)
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::TicketEvent;
    use events::ticket::{ContactAssociated, ConversationStarted};

    use super::*;
    use crate::fixtures::{Office, id, personal};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::{MARIA, bare, given, maria};

    const NEW: ContactId = ContactId(id(500));

    fn existing(id: ContactId) -> AddContact {
        AddContact { ticket_id: Office::TICKET, contact: ContactChoice::Existing(id) }
    }

    fn new(name: &str, email: &str, phone: &str) -> AddContact {
        let [name, email, phone] = [name, email, phone].map(|text| Some(personal(text)));
        let contact = ContactChoice::New { contact_id: NEW, name, email, phone };
        AddContact { ticket_id: Office::TICKET, contact }
    }

    fn joined(contact: ContactId) -> [TicketEvent; 2] {
        [ContactAssociated { contact, primary: true }.into(), ConversationStarted {}.into()]
    }

    #[test]
    fn the_first_contact_starts_the_conversation_t07() {
        bare().when(&existing(MARIA)).then(Office::TICKET, joined(MARIA));
    }

    #[test]
    fn a_contact_that_takes_part_already_is_no_change() {
        let both = bare().events::<Ticket>(Office::TICKET, joined(MARIA));
        both.when(&existing(MARIA)).then_nothing();
    }

    #[test]
    fn another_contact_joins_without_becoming_primary() {
        let command = new("Otto", "otto@example.net", "");
        let changes =
            bare().events::<Ticket>(Office::TICKET, joined(MARIA)).when(&command).accepted();
        assert_eq!(
            changes.events_on::<TicketEvent>(Office::TICKET),
            [ContactAssociated { contact: NEW, primary: false }.into()]
        );
    }

    #[test]
    fn a_new_contact_is_created_on_the_way_t07() {
        let changes = bare().when(&new("Otto", "Otto@example.net", "123")).accepted();
        assert_eq!(changes.events_on::<TicketEvent>(Office::TICKET), joined(NEW));
        assert_eq!(changes.events_on::<ContactEvent>(NEW).len(), 1);
        assert_eq!(changes.claims[0].key, "otto@example.net");
        assert_eq!(changes.claims[0].holder, Some(NEW.0));
    }

    #[test]
    fn an_address_that_a_contact_has_means_that_contact_k01() {
        let known = bare().claim(CONTACT_EMAIL, "maria@example.net", MARIA);
        known.when(&new("", " MARIA@example.net", "")).then(Office::TICKET, joined(MARIA));
    }

    #[test]
    fn a_contact_is_known_or_has_something_to_know_them_by() {
        bare().when(&existing(ContactId(id(9)))).then_rejected("unknown_contact");
        bare().when(&new(" ", "", "")).then_rejected("required");
        bare().when(&new("", "otto", "")).then_rejected("invalid_email");
        let taken = bare().events::<Contact>(NEW, [maria()]);
        taken.when(&new("Otto", "", "")).then_rejected("already_exists");
    }

    #[test]
    fn a_known_ticket_gets_contacts_from_who_may() {
        let unknown = AddContact { ticket_id: TicketId(id(9)), ..existing(MARIA) };
        bare().when(&unknown).then_rejected("not_found");
        let light = given().actor(Actor::user(Office::LIGHT.0));
        light.when(&existing(MARIA)).then_rejected("forbidden");
        let many = (0..200).map(|n| ContactId(id(1000 + n)));
        let many = many.map(|contact| ContactAssociated { contact, primary: false }.into());
        let full = bare().events::<Ticket>(Office::TICKET, many);
        full.when(&existing(MARIA)).then_rejected("too_many");
    }
}
