//! Words of other crates' types, for the OpenAPI document, and how they are written.

use serde::Serialize;
use utoipa::ToSchema;

/// What a status means.
#[derive(ToSchema)]
#[schema(as = StatusCategory, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum StatusCategoryWord {
    /// We have to act.
    Open,
    /// Somebody else has to act.
    Waiting,
    /// Nobody has to act.
    Closed,
}

/// How urgent a ticket is.
#[derive(ToSchema)]
#[schema(as = Priority, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum PriorityWord {
    /// Not ranked.
    None,
    /// Can wait.
    Low,
    /// As usual.
    Medium,
    /// Before the others.
    High,
    /// Now.
    Urgent,
}

/// How a ticket came to be.
#[derive(ToSchema)]
#[schema(as = TicketSource, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum TicketSourceWord {
    /// Made by hand.
    Manual,
    /// Made by a program.
    Api,
    /// Came with history.
    Import,
    /// Came by e-mail.
    Email,
    /// Came by a form.
    Form,
    /// Came by chat.
    Chat,
    /// Came by a call.
    Call,
}

/// What somebody writes.
#[derive(ToSchema)]
#[schema(as = DraftKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum DraftKindWord {
    /// A reply to a contact.
    Reply,
    /// An internal comment.
    Comment,
}

/// Why something is erased.
#[derive(ToSchema)]
#[schema(as = ErasureReason, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum ErasureReasonWord {
    /// The person asked for it.
    RequestOfPerson,
    /// It was kept long enough.
    Retention,
    /// There is no consent any more.
    ConsentWithdrawn,
    /// It should never have come here.
    Misplaced,
    /// Another reason.
    Other,
}

/// What becomes of contents that concern another person, too.
#[derive(ToSchema)]
#[schema(as = SharedChoice, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum SharedChoiceWord {
    /// They stay, and the certificate lists them.
    Keep,
    /// They are erased as well.
    Erase,
}

/// What a content is.
#[derive(ToSchema)]
#[schema(as = ContentKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum ContentKindWord {
    /// A message with its files and its original.
    Message,
    /// A comment with its files.
    Comment,
    /// Mail that was kept as it came.
    Original,
    /// Unsent words.
    Draft,
    /// Name and text properties of a ticket.
    TicketName,
    /// A content of which no more is known than that it concerns the person.
    Other,
}

/// The stored word of a value whose JSON is one word.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use events::erasure::{ContentKind, ErasureReason, SharedChoice};
    use events::pipeline::StatusCategory;
    use events::value::{Priority, TicketSource};
    use utoipa::PartialSchema;

    use super::*;

    fn documented(schema: &utoipa::openapi::RefOr<utoipa::openapi::Schema>) -> Vec<String> {
        let json = serde_json::to_value(schema).unwrap();
        let words = json["enum"].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_document_knows_every_word_that_is_used() {
        use StatusCategory::{Closed, Open, Waiting};
        assert_eq!(
            documented(&StatusCategoryWord::schema()),
            [Open, Waiting, Closed].map(|w| word(&w))
        );
        let priorities =
            [Priority::None, Priority::Low, Priority::Medium, Priority::High, Priority::Urgent];
        assert_eq!(documented(&PriorityWord::schema()), priorities.map(|w| word(&w)));
        use TicketSource::{Api, Call, Chat, Email, Form, Import, Manual};
        let sources = [Manual, Api, Import, Email, Form, Chat, Call];
        assert_eq!(documented(&TicketSourceWord::schema()), sources.map(|w| word(&w)));
        use ErasureReason::{ConsentWithdrawn, Misplaced, Other, RequestOfPerson, Retention};
        let reasons = [RequestOfPerson, Retention, ConsentWithdrawn, Misplaced, Other];
        assert_eq!(documented(&ErasureReasonWord::schema()), reasons.map(|w| word(&w)));
        let choices = [SharedChoice::Keep, SharedChoice::Erase];
        assert_eq!(documented(&SharedChoiceWord::schema()), choices.map(|w| word(&w)));
        use ContentKind::{Comment, Draft, Message, Original, TicketName};
        let kinds = [Message, Comment, Original, Draft, TicketName, ContentKind::Other];
        assert_eq!(documented(&ContentKindWord::schema()), kinds.map(|w| word(&w)));
    }
}
