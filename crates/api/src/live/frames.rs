//! What a live connection is told beside what happened, in the form of server-sent events.

use decider::LogPosition;

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
pub fn position(position: LogPosition) -> String {
    format!("event: position\nid: {position}\ndata: {{\"position\":\"{position}\"}}\n\n")
}

/// Load again; what comes after this position will be told.
pub fn reset(position: LogPosition, reason: ResetReason) -> String {
    let reason = reason.as_str();
    format!(
        "event: reset\nid: {position}\ndata: {{\"position\":\"{position}\",\"reason\":\"{reason}\"}}\n\n"
    )
}
