//! Refusals that every aggregate knows: missing, not allowed, not valid.

use access::Right;
use decider::{FieldError, Halt, Rejection, RejectionKind};

/// A refusal that is the same for every aggregate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Missing, or not visible to the actor.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The actor lacks a right.
    #[error("the right {} is missing", .0.as_str())]
    Forbidden(Right),
    /// The actor is no active user.
    #[error("this account has no access")]
    NoAccess(Right),
    /// The id is taken.
    #[error("this {0} exists already")]
    AlreadyExists(&'static str),
    /// Fields of the input are not valid.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
}

impl Refusal {
    /// One field that is not valid.
    pub(crate) fn field(
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![field_error(field, code, message)])
    }
}

/// What is wrong with one field.
pub fn field_error(
    field: impl Into<String>,
    code: &'static str,
    message: impl Into<String>,
) -> FieldError {
    FieldError { field: field.into(), code, message: message.into() }
}

impl Rejection for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Forbidden(_) => "forbidden",
            Self::NoAccess(_) => "no_access",
            Self::AlreadyExists(_) => "already_exists",
            Self::Invalid(fields) => fields.first().map_or("invalid_input", |field| field.code),
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NotFound(_) => RejectionKind::NotFound,
            Self::Forbidden(_) | Self::NoAccess(_) => RejectionKind::Forbidden,
            Self::AlreadyExists(_) => RejectionKind::Conflict,
            Self::Invalid(_) => RejectionKind::Invalid,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(fields) => fields.clone(),
            Self::NotFound(_) | Self::Forbidden(_) | Self::NoAccess(_) | Self::AlreadyExists(_) => {
                Vec::new()
            }
        }
    }

    fn missing_right(&self) -> Option<&'static str> {
        match self {
            Self::Forbidden(right) | Self::NoAccess(right) => Some(right.as_str()),
            Self::NotFound(_) | Self::AlreadyExists(_) | Self::Invalid(_) => None,
        }
    }
}

/// Collects what is wrong with the fields of a command, so that all of it is said at once.
#[derive(Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// Notes a fault.
    pub fn fault(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(field_error(field, code, message));
    }

    /// Takes the content, or notes what is wrong with it.
    pub fn take<T: Default>(&mut self, field: &str, result: Result<T, Fault>) -> T {
        result.unwrap_or_else(|fault| {
            self.fault(field, fault.code, fault.message);
            T::default()
        })
    }

    /// Refuses if anything was wrong.
    pub fn finish(self) -> Result<(), Halt> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.0).into()) }
    }
}

/// What is wrong with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable code.
    pub code: &'static str,
    /// For people.
    pub message: &'static str,
}
