//! Steps of a history that forget: a person, or words.

use decider::KeyScope;
use events::contact::ContactErased;
use events::erasure::{
    ErasureCompleted, ErasureCounts, ErasureKeysDestroyed, ErasureReason, ErasureRequested,
    ErasureSubject, SharedChoice,
};
use events::ticket::{CommentAdded, CommentRedacted, MessageRedacted, RedactedPart};
use events::{AttachmentId, CommentId, ContactEvent, ContactId, ErasureEvent, ErasureId, TicketId};

use super::log::{Log, id, message, sealed};

/// Something that was said on a ticket, by its number.
#[derive(Clone, Copy)]
pub enum Said {
    Message(TicketId, u128),
    Comment(TicketId, u128),
}

/// A contact with these addresses is forgotten.
pub fn person(log: &mut Log, (contact, emails): (u128, Vec<u32>), erasure: u128) {
    let erased = ContactErased { erasure: ErasureId(id(erasure)), emails };
    log.add::<ContactEvent>(id(contact), erased);
    carry_out(log, ErasureSubject::Contact(ContactId(id(contact))), erasure);
}

/// Words of a message or comment, and a file, are taken out.
pub fn words(log: &mut Log, said: Said, number: u128) {
    let erasure = ErasureId(id(number));
    let parts = vec![RedactedPart::Text, RedactedPart::File(AttachmentId(id(number)))];
    let subject = match said {
        Said::Message(ticket, of) => {
            let message = message(of, ContactId(id(500)), "[redacted]");
            let subject = ErasureSubject::Message { ticket, message: message.id };
            log.ticket(ticket, MessageRedacted { message, parts, erasure });
            subject
        }
        Said::Comment(ticket, of) => {
            let text = sealed(&KeyScope::content(id(of), Vec::new()), "[redacted]");
            let comment = CommentAdded {
                comment: CommentId(id(of)),
                preview: text.clone(),
                text,
                html: None,
                mentions: Vec::new(),
                attachments: Vec::new(),
            };
            let subject = ErasureSubject::Comment { ticket, comment: comment.comment };
            log.ticket(ticket, CommentRedacted { comment, parts, erasure });
            subject
        }
    };
    carry_out(log, subject, number);
}

/// The erasure of an odd number is asked for and not carried out yet.
fn carry_out(log: &mut Log, subject: ErasureSubject, number: u128) {
    let erasure = id(number);
    let requested = ErasureRequested {
        subject,
        reason: ErasureReason::Other,
        shared: SharedChoice::Keep,
        also: Vec::new(),
        keys: Vec::new(),
    };
    log.add::<ErasureEvent>(erasure, requested);
    if number % 2 == 1 {
        return;
    }
    let counts = ErasureCounts::default();
    let destroyed = ErasureKeysDestroyed { keys: vec![id(number)], counts: Some(counts) };
    let completed = ErasureCompleted {
        counts,
        kept: Vec::new(),
        kept_total: 0,
        objects: 0,
        nodes: 1,
        nodes_silent: 0,
    };
    log.add::<ErasureEvent>(erasure, destroyed).add::<ErasureEvent>(erasure, completed);
}
