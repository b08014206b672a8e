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

/// The stored word of a value whose JSON is one word.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
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
    }
}
