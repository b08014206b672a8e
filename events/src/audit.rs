//! What was done without changing anything, and is kept all the same (Z02): data that left, and looks at the audit log. One
//! stream for each.

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::TicketId;
use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What was done without changing anything.
    pub enum AuditEvent of "audit", touches touches {
        /// Data left as a file (W06).
        Exported(DataExported) = "DataExported", 1;
        /// Somebody looked at the audit log.
        AuditRead(AuditLogRead) = "AuditLogRead", 1;
        /// Somebody had the log verified (Z03).
        VerificationBegun(LogVerificationBegun) = "LogVerificationBegun", 1;
    }
}

/// What data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportedData {
    /// The history of one ticket.
    TicketTimeline,
    /// The audit log.
    AuditLog,
    /// All that somebody may read of a workspace.
    Workspace,
}

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A table.
    Csv,
    /// One JSON document per line.
    Ndjson,
    /// As it is stored: sealed.
    Sealed,
}

/// Data left as a file. Recorded before the first byte leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataExported {
    /// What.
    pub data: ExportedData,
    /// In which form.
    pub format: ExportFormat,
    /// Whether filters left some of it out.
    pub filtered: bool,
    /// The ticket, where it is one ticket's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}

/// Somebody looked at the audit log. At most one for each who looks and quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLogRead {}

/// Somebody had the log verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogVerificationBegun {
    /// How many heads kept elsewhere it was compared with.
    pub heads: u32,
}

sealed_fields! {
    DataExported {}
    AuditLogRead {}
    LogVerificationBegun {}
}

const fn touches(_: &AuditEvent) -> Aspects {
    Aspects::All
}
