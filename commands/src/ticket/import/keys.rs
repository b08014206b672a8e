//! Natural keys as an importing command sees them: those of the log, and those it takes itself.

use std::collections::BTreeMap;

use decider::{Changes, Halt, World};
use events::{ChannelId, MessageId, TicketId};
use uuid::Uuid;

use super::ImportMessages;
use crate::claims::{
    CONTACT_EMAIL, MAIL_ID, MAIL_MESSAGE, MAIL_RAW, USER_EMAIL, email_key, mail_key,
};
use crate::desk::ask_all;
use crate::limits::RECIPIENTS_MAX;

pub struct Keys<'w> {
    world: &'w World<'w>,
    channel: Option<ChannelId>,
    /// What is known to be held, or free.
    holders: BTreeMap<(&'static str, String), Option<Uuid>>,
}

impl<'w> Keys<'w> {
    pub const fn new(world: &'w World<'w>, channel: Option<ChannelId>) -> Self {
        Self { world, channel, holders: BTreeMap::new() }
    }

    /// Asks for every key the messages may need at once, so that what is missing can be fetched together.
    pub fn ask_for(&mut self, command: &ImportMessages) -> Result<(), Halt> {
        let mut wanted: Vec<(&'static str, String)> = Vec::new();
        let channel = self.channel;
        let raws = command.messages.iter().map(|message| &message.raw_mac);
        let raws = raws.chain(command.unreadable.iter().map(|mail| &mail.raw_mac));
        wanted.extend(raws.map(|mac| (MAIL_RAW, mail_key(channel, mac))));
        for message in &command.messages {
            if let Some(id) = message.mail_id() {
                wanted.push((MAIL_ID, mail_key(channel, id)));
                wanted.push((MAIL_MESSAGE, mail_key(channel, id)));
            }
            wanted.extend(message.referred().map(|id| (MAIL_ID, mail_key(channel, id))));
            for address in message.addresses().take(RECIPIENTS_MAX) {
                wanted.push((CONTACT_EMAIL, email_key(&address.email)));
            }
            if let Some(address) = message.from.0.first() {
                wanted.push((USER_EMAIL, email_key(&address.email)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let holders = ask_all(wanted.iter().map(|(scope, key)| self.world.claim(scope, key)))?;
        self.holders = wanted.into_iter().zip(holders).collect();
        Ok(())
    }

    fn holder(&self, scope: &'static str, key: String) -> Option<Uuid> {
        self.holders.get(&(scope, key)).copied().flatten()
    }

    /// Takes a key that was asked for and is free.
    fn take(&mut self, scope: &'static str, key: String, holder: Uuid, changes: &mut Changes) {
        if let Some(free @ None) = self.holders.get_mut(&(scope, key.clone())) {
            *free = Some(holder);
            changes.claim(scope, key, holder);
        }
    }

    pub fn has_bytes(&self, raw_mac: &str) -> bool {
        self.holder(MAIL_RAW, mail_key(self.channel, raw_mac)).is_some()
    }

    pub fn take_bytes(&mut self, raw_mac: &str, holder: Uuid, changes: &mut Changes) {
        self.take(MAIL_RAW, mail_key(self.channel, raw_mac), holder, changes);
    }

    /// The ticket that knows a Message-ID.
    pub fn ticket(&self, mail_id: &str) -> Option<TicketId> {
        self.holder(MAIL_ID, mail_key(self.channel, mail_id)).map(TicketId)
    }

    pub fn take_id(&mut self, mail_id: &str, ticket: TicketId, changes: &mut Changes) {
        self.take(MAIL_ID, mail_key(self.channel, mail_id), ticket.0, changes);
    }

    /// The message that has a Message-ID.
    pub fn message(&self, mail_id: &str) -> Option<MessageId> {
        self.holder(MAIL_MESSAGE, mail_key(self.channel, mail_id)).map(MessageId)
    }

    pub fn take_message(&mut self, mail_id: &str, message: MessageId, changes: &mut Changes) {
        self.take(MAIL_MESSAGE, mail_key(self.channel, mail_id), message.0, changes);
    }

    pub fn contact(&self, email: &str) -> Option<Uuid> {
        self.holder(CONTACT_EMAIL, email_key(email))
    }

    pub fn take_contact(&mut self, email: &str, contact: Uuid, changes: &mut Changes) {
        self.take(CONTACT_EMAIL, email_key(email), contact, changes);
    }

    pub fn user(&self, email: &str) -> Option<Uuid> {
        self.holder(USER_EMAIL, email_key(email))
    }
}
