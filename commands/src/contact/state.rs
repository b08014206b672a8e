//! What rules ask about a contact.

use decider::{EventMeta, Sealed, State};
use events::contact::{ContactCreated, EmailEntry, EntryNo, PhoneEntry};
use events::{ContactEvent, ErasureId};

/// A contact.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Contact {
    /// There is none.
    #[default]
    Unknown,
    /// There is one.
    Live(LiveContact),
}

/// A contact that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveContact {
    /// The name, sealed as `name`.
    pub name: Option<Sealed<String>>,
    /// E-mail addresses, oldest first.
    pub emails: Vec<EmailEntry>,
    /// The e-mail address to write to.
    pub primary_email: Option<EntryNo>,
    /// Phone numbers, oldest first.
    pub phones: Vec<PhoneEntry>,
    /// The highest number of an entry so far.
    pub last_no: EntryNo,
    /// The erasure that forgets them, once it was asked for. What is sealed of them stays, and cannot be opened.
    pub erased: Option<ErasureId>,
}

impl Contact {
    /// The contact, if there is one.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveContact> {
        match self {
            Self::Unknown => None,
            Self::Live(contact) => Some(contact),
        }
    }
}

impl LiveContact {
    fn new(created: &ContactCreated) -> Self {
        let emails = created.emails.iter().map(|email| email.no);
        let last_no = emails.chain(created.phones.iter().map(|phone| phone.no)).max();
        Self {
            name: created.name.clone(),
            primary_email: created.emails.first().map(|email| email.no),
            emails: created.emails.clone(),
            phones: created.phones.clone(),
            last_no: last_no.unwrap_or(0),
            erased: None,
        }
    }

    /// The e-mail address to write to.
    #[must_use]
    pub fn primary(&self) -> Option<&EmailEntry> {
        self.emails.iter().find(|email| Some(email.no) == self.primary_email)
    }

    fn take_in(&mut self, event: &ContactEvent) {
        match event {
            ContactEvent::Created(_) => {}
            ContactEvent::Renamed(renamed) => self.name.clone_from(&renamed.to),
            ContactEvent::EmailAdded(added) => {
                self.last_no = self.last_no.max(added.email.no);
                self.primary_email.get_or_insert(added.email.no);
                self.emails.push(added.email.clone());
            }
            ContactEvent::EmailRemoved(removed) => {
                self.emails.retain(|email| email.no != removed.no);
                if self.primary_email == Some(removed.no) {
                    self.primary_email = self.emails.first().map(|email| email.no);
                }
            }
            ContactEvent::EmailMadePrimary(made) => self.primary_email = Some(made.to),
            ContactEvent::PhoneAdded(added) => {
                self.last_no = self.last_no.max(added.phone.no);
                self.phones.push(added.phone.clone());
            }
            ContactEvent::PhoneRemoved(removed) => {
                self.phones.retain(|phone| phone.no != removed.no);
            }
            ContactEvent::Erased(erased) => {
                self.erased.get_or_insert(erased.erasure);
            }
        }
    }
}

impl State for Contact {
    type Event = ContactEvent;

    fn evolve(&mut self, event: &ContactEvent, _: &EventMeta) {
        match self {
            Self::Live(contact) => contact.take_in(event),
            Self::Unknown => {
                if let ContactEvent::Created(created) = event {
                    *self = Self::Live(LiveContact::new(created));
                }
            }
        }
    }

    fn size_bytes(&self) -> usize {
        self.live().map_or(0, |contact| 300 + (contact.emails.len() + contact.phones.len()) * 200)
    }
}
