//! An answer to the contact (C01, C09), perhaps with a status (C10).

use access::Right;
use decider::{Aspects, Changes, Command, Halt, Personal, World};
use events::draft::{DraftKind, SentAs};
use events::message::{Address, MessageAuthor};
use events::ticket::{OwnerChanged, ReplySubmitted, StatusChanged};
use events::value::{Delivery, Owner, OwnerChangeReason};
use events::{ChannelId, DraftId, MessageId, StatusId, TicketEvent, TicketId};

use super::change_status::entering;
use super::content::{Body, ClearMessage, check_attachments, subjects};
use super::recipients::{Named, recipients};
use super::{LiveTicket, MessageSummary, NewAttachment, PropertyInputs, TicketRejection};
use crate::claims::{MAIL_ID, MAIL_MESSAGE, bare_message_id, mail_key};
use crate::desk::{Desk, ask_all};
use crate::draft;
use crate::limits::{REFERENCES_MAX, SUBJECT_CHARS_MAX};
use crate::refusal::{Checks, Fault, Refusal};
use crate::text;

const INVALID_MESSAGE_ID: Fault = Fault { code: "invalid_value", message: "is no Message-ID" };

/// Answers the contact. What is none follows from the message that is answered, and that is the newest (C01).
#[derive(Clone, Debug)]
pub struct ReplyToTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The reply's id.
    pub message_id: MessageId,
    /// The mail header's Message-ID it goes out under; it never changes.
    pub mail_message_id: Personal<String>,
    /// The text.
    pub text: Personal<String>,
    /// The HTML form, already cleaned.
    pub html: Option<Personal<String>>,
    /// The message it answers.
    pub in_reply_to: Option<MessageId>,
    /// To.
    pub to: Option<Personal<Vec<Address>>>,
    /// Cc.
    pub cc: Option<Personal<Vec<Address>>>,
    /// Bcc.
    pub bcc: Option<Personal<Vec<Address>>>,
    /// The subject.
    pub subject: Option<Personal<String>>,
    /// The channel it goes out by.
    pub from_channel_id: Option<ChannelId>,
    /// Files.
    pub attachments: Vec<NewAttachment>,
    /// The status set together with it (C10).
    pub status_id: Option<StatusId>,
    /// Values of custom properties, set together with it (T10).
    pub properties: PropertyInputs,
    /// The draft it was written as.
    pub draft_id: Option<DraftId>,
    /// For so long it can be taken back.
    pub undo_seconds: u32,
}

impl Command for ReplyToTicket {
    fn name(&self) -> &'static str {
        "ReplyToTicket"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsCommunicate)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsCommunicate)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        if !live.has_conversation {
            return Err(TicketRejection::NoConversation.into());
        }
        let target = self.target(live)?;
        let mut checks = Checks::default();
        let body = Body::checked(&self.text, self.html.as_ref(), &mut checks);
        check_attachments(&self.attachments, &mut checks);
        let mail_id = checks.take("mail_message_id", checked_mail_id(&self.mail_message_id.0));
        let properties = self.properties.checked(&desk.directory, &mut checks);
        checks.finish()?;
        let body = body?;
        let changed = match self.status_id {
            Some(status) => entering(&desk.directory, live, status, &properties)?,
            None => None,
        };
        if live.messages.contains(self.message_id) {
            return Err(Refusal::AlreadyExists("message").into());
        }
        let reply = self.submitted(&desk, live, target, (body, mail_id.clone()))?;
        let channel = reply.message.channel;

        let mut changes = Changes::none();
        self.claim_mail_id(world, channel, &mail_id, &mut changes)?;
        changes.on(self.ticket_id, TicketEvent::from(reply));
        if let Some(assigned) = first_reply_assigns(&desk, live) {
            changes.on(self.ticket_id, TicketEvent::from(assigned));
        }
        if let Some(set) = properties.event(world, self.ticket_id, &live.properties)? {
            changes.on(self.ticket_id, TicketEvent::from(set));
        }
        if let Some(changed) = changed {
            let with_reply = Some(self.message_id);
            changes.on(self.ticket_id, TicketEvent::from(StatusChanged { with_reply, ..changed }));
        }
        if let Some(draft) = self.draft_id {
            let sent_as = SentAs::Message(self.message_id);
            let (ticket, user, kind) = (self.ticket_id, desk.user(), DraftKind::Reply);
            draft::send(
                world,
                &draft::Sending { draft, ticket, user, kind, sent_as },
                &mut changes,
            )?;
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        let mut aspects = Aspects::of(&["owner", "contacts"]);
        if self.in_reply_to.is_none() {
            aspects = aspects.and("messages");
        }
        if self.status_id.is_some() {
            aspects = aspects.and("status").and("properties");
        }
        self.properties.touches(aspects)
    }
}

