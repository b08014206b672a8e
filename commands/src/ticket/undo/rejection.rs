//! Why something is not taken back.

use decider::{FieldError, LogPosition, Rejection, RejectionKind};

use crate::refusal::field_error;

/// Why something is not taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UndoRejection {
    /// The history that came with the command is not the newest: whoever asks reads it again.
    #[error("the ticket changed while the undo was prepared; try again")]
    Outdated,
    /// The position is none of this ticket.
    #[error("no event of this ticket stands at this position")]
    UnknownPosition,
    /// The event is older than what is looked at.
    #[error("too much has happened to the ticket since")]
    TooLongAgo,
    /// There is no way back from an event of its kind.
    #[error("an event of this kind cannot be taken back: what was said or made stays")]
    NotReversible,
    /// Words or a file were taken out for ever.
    #[error("what was redacted is gone: its key was destroyed, and nothing brings it back")]
    Redacted,
    /// The value before cannot be read any more.
    #[error("the value before was erased: there is nothing to go back to")]
    ValueErased,
    /// It was taken back already.
    #[error("this was taken back already, at position {0}")]
    AlreadyUndone(LogPosition),
    /// Later events touched the same.
    #[error("later events touched the same: take those back first, at {}", listed(.0))]
    TouchedSince(Vec<LogPosition>),
    /// Messages came or went that may rest on it.
    #[error("messages were exchanged with the contact since, or the contacts changed, at {}", listed(.0))]
    SaidSince(Vec<LogPosition>),
    /// The ticket is as it was before the event.
    #[error("the ticket is already as it was before")]
    NoDifference,
    /// Who asks has done nothing that could be taken back.
    #[error("you have done nothing on this ticket that could be taken back")]
    NothingToUndo,
}

/// So many positions a sentence names.
const NAMED_MAX: usize = 5;

fn listed(positions: &[LogPosition]) -> String {
    let named: Vec<_> = positions.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if positions.len() > NAMED_MAX { " and others" } else { "" };
    format!("{}{more}", named.join(", "))
}

impl Rejection for UndoRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Outdated => "undo_outdated",
            Self::UnknownPosition => "unknown_position",
            Self::TooLongAgo | Self::NotReversible | Self::Redacted | Self::ValueErased => {
                "not_reversible"
            }
            Self::AlreadyUndone(_) => "already_undone",
            Self::TouchedSince(_) | Self::SaidSince(_) | Self::NoDifference => "undo_blocked",
            Self::NothingToUndo => "nothing_to_undo",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::Outdated => RejectionKind::Conflict,
            Self::UnknownPosition
            | Self::TooLongAgo
            | Self::NotReversible
            | Self::Redacted
            | Self::ValueErased
            | Self::AlreadyUndone(_)
            | Self::TouchedSince(_)
            | Self::SaidSince(_)
            | Self::NoDifference
            | Self::NothingToUndo => RejectionKind::Invalid,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::UnknownPosition => {
                vec![field_error("position", self.code(), self.to_string())]
            }
            Self::Outdated
            | Self::TooLongAgo
            | Self::NotReversible
            | Self::Redacted
            | Self::ValueErased
            | Self::AlreadyUndone(_)
            | Self::TouchedSince(_)
            | Self::SaidSince(_)
            | Self::NoDifference
            | Self::NothingToUndo => Vec::new(),
        }
    }

    fn positions(&self) -> Vec<LogPosition> {
        match self {
            Self::AlreadyUndone(by) => vec![*by],
            Self::TouchedSince(by) | Self::SaidSince(by) => by.clone(),
            Self::Outdated
            | Self::UnknownPosition
            | Self::TooLongAgo
            | Self::NotReversible
            | Self::Redacted
            | Self::ValueErased
            | Self::NoDifference
            | Self::NothingToUndo => Vec::new(),
        }
    }
}
