//! A word among colleagues, never visible to the contact (M01).

use access::Right;
use decider::{Aspects, Changes, Command, Halt, KeyScope, Personal, World};
use events::draft::{DraftKind, SentAs};
use events::ticket::CommentAdded;
use events::{CommentId, DraftId, TicketEvent, TicketId, UserId};

use super::NewAttachment;
use super::content::{Body, check_attachments};
use crate::desk::Desk;
use crate::directory::Directory;
use crate::draft;
use crate::limits::MENTIONS_MAX;
use crate::refusal::Checks;

/// Leaves an internal comment.
#[derive(Clone, Debug)]
pub struct AddComment {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The comment's id.
    pub comment_id: CommentId,
    /// The text.
    pub text: Personal<String>,
    /// The HTML form, already cleaned.
    pub html: Option<Personal<String>>,
    /// Users called by name (M03).
    pub mentions: Vec<UserId>,
    /// Files (M05).
    pub attachments: Vec<NewAttachment>,
    /// The draft it was written as.
    pub draft_id: Option<DraftId>,
}

impl Command for AddComment {
    fn name(&self) -> &'static str {
        "AddComment"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsView)?;
        desk.ticket(self.ticket_id, Right::TicketsView)?;
        let mut checks = Checks::default();
        let body = Body::checked(&self.text, self.html.as_ref(), &mut checks);
        let mentions = self.mentions(&desk.directory, &mut checks);
        check_attachments(&self.attachments, &mut checks);
        checks.finish()?;
        let body = body?;
        let scope = KeyScope::content(self.comment_id.0, Vec::new());
        let added = CommentAdded {
            comment: self.comment_id,
            text: Personal(body.text).seal(&scope),
            html: body.html.map(|html| Personal(html).seal(&scope)),
            preview: Personal(body.preview).seal(&scope),
            mentions,
            attachments: self.attachments.iter().map(|file| file.seal(&scope)).collect(),
        };
        let mut changes = Changes::none();
        changes.on(self.ticket_id, TicketEvent::from(added));
        if let Some(draft) = self.draft_id {
            let sent_as = SentAs::Comment(self.comment_id);
            let (ticket, user, kind) = (self.ticket_id, desk.user(), DraftKind::Comment);
            draft::send(
                world,
                &draft::Sending { draft, ticket, user, kind, sent_as },
                &mut changes,
            )?;
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::none()
    }
}

impl AddComment {
    /// Users with access, each once (M03).
    fn mentions(&self, directory: &Directory, checks: &mut Checks) -> Vec<UserId> {
        if self.mentions.len() > MENTIONS_MAX {
            checks.fault("mentions", "too_many", "there are too many mentions");
        }
        let mut mentions: Vec<UserId> = Vec::new();
        for (index, id) in self.mentions.iter().take(MENTIONS_MAX).enumerate() {
            let field = format!("mentions.{index}");
            match directory.user(*id) {
                None => checks.fault(field, "unknown_user", "there is no such user"),
                Some(user) if !user.active => {
                    checks.fault(field, "inactive_user", "this user has no access");
                }
                Some(_) if mentions.contains(id) => {}
                Some(_) => mentions.push(*id),
            }
        }
        mentions
    }
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::AttachmentId;
    use events::draft::{DraftEvent, DraftSent, DraftStarted};
    use events::message::ObjectRef;

    use super::*;
    use crate::claims::{DRAFT, draft_key};
    use crate::draft::Draft;
    use crate::fixtures::{Office, id, personal, sealed};
    use crate::ticket::fixtures::{DRAFT_ID, bare, given_draft};

    const COMMENT: CommentId = CommentId(id(500));

    fn command() -> AddComment {
        AddComment {
            ticket_id: Office::TICKET,
            comment_id: COMMENT,
            text: personal("Who knows\nprinters?"),
            html: None,
            mentions: vec![Office::ADMIN, Office::ADMIN],
            attachments: Vec::new(),
            draft_id: None,
        }
    }

