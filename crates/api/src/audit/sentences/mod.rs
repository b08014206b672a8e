//! What an entry of the audit log says, in English: a sentence, and the values before and after. Pure.

#[cfg(test)]
mod tests;

use decider::Sealed;
use events::audit::{ExportFormat, ExportedData, ViewWork};
use events::erasure::{ErasureSubject, SharedChoice};
use events::pipeline::StatusDefinition;
use events::sign_in::SignInMethod;
use events::{
    AnyEvent, AuditEvent, ChannelEvent, ErasureEvent, PipelineEvent, PipelineId, PropertyEvent,
    PropertyId, SignInEvent, UserEvent, UserId, WorkspaceEvent,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::names::Names;
use crate::show::words::word;

/// Stands for a secret that was set.
const SECRET: &str = "***";

/// What an entry says.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub summary: String,
    pub from: Option<Value>,
    pub to: Option<Value>,
}

impl Said {
    fn plain(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), from: None, to: None }
    }

    fn now(summary: impl Into<String>, to: Value) -> Self {
        Self { summary: summary.into(), from: None, to: Some(to) }
    }

    fn between(summary: impl Into<String>, from: Value, to: Value) -> Self {
        Self { summary: summary.into(), from: Some(from), to: Some(to) }
    }
}

/// What an event about `target` says. Sealed values have been opened in place; those still sealed were erased.
pub fn say(event: &AnyEvent, target: Uuid, names: &Names) -> Said {
    match event {
        AnyEvent::Workspace(event) => workspace(event, names),
        AnyEvent::User(event) => user(event, UserId(target), names),
        AnyEvent::Pipeline(event) => pipeline(event, PipelineId(target), names),
        AnyEvent::Property(event) => property(event, &names.property(PropertyId(target))),
        AnyEvent::Channel(event) => channel(event, &names.channel(target.into())),
        AnyEvent::SignIn(event) => sign_in(event, names),
        AnyEvent::Audit(event) => audit(event),
        AnyEvent::Erasure(event) => erasure(event),
        AnyEvent::Contact(_) | AnyEvent::Ticket(_) | AnyEvent::Draft(_) => {
            Said::plain(event.type_name())
        }
    }
}

fn workspace(event: &WorkspaceEvent, names: &Names) -> Said {
    match event {
        WorkspaceEvent::Created(created) => {
            Said::now(format!("Workspace {} created", created.name), json!(created.name))
        }
        WorkspaceEvent::DefaultPipelineChanged(changed) => {
            let to = names.pipeline(changed.to);
            let from = changed.from.map(|id| names.pipeline(id));
            let summary = match &from {
                Some(from) => format!("Default pipeline changed from {from} to {to}"),
                None => format!("Default pipeline set to {to}"),
            };
            Said { summary, from: from.map(Value::from), to: Some(to.into()) }
        }
        WorkspaceEvent::AssignOnFirstReplyChanged(changed) => {
            let state = if changed.to { "on" } else { "off" };
            let summary = format!("Assigning by the first reply turned {state}");
            Said::between(summary, changed.from.into(), changed.to.into())
        }
    }
}

fn user(event: &UserEvent, id: UserId, names: &Names) -> Said {
    let name = names.spoken(id);
    match event {
        UserEvent::Added(added) => {
            let role = word(&added.role);
            let to = json!({ "name": names.text(&added.name), "email": names.text(&added.email), "role": role });
            Said::now(format!("{} added as {role}", quoted(&added.name)), to)
        }
        UserEvent::Renamed(renamed) => Said {
            summary: format!("User renamed to {}", quoted(&renamed.to)),
            from: renamed.from.as_ref().map(|from| names.text(from)),
            to: Some(names.text(&renamed.to)),
        },
        UserEvent::RoleChanged(changed) => {
            let (from, to) = (word(&changed.from), word(&changed.to));
            let summary = format!("Role of {name} changed from {from} to {to}");
            Said::between(summary, from.into(), to.into())
        }
        UserEvent::Deactivated(_) => {
            let summary = format!("Access of {name} taken away");
            Said::between(summary, json!({ "active": true }), json!({ "active": false }))
        }
        UserEvent::Reactivated(_) => {
            let summary = format!("Access of {name} given back");
            Said::between(summary, json!({ "active": false }), json!({ "active": true }))
        }
        UserEvent::PasswordSet(_) => Said::now(format!("Password of {name} set"), SECRET.into()),
        UserEvent::TokenCreated(created) => {
            let label = created.label.as_ref().map(|label| format!(" “{label}”"));
            let summary = format!("Token{} made for {name}", label.unwrap_or_default());
            let to = json!({ "id": created.token, "name": created.label, "secret": SECRET });
            Said::now(summary, to)
        }
        UserEvent::TokenRevoked(revoked) => Said {
            summary: format!("A token of {name} revoked"),
            from: Some(json!({ "id": revoked.token })),
            to: None,
        },
    }
}

