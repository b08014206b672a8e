//! The chain, judged commit by commit, for those who have its rows from elsewhere than a walk.

use decider::{LogPosition, WorkspaceId};
use sqlx::PgConnection;

use super::commit::{Judge, Open, Rows, Standing};
use super::event::EventRow;
use super::report::{Finding, VerifyReport};
use super::rows::CommitRow;
use super::versions::{STREAMS_MAX, Versions};
use crate::log::error::LogError;
use crate::log::reader::unsigned;

/// The chain as far as it was judged. It is judged as the verification does it: by the same code.
pub(in crate::log) struct Chain {
    ws: WorkspaceId,
    before: Standing,
    versions: Versions,
    report: VerifyReport,
    open: Option<Open>,
}

impl Chain {
    /// From the first commit on, or behind one that is trusted.
    pub fn behind(ws: WorkspaceId, commit: Option<&CommitRow>) -> Self {
        let (before, versions) = match commit {
            None => (Standing::beginning(), Versions::new(STREAMS_MAX)),
            Some(commit) => (Standing::behind(commit), Versions::amid(STREAMS_MAX)),
        };
        Self { ws, before, versions, report: VerifyReport::default(), open: None }
    }

    /// The next commit; its events follow.
    pub fn begin(&mut self, rows: Rows) {
        let Self { ws, before, versions, report, open } = self;
        *open = Some(Open::begin(rows, before, &mut Judge { ws: *ws, versions, report }));
    }

    /// The next event of the commit.
    pub fn event(&mut self, event: &EventRow) {
        let Self { ws, versions, report, open, .. } = self;
        if let Some(open) = open {
            open.event(event, &mut Judge { ws: *ws, versions, report });
        }
    }

    /// The commit has no more events.
    ///
    /// # Errors
    /// The first thing that is not as it was written.
    pub fn end(&mut self) -> Result<(), Finding> {
        let Self { ws, before, versions, report, open } = self;
        if let Some(open) = open.take() {
            *before = open.end(before, &mut Judge { ws: *ws, versions, report });
        }
        report.findings.first().map_or(Ok(()), |finding| Err(finding.clone()))
    }

    /// Looks up in the log what the memory of streams does not hold; what was judged has to be written there, up to a commit.
    ///
    /// # Errors
    /// When the database fails. What is wrong is the answer.
    pub async fn prove(
        &mut self,
        connection: &mut PgConnection,
        last: i64,
    ) -> Result<Option<Finding>, LogError> {
        let wrong = self.versions.prove(connection, self.ws).await?;
        let first = wrong.into_iter().find(|(commit, _)| *commit <= last);
        Ok(first.map(|(commit, position)| Finding {
            commit: unsigned(commit),
            position: Some(LogPosition(unsigned(position))),
            what: "its version does not follow the one before in its stream",
        }))
    }

    /// Number, last position and hash of the commit judged last.
    pub fn stands(&self) -> (i64, i64, &[u8]) {
        (self.before.no, self.before.position, &self.before.hash)
    }
}
