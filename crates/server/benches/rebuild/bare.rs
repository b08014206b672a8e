//! What a rebuild is measured against: the live path, catching up, reading and decoding alone, `copy` and indexing alone, sums alone.

use std::time::Instant;

use event_store::projection::{Checkpoint, ProjectionType, Quarantine};
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::number;
use crate::setup::Setup;

/// A build that no rebuild makes.
const SCRATCH: u32 = 900;
/// How much of a `copy` is handed over at once.
const PART_BYTES: usize = 256 << 10;

async fn sql(pool: &PgPool, text: String) {
    sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.unwrap();
}

async fn make(pool: &PgPool, view: ProjectionType) {
    drop_again(pool, view).await;
    let schema = view.schema_name();
    let made = format!(
        "begin; create schema {schema}; set local search_path to {schema}; {}; commit",
        view.schema_sql
    );
    sql(pool, made).await;
}

async fn drop_again(pool: &PgPool, view: ProjectionType) {
    let schema = view.schema_name();
    let dropped = format!(
        "drop schema if exists {schema} cascade; delete from proj.checkpoint where schema_name = '{schema}'"
    );
    sql(pool, dropped).await;
}

/// Events a second of the ordinary projector that follows the log commit by commit, on the full tables.
pub async fn live(setup: &Setup, active: ProjectionType, callers: u64) -> f64 {
    setup.projector(active).catch_up().await.unwrap();
    setup
        .write(
            callers,
            number("LIVE_TICKETS", 1_280).div_ceil(if callers == 1 { 8 } else { callers }),
        )
        .await;
    let mut projector = setup.projector(active);
    projector.set_batch_events(1);
    let (mut events, began) = (0, Instant::now());
    while let Some(applied) = projector.step().await.unwrap() {
        events += applied.events;
        projector.set_batch_events(1);
    }
    events as f64 / began.elapsed().as_secs_f64()
}

/// Events a second of the ordinary projector that is far behind, into new tables with all their indexes.
pub async fn catching_up(setup: &Setup, view: ProjectionType) -> f64 {
    let (pool, view) = (&setup.service.pools.project, view.at_build(SCRATCH));
    make(pool, view).await;
    let mut projector = setup.projector(view);
    let (wanted, began) = (number("BEHIND", 60_000), Instant::now());
    while projector.checkpoint().is_none_or(|standing| standing.position.0 < wanted) {
        if projector.step().await.unwrap().is_none() {
            break;
        }
    }
    let folded = projector.checkpoint().unwrap().position.0;
    let rate = folded as f64 / began.elapsed().as_secs_f64();
    drop_again(pool, view).await;
    rate
}

/// Seconds for the whole log.
pub async fn read_and_decode(setup: &Setup, view: ProjectionType) -> f64 {
    let (source, began) = (setup.source(), Instant::now());
    let mut standing = Checkpoint::START;
    while let Some(batch) = source.after(setup.ws, &standing, 5_000).await.unwrap() {
        let events: Vec<_> = batch.events().collect();
        (view.fold)().decode(&events, &Quarantine::default()).unwrap();
        standing =
            Checkpoint { seq: 0, position: batch.position, commit: batch.commit, hash: batch.hash };
    }
    began.elapsed().as_secs_f64()
}

/// Seconds for the rows of a build.
pub async fn copy_and_index(setup: &Setup, active: ProjectionType) -> f64 {
    let pool = &setup.service.pools.project;
    let scratch = active.at_build(SCRATCH + 1);
    make(pool, scratch).await;
    let (from, to) = (active.schema_name(), scratch.schema_name());
    let indexes: Vec<(String, String, String, bool)> = sqlx::query_as(
        "select pg_get_indexdef(i.indexrelid), c.relname::text, i.indrelid::regclass::text, i.indisprimary
           from pg_index i join pg_class c on c.oid = i.indexrelid
          where c.relnamespace = $1::regnamespace order by 1",
    )
    .bind(&to)
    .fetch_all(pool)
    .await
    .unwrap();
    for (_, name, table, key) in &indexes {
        let drop = if *key {
            format!("alter table {table} drop constraint {name}")
        } else {
            format!("drop index {to}.{name}")
        };
        sql(pool, drop).await;
    }
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    for table in (active.tables)() {
        let path = folder.path().join(table.name);
        let mut file = tokio::fs::File::create(&path).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let out = format!("copy {from}.{} to stdout (format binary)", table.name);
        let mut rows = connection.copy_out_raw(&out).await.unwrap();
        while let Some(part) = rows.try_next().await.unwrap() {
            file.write_all(&part).await.unwrap();
        }
        file.flush().await.unwrap();
    }
    let began = Instant::now();
    for table in (active.tables)() {
        let mut file = tokio::fs::File::open(folder.path().join(table.name)).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let into = format!("copy {to}.{} from stdin (format binary)", table.name);
        let mut rows = connection.copy_in_raw(&into).await.unwrap();
        let mut part = vec![0; PART_BYTES];
        loop {
            let length = file.read(&mut part).await.unwrap();
            if length == 0 {
                break;
            }
            rows.send(&part[..length]).await.unwrap();
        }
        rows.finish().await.unwrap();
    }
    for (index, ..) in indexes {
        sql(pool, format!("set maintenance_work_mem = '128MB'; {index}")).await;
    }
    for table in (active.tables)() {
        sql(pool, format!("analyze {to}.{}", table.name)).await;
    }
    let took = began.elapsed().as_secs_f64();
    drop_again(pool, scratch).await;
    took
}

/// Seconds for counts and sums of a build, nothing beside.
pub async fn sums(setup: &Setup, active: ProjectionType) -> f64 {
    let pool = &setup.service.pools.project;
    let began = Instant::now();
    // A rebuild asks two builds.
    for _ in 0..2 {
        for table in (active.tables)() {
            let text = format!(
                "select count(*), sum(hash_record_extended(t, 1)), sum(hash_record_extended(t, 2))
                   from {}.{} as t where t.ws = $1",
                active.schema_name(),
                table.name
            );
            let mut transaction =
                pool.begin_with("begin; set local enable_seqscan = on").await.unwrap();
            let row = sqlx::query(AssertSqlSafe(text)).bind(setup.ws.0);
            let row = row.fetch_one(&mut *transaction).await.unwrap();
            assert!(row.get::<i64, _>(0) >= 0);
        }
    }
    began.elapsed().as_secs_f64()
}
