//! What people do at the desk all day, and how often.

use crate::chance::Chance;
use crate::http::Ask;
use crate::world::Ticket;

/// A kind of request, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    View,
    Counts,
    Query,
    Ticket,
    Thread,
    Timeline,
    Events,
    Create,
    Comment,
    Reply,
    Draft,
    Status,
    Owner,
    Update,
}

/// Of a thousand requests. The consumer of events asks on its own.
const MIX: [(Kind, u64); 13] = [
    (Kind::View, 200),
    (Kind::Counts, 120),
    (Kind::Query, 60),
    (Kind::Ticket, 150),
    (Kind::Thread, 120),
    (Kind::Timeline, 50),
    (Kind::Create, 40),
    (Kind::Comment, 60),
    (Kind::Reply, 60),
    (Kind::Draft, 60),
    (Kind::Status, 40),
    (Kind::Owner, 25),
    (Kind::Update, 15),
];

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Counts => "counts",
            Self::Query => "query",
            Self::Ticket => "ticket",
            Self::Thread => "thread",
            Self::Timeline => "timeline",
            Self::Events => "events",
            Self::Create => "create",
            Self::Comment => "comment",
            Self::Reply => "reply",
            Self::Draft => "draft",
            Self::Status => "status",
            Self::Owner => "owner",
            Self::Update => "update",
        }
    }

    pub const fn is_write(self) -> bool {
        match self {
            Self::View
            | Self::Counts
            | Self::Query
            | Self::Ticket
            | Self::Thread
            | Self::Timeline
            | Self::Events => false,
            Self::Create
            | Self::Comment
            | Self::Reply
            | Self::Draft
            | Self::Status
            | Self::Owner
            | Self::Update => true,
        }
    }

    /// What comes next.
    pub fn choose(chance: &mut Chance) -> Self {
        let mut place = chance.below(MIX.iter().map(|(_, share)| share).sum());
        for (kind, share) in MIX {
            if place < share {
                return kind;
            }
            place -= share;
        }
        Self::View
    }
}

/// One request, fixed before it is first sent, with the ticket that nobody else writes to meanwhile.
pub struct Act {
    pub kind: Kind,
    pub ask: Ask,
    /// Who asks.
    pub agent: usize,
    pub ticket: Option<Ticket>,
    pub change: Change,
}

/// What an accepted request changes in what is known of its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing was written.
    Nothing,
    Created,
    /// Something that is not kept here.
    Said,
    Replied,
    DraftSaved,
    DraftSent,
    Status(usize),
    Owner(usize),
}