fn pipeline(event: &PipelineEvent, id: PipelineId, names: &Names) -> Said {
    let name = names.pipeline(id);
    let status = |status| names.status(id, status);
    let definition = |status: &StatusDefinition| {
        let properties = status.required_properties.iter().map(|id| names.property(*id));
        let properties: Vec<_> = properties.collect();
        let category = word(&status.category);
        json!({ "name": status.name, "category": category, "required_properties": properties })
    };
    match event {
        PipelineEvent::Created(created) => {
            let statuses: Vec<_> = created.statuses.iter().map(definition).collect();
            let to = json!({ "name": created.name, "statuses": statuses });
            Said::now(format!("Pipeline {} created", created.name), to)
        }
        PipelineEvent::Renamed(it) => {
            let summary = format!("Pipeline {} renamed to {}", it.from, it.to);
            Said::between(summary, it.from.clone().into(), it.to.clone().into())
        }
        PipelineEvent::StatusAdded(it) => {
            let summary = format!("Status {} added to pipeline {name}", it.status.name);
            Said::now(summary, definition(&it.status))
        }
        PipelineEvent::StatusRenamed(it) => {
            let summary = format!("Status {} of pipeline {name} renamed to {}", it.from, it.to);
            Said::between(summary, it.from.clone().into(), it.to.clone().into())
        }
        PipelineEvent::StatusCategoryChanged(it) => {
            let (from, to) = (word(&it.from), word(&it.to));
            let status = status(it.status);
            let summary = format!("Status {status} of pipeline {name} changed from {from} to {to}");
            Said::between(summary, from.into(), to.into())
        }
        PipelineEvent::StatusRequirementsChanged(it) => {
            let list = |ids: &[PropertyId]| ids.iter().map(|id| names.property(*id)).collect();
            let (from, to): (Vec<String>, Vec<String>) = (list(&it.from), list(&it.to));
            let asked = if to.is_empty() { "nothing".to_owned() } else { to.join(", ") };
            let summary =
                format!("Status {} of pipeline {name} asks for {asked}", status(it.status));
            Said::between(summary, from.into(), to.into())
        }
        PipelineEvent::StatusMoved(it) => {
            let (from, to) = (it.from + 1, it.to + 1);
            let status = status(it.status);
            let summary = format!("Status {status} of pipeline {name} moved from {from} to {to}");
            Said::between(summary, from.into(), to.into())
        }
        PipelineEvent::Archived(_) => Said::plain(format!("Pipeline {name} archived")),
    }
}

fn property(event: &PropertyEvent, name: &str) -> Said {
    match event {
        PropertyEvent::Defined(it) => {
            let to = json!({
                "key": it.key, "label": it.label, "description": it.description,
                "type": word(&it.data_type), "personal": it.personal,
                "choices": it.choices.iter().map(|choice| &choice.label).collect::<Vec<_>>(),
            });
            Said::now(format!("Property {} defined", it.label), to)
        }
        PropertyEvent::Relabelled(it) => {
            let summary = format!("Property {} relabelled to {}", it.from_label, it.to_label);
            let from = json!({ "label": it.from_label, "description": it.from_description });
            Said::between(
                summary,
                from,
                json!({ "label": it.to_label, "description": it.to_description }),
            )
        }
        PropertyEvent::ChoiceAdded(it) => {
            let summary = format!("Choice {} added to property {name}", it.choice.label);
            Said::now(summary, json!({ "value": it.choice.value, "label": it.choice.label }))
        }
        PropertyEvent::ChoiceRetired(it) => Said {
            summary: format!("Choice {} of property {name} retired", it.value),
            from: Some(json!({ "value": it.value })),
            to: None,
        },
        PropertyEvent::Archived(_) => Said::plain(format!("Property {name} archived")),
    }
}

