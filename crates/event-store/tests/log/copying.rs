//! A log copied into another database: equal in every row, whatever happens to the copy on its way (W06).

use std::io::Cursor;

use decider::{LogPosition, Timestamp, WorkspaceId};
use event_store::log::copy::{
    CopyError, CopyRequest, Fault, Line, LineReader, LineWriter, Source, TakeError, Taken, Target,
    take,
};
use event_store::log::{LogReader, verify};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;
use vault::Vault;

use crate::bank::Bank;
use crate::database::{Database, Node};
use crate::tamper::history;

/// A log with a history, and its key ring.
struct Original {
    database: Database,
    ws: WorkspaceId,
    vault: Vault,
}

impl Original {
    async fn new() -> Self {
        let database = Database::new().await;
        let [ws, _] = history::write(&database).await;
        let vault = database.vault().await;
        Self { database, ws, vault }
    }

    async fn copy(&self, from: Option<u64>, to: Option<u64>) -> Result<Vec<u8>, CopyError> {
        let asked = CopyRequest {
            ws: self.ws,
            from: from.map(LogPosition),
            to: to.map(LogPosition),
            keys: true,
            key_mark: self.vault.key_file_mark(self.ws),
            now: Timestamp::from_micros(1),
        };
        let mut connection = self.database.pool.acquire().await.unwrap();
        let mut snapshot = connection.begin_with(Source::BEGIN).await.unwrap();
        let mut source = Source::open(&mut snapshot, &asked).await?;
        let begin = source.begin().clone();
        let until = begin.until.clone();
        let mut writer = LineWriter::new(Vec::new());
        writer.line(&Line::Begin(Box::new(begin)))?;
        source.rows(&mut |line| Ok(writer.line(&line)?)).await?;
        let mut tell = |row| -> Result<(), CopyError> { Ok(writer.line(&Line::Vault(row))?) };
        self.vault.copy_keys(&mut snapshot, self.ws, &mut tell).await?;
        writer.end(until, |digest| self.vault.copy_proof(self.ws, digest))?;
        Ok(writer.into_output())
    }

    async fn whole(&self) -> Vec<u8> {
        self.copy(None, None).await.unwrap()
    }

    /// Takes a copy in elsewhere, with this key file.
    async fn take(&self, target: &Database, bytes: &[u8]) -> Result<Taken, TakeError> {
        let mut input = LineReader::new(Cursor::new(bytes));
        let begin = input.begin().expect("the first line is whole");
        let owner = PgConnection::connect(&target.url).await.unwrap();
        take(&mut input, begin, Target { owner, vault: &self.vault }, &mut |_| {}).await
    }

    async fn head(&self) -> u64 {
        let reader = LogReader::new(self.database.pool.clone());
        reader.head(self.ws).await.unwrap().position.0
    }
}

/// Every row of a workspace, table by table.
async fn rows(database: &Database, ws: WorkspaceId) -> Vec<String> {
    let mut found = Vec::new();
    for table in [
        "es.workspace",
        "es.commit",
        "es.event",
        "es.command",
        "es.claim",
        "vault.tombstone",
        "vault.assignment",
        "vault.subject",
    ] {
        let sql = format!("select t::text from {table} t where ws = $1 order by 1");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(ws.0)
            .fetch_all(&database.pool)
            .await
            .unwrap();
        found.extend(rows.into_iter().map(|row| format!("{table} {row}")));
    }
    found
}

/// Keys that seal something.
async fn keys(database: &Database, ws: WorkspaceId) -> Vec<String> {
    let sql = "select k::text from vault.key k join vault.assignment a on a.ws = k.ws and a.key_id = k.key_id \
               where k.ws = $1 group by k.* order by 1";
    sqlx::query_scalar(sql).bind(ws.0).fetch_all(&database.pool).await.unwrap()
}

/// What a database holds of a workspace is whole, and a beginning of the original; answers its last position.
async fn assert_is_a_beginning(target: &Database, original: &Original) -> u64 {
    let head = LogReader::new(target.pool.clone()).head(original.ws).await.unwrap();
    if head.commit > 0 {
        let report = verify(&target.pool, original.ws, |_| {}).await.unwrap();
        assert_eq!(report.findings, []);
    }
    let hash: Option<Vec<u8>> =
        sqlx::query_scalar("select hash from es.commit where ws = $1 and no = $2")
            .bind(original.ws.0)
            .bind(i64::try_from(head.commit).unwrap())
            .fetch_optional(&original.database.pool)
            .await
            .unwrap();
    assert!(head.commit == 0 || hash.as_deref() == Some(&head.hash[..]));
    head.position.0
}