    fn file(number: u128) -> NewAttachment {
        NewAttachment {
            id: AttachmentId(id(number)),
            object: ObjectRef { key: id(1), hash: "5e".to_owned(), size_bytes: 9 },
            name: personal("fire.png"),
            media_type: "image/png".to_owned(),
            size_bytes: 3,
            sha256: personal("5e"),
            inline_cid: None,
        }
    }

    #[test]
    fn a_comment_is_sealed_with_a_key_of_its_own_m01() {
        let scope = KeyScope::content(COMMENT.0, Vec::new());
        bare().when(&command()).then::<TicketEvent>(
            Office::TICKET,
            [CommentAdded {
                comment: COMMENT,
                text: sealed(&scope, "Who knows\nprinters?"),
                html: None,
                preview: sealed(&scope, "Who knows printers?"),
                mentions: vec![Office::ADMIN],
                attachments: Vec::new(),
            }
            .into()],
        );
    }

    #[test]
    fn light_agents_comment_too() {
        let light = bare().actor(Actor::user(Office::LIGHT.0));
        assert_eq!(light.when(&command()).accepted().events.len(), 1);
        bare().actor(Actor::user(Office::GONE.0)).when(&command()).then_rejected("no_access");
        let unknown = AddComment { ticket_id: TicketId(id(9)), ..command() };
        bare().when(&unknown).then_rejected("not_found");
    }

    #[test]
    fn only_users_with_access_are_mentioned_m03() {
        let gone = AddComment { mentions: vec![Office::GONE], ..command() };
        bare().when(&gone).then_rejected("inactive_user");
        let unknown = AddComment { mentions: vec![UserId(id(9))], ..command() };
        let rejected = bare().when(&unknown).then_rejected("unknown_user");
        assert_eq!(rejected.fields[0].field, "mentions.0");
        let many = AddComment { mentions: vec![Office::ADMIN; 51], ..command() };
        bare().when(&many).then_rejected("too_many");
    }

    #[test]
    fn a_comment_says_something_and_carries_sound_files_m05() {
        let empty = AddComment { text: personal("\u{200b} "), ..command() };
        bare().when(&empty).then_rejected("empty_body");
        let twice = AddComment { attachments: vec![file(1), file(1)], ..command() };
        bare().when(&twice).then_rejected("duplicate");
        let odd = NewAttachment { media_type: "a\r\nb/c".to_owned(), ..file(1) };
        let odd = AddComment { attachments: vec![odd], ..command() };
        bare().when(&odd).then_rejected("invalid_value");
        let many = AddComment { attachments: (0..101).map(file).collect(), ..command() };
        bare().when(&many).then_rejected("too_many");
        let one = AddComment { attachments: vec![file(1)], ..command() };
        assert_eq!(bare().when(&one).accepted().events.len(), 1);
    }

    #[test]
    fn a_comment_closes_the_draft_it_was_written_as_d04() {
        let reply_draft = AddComment { draft_id: Some(DRAFT_ID), ..command() };
        given_draft().when(&reply_draft).then_rejected("not_found");
        let (ticket, user, kind) = (Office::TICKET, Office::AGENT, DraftKind::Comment);
        let draft = DraftId(id(81));
        let given = bare()
            .events::<Draft>(draft, [DraftEvent::from(DraftStarted { ticket, user, kind })])
            .claim(DRAFT, &draft_key(ticket, user, kind), draft);
        let command = AddComment { draft_id: Some(draft), ..command() };
        let changes = given.when(&command).accepted();
        let sent_as = SentAs::Comment(COMMENT);
        assert_eq!(changes.events_on::<DraftEvent>(draft), [DraftSent { sent_as }.into()]);
        assert_eq!(changes.claims[0].holder, None);
        given.actor(Actor::SYSTEM).when(&command).then_rejected("not_found");
    }
}
