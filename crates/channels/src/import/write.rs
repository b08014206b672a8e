//! The second pass: the messages of one conversation become commands, one after the other.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use commands::ticket::{ImportMessages, ImportedStatus};
use decider::{CommandId, EventContext, RejectionKind, StoredEvent};
use event_store::handler::{Accepted, CommandHandler, HandleError, Request};
use events::{ChannelId, TicketEvent, TicketId, decode_stored};
use uuid::Uuid;

use super::content::{Content, Contents};
use super::known::hex;
use super::patience::patiently;
use super::plan::{Chunk, Conversation};
use super::scan::Scanned;
use super::{ImportError, Report};

/// Writes conversations.
pub struct Writer<'a> {
    pub handler: &'a CommandHandler,
    pub contents: &'a Contents,
    pub actor: decider::Actor,
    pub channel: Option<ChannelId>,
    pub status: ImportedStatus,
    pub scanned: &'a [Scanned],
    /// Told how many messages of a conversation are done.
    pub advance: &'a (dyn Fn(usize) + Send + Sync),
}

/// What became of a conversation.
#[derive(Default)]
pub struct Written {
    pub report: Report,
    /// Others were at work on the same tickets: it has to be planned again.
    pub again: bool,
}

impl Writer<'_> {
    pub async fn conversation(&self, plan: Conversation) -> Result<Written, ImportError> {
        let mut written = Written::default();
        let mut ticket = TicketId(plan.joins.unwrap_or_else(Uuid::now_v7));
        let mut wrote = false;
        for chunk in &plan.chunks {
            let command = self.command(ticket, chunk, &plan.links).await?;
            let forgotten = chunk.len() - len(&command);
            written.report.failed += forgotten as u64;
            let mut left = vec![command];
            while let Some(mut command) = left.pop() {
                command.ticket_id = ticket;
                let command = Arc::new(command);
                match self.send(&command).await {
                    Ok(accepted) => {
                        self.contents.settle(&command.messages).await?;
                        let effect = Effect::of(accepted.events())?;
                        ticket = effect.ticket.unwrap_or(ticket);
                        wrote |= effect.ticket.is_some();
                        effect.count(len(&command), &accepted, &mut written.report);
                        (self.advance)(len(&command));
                    }
                    Err(HandleError::Contended | HandleError::VersionConflict { .. }) => {
                        written.again = true;
                        return Ok(written);
                    }
                    Err(error) if is_about_its_content(&error) => match halves(&command) {
                        // One message that is refused takes no other with it.
                        Some((first, second)) => left.extend([second, first]),
                        None => {
                            tracing::warn!(error = &error as &dyn Error, "a message was refused");
                            written.report.failed += len(&command) as u64;
                            (self.advance)(len(&command));
                        }
                    },
                    Err(error) => return Err(ImportError::Handle(error)),
                }
            }
            (self.advance)(forgotten);
        }
        written.report.tickets_joined = u64::from(wrote && plan.joins.is_some());
        Ok(written)
    }

    async fn command(
        &self,
        ticket_id: TicketId,
        chunk: &Chunk,
        links: &[Uuid],
    ) -> Result<ImportMessages, ImportError> {
        let mut command = ImportMessages {
            ticket_id,
            channel_id: self.channel,
            status: self.status,
            messages: Vec::with_capacity(chunk.len()),
            unreadable: Vec::new(),
            links: links.iter().copied().map(TicketId).collect(),
        };
        let mut latest = None;
        for (index, is_copy) in chunk.members() {
            let one = &self.scanned[index];
            // A message without a date stands behind those that have one.
            latest = latest.max(one.date);
            let sent_at = one.date.or(latest).unwrap_or_else(|| jiff::Timestamp::now().into());
            match self.contents.read(one, sent_at, is_copy).await? {
                Some(Content::Message(message)) => command.messages.push(*message),
                Some(Content::Unreadable(mail)) => command.unreadable.push(mail),
                None => {}
            }
        }
        Ok(command)
    }

    /// The same messages are the same command, in whatever process and however often.
    fn id(&self, command: &ImportMessages) -> (CommandId, Vec<u8>) {
        let claims = &self.contents.claims;
        let mut body = self.channel.map(|channel| channel.to_string()).unwrap_or_default();
        let unreadable = command.unreadable.iter().map(|mail| &mail.raw_mac);
        for mac in command.messages.iter().map(|message| &message.raw_mac).chain(unreadable) {
            body.push('\n');
            body.push_str(mac);
        }
        let key = hex(&claims.vault.mac(claims.ws, "import", body.as_bytes()));
        (CommandId::from_key(claims.ws, self.actor, &format!("import {key}")), body.into_bytes())
    }

    async fn send(&self, command: &Arc<ImportMessages>) -> Result<Accepted, HandleError> {
        let (id, body) = self.id(command);
        let request = || Request {
            ws: self.contents.claims.ws,
            id,
            body: body.clone(),
            actor: self.actor,
            context: EventContext::default(),
            expected: None,
            command: Arc::clone(command) as Arc<dyn decider::Command>,
        };
        let may_pass =
            |error: &HandleError| matches!(error, HandleError::Busy | HandleError::Unavailable);
        patiently(|| self.handler.handle(request()), may_pass).await
    }
}

