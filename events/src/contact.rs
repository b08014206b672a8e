//! Contacts: persons outside (K01). Names, addresses and numbers are sealed with the person's own key; an address is
//! told apart by its number within the contact, which says nothing about it.

use decider::{Aspects, Sealed};
use serde::{Deserialize, Serialize};

use crate::ErasureId;
use crate::event_list::event_list;
use crate::seal::{SealedFields, Visit, sealed_fields};

event_list! {
    /// What happened to a contact.
    pub enum ContactEvent of "contact", touches touches {
        /// A person became known.
        Created(ContactCreated) = "ContactCreated", 1;
        /// The name changed.
        Renamed(ContactRenamed) = "ContactRenamed", 1;
        /// One more e-mail address.
        EmailAdded(ContactEmailAdded) = "ContactEmailAdded", 1;
        /// An e-mail address is no longer theirs.
        EmailRemoved(ContactEmailRemoved) = "ContactEmailRemoved", 1;
        /// Another e-mail address is the one to write to.
        EmailMadePrimary(ContactEmailMadePrimary) = "ContactEmailMadePrimary", 1;
        /// One more phone number.
        PhoneAdded(ContactPhoneAdded) = "ContactPhoneAdded", 1;
        /// A phone number is no longer theirs.
        PhoneRemoved(ContactPhoneRemoved) = "ContactPhoneRemoved", 1;
        /// The person is to be forgotten (Z06): nothing more is written about them, and their addresses are free.
        Erased(ContactErased) = "ContactErased", 1;
    }
}

/// Which e-mail address or phone number of a contact: 1, 2, 3 … in one row for both, never used again.
pub type EntryNo = u32;

/// An e-mail address of a contact. Sealed as `email.<no>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailEntry {
    /// Which one.
    pub no: EntryNo,
    /// The address.
    pub address: Sealed<String>,
}

/// A phone number of a contact. Sealed as `phone.<no>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhoneEntry {
    /// Which one.
    pub no: EntryNo,
    /// The number to dial.
    pub number: Sealed<String>,
}

/// The stable name of an e-mail address as a sealed field.
#[must_use]
pub fn email_field(no: EntryNo) -> String {
    format!("email.{no}")
}

/// The stable name of a phone number as a sealed field.
#[must_use]
pub fn phone_field(no: EntryNo) -> String {
    format!("phone.{no}")
}

/// A person became known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactCreated {
    /// The name, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed<String>>,
    /// E-mail addresses; the first is primary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<EmailEntry>,
    /// Phone numbers; the first is primary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<PhoneEntry>,
}

/// A contact's name changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactRenamed {
    /// The name until now, if there was one that could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Sealed<String>>,
    /// The name from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Sealed<String>>,
}

/// One more e-mail address; the first a contact has is primary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactEmailAdded {
    /// The address.
    pub email: EmailEntry,
}

/// An e-mail address is no longer theirs. When it was the primary one, the oldest of the others is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactEmailRemoved {
    /// Which one.
    pub no: EntryNo,
}

/// Another e-mail address is the one to write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactEmailMadePrimary {
    /// Until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<EntryNo>,
    /// From now on.
    pub to: EntryNo,
}

/// One more phone number; the first a contact has is primary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactPhoneAdded {
    /// The number.
    pub phone: PhoneEntry,
}

/// A phone number is no longer theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPhoneRemoved {
    /// Which one.
    pub no: EntryNo,
}

/// The person is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactErased {
    /// The erasure that carries it out, and its certificate.
    pub erasure: ErasureId,
    /// Which e-mail addresses they had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<EntryNo>,
}

sealed_fields! {
    ContactErased {}
    ContactRenamed { from => "name.from", to => "name" }
    ContactEmailRemoved {}
    ContactEmailMadePrimary {}
    ContactPhoneRemoved {}
}

impl SealedFields for EmailEntry {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        visit(&email_field(self.no), &mut self.address);
    }
}

impl SealedFields for PhoneEntry {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        visit(&phone_field(self.no), &mut self.number);
    }
}

impl SealedFields for ContactCreated {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        if let Some(name) = &mut self.name {
            visit("name", name);
        }
        self.emails.iter_mut().for_each(|email| email.visit_sealed(visit));
        self.phones.iter_mut().for_each(|phone| phone.visit_sealed(visit));
    }
}

impl SealedFields for ContactEmailAdded {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.email.visit_sealed(visit);
    }
}

impl SealedFields for ContactPhoneAdded {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.phone.visit_sealed(visit);
    }
}

fn touches(event: &ContactEvent) -> Aspects {
    match event {
        ContactEvent::Created(_) | ContactEvent::Erased(_) => Aspects::All,
        ContactEvent::Renamed(_) => Aspects::of(&["name"]),
        ContactEvent::EmailAdded(_)
        | ContactEvent::EmailRemoved(_)
        | ContactEvent::EmailMadePrimary(_) => Aspects::of(&["emails"]),
        ContactEvent::PhoneAdded(_) | ContactEvent::PhoneRemoved(_) => Aspects::of(&["phones"]),
    }
}