fn stopped(outcome: Result<Taken, TakeError>) -> (u64, LogPosition, Fault) {
    match outcome {
        Err(TakeError::Stopped { line, position, fault }) => (line, position, fault),
        other => panic!("it was not stopped: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_has_every_row_the_same_and_taking_it_in_again_changes_nothing_w06() {
    let (original, target) = (Original::new().await, Database::new().await);
    let bytes = original.whole().await;
    let taken = original.take(&target, &bytes).await.unwrap();
    assert_eq!((taken.commits_there, taken.position.0), (0, original.head().await));
    assert!(taken.commits > 10 && taken.events > 50, "{taken:?}");
    let all = rows(&original.database, original.ws).await;
    assert_eq!(rows(&target, original.ws).await, all);
    let sealing = keys(&original.database, original.ws).await;
    assert_eq!(keys(&target, original.ws).await, sealing);
    let [here, there] = [&original.database, &target].map(|one| one.pool.clone());
    let reports =
        [verify(&here, original.ws, |_| {}).await, verify(&there, original.ws, |_| {}).await];
    let [here, there] = reports.map(Result::unwrap);
    assert_eq!(here, there);
    assert_eq!(there.findings, []);
    let again = original.take(&target, &bytes).await.unwrap();
    assert_eq!((again.commits, again.commits_there), (0, taken.commits));
    assert_eq!(again.keys.map(|keys| keys.keys), Some(0));
    assert_eq!(rows(&target, original.ws).await, all);
    // And a copy of the replica is the same copy.
    let replica = Original { database: target, ws: original.ws, vault: original.vault.clone() };
    assert_eq!(replica.whole().await, bytes);
    replica.database.remove().await;
    original.database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_cut_says_so_and_the_whole_one_goes_on_behind_what_was_kept() {
    let original = Original::new().await;
    let bytes = original.whole().await;
    let all = rows(&original.database, original.ws).await;
    let mut chance = StdRng::seed_from_u64(24);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for _ in 0..6 {
        let target = Database::new().await;
        let mut cuts: Vec<usize> =
            (0..3).map(|_| chance.random_range(first..bytes.len() - 1)).collect();
        cuts.sort_unstable();
        let mut before = 0;
        for cut in cuts {
            let (_, position, fault) = stopped(original.take(&target, &bytes[..cut]).await);
            assert!(matches!(fault, Fault::Cut), "{fault}");
            let reached = assert_is_a_beginning(&target, &original).await;
            assert_eq!(reached, position.0);
            assert!(reached >= before, "nothing is lost");
            before = reached;
        }
        original.take(&target, &bytes).await.unwrap();
        assert_eq!(rows(&target, original.ws).await, all);
        target.remove().await;
    }
    original.database.remove().await;
}

/// The first line behind the commit that a line belongs to: whether its rows fit each other is known there.
fn commit_ends(bytes: &[u8], line: u64) -> u64 {
    let rows: [&[u8]; 3] = [br#"{"command""#, br#"{"claim""#, br#"{"event""#];
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let mut behind = lines
        .filter(|(text, number)| *number > line && !rows.iter().any(|row| text.starts_with(row)));
    behind.next().map_or(u64::MAX, |(_, number)| number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_altered_by_one_byte_is_named_and_only_what_comes_before_is_kept() {
    let original = Original::new().await;
    let bytes = original.whole().await;
    let all = rows(&original.database, original.ws).await;
    let mut chance = StdRng::seed_from_u64(25);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let target = Database::new().await;
    let mut reached = 0;
    for _ in 0..60 {
        let place = chance.random_range(first..bytes.len() - 1);
        let mut altered = bytes.clone();
        altered[place] ^= 1 << chance.random_range(0..7);
        let line_altered = bytes[..place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let (line, position, fault) = stopped(original.take(&target, &altered).await);
        let judged = commit_ends(&bytes, line_altered);
        assert!(line <= judged || matches!(fault, Fault::End(_)), "{line}: {fault}");
        let now = assert_is_a_beginning(&target, &original).await;
        assert_eq!(now, position.0);
        assert!(now >= reached);
        reached = now;
        assert_eq!(keys(&target, original.ws).await.len(), 0, "keys come with a whole copy alone");
    }
    original.take(&target, &bytes).await.unwrap();
    assert_eq!(rows(&target, original.ws).await, all);
    target.remove().await;
    original.database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_other_history_is_not_touched() {
    let (original, target) = (Original::new().await, Database::new().await);
    let half = original.copy(None, Some(original.head().await / 2)).await.unwrap();
    let common = original.take(&target, &half).await.unwrap().position;
    let bytes = original.whole().await;
    // Somebody goes on writing there.
    let node = Node { ws: original.ws, handler: target.node().await.handler };
    node.send(Bank::open(Uuid::now_v7(), "elsewhere")).await.unwrap();
    let before = rows(&target, original.ws).await;
    let (_, _, fault) = stopped(original.take(&target, &bytes).await);
    let Fault::OtherHistory { position, .. } = fault else { panic!("{fault}") };
    assert_eq!(position, LogPosition(common.0 + 1), "the first position that differs");
    assert_eq!(rows(&target, original.ws).await, before);
    // A workspace with this id that was made by itself is another one.
    let other = Database::new().await;
    sqlx::query("select es.open_workspace($1)")
        .bind(original.ws.0)
        .execute(&other.pool)
        .await
        .unwrap();
    let (line, _, fault) = stopped(original.take(&other, &bytes).await);
    assert!(matches!(fault, Fault::OtherWorkspace) && line == 1, "{fault}");
    for database in [target, other, original.database] {
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_copied_in_parts_in_their_order_alone() {
    let (original, target) = (Original::new().await, Database::new().await);
    let (end, all) = (original.head().await, rows(&original.database, original.ws).await);
    let cut = end / 3;
    let first = original.copy(None, Some(cut)).await.unwrap();
    let mut input = LineReader::new(Cursor::new(&first));
    let reached = u64::try_from(input.begin().unwrap().until.position).unwrap();
    assert!(reached >= cut);
    let second = original.copy(Some(reached + 1), None).await.unwrap();
    let (_, _, fault) = stopped(original.take(&target, &second).await);
    assert!(matches!(fault, Fault::Gap { .. }), "{fault}");
    assert_eq!(assert_is_a_beginning(&target, &original).await, 0);
    original.take(&target, &first).await.unwrap();
    assert_eq!(assert_is_a_beginning(&target, &original).await, reached);
    original.take(&target, &second).await.unwrap();
    assert_eq!(rows(&target, original.ws).await, all);
    // Keys that are older than the log could bring back what was erased since: they are left out.
    let older = original.take(&target, &first).await.unwrap();
    assert_eq!((older.commits, older.keys), (0, None));
    let beyond = original.copy(Some(end + 1), None).await.unwrap_err();
    assert!(matches!(beyond, CopyError::NoSuchPosition { .. }), "{beyond}");
    let nothing = original.copy(Some(end), Some(1)).await.unwrap_err();
    assert!(matches!(nothing, CopyError::NothingBetween), "{nothing}");
    target.remove().await;
    original.database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_not_copied_as_if_nothing_were() {
    let original = Original::new().await;
    let change = "update es.event set meta = '{ }' where ws = $1 and pos = 7";
    sqlx::query(change).bind(original.ws.0).execute(&original.database.pool).await.unwrap();
    let error = original.copy(None, None).await.unwrap_err();
    let CopyError::Damaged(finding) = &error else { panic!("{error}") };
    assert_eq!(finding.position, Some(LogPosition(7)));
    assert!(error.to_string().contains("position 7"), "{error}");
    original.database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_destroyed_stay_destroyed() {
    let (original, target) = (Original::new().await, Database::new().await);
    original.take(&target, &original.whole().await).await.unwrap();
    let key: Uuid =
        sqlx::query_scalar("select key_id from vault.assignment where ws = $1 order by 1 limit 1")
            .bind(original.ws.0)
            .fetch_one(&original.database.pool)
            .await
            .unwrap();
    let mut connection = original.database.pool.acquire().await.unwrap();
    let tombstone =
        vault::Tombstone { erasure: Uuid::now_v7(), at: Timestamp::from_micros(5_000_000) };
    original.vault.bury_keys_in(&mut connection, original.ws, &[key], tombstone).await.unwrap();
    drop(connection);
    let before = original.copy(None, Some(original.head().await)).await.unwrap();
    let taken = original.take(&target, &before).await.unwrap();
    assert_eq!(taken.keys.map(|keys| (keys.keys, keys.destroyed)), Some((0, 1)));
    let sealing = keys(&original.database, original.ws).await;
    assert_eq!(keys(&target, original.ws).await, sealing);
    let again = original.take(&target, &before).await.unwrap();
    assert_eq!(again.keys.map(|keys| (keys.keys, keys.destroyed)), Some((0, 0)));
    target.remove().await;
    original.database.remove().await;
}
