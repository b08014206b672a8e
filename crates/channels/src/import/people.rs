//! Who is behind the addresses of a message: contacts that are known, users, and contacts that this import makes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use commands::Directory;
use commands::claims::{CONTACT_EMAIL, USER_EMAIL, email_key};
use commands::ticket::ImportedMessage;
use events::ContactId;
use events::message::{Address, Direction};
use uuid::Uuid;

use super::ImportError;
use super::known::Claims;
use crate::email::parse::{self, ParsedMail};

/// Contacts that messages of this import propose, by address: one id for one address, in all commands.
#[derive(Default)]
pub struct Proposed(Mutex<HashMap<String, ContactId>>);

impl Proposed {
    fn id(&self, email: &str) -> ContactId {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ids.entry(email.to_owned()).or_insert_with(|| ContactId(Uuid::now_v7()))
    }

    fn contains(&self, email: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(email)
    }
}

/// Who has the addresses of one message.
pub struct People {
    pub direction: Direction,
    /// The contact that is to be made if nobody has the address.
    pub new_contact: ContactId,
    /// Whom the message is about, as far as they are known or made by its own command.
    pub subjects: Vec<Uuid>,
}

impl People {
    pub async fn of(
        mail: &ParsedMail,
        claims: &Claims,
        directory: &Directory,
        proposed: &Proposed,
    ) -> Result<Self, ImportError> {
        let lists = [&mail.reply_to, &mail.to, &mail.cc, &mail.bcc];
        let all = mail.from.iter().chain(lists.into_iter().flatten());
        let emails: HashSet<String> = all.map(|address| email_key(&address.email)).collect();
        let sender = mail.from.as_ref().map(|from| email_key(&from.email));
        let mut asked: Vec<_> = emails.into_iter().map(|email| (CONTACT_EMAIL, email)).collect();
        asked.extend(sender.iter().map(|email| (USER_EMAIL, email.clone())));
        let holders = claims.holders(&asked).await?;
        let held: HashMap<(&str, String), Uuid> =
            asked.into_iter().zip(holders).filter_map(|(key, held)| Some((key, held?))).collect();
        let is_ours = |email: &str| directory.channel_by_address(email).is_some();
        let outgoing = sender.as_ref().is_some_and(|sender| {
            is_ours(sender) || held.contains_key(&(USER_EMAIL, sender.clone()))
        });
        let outside = |to: &&parse::Address| !is_ours(&to.email);
        let (direction, contact) = if outgoing {
            (Direction::Outgoing, mail.to.iter().find(outside).map(|to| email_key(&to.email)))
        } else {
            (Direction::Incoming, sender)
        };
        let mut subjects: Vec<Uuid> = held
            .iter()
            .filter(|((scope, _), _)| *scope == CONTACT_EMAIL)
            .map(|(_, id)| *id)
            .collect();
        let new_contact = contact
            .as_deref()
            .map_or_else(|| ContactId(Uuid::now_v7()), |email| proposed.id(email));
        if contact.is_some_and(|email| !held.contains_key(&(CONTACT_EMAIL, email))) {
            subjects.push(new_contact.0);
        }
        subjects.sort_unstable();
        subjects.dedup();
        Ok(Self { direction, new_contact, subjects })
    }
}

/// Whom each of these messages is about now that it is in the log, beside those known before: contacts that were made
/// meanwhile for another address in it.
pub async fn made_meanwhile(
    messages: &[ImportedMessage],
    claims: &Claims,
    proposed: &Proposed,
) -> Result<Vec<(usize, Vec<Uuid>)>, ImportError> {
    let mut asked = Vec::new();
    let mut places = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        for email in addresses(message).map(|address| email_key(&address.email)) {
            if proposed.contains(&email) {
                asked.push((CONTACT_EMAIL, email));
                places.push(index);
            }
        }
    }
    let mut made: Vec<(usize, Vec<Uuid>)> = Vec::new();
    for (index, holder) in places.into_iter().zip(claims.holders(&asked).await?) {
        let Some(holder) = holder else { continue };
        match made.last_mut() {
            Some((last, contacts)) if *last == index => contacts.push(holder),
            _ => made.push((index, vec![holder])),
        }
    }
    made.retain(|(index, contacts)| {
        contacts.iter().any(|one| *one != messages[*index].new_contact_id.0)
    });
    Ok(made)
}

fn addresses(message: &ImportedMessage) -> impl Iterator<Item = &Address> {
    let lists = [&message.from, &message.reply_to, &message.to, &message.cc, &message.bcc];
    lists.into_iter().flat_map(|list| &list.0)
}
