//! Where the walk gets its events from: over its own connection; or read and hashed ahead of it by tasks with connections of
//! their own, which see the same snapshot.

use decider::WorkspaceId;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::event::EventRow;
use crate::log::error::LogError;

/// How many events are handed over at once.
const BLOCK: usize = 1_024;
/// How many blocks a reader may be ahead of the walk: about 1 MB.
const BLOCKS_AHEAD: usize = 10;
/// How many ranges may be asked of one reader ahead.
const RANGES_AHEAD: usize = 8;

/// Positions, both included. Empty where the first is behind the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub first: i64,
    pub last: i64,
}

/// Where events come from.
pub(super) enum Feed {
    /// Over the connection of the walk.
    Own,
    /// From readers, which take turns.
    Ahead { readers: Vec<Reader>, asked: usize, taken: usize, tasks: JoinSet<()> },
}

/// A task that reads.
pub(super) struct Reader {
    ranges: mpsc::Sender<Range>,
    blocks: mpsc::Receiver<Result<Piece, LogError>>,
}

/// What a reader hands over.
enum Piece {
    Block(Vec<EventRow>),
    /// The range is read.
    End,
}

impl Feed {
    /// Starts readers in the snapshot of a transaction; fewer where the pool has no more connections to give.
    pub async fn open(
        (pool, snapshot): (&PgPool, &mut PgConnection),
        ws: WorkspaceId,
        readers: usize,
    ) -> Result<Self, LogError> {
        let (mut all, mut tasks) = (Vec::with_capacity(readers), JoinSet::new());
        if readers > 0 {
            let name: String = sqlx::query_scalar(include_str!("../sql/verify_snapshot.sql"))
                .fetch_one(snapshot)
                .await?;
            for _ in 0..readers {
                let connection = match pool.acquire().await {
                    Err(sqlx::Error::PoolTimedOut) => break,
                    acquired => acquired?,
                };
                let (ranges, asked) = mpsc::channel(RANGES_AHEAD);
                let (told, blocks) = mpsc::channel(BLOCKS_AHEAD);
                tasks.spawn(serve((connection, name.clone()), ws, asked, told));
                all.push(Reader { ranges, blocks });
            }
        }
        Ok(match all.is_empty() {
            true => Self::Own,
            false => Self::Ahead { readers: all, asked: 0, taken: 0, tasks },
        })
    }

    /// Lets a range be read ahead. Ranges are taken in the order in which they were asked for.
    pub async fn ask(&mut self, range: Range) {
        if let Self::Ahead { readers, asked, .. } = self {
            let turn = *asked % readers.len();
            *asked += 1;
            // A reader that is gone has said why.
            readers[turn].ranges.send(range).await.ok();
        }
    }

    /// The events of the next range.
    pub fn take<'f>(
        &'f mut self,
        connection: &'f mut PgConnection,
        ws: WorkspaceId,
        range: Range,
    ) -> Events<'f> {
        let source = match self {
            Self::Own => Source::Rows(rows(connection, ws, range), ws),
            Self::Ahead { readers, taken, .. } => {
                let turn = *taken % readers.len();
                *taken += 1;
                Source::Reader(&mut readers[turn].blocks)
            }
        };
        Events { source, block: Vec::new().into_iter(), ended: false }
    }

    /// Waits until the readers have given their connections back.
    pub async fn close(self) {
        if let Self::Ahead { readers, mut tasks, .. } = self {
            drop(readers);
            while tasks.join_next().await.is_some() {}
        }
    }
}

/// The events of one range in their order.
pub(super) struct Events<'f> {
    source: Source<'f>,
    block: std::vec::IntoIter<EventRow>,
    ended: bool,
}

enum Source<'f> {
    Rows(BoxStream<'f, Result<PgRow, sqlx::Error>>, WorkspaceId),
    Reader(&'f mut mpsc::Receiver<Result<Piece, LogError>>),
}

impl Events<'_> {
    /// The next event, which stays the next.
    pub async fn peek(&mut self) -> Result<Option<&EventRow>, LogError> {
        while self.block.as_slice().is_empty() && !self.ended {
            let block = match &mut self.source {
                Source::Rows(rows, ws) => block(rows, *ws).await?,
                Source::Reader(blocks) => match blocks.recv().await {
                    Some(Ok(Piece::Block(block))) => block,
                    Some(Ok(Piece::End)) => Vec::new(),
                    Some(Err(error)) => return Err(error),
                    None => return Err(sqlx::Error::WorkerCrashed.into()),
                },
            };
            self.ended = block.is_empty();
            self.block = block.into_iter();
        }
        Ok(self.block.as_slice().first())
    }

    /// Passes over the next event.
    pub fn pass(&mut self) {
        self.block.next();
    }

    /// Passes over what is left.
    pub async fn end(mut self) -> Result<(), LogError> {
        while self.peek().await?.is_some() {
            self.block = Vec::new().into_iter();
        }
        Ok(())
    }
}

fn rows(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    range: Range,
) -> BoxStream<'_, Result<PgRow, sqlx::Error>> {
    sqlx::query(include_str!("../sql/verify_events.sql"))
        .bind(ws.0)
        .bind(range.first)
        .bind(range.last)
        .fetch(connection)
}

/// The next events; empty at the end.
async fn block(
    rows: &mut BoxStream<'_, Result<PgRow, sqlx::Error>>,
    ws: WorkspaceId,
) -> Result<Vec<EventRow>, LogError> {
    let mut block = Vec::with_capacity(BLOCK);
    while block.len() < BLOCK {
        match rows.try_next().await? {
            Some(row) => block.push(EventRow::of(ws, &row)?),
            None => break,
        }
    }
    Ok(block)
}

/// Reads one range after the other until nobody asks any more.
async fn serve(
    (mut connection, snapshot): (PoolConnection<Postgres>, String),
    ws: WorkspaceId,
    mut ranges: mpsc::Receiver<Range>,
    blocks: mpsc::Sender<Result<Piece, LogError>>,
) {
    let outcome = read((&mut connection, snapshot), ws, &mut ranges, &blocks).await;
    if let Err(error) = outcome {
        blocks.send(Err(error)).await.ok();
    }
}

async fn read(
    (connection, snapshot): (&mut PgConnection, String),
    ws: WorkspaceId,
    ranges: &mut mpsc::Receiver<Range>,
    blocks: &mpsc::Sender<Result<Piece, LogError>>,
) -> Result<(), LogError> {
    let mut transaction = connection.begin_with(super::BEGIN).await?;
    // The name comes from the database itself, and no parameter may stand here.
    let same = format!("set transaction snapshot '{snapshot}'");
    sqlx::raw_sql(AssertSqlSafe(same)).execute(&mut *transaction).await?;
    while let Some(range) = ranges.recv().await {
        let mut rows = rows(&mut transaction, ws, range);
        loop {
            let block = block(&mut rows, ws).await?;
            let last = block.len() < BLOCK;
            if !block.is_empty() && blocks.send(Ok(Piece::Block(block))).await.is_err() {
                return Ok(());
            }
            if last {
                break;
            }
        }
        if blocks.send(Ok(Piece::End)).await.is_err() {
            return Ok(());
        }
    }
    Ok(transaction.rollback().await?)
}