impl ReplyToTicket {
    /// The message that is answered: the newest, unless another was chosen (C01).
    fn target<'t>(
        &self,
        live: &'t LiveTicket,
    ) -> Result<Option<&'t MessageSummary>, TicketRejection> {
        match self.in_reply_to {
            None => Ok(live.messages.newest()),
            Some(id) if live.messages.contains(id) => Ok(live.messages.summary(id)),
            Some(_) => Err(TicketRejection::UnknownMessage),
        }
    }

    fn submitted(
        &self,
        desk: &Desk<'_>,
        live: &LiveTicket,
        target: Option<&MessageSummary>,
        (body, mail_id): (Body, String),
    ) -> Result<ReplySubmitted, Halt> {
        let channel = self.channel(desk, target)?;
        let named = Named { to: self.to.as_ref(), cc: self.cc.as_ref(), bcc: self.bcc.as_ref() };
        let recipients = recipients(desk, (self.ticket_id, live), target, &named)?;
        let subject = self.subject(desk, live, target)?;
        let (in_reply_to, references) = self.thread_headers(desk, target)?;
        let subjects = subjects(desk.world, recipients.all())?;
        let from = channel.and_then(|id| desk.directory.channel(id)).map(|channel| Address {
            name: Some(channel.name.clone()),
            email: channel.address.clone(),
        });
        let message = ClearMessage {
            id: self.message_id,
            author: desk.user().map(MessageAuthor::User),
            channel,
            from: from.into_iter().collect(),
            reply_to: Vec::new(),
            to: recipients.to,
            cc: recipients.cc,
            bcc: recipients.bcc,
            subject,
            body,
            message_id: Some(mail_id),
            in_reply_to,
            references,
            attachments: &self.attachments,
            raw: None,
            automatic: None,
            problems: Vec::new(),
        };
        Ok(ReplySubmitted {
            message: message.seal(subjects),
            in_reply_to: self.in_reply_to.or_else(|| target.map(|target| target.id)),
            deliver_after: desk.world.now().plus_seconds(i64::from(self.undo_seconds)),
            delivery: Delivery::Held,
            status: self.status_id,
        })
    }

    /// The channel that was chosen, else that of the answered message, else the oldest.
    fn channel(
        &self,
        desk: &Desk<'_>,
        target: Option<&MessageSummary>,
    ) -> Result<Option<ChannelId>, TicketRejection> {
        if let Some(id) = self.from_channel_id {
            return match desk.directory.channel(id) {
                Some(_) => Ok(Some(id)),
                None => Err(TicketRejection::UnknownChannel),
            };
        }
        let answered = target.and_then(|target| target.channel);
        let answered = answered.filter(|id| desk.directory.channel(*id).is_some());
        Ok(answered.or_else(|| desk.directory.channels().next().map(|(id, _)| id)))
    }

    fn subject(
        &self,
        desk: &Desk<'_>,
        live: &LiveTicket,
        target: Option<&MessageSummary>,
    ) -> Result<String, Halt> {
        let given = self.subject.as_ref().map_or("", |subject| &subject.0);
        let mut checks = Checks::default();
        let given = checks.take("subject", text::optional_line(given, SUBJECT_CHARS_MAX));
        checks.finish()?;
        if let Some(given) = given {
            return Ok(given);
        }
        let answered = match target {
            Some(target) => desk.world.open(self.ticket_id, "message.subject", &target.subject)?,
            None => decider::Opened::Forgotten,
        };
        let answered = answered.into_option().filter(|subject| !text::is_blank(subject));
        let base = match answered {
            Some(subject) => subject,
            None => desk
                .world
                .open(self.ticket_id, "name", &live.name)?
                .into_option()
                .unwrap_or_default(),
        };
        Ok(text::shortened(&answer_to(&base), SUBJECT_CHARS_MAX))
    }

    /// In-Reply-To and References, built from the answered message.
    fn thread_headers(
        &self,
        desk: &Desk<'_>,
        target: Option<&MessageSummary>,
    ) -> Result<(Option<String>, Vec<String>), Halt> {
        let Some(target) = target else { return Ok((None, Vec::new())) };
        let answered = match &target.message_id {
            Some(id) => desk.world.open(self.ticket_id, "message.message_id", id)?.into_option(),
            None => None,
        };
        let mut references = match &target.references {
            Some(references) => desk
                .world
                .open(self.ticket_id, "message.references", references)?
                .into_option()
                .unwrap_or_default(),
            None => Vec::new(),
        };
        references.extend(answered.clone());
        Ok((answered, bounded(references)))
    }

    fn claim_mail_id(
        &self,
        world: &World<'_>,
        channel: Option<ChannelId>,
        mail_id: &str,
        changes: &mut Changes,
    ) -> Result<(), Halt> {
        let key = mail_key(channel, mail_id);
        let holders = ask_all([MAIL_ID, MAIL_MESSAGE].map(|scope| world.claim(scope, &key)))?;
        if holders.iter().any(Option::is_some) {
            return Err(Refusal::AlreadyExists("Message-ID").into());
        }
        changes.claim(MAIL_ID, key.clone(), self.ticket_id);
        changes.claim(MAIL_MESSAGE, key, self.message_id);
        Ok(())
    }
}

/// The first reply to an unassigned ticket assigns it to its sender, unless switched off (C09).
fn first_reply_assigns(desk: &Desk<'_>, live: &LiveTicket) -> Option<OwnerChanged> {
    let sender = desk.user()?;
    let assigns = live.owner.is_none() && desk.directory.settings().assign_on_first_reply;
    assigns.then(|| OwnerChanged {
        from: None,
        to: Some(Owner::user(sender)),
        reason: OwnerChangeReason::FirstReply,
        note: None,
    })
}

fn answer_to(subject: &str) -> String {
    let is_answer = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if is_answer { subject.to_owned() } else { format!("Re: {subject}") }
}

/// The oldest reference and the newest ones: where the thread began, and where it is.
fn bounded(mut references: Vec<String>) -> Vec<String> {
    if references.len() > REFERENCES_MAX {
        references.drain(1..=references.len() - REFERENCES_MAX);
    }
    references
}

fn checked_mail_id(id: &str) -> Result<String, Fault> {
    let id = bare_message_id(id);
    let sound = !id.is_empty()
        && id.len() <= SUBJECT_CHARS_MAX
        && id.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
    if sound { Ok(id.to_owned()) } else { Err(INVALID_MESSAGE_ID) }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