fn channel(event: &ChannelEvent, name: &str) -> Said {
    match event {
        ChannelEvent::Created(it) => {
            let kind = word(&it.kind);
            let to = json!({ "kind": kind, "name": it.name, "address": it.address });
            Said::now(format!("Channel {} created", it.name), to)
        }
        ChannelEvent::Renamed(it) => {
            let summary = format!("Channel {} renamed to {}", it.from, it.to);
            Said::between(summary, it.from.clone().into(), it.to.clone().into())
        }
        ChannelEvent::AddressChanged(it) => {
            let summary =
                format!("Address of channel {name} changed from {} to {}", it.from, it.to);
            Said::between(summary, it.from.clone().into(), it.to.clone().into())
        }
        ChannelEvent::Removed(_) => Said::plain(format!("Channel {name} removed")),
    }
}

fn sign_in(event: &SignInEvent, names: &Names) -> Said {
    match event {
        SignInEvent::SignedIn(it) => {
            let how = match it.method {
                SignInMethod::Password => "with a password",
                SignInMethod::SetupLink => "with the setup link",
            };
            let address = it.address.as_ref().map(|address| names.text(address));
            let to = json!({ "method": word(&it.method), "address": address });
            Said::now(format!("{} signed in {how}", names.spoken(it.user)), to)
        }
        SignInEvent::SignedOut(it) => Said::plain(format!("{} signed out", names.spoken(it.user))),
        SignInEvent::Refused(it) => {
            let whose = names.spoken(it.user);
            Said::plain(format!("Too many failures: signing in as {whose} refused for a while"))
        }
    }
}

fn audit(event: &AuditEvent) -> Said {
    match event {
        AuditEvent::Exported(it) => {
            let data = match it.data {
                ExportedData::TicketTimeline => "The timeline of a ticket",
                ExportedData::AuditLog => "The audit log",
                ExportedData::Workspace => "The workspace",
            };
            let format = match it.format {
                ExportFormat::Csv => "as a table",
                ExportFormat::Ndjson => "as JSON lines",
                ExportFormat::Sealed => "sealed",
            };
            let part = if it.filtered { ", in part" } else { "" };
            let to = json!({
                "data": word(&it.data), "format": word(&it.format), "filtered": it.filtered,
            });
            Said::now(format!("{data} exported {format}{part}"), to)
        }
        AuditEvent::AuditRead(_) => Said::plain("The audit log was read"),
        AuditEvent::VerificationBegun(it) => {
            let to = json!({ "heads": it.heads });
            Said::now("Verification of the log begun", to)
        }
        AuditEvent::ViewMaintained(it) => {
            let view = &it.view;
            let what = match it.work {
                ViewWork::Rebuild => format!("Building the view {view} anew begun"),
                ViewWork::Verify => format!("Comparing the view {view} with the log begun"),
                ViewWork::Switch => format!("Readers of the view {view} led to another build"),
                ViewWork::Rollback => format!("Readers of the view {view} led back"),
                ViewWork::Abort => format!("Builds of the view {view} given up"),
            };
            let to = json!({ "view": view, "work": word(&it.work), "builds": it.builds });
            Said::now(what, to)
        }
    }
}

fn erasure(event: &ErasureEvent) -> Said {
    match event {
        ErasureEvent::Requested(it) => {
            let (what, id) = match it.subject {
                ErasureSubject::Contact(contact) => ("Erasure of a contact", contact.0),
                ErasureSubject::Message { message, .. } => ("Redaction of a message", message.0),
                ErasureSubject::Comment { comment, .. } => ("Redaction of a comment", comment.0),
                ErasureSubject::File { attachment, .. } => ("Redaction of a file", attachment.0),
            };
            let others = match it.shared {
                SharedChoice::Keep => "",
                SharedChoice::Erase => ", with what concerns others too",
            };
            let reason = word(&it.reason);
            let to = json!({
                "id": id, "reason": reason, "shared": word(&it.shared), "also": it.also,
            });
            let why = reason.replace('_', " ");
            Said::now(format!("{what} asked for{others} ({why})"), to)
        }
        ErasureEvent::KeysDestroyed(it) => {
            let keys = it.keys.len();
            Said::now(format!("Keys of an erasure destroyed: {keys}"), json!({ "keys": keys }))
        }
        ErasureEvent::Completed(it) => {
            let to = json!({ "counts": it.counts, "kept": it.kept_total, "objects": it.objects });
            Said::now("Erasure completed", to)
        }
    }
}

fn quoted(sealed: &Sealed<String>) -> String {
    sealed.clear().map_or_else(|| "(erased)".to_owned(), |text| format!("“{text}”"))
}
