//! Acts that change nothing and are recorded all the same (Z02): files that leave, looks at the audit log.

use std::sync::Arc;

use commands::audit::{RecordAuditRead, RecordExport};
use decider::{Actor, Command, CommandId, EventContext, WorkspaceId};
use event_store::handler::{HandleError, Request};
use events::audit::{ExportFormat, ExportedData};
use events::{AuditEvent, AuditId, TicketId};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::write::{Meta, target};

/// Looks within so many seconds are one.
const LOOK_S: i64 = 15 * 60;

/// What leaves, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Leaving {
    /// What.
    pub data: ExportedData,
    /// In which form.
    pub format: ExportFormat,
    /// Whether filters leave some of it out.
    pub filtered: bool,
    /// The ticket, where it is one ticket's.
    pub ticket: Option<TicketId>,
}

/// By whom a fact came about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By {
    ws: WorkspaceId,
    actor: Actor,
    token: Option<Uuid>,
}

impl From<(WorkspaceId, Actor)> for By {
    fn from((ws, actor): (WorkspaceId, Actor)) -> Self {
        Self { ws, actor, token: None }
    }
}

impl From<&Caller> for By {
    fn from(caller: &Caller) -> Self {
        Self { ws: caller.ws, actor: caller.actor, token: caller.token.map(Uuid::from) }
    }
}

impl App {
    /// Records that data leave as a file. Call it before the first byte does.
    ///
    /// # Errors
    /// What the handler refuses or fails with: then nothing leaves.
    pub async fn record_export(&self, caller: &Caller, leaving: Leaving) -> Result<(), ApiError> {
        let Leaving { data, format, filtered, ticket } = leaving;
        let audit_id = AuditId(Uuid::now_v7());
        let command = RecordExport { audit_id, data, format, filtered, ticket };
        let target = target::<AuditEvent>(audit_id);
        self.execute(caller, &unkeyed(Uuid::now_v7()), target, command).await?;
        Ok(())
    }

    /// Records that somebody looks at the audit log; several looks within a quarter of an hour are one.
    ///
    /// # Errors
    /// What the handler refuses or fails with: then nothing is shown.
    pub async fn record_audit_read(&self, caller: &Caller) -> Result<(), ApiError> {
        let window = self.now().as_micros().div_euclid(LOOK_S * 1_000_000);
        let token = caller.token.map(|token| token.to_string()).unwrap_or_default();
        let name = format!("audit-read\n{}\n{token}\n{window}", caller.actor);
        let id = Uuid::new_v5(&caller.ws.0, name.as_bytes());
        let command = RecordAuditRead { audit_id: AuditId(id) };
        self.execute(caller, &unkeyed(id), target::<AuditEvent>(id), command).await?;
        Ok(())
    }

    /// Records a fact about signing in, or about the log itself. While the log takes nothing because it was rewound it is only
    /// told to the operator: somebody must be let in to see to it.
    ///
    /// # Errors
    /// What the handler refuses or fails with.
    pub(crate) async fn record_fact(
        &self,
        by: impl Into<By>,
        id: Uuid,
        command: impl Command,
    ) -> Result<(), ApiError> {
        let (By { ws, actor, token }, name) = (by.into(), command.name());
        let request = Request {
            ws,
            id: CommandId(id),
            body: name.as_bytes().to_vec(),
            actor,
            context: EventContext { token, ..EventContext::default() },
            expected: None,
            command: Arc::new(command),
        };
        match self.handler().handle(request).await {
            Ok(_) => Ok(()),
            Err(HandleError::Rewound) => {
                tracing::warn!(command.name = name, "not recorded: the log was rewound");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The identity of a command that no client named.
pub const fn unkeyed(id: Uuid) -> Meta {
    Meta { command: CommandId(id), keyed: false, expected: None, canonical: Vec::new() }
}