fn len(command: &ImportMessages) -> usize {
    command.messages.len() + command.unreadable.len()
}

/// Whether the same content would be refused again, and other content would not.
fn is_about_its_content(error: &HandleError) -> bool {
    match error {
        HandleError::Rejected(rejected) => rejected.kind != RejectionKind::Forbidden,
        HandleError::Failed(_) | HandleError::KeyReused => true,
        _ => false,
    }
}

fn halves(command: &ImportMessages) -> Option<(ImportMessages, ImportMessages)> {
    if len(command) < 2 {
        return None;
    }
    let middle = len(command) / 2;
    let messages = middle.min(command.messages.len());
    let (mut first, mut second) = (command.clone(), command.clone());
    first.messages.truncate(messages);
    first.unreadable.truncate(middle - messages);
    second.messages.drain(..messages);
    second.unreadable.drain(..middle - messages);
    Some((first, second))
}

/// What a command wrote.
#[derive(Default)]
struct Effect {
    /// The ticket its messages are in.
    ticket: Option<TicketId>,
    created: bool,
    messages: usize,
    copies: usize,
    unreadable: usize,
    attachments: usize,
    links: BTreeSet<(Uuid, Uuid)>,
}

impl Effect {
    fn of(stored: &[StoredEvent]) -> Result<Self, ImportError> {
        let mut effect = Self::default();
        for event in stored.iter().filter(|event| event.kind == "ticket") {
            let stream = TicketId(event.stream);
            match decode_stored::<TicketEvent>(event).map_err(ImportError::Decode)? {
                TicketEvent::Created(_) => effect.created = true,
                TicketEvent::MessageImported(imported) => {
                    effect.ticket = Some(stream);
                    effect.messages += 1;
                    effect.attachments += imported.message.attachments.len();
                }
                TicketEvent::RawMessageKept(_) => {
                    effect.ticket = Some(stream);
                    effect.unreadable += 1;
                }
                TicketEvent::MessageCopyKept(_) => effect.copies += 1,
                TicketEvent::Linked(linked) => {
                    let (one, other) = (event.stream, linked.other.0);
                    effect.links.insert((one.min(other), one.max(other)));
                }
                _ => {}
            }
        }
        Ok(effect)
    }

    fn count(&self, messages: usize, accepted: &Accepted, report: &mut Report) {
        if accepted.duplicate {
            report.already_there += messages as u64;
            return;
        }
        let kept = self.messages + self.copies + self.unreadable;
        report.tickets_created += u64::from(self.created);
        report.copies_kept += self.copies as u64;
        report.unreadable += self.unreadable as u64;
        report.attachments += self.attachments as u64;
        report.links += self.links.len() as u64;
        report.already_there += messages.saturating_sub(kept) as u64;
    }
}

impl Chunk {
    /// Places among the scanned messages, and whether each is a copy.
    fn members(&self) -> impl Iterator<Item = (usize, bool)> {
        let messages = self.messages.iter().chain(&self.unreadable).map(|index| (*index, false));
        messages.chain(self.copies.iter().map(|copy| (copy.copy, true)))
    }
}

#[cfg(test)]
mod tests {
    use commands::ticket::UnreadableMail;
    use decider::Timestamp;
    use events::message::ObjectRef;

    use super::*;

    #[test]
    fn a_refused_command_is_halved_until_each_mail_stands_alone() {
        let raw = ObjectRef { key: Uuid::nil(), hash: String::new(), size_bytes: 0 };
        let mail = |n: i64| UnreadableMail {
            raw: raw.clone(),
            raw_mac: n.to_string(),
            at: Timestamp::from_micros(n),
        };
        let whole = ImportMessages {
            ticket_id: TicketId(Uuid::nil()),
            channel_id: None,
            status: ImportedStatus::Closed,
            messages: Vec::new(),
            unreadable: (0..5).map(mail).collect(),
            links: Vec::new(),
        };
        let (mut left, mut alone) = (vec![whole], Vec::new());
        while let Some(command) = left.pop() {
            match halves(&command) {
                Some((first, second)) => left.extend([second, first]),
                None => alone.push(command.unreadable[0].raw_mac.clone()),
            }
        }
        assert_eq!(alone, ["0", "1", "2", "3", "4"]);
    }
}
