//! Mail of earlier times becomes a ticket, or joins one (H03, H05). The same again changes nothing.

mod group;
mod keys;

use access::Right;
use decider::{Changes, Command, Event, Halt, Personal, StreamRef, Timestamp, World};
use events::message::{Address, Automatic, Direction, ObjectRef};
use events::{ChannelId, ContactEvent, ContactId, MessageId, TicketId};

use self::group::Group;
use self::keys::Keys;
use super::NewAttachment;
use crate::desk::Desk;
use crate::limits::{IMPORT_MESSAGES_MAX, REFERENCES_MAX};
use crate::refusal::Refusal;

/// In which status an imported ticket begins: the first of that category in the default pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedStatus {
    /// Somebody still has to act.
    Open,
    /// It is history.
    Closed,
}

/// One message of earlier times.
#[derive(Clone, Debug)]
pub struct ImportedMessage {
    /// Its id.
    pub id: MessageId,
    /// The id of its sender's contact, or of its first recipient's when we sent it, if one must be created.
    pub new_contact_id: ContactId,
    /// Which way it went.
    pub direction: Direction,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// From.
    pub from: Personal<Vec<Address>>,
    /// Where answers are wished.
    pub reply_to: Personal<Vec<Address>>,
    /// To.
    pub to: Personal<Vec<Address>>,
    /// Cc.
    pub cc: Personal<Vec<Address>>,
    /// Bcc.
    pub bcc: Personal<Vec<Address>>,
    /// The subject.
    pub subject: Personal<String>,
    /// The text.
    pub text: Personal<String>,
    /// The HTML part, already cleaned.
    pub html: Option<Personal<String>>,
    /// The mail header's Message-ID, or one made from the bytes.
    pub mail_message_id: Option<Personal<String>>,
    /// The mail header's In-Reply-To.
    pub in_reply_to: Option<Personal<String>>,
    /// The mail header's References, oldest first.
    pub references: Personal<Vec<String>>,
    /// Files.
    pub attachments: Vec<NewAttachment>,
    /// The original bytes.
    pub raw: Option<ObjectRef>,
    /// A keyed hash of the original bytes, hexadecimal: what makes two copies the same.
    pub raw_mac: String,
    /// Why it counts as written by a machine.
    pub automatic: Option<Automatic>,
    /// What could not be read as it should, as stable words.
    pub problems: Vec<String>,
}

impl ImportedMessage {
    /// Ids it refers to, the most telling first: In-Reply-To, then References from the newest to the oldest (H05).
    fn referred(&self) -> impl Iterator<Item = &str> {
        let answered = self.in_reply_to.iter().map(|id| id.0.as_str());
        let references = self.references.0.iter().rev().take(REFERENCES_MAX).map(String::as_str);
        answered.chain(references).filter(|id| !id.trim().is_empty())
    }

    fn mail_id(&self) -> Option<&str> {
        self.mail_message_id.as_ref().map(|id| id.0.as_str()).filter(|id| !id.trim().is_empty())
    }

    fn addresses(&self) -> impl Iterator<Item = &Address> {
        let lists = [&self.from, &self.reply_to, &self.to, &self.cc, &self.bcc];
        lists.into_iter().flat_map(|list| &list.0)
    }
}

/// A mail that cannot be read: only its bytes are kept.
#[derive(Clone, Debug)]
pub struct UnreadableMail {
    /// The original bytes.
    pub raw: ObjectRef,
    /// A keyed hash of the original bytes, hexadecimal.
    pub raw_mac: String,
    /// When it was sent, as far as that is known.
    pub at: Timestamp,
}

/// Takes over messages of one conversation, oldest first. They join the ticket that knows one of their ids, else the
/// one that is named here; it is created when it does not exist.
#[derive(Clone, Debug)]
pub struct ImportMessages {
    /// The ticket they go to; its id, if it must be created.
    pub ticket_id: TicketId,
    /// The channel they came by.
    pub channel_id: Option<ChannelId>,
    /// In which status a new ticket begins.
    pub status: ImportedStatus,
    /// The messages, and differing copies of them.
    pub messages: Vec<ImportedMessage>,
    /// Mails that cannot be read.
    pub unreadable: Vec<UnreadableMail>,
    /// Tickets that these messages show to belong together with theirs, beside those found here.
    pub links: Vec<TicketId>,
}

impl Command for ImportMessages {
    fn name(&self) -> &'static str {
        "ImportMessages"
    }

    fn creates(&self) -> Vec<StreamRef> {
        let contacts = self.messages.iter().map(|message| message.new_contact_id.0);
        contacts.map(|id| StreamRef { kind: ContactEvent::KIND, id }).collect()
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::TicketsEdit)?;
        if self.messages.len() + self.unreadable.len() > IMPORT_MESSAGES_MAX {
            let message = "there are too many messages for one command";
            return Err(Refusal::field("messages", "too_many", message).into());
        }
        let mut keys = Keys::new(world, self.channel_id);
        keys.ask_for(self)?;
        let new: Vec<&ImportedMessage> =
            self.messages.iter().filter(|message| !keys.has_bytes(&message.raw_mac)).collect();
        let unreadable: Vec<&UnreadableMail> =
            self.unreadable.iter().filter(|mail| !keys.has_bytes(&mail.raw_mac)).collect();
        if new.is_empty() && unreadable.is_empty() {
            return Ok(Changes::none());
        }
        let mut group = Group::of(&desk, self, keys)?;
        for message in new {
            group.take_over(message)?;
        }
        for mail in unreadable {
            group.keep_unreadable(mail)?;
        }
        group.finish()
    }
}

#[cfg(test)]
mod tests;
