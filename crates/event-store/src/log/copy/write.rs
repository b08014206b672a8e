//! Writing proven commits as they were: over the owner's connection, since the application can only append.

use decider::WorkspaceId;
use sqlx::PgConnection;

use super::gather::Gathered;
use super::proof::Proof;
use super::read::newest;
use crate::log::error::LogError;
use crate::log::verify::Finding;

/// A batch is written once it has so many events, or commits, or bytes.
const EVENTS_MAX: usize = 4_096;
const COMMITS_MAX: usize = 2_048;
const BYTES_MAX: usize = 8 << 20;

/// Proven commits that are not written yet.
#[derive(Default)]
pub(super) struct Batch {
    commits: Vec<Gathered>,
    events: usize,
    bytes: usize,
}

/// What became of a batch.
pub(super) enum Written {
    /// It is in the log.
    Whole,
    /// Nothing was written: somebody else wrote to the log.
    NotAlone,
    /// Nothing was written: an event does not follow the one before in its stream, which lies before the copy.
    Wrong(Finding),
}

impl Batch {
    pub fn push(&mut self, commit: Gathered) {
        self.events += commit.events.len();
        self.bytes += commit.bytes();
        self.commits.push(commit);
    }

    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.events >= EVENTS_MAX || self.bytes >= BYTES_MAX || self.commits.len() >= COMMITS_MAX
    }

    /// How many commits and events there are.
    pub fn counts(&self) -> (u64, u64) {
        (self.commits.len() as u64, self.events as u64)
    }

    /// Number, last position and hash of its last commit.
    pub fn last(&self) -> Option<(i64, i64, Vec<u8>)> {
        let last = &self.commits.last()?.commit;
        Some((last.no, last.last_pos, last.hash.0.clone()))
    }

    /// Writes it in one transaction behind the commit `stands`, which must be the newest one.
    pub async fn write(
        &self,
        connection: &mut PgConnection,
        stands: (i64, &[u8]),
        proof: &mut Proof,
    ) -> Result<Written, LogError> {
        let begin = &proof.begin;
        let ws = WorkspaceId(begin.workspace);
        let mut transaction = sqlx::Connection::begin(connection).await?;
        sqlx::query(include_str!("../sql/take_lock.sql"))
            .bind(ws.0)
            .execute(&mut *transaction)
            .await?;
        let head = newest(&mut transaction, ws).await?;
        let head = head.as_ref().map_or((0, None), |head| (head.no, Some(&head.hash[..])));
        if head.0 != stands.0 || head.1.is_some_and(|hash| hash != stands.1) {
            return Ok(Written::NotAlone);
        }
        sqlx::query(include_str!("../sql/take_workspace.sql"))
            .bind(ws.0)
            .bind(begin.made_at)
            .bind(begin.closed_at)
            .bind(&begin.seal.0)
            .execute(&mut *transaction)
            .await?;
        self.write_commits(&mut transaction, ws).await?;
        self.write_events(&mut transaction, ws).await?;
        self.write_commands(&mut transaction, ws).await?;
        self.write_claims(&mut transaction, ws).await?;
        let last = self.last().map_or(0, |(no, ..)| no);
        if let Some(finding) = proof.chain.prove(&mut transaction, last).await? {
            return Ok(Written::Wrong(finding));
        }
        transaction.commit().await?;
        Ok(Written::Whole)
    }

    async fn write_commits(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
    ) -> Result<(), LogError> {
        let all = || self.commits.iter().map(|one| &one.commit);
        let numbers = |of: fn(&super::CommitLine) -> i64| all().map(of).collect::<Vec<i64>>();
        sqlx::query(include_str!("../sql/take_commits.sql"))
            .bind(ws.0)
            .bind(numbers(|line| line.no))
            .bind(numbers(|line| line.first_pos))
            .bind(numbers(|line| line.last_pos))
            .bind(numbers(|line| line.last_number))
            .bind(numbers(|line| line.last_directory))
            .bind(numbers(|line| line.at))
            .bind(all().map(|line| line.node).collect::<Vec<_>>())
            .bind(all().map(|line| &line.content.0[..]).collect::<Vec<_>>())
            .bind(all().map(|line| &line.hash.0[..]).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn write_events(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
    ) -> Result<(), LogError> {
        let all = || self.commits.iter().flat_map(|one| &one.events);
        sqlx::query(include_str!("../sql/take_events.sql"))
            .bind(ws.0)
            .bind(all().map(|line| line.pos).collect::<Vec<_>>())
            .bind(all().map(|line| line.at).collect::<Vec<_>>())
            .bind(all().map(|line| line.occurred_at).collect::<Vec<_>>())
            .bind(all().map(|line| line.stream).collect::<Vec<_>>())
            .bind(all().map(|line| line.version).collect::<Vec<_>>())
            .bind(all().map(|line| &*line.kind).collect::<Vec<_>>())
            .bind(all().map(|line| &*line.type_name).collect::<Vec<_>>())
            .bind(all().map(|line| line.schema_v).collect::<Vec<_>>())
            .bind(all().map(|line| line.cmd).collect::<Vec<_>>())
            .bind(all().map(|line| &*line.actor).collect::<Vec<_>>())
            .bind(all().map(|line| &*line.meta).collect::<Vec<_>>())
            .bind(all().map(|line| &line.payload.0[..]).collect::<Vec<_>>())
            .bind(all().map(|line| &line.leaf.0[..]).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn write_commands(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
    ) -> Result<(), LogError> {
        let rows: Vec<_> = self
            .commits
            .iter()
            .flat_map(|one| {
                (1..).zip(&one.commands).map(move |(ord, line)| line.row(one.commit.no, ord))
            })
            .collect();
        sqlx::query(include_str!("../sql/take_commands.sql"))
            .bind(ws.0)
            .bind(rows.iter().map(|row| row.command).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.no).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.ord).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.first_pos).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.n).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| &row.body_hash[..]).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn write_claims(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
    ) -> Result<(), LogError> {
        let rows: Vec<_> = self
            .commits
            .iter()
            .flat_map(|one| {
                (1..).zip(&one.claims).map(move |(ord, line)| line.row(one.commit.no, ord))
            })
            .collect();
        sqlx::query(include_str!("../sql/take_claims.sql"))
            .bind(ws.0)
            .bind(rows.iter().map(|row| &*row.scope).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| &row.mac[..]).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.holder).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.no).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.ord).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }
}
