//! One type per identity: two bare UUIDs can be swapped, two types cannot.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct ParseIdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self).map_err(|_| ParseIdError)
            }
        }
    )+};
}

ids! {
    /// A ticket.
    TicketId,
    /// A person outside: the customer.
    ContactId,
    /// A person who signs in.
    UserId,
    /// A team of users.
    TeamId,
    /// An ordered list of statuses.
    PipelineId,
    /// One status of a pipeline.
    StatusId,
    /// The definition of a custom property.
    PropertyId,
    /// A way messages come in and go out.
    ChannelId,
    /// One writing episode.
    DraftId,
    /// One message of a conversation.
    MessageId,
    /// One internal comment.
    CommentId,
    /// One file of a message or comment.
    AttachmentId,
    /// One API token.
    TokenId,
    /// One erasure, and its certificate.
    ErasureId,
    /// One sign-in: a session, or a run of refused attempts.
    SignInId,
    /// One act that changes nothing and is kept.
    AuditId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_its_json_form() {
        let id: TicketId = "01900000-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"01900000-0000-7000-8000-000000000001\"");
        assert_eq!(serde_json::from_str::<TicketId>(&json).unwrap(), id);
        assert_eq!("1042".parse::<TicketId>(), Err(ParseIdError));
    }
}
