//! Taking a copy in: line by line, commit by commit. A commit is judged before it is written; what is there already is compared.
//! Whatever goes wrong, the log holds whole proven commits and nothing else, and the same command goes on behind them.

use std::collections::VecDeque;
use std::io::BufRead;

use decider::{LogPosition, WorkspaceId};
use serde::Serialize;
use sqlx::{PgConnection, Row};
use vault::{KeyRow, KeysTaken, Vault};

use super::fault::{Fault, TakeError};
use super::file::LineReader;
use super::gather::Gathered;
use super::line::{Begin, End};
use super::proof::{At, Proof, Then};
use super::read::{newest, numbered, own_row};
use super::write::{Batch, Written};
use crate::log::error::LogError;
use crate::log::leaf::ZERO_HASH;
use crate::log::reader::unsigned;
use crate::log::verify::Chain;

/// How many hashes of commits that are there are read at once.
const KNOWN_PER_STEP: i64 = 1_000;
/// How many rows of the key ring are written with one statement.
const KEYS_PER_STEP: usize = 2_000;

/// Where a copy is taken in.
pub struct Target<'t> {
    /// The owner's connection.
    pub owner: PgConnection,
    /// The key ring.
    pub vault: &'t Vault,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Commits that were there already.
    pub commits_there: u64,
    /// Commits that were written.
    pub commits: u64,
    /// Events that were written.
    pub events: u64,
    /// The newest position now.
    pub position: LogPosition,
    /// What became of the rows of the key ring; none where the copy has none, or where the log here goes on behind the copy.
    pub keys: Option<KeysTaken>,
}

struct Taker<'t> {
    owner: PgConnection,
    vault: &'t Vault,
    ws: WorkspaceId,
    proof: Proof,
    /// The newest commit here: number, last position, hash.
    head: (i64, i64, Vec<u8>),
    /// Hashes of commits that are here, from the one that is compared next.
    known: VecDeque<(i64, Vec<u8>)>,
    batch: Batch,
    keys: Vec<KeyRow>,
    taken: Taken,
}

/// Why it does not go on: the copy, or the database.
enum Halt {
    Fault(At),
    Log(LogError),
}

