//! `log decode-check`: whether this program can read every event there is, by its kind, type and version.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use decider::{LogPosition, StoredEvent, WorkspaceId};
use event_store::log::LogError;
use events::AnyEvent;
use serde::Serialize;
use uuid::Uuid;

use super::progress::Progress;
use super::{CliError, Common, DIFFERENT, output, session};
use crate::service::Service;

/// How many events are read at once.
const PAGE: u32 = 2_000;
/// So many shapes are told apart; a log that has more is full of things nobody wrote.
const SHAPES_MAX: usize = 1_000;

/// What is read.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk log decode-check --json | jq '.shapes[] | select(.older)'\n\n\
                  Run it with a new version of this program before the old one is stopped. Exit code 3 when an event cannot be \
                  read; nothing is opened, so no key is needed for what was erased."
)]
pub struct LogDecodeCheckArgs {}

/// What the events of one kind, type and version have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Shape {
    kind: String,
    #[serde(rename = "type")]
    type_name: String,
    schema_version: u16,
}

/// What was read of a workspace.
#[derive(Default)]
struct Check {
    events: u64,
    shapes: BTreeMap<Shape, u64>,
    unreadable: BTreeMap<Shape, Unreadable>,
}

/// Events that cannot be read.
struct Unreadable {
    events: u64,
    first: LogPosition,
    why: String,
}

/// One workspace's part of the answer.
#[derive(Serialize)]
struct Told<'a> {
    workspace: Uuid,
    events: u64,
    shapes: Vec<ToldShape<'a>>,
    unreadable: Vec<ToldUnreadable<'a>>,
}

#[derive(Serialize)]
struct ToldShape<'a> {
    #[serde(flatten)]
    shape: &'a Shape,
    events: u64,
    /// Whether it is no longer written.
    older: bool,
}

#[derive(Serialize)]
struct ToldUnreadable<'a> {
    #[serde(flatten)]
    shape: &'a Shape,
    events: u64,
    first_position: LogPosition,
    why: &'a str,
}

pub async fn run(
    common: &Common,
    LogDecodeCheckArgs {}: LogDecodeCheckArgs,
) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_each(common, |service, workspaces| async move {
        let several = workspaces.len() > 1;
        let mut different = false;
        for ws in workspaces {
            let check = check(&service, ws).await?;
            different |= !check.unreadable.is_empty();
            if json {
                output::json_line(&check.told(ws))?;
            } else {
                if several {
                    output::line(&format!("Workspace {}:", ws.0))?;
                }
                check.describe()?;
            }
        }
        Ok(if different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    })
    .await
}

async fn check(service: &Service, ws: WorkspaceId) -> Result<Check, CliError> {
    let head = service.reader.head(ws).await?.position;
    let mut progress = Progress::new("events", head.0);
    let (mut check, mut at) = (Check::default(), LogPosition(0));
    loop {
        let page = service.reader.each_after(ws, at, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        at = *last;
        for (position, stored) in page {
            check.take(position, stored);
        }
        progress.reach(at.0);
    }
    progress.finish();
    Ok(check)
}

impl Check {
    fn take(&mut self, position: LogPosition, stored: Result<StoredEvent, LogError>) {
        self.events += 1;
        let (shape, outcome) = match stored {
            Ok(stored) => {
                let outcome = AnyEvent::decode(&stored).map(drop).map_err(|error| why(&error));
                let StoredEvent { kind, type_name, schema_version, .. } = stored;
                (Shape { kind, type_name, schema_version }, outcome)
            }
            Err(error) => (Shape::default(), Err(why(&error))),
        };
        match outcome {
            Ok(()) => *self.shapes.entry(shape).or_default() += 1,
            Err(why) => {
                let room =
                    self.unreadable.len() < SHAPES_MAX || self.unreadable.contains_key(&shape);
                let shape = if room { shape } else { Shape::default() };
                let new = Unreadable { events: 0, first: position, why };
                self.unreadable.entry(shape).or_insert(new).events += 1;
            }
        }
    }

    fn told(&self, ws: WorkspaceId) -> Told<'_> {
        let shapes = self.shapes.iter();
        let unreadable = self.unreadable.iter();
        Told {
            workspace: ws.0,
            events: self.events,
            shapes: shapes
                .map(|(shape, events)| ToldShape {
                    shape,
                    events: *events,
                    older: shape.is_older(),
                })
                .collect(),
            unreadable: unreadable
                .map(|(shape, found)| ToldUnreadable {
                    shape,
                    events: found.events,
                    first_position: found.first,
                    why: &found.why,
                })
                .collect(),
        }
    }

    fn describe(&self) -> Result<(), CliError> {
        for (shape, events) in &self.shapes {
            let older = if shape.is_older() { ", no longer written" } else { "" };
            output::line(&format!("{events:>10}  {}{older}", shape.name()))?;
        }
        for (shape, found) in &self.unreadable {
            output::line(&format!(
                "{:>10}  {} cannot be read, first at position {}: {}",
                found.events,
                shape.name(),
                found.first,
                found.why
            ))?;
        }
        let unreadable: u64 = self.unreadable.values().map(|found| found.events).sum();
        output::line(&if unreadable == 0 {
            format!("{} events can be read, all of them.", self.events)
        } else {
            format!("{unreadable} of {} events cannot be read.", self.events)
        })
    }
}

impl Shape {
    fn name(&self) -> String {
        if self.kind.is_empty() && self.type_name.is_empty() {
            return "a damaged envelope".to_owned();
        }
        format!("{} {} v{}", self.kind, self.type_name, self.schema_version)
    }

    /// Whether this program writes another version of the type.
    fn is_older(&self) -> bool {
        let known = AnyEvent::KINDS.iter().filter(|(kind, _)| *kind == self.kind);
        known
            .flat_map(|(_, types)| types.iter())
            .any(|known| known.name == self.type_name && known.version != self.schema_version)
    }
}

/// An error with what it rests on.
fn why(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.ends_with(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        next = cause.source();
    }
    told
}
