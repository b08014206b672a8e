//! What changes nothing and is recorded all the same (Z02).

use access::Right;
use decider::{Changes, Command, Event, EventMeta, Halt, State, StreamRef, World};
use events::audit::{
    AuditLogRead, DataExported, ExportFormat, ExportedData, LogVerificationBegun, ViewBuild,
    ViewMaintained, ViewWork,
};
use events::{AuditEvent, AuditId, TicketId};

use crate::desk::Desk;

/// What rules ask about a recorded act: whether it is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedAct {
    /// Whether it is.
    pub known: bool,
}

impl State for RecordedAct {
    type Event = AuditEvent;

    fn evolve(&mut self, event: &AuditEvent, _: &EventMeta) {
        match event {
            AuditEvent::Exported(_)
            | AuditEvent::AuditRead(_)
            | AuditEvent::VerificationBegun(_)
            | AuditEvent::ViewMaintained(_) => {
                self.known = true;
            }
        }
    }
}

/// Records that data leave as a file: before the first byte.
#[derive(Clone, Copy, Debug)]
pub struct RecordExport {
    /// The act.
    pub audit_id: AuditId,
    /// What leaves.
    pub data: ExportedData,
    /// In which form.
    pub format: ExportFormat,
    /// Whether filters leave some of it out.
    pub filtered: bool,
    /// The ticket, where it is one ticket's.
    pub ticket: Option<TicketId>,
}

impl Command for RecordExport {
    fn name(&self) -> &'static str {
        "RecordExport"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![act(self.audit_id)]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = match self.data {
            ExportedData::AuditLog => Desk::enter_with(world, Right::AuditRead)?,
            ExportedData::TicketTimeline | ExportedData::Workspace => {
                Desk::enter_with(world, Right::TicketsView)?
            }
        };
        if let Some(ticket) = self.ticket {
            desk.ticket(ticket, Right::TicketsView)?;
        }
        let Self { data, format, filtered, ticket, .. } = *self;
        let mut changes = Changes::none();
        let exported = DataExported { data, format, filtered, ticket };
        changes.on(self.audit_id, AuditEvent::from(exported));
        Ok(changes)
    }
}

/// Records that somebody looks at the audit log. The id is made of who and when, so that paging through it is one look.
#[derive(Clone, Copy, Debug)]
pub struct RecordAuditRead {
    /// The act.
    pub audit_id: AuditId,
}

impl Command for RecordAuditRead {
    fn name(&self) -> &'static str {
        "RecordAuditRead"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::AuditRead)?;
        let mut changes = Changes::none();
        if !world.state::<RecordedAct>(self.audit_id)?.known {
            changes.on(self.audit_id, AuditEvent::from(AuditLogRead {}));
        }
        Ok(changes)
    }
}

/// Records that somebody has the log verified.
#[derive(Clone, Copy, Debug)]
pub struct RecordVerification {
    /// The act.
    pub audit_id: AuditId,
    /// How many heads kept elsewhere it is compared with.
    pub heads: u32,
}

impl Command for RecordVerification {
    fn name(&self) -> &'static str {
        "RecordVerification"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![act(self.audit_id)]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::LogRead)?;
        let mut changes = Changes::none();
        let begun = LogVerificationBegun { heads: self.heads };
        changes.on(self.audit_id, AuditEvent::from(begun));
        Ok(changes)
    }
}

/// Records what somebody had done with a view.
#[derive(Clone, Debug)]
pub struct RecordViewWork {
    /// The act.
    pub audit_id: AuditId,
    /// The view's name.
    pub view: String,
    /// What.
    pub work: ViewWork,
    /// The builds that it was done with.
    pub builds: Vec<ViewBuild>,
}

impl Command for RecordViewWork {
    fn name(&self) -> &'static str {
        "RecordViewWork"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![act(self.audit_id)]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let Self { view, work, builds, .. } = self.clone();
        let mut changes = Changes::none();
        let maintained = ViewMaintained { view, work, builds };
        changes.on(self.audit_id, AuditEvent::from(maintained));
        Ok(changes)
    }
}

const fn act(id: AuditId) -> StreamRef {
    StreamRef { kind: AuditEvent::KIND, id: id.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::created;

    const ACT: AuditId = AuditId(id(91));

    fn export(data: ExportedData, ticket: Option<TicketId>) -> RecordExport {
        RecordExport { audit_id: ACT, data, format: ExportFormat::Csv, filtered: true, ticket }
    }

    fn exported(data: ExportedData, ticket: Option<TicketId>) -> AuditEvent {
        DataExported { data, format: ExportFormat::Csv, filtered: true, ticket }.into()
    }

    #[test]
    fn an_export_is_recorded_by_who_may_read_what_leaves_z02() {
        let (timeline, ticket) = (ExportedData::TicketTimeline, Some(Office::TICKET));
        let given = Office::new().as_light_agent();
        given.when(&export(timeline, ticket)).then_rejected("not_found");
        let given = given.events::<Ticket>(Office::TICKET, [created(Office::TICKET)]);
        given.when(&export(timeline, ticket)).then(ACT, [exported(timeline, ticket)]);
        let audit = export(ExportedData::AuditLog, None);
        let rejected = given.when(&audit).then_rejected("forbidden");
        assert_eq!(rejected.missing_right, Some("audit.read"));
        let all = ExportedData::AuditLog;
        Office::new().as_admin().when(&audit).then(ACT, [exported(all, None)]);
    }

    #[test]
    fn looking_at_the_audit_log_is_recorded_once_for_a_while_z02() {
        let read = RecordAuditRead { audit_id: ACT };
        let fact = AuditEvent::from(AuditLogRead {});
        Office::new().as_admin().when(&read).then(ACT, [fact.clone()]);
        let given = Office::new().as_admin().events::<RecordedAct>(ACT, [fact]);
        given.when(&read).then_nothing();
        Office::new().as_agent().when(&read).then_rejected("forbidden");
    }

    #[test]
    fn having_the_log_verified_is_recorded_z02() {
        let verify = RecordVerification { audit_id: ACT, heads: 2 };
        let fact = AuditEvent::from(LogVerificationBegun { heads: 2 });
        Office::new().as_admin().when(&verify).then(ACT, [fact]);
        Office::new().as_agent().when(&verify).then_rejected("forbidden");
    }

    #[test]
    fn what_is_done_with_a_view_is_recorded_by_who_manages_settings_z02() {
        let (view, work) = ("inbox".to_owned(), ViewWork::Switch);
        let builds = vec![ViewBuild { version: 2, build: Some(3) }];
        let record =
            RecordViewWork { audit_id: ACT, view: view.clone(), work, builds: builds.clone() };
        let fact = AuditEvent::from(ViewMaintained { view, work, builds });
        Office::new().as_admin().when(&record).then(ACT, [fact]);
        let rejected = Office::new().as_agent().when(&record).then_rejected("forbidden");
        assert_eq!(rejected.missing_right, Some("settings.manage"));
    }
}
