//! A small help desk: the rules that every peer applies, with events of the same content and size. Ledgerdesk has its own.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is asked of a ticket.
#[derive(Clone, Debug)]
pub enum Command {
    Open { name: String },
    Assign { to: Uuid },
    Comment { id: Uuid, text: String },
    Prioritise { to: Priority },
    Close,
}

/// What happened to a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    Opened { name: String, pipeline: Uuid, status: Uuid, source: String },
    Assigned { from: Option<Uuid>, to: Uuid, reason: String },
    Commented { comment: Uuid, author: Uuid, text: String, mentions: Vec<Uuid> },
    PriorityChanged { from: Priority, to: Priority },
    StatusChanged { pipeline: Uuid, from: Uuid, to: Uuid },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Priority {
    #[default]
    None,
    Urgent,
}

/// What the rules ask about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub status: Option<Uuid>,
    pub owner: Option<Uuid>,
    pub priority: Priority,
    pub comments: u32,
}

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is a ticket with this id")]
    AlreadyOpened,
    #[error("there is no ticket with this id")]
    NotFound,
    #[error("the ticket is closed")]
    Closed,
    #[error("this would change nothing")]
    NoChange,
}

pub const PIPELINE: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
pub const OPEN: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002);
pub const CLOSED: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0003);
pub const AGENT: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0004);

/// About 400 bytes.
const COMMENT: &str = "I have called the fire brigade; they know the way by now and send their regards. The printer has been \
    unplugged, the paper tray has been emptied, and the door to the third floor stays locked until somebody from the building has \
    looked at the cable duct. Please use the printer on the second floor meanwhile: it takes the same paper, it knows your badge, \
    and it has not burned once since spring. I write again on Monday.";

/// The story of one ticket: five commands, one event each.
#[must_use]
pub fn story() -> [Command; 5] {
    [
        Command::Open { name: "The printer on floor 3 burns".to_owned() },
        Command::Assign { to: AGENT },
        Command::Comment { id: Uuid::now_v7(), text: COMMENT.to_owned() },
        Command::Prioritise { to: Priority::Urgent },
        Command::Close,
    ]
}

impl Ticket {
    /// # Errors
    /// When the rules refuse the command.
    pub fn decide(&self, command: Command) -> Result<Event, Refusal> {
        let Some(status) = self.status else { return Self::open(command) };
        if status == CLOSED {
            return Err(Refusal::Closed);
        }
        Ok(match command {
            Command::Open { .. } => return Err(Refusal::AlreadyOpened),
            Command::Assign { to } if self.owner == Some(to) => return Err(Refusal::NoChange),
            Command::Assign { to } => {
                Event::Assigned { from: self.owner, to, reason: "manual".to_owned() }
            }
            Command::Comment { id, text } => {
                Event::Commented { comment: id, author: AGENT, text, mentions: Vec::new() }
            }
            Command::Prioritise { to } if self.priority == to => return Err(Refusal::NoChange),
            Command::Prioritise { to } => Event::PriorityChanged { from: self.priority, to },
            Command::Close => Event::StatusChanged { pipeline: PIPELINE, from: status, to: CLOSED },
        })
    }

    fn open(command: Command) -> Result<Event, Refusal> {
        let Command::Open { name } = command else { return Err(Refusal::NotFound) };
        Ok(Event::Opened { name, pipeline: PIPELINE, status: OPEN, source: "api".to_owned() })
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { status, .. } => self.status = Some(*status),
            Event::Assigned { to, .. } => self.owner = Some(*to),
            Event::Commented { .. } => self.comments += 1,
            Event::PriorityChanged { to, .. } => self.priority = *to,
            Event::StatusChanged { to, .. } => self.status = Some(*to),
        }
    }
}

impl Event {
    /// Its name, for peers that store one beside the payload.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "Opened",
            Self::Assigned { .. } => "Assigned",
            Self::Commented { .. } => "Commented",
            Self::PriorityChanged { .. } => "PriorityChanged",
            Self::StatusChanged { .. } => "StatusChanged",
        }
    }
}
