//! Answers of the domain: what a rule refuses, and what a decision still has to know.

use uuid::Uuid;

use crate::ids::{LogPosition, StreamRef};
use crate::sealed::Cipher;

/// How a refusal is to be understood; HTTP maps it to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// A rule refuses the content (422).
    Invalid,
    /// The actor may see it but not do it (403).
    Forbidden,
    /// Missing, or not visible to the actor (404).
    NotFound,
    /// The state does not allow it (409).
    Conflict,
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the client named it, such as `status_id` or `properties.severity`.
    pub field: String,
    /// A stable code, snake_case.
    pub code: &'static str,
    /// For people; never repeats the refused content.
    pub message: String,
}

/// A refusal with a stable code. One enum per aggregate implements it; messages never carry personal content.
pub trait Rejection: std::error::Error {
    /// The stable code, snake_case.
    fn code(&self) -> &'static str;
    /// How it is to be understood.
    fn kind(&self) -> RejectionKind;
    /// Field by field, where the input is at fault.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }
    /// The right the actor lacks, for [`RejectionKind::Forbidden`].
    fn missing_right(&self) -> Option<&'static str> {
        None
    }
    /// The events that stand in the way, if some do.
    fn positions(&self) -> Vec<LogPosition> {
        Vec::new()
    }
}

/// A refusal whose Rust type is no longer needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejected {
    /// The stable code.
    pub code: &'static str,
    /// How it is to be understood.
    pub kind: RejectionKind,
    /// For people.
    pub detail: String,
    /// Field by field.
    pub fields: Vec<FieldError>,
    /// The right that is missing.
    pub missing_right: Option<&'static str>,
    /// The events that stand in the way.
    pub positions: Vec<LogPosition>,
}

impl<R: Rejection> From<R> for Rejected {
    fn from(rejection: R) -> Self {
        Self {
            code: rejection.code(),
            kind: rejection.kind(),
            detail: rejection.to_string(),
            fields: rejection.fields(),
            missing_right: rejection.missing_right(),
            positions: rejection.positions(),
        }
    }
}

/// Something a decision asked for that is not at hand. The handler fetches it and decides again.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// The state of a stream.
    Stream(StreamRef),
    /// Who holds a natural key.
    Claim {
        /// The claim's scope, such as `contact.email`.
        scope: &'static str,
        /// The normalised key; it leaves this process only as a keyed MAC.
        key: String,
    },
    /// The content of a sealed value.
    Open {
        /// The stream of the event it was sealed in.
        stream: Uuid,
        /// The field it was sealed as.
        field: String,
        /// The ciphertext.
        cipher: Cipher,
    },
}

/// Why a decision stops: a rule refuses, or something is not at hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    /// A rule refuses.
    Rejected(Box<Rejected>),
    /// Something must be fetched first.
    Need(Box<Need>),
}

impl<R: Rejection> From<R> for Halt {
    fn from(rejection: R) -> Self {
        Self::Rejected(Box::new(rejection.into()))
    }
}