impl From<At> for Halt {
    fn from(at: At) -> Self {
        Self::Fault(at)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault.into())
    }
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<sqlx::Error> for Halt {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Takes a copy in, whose first line was read. `tell` hears of the newest position written or compared.
///
/// # Errors
/// See [`TakeError`]: it says where the log ends then.
pub async fn take<R: BufRead + Send>(
    input: &mut LineReader<R>,
    begin: Begin,
    target: Target<'_>,
    tell: &mut (dyn FnMut(LogPosition) + Send),
) -> Result<Taken, TakeError> {
    let proof = Proof::of(begin);
    let proof =
        proof.map_err(|fault| TakeError::Stopped { line: 1, position: LogPosition(0), fault })?;
    let mut taker = Taker {
        owner: target.owner,
        vault: target.vault,
        ws: WorkspaceId(proof.begin.workspace),
        proof,
        head: (0, 0, ZERO_HASH.to_vec()),
        known: VecDeque::new(),
        batch: Batch::default(),
        keys: Vec::new(),
        taken: Taken::default(),
    };
    let mut done = taker.open().await;
    if done.is_ok() {
        done = taker.lines(input, tell).await;
        if let Err(Halt::Fault(_)) = done {
            // What was proven before the fault is kept.
            let written = taker.write().await;
            done = written.and(done);
        }
    }
    let position = LogPosition(unsigned(taker.head.1));
    match done {
        Ok(()) => Ok(Taken { position, ..taker.taken }),
        Err(Halt::Log(error)) => Err(error.into()),
        Err(Halt::Fault(At(line, fault))) => Err(TakeError::Stopped {
            line: line.unwrap_or_else(|| input.number()),
            position,
            fault,
        }),
    }
}

impl Taker<'_> {
    /// Looks whether the copy fits what is here.
    async fn open(&mut self) -> Result<(), Halt> {
        let Begin { made_at, closed_at, seal, key_mark, .. } = &self.proof.begin;
        if key_mark.0 != self.vault.key_file_mark(self.ws) {
            return Err(Fault::OtherKeyFile.into());
        }
        let here = own_row(&mut self.owner, self.ws).await?;
        if here.is_some_and(|row| row != (*made_at, *closed_at, seal.0.clone())) {
            return Err(Fault::OtherWorkspace.into());
        }
        if let Some(head) = newest(&mut self.owner, self.ws).await? {
            self.head = (head.no, head.last_pos, head.hash);
        }
        self.behind_the_part_before().await
    }

    /// A copy that does not begin with the first commit goes on behind one that is here.
    async fn behind_the_part_before(&mut self) -> Result<(), Halt> {
        let after = &self.proof.begin.after;
        if after.commit <= 0 {
            return Ok(());
        }
        let (commit, position) = (unsigned(after.commit), LogPosition(unsigned(after.position)));
        match numbered(&mut self.owner, self.ws, after.commit).await? {
            Some(here) if here.hash == after.hash.0 => {
                self.proof.chain = Chain::behind(self.ws, Some(&here));
                Ok(())
            }
            Some(_) => Err(Fault::OtherHistory { commit, position }.into()),
            None => {
                let head = LogPosition(unsigned(self.head.1));
                Err(Fault::Gap { after: position, commit, head }.into())
            }
        }
    }

    async fn lines<R: BufRead>(
        &mut self,
        input: &mut LineReader<R>,
        tell: &mut (dyn FnMut(LogPosition) + Send),
    ) -> Result<(), Halt> {
        loop {
            let line = input.line()?.ok_or(Fault::Cut)?;
            let numbered = (input.number(), line);
            let step = self.proof.line(numbered, (input.digest(), input.rows()))?;
            if let Some(commit) = step.commit {
                tell(LogPosition(unsigned(commit.commit.last_pos)));
                self.commit(commit).await?;
            }
            match step.then {
                Then::More => {}
                Then::Key(row) => self.key(row).await?,
                Then::End(end) => return self.end(input, &end).await,
            }
        }
    }

    /// A proven commit: compared with what is here, or put into the batch.
    async fn commit(&mut self, commit: Gathered) -> Result<(), Halt> {
        let line = &commit.commit;
        if line.no > self.head.0 {
            self.batch.push(commit);
            return if self.batch.is_full() { self.write().await } else { Ok(()) };
        }
        // The hash covers every row of the commit and the hash before it.
        if self.hash_here(line.no).await?.is_none_or(|hash| hash != line.hash.0) {
            let (commit, position) = (unsigned(line.no), LogPosition(unsigned(line.first_pos)));
            return Err(Fault::OtherHistory { commit, position }.into());
        }
        self.taken.commits_there += 1;
        Ok(())
    }

    /// The hash of a commit that is here.
    async fn hash_here(&mut self, no: i64) -> Result<Option<Vec<u8>>, LogError> {
        if self.known.is_empty() {
            let rows = sqlx::query(include_str!("../sql/commits_from.sql"))
                .bind(self.ws.0)
                .bind(no)
                .bind(KNOWN_PER_STEP)
                .fetch_all(&mut self.owner)
                .await?;
            for row in rows {
                self.known.push_back((row.try_get("no")?, row.try_get("hash")?));
            }
        }
        Ok(self.known.pop_front().filter(|known| known.0 == no).map(|known| known.1))
    }

    /// Writes the batch.
    async fn write(&mut self) -> Result<(), Halt> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let stands = (self.head.0, &self.head.2[..]);
        match batch.write(&mut self.owner, stands, &mut self.proof).await? {
            Written::Whole => {
                let (commits, events) = batch.counts();
                self.taken.commits += commits;
                self.taken.events += events;
                self.head = batch.last().unwrap_or_else(|| self.head.clone());
                Ok(())
            }
            Written::NotAlone => Err(Fault::NotAlone.into()),
            Written::Wrong(finding) => Err(Fault::Damaged(finding).into()),
        }
    }

    /// A row of the key ring. They come after the log, and are taken in as one, once everything is proven.
    async fn key(&mut self, row: KeyRow) -> Result<(), Halt> {
        self.write().await?;
        self.keys.push(row);
        if self.keys.len() >= KEYS_PER_STEP { self.take_keys().await } else { Ok(()) }
    }

    /// Keys older than the log here could bring back what was erased since.
    fn keys_are_wanted(&self) -> bool {
        self.proof.begin.keys && self.head.0 == self.proof.begin.until.commit
    }

    async fn take_keys(&mut self) -> Result<(), Halt> {
        let rows = std::mem::take(&mut self.keys);
        if !self.keys_are_wanted() {
            return Ok(());
        }
        if self.taken.keys.is_none() {
            sqlx::query("begin").persistent(false).execute(&mut self.owner).await?;
        }
        let more = self.vault.take_keys_in(&mut self.owner, self.ws, &rows).await;
        let more = more.map_err(|error| match error {
            vault::VaultError::Database(error) => Halt::from(error),
            error => Fault::Key(error).into(),
        })?;
        let taken = self.taken.keys.get_or_insert_default();
        taken.keys += more.keys;
        taken.destroyed += more.destroyed;
        Ok(())
    }

    /// Everything was read and is proven: the rest is written, and the keys are taken in.
    async fn end<R: BufRead>(&mut self, input: &mut LineReader<R>, end: &End) -> Result<(), Halt> {
        if end.proof.0 != self.vault.copy_proof(self.ws, &end.digest.0) {
            return Err(Fault::End("its proof is of another key file").into());
        }
        if input.line()?.is_some() {
            return Err(Fault::Order.into());
        }
        self.write().await?;
        self.take_keys().await?;
        if self.taken.keys.is_some() {
            sqlx::query("commit").persistent(false).execute(&mut self.owner).await?;
            self.vault.forget_all_cached();
        }
        Ok(())
    }
}
