//! What a live connection is told beside what happened, in the form of server-sent events.

use event_store::log::Bookmark;

/// Why a client has to load again what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// It missed more than is told one by one.
    Behind,
    /// It asked for what comes after a position that the log does not have.
    Ahead,
    /// The log is another one.
    Rewound,
}

impl ResetReason {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Rewound => "rewound",
        }
    }
}

/// After how many milliseconds to come back when the connection ends.
pub fn retry(milliseconds: u64) -> String {
    format!("retry: {milliseconds}\n\n")
}

/// Everything up to here was told.
pub fn position(reached: Bookmark) -> String {
    let position = reached.position;
    format!("event: position\nid: {reached}\ndata: {{\"position\":\"{position}\"}}\n\n")
}

/// Load again; what comes after this position will be told.
pub fn reset(end: Bookmark, reason: ResetReason) -> String {
    let (position, reason) = (end.position, reason.as_str());
    format!(
        "event: reset\nid: {end}\ndata: {{\"position\":\"{position}\",\"reason\":\"{reason}\"}}\n\n"
    )
}
