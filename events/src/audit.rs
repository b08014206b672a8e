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
        /// Somebody had something done with a view (Z05).
        ViewMaintained(ViewMaintained) = "ViewMaintained", 1;
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

/// What can be done with a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewWork {
    /// A build of it was begun, or gone on with.
    Rebuild,
    /// A comparison with the log was begun.
    Verify,
    /// Readers were led to the build that was ready.
    Switch,
    /// Readers were led back.
    Rollback,
    /// Builds were given up.
    Abort,
}

/// A build of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewBuild {
    /// The version of the view.
    pub version: u32,
    /// Which build of that version, where there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
}

/// Somebody had something done with a view. Recorded once it was begun or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewMaintained {
    /// The view's name.
    pub view: String,
    /// What.
    pub work: ViewWork,
    /// The builds that it was done with.
    pub builds: Vec<ViewBuild>,
}

sealed_fields! {
    DataExported {}
    AuditLogRead {}
    LogVerificationBegun {}
    ViewMaintained {}
}

const fn touches(_: &AuditEvent) -> Aspects {
    Aspects::All
}
