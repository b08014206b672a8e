//! The plainest ways to write the same rows, and the processor time of the server per event.

use std::time::Instant;

use decider::{Actor, CommandId, EventContext, LogPosition, StoredEvent, Timestamp};
use event_store::log::{AppendBatch, Appended, Base, PendingEvent, append};
use futures_util::future::join_all;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::setup::{EVENTS_PER_COMMAND, PAYLOAD_BYTES, Setup, duration};
use crate::table::Table;

fn payload() -> Vec<u8> {
    vec![b'x'; PAYLOAD_BYTES]
}

const INSERT_ONE: &str = "insert into bare (ws, at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf)
    values ($1, clock_timestamp(), $2, $3, 'account', 'MoneyMoved', 1, $4, $5, '{}', $6, $7)";
const INSERT_MANY: &str = "insert into bare (ws, at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf)
    select $1, clock_timestamp(), u.* from unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::smallint[], $7::uuid[],
                                                  $8::text[], $9::text[], $10::bytea[], $11::bytea[]) as u";

pub async fn transactions(setup: &Setup, table: &mut Table, callers: usize) {
    // What other measurements left behind must not be written back, or vacuumed, during this one and its counterpart.
    sqlx::raw_sql("truncate bare, bare_command; checkpoint").execute(&setup.pool).await.unwrap();
    let started = Instant::now();
    let counts = join_all((0..callers).map(|_| one_by_one(setup, started))).await;
    let rate = counts.iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64();
    table.add(&format!("one transaction per command, {callers} callers"), "commands/s", rate);
}

pub async fn copy(setup: &Setup, table: &mut Table) {
    let mut connection = setup.pool.acquire().await.unwrap();
    let (started, mut rows) = (Instant::now(), 0u64);
    while started.elapsed() < duration() {
        let mut copy = connection
            .copy_in_raw("copy bare (ws, at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf) from stdin")
            .await
            .unwrap();
        let text = "x".repeat(PAYLOAD_BYTES);
        let lines: String = (0..1000)
            .map(|_| {
                let (stream, cmd) = (Uuid::now_v7(), Uuid::now_v7());
                format!("{}\t2026-01-01\t{stream}\t1\taccount\tMoneyMoved\t1\t{cmd}\t{}\t{{}}\t{text}\t{}\n", setup.ws.0, Actor::SYSTEM, "x".repeat(32))
            })
            .collect();
        copy.send(lines.into_bytes()).await.unwrap();
        rows += copy.finish().await.unwrap();
    }
    table.add(
        "COPY in, 1,000 rows each",
        "events/s",
        rows as f64 / started.elapsed().as_secs_f64(),
    );
}

/// A library that writes each command in a transaction of its own: as many events as the command has, and its identity.
async fn one_by_one(setup: &Setup, started: Instant) -> u64 {
    let mut connection = setup.pool.acquire().await.unwrap();
    let mut count = 0u64;
    let mut sizes = EVENTS_PER_COMMAND.iter().cycle();
    while started.elapsed() < duration() {
        let cmd = Uuid::new_v4();
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.unwrap();
        match sizes.next() {
            Some(size) if *size > 1 => bare(setup, &mut transaction, *size).await,
            _ => insert_one(setup, &mut transaction, cmd).await,
        }
        sqlx::query("insert into bare_command (ws, cmd) values ($1, $2)")
            .bind(setup.ws.0)
            .bind(cmd)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        count += 1;
    }
    count
}

async fn insert_one(setup: &Setup, connection: &mut PgConnection, cmd: Uuid) {
    sqlx::query(INSERT_ONE)
        .bind(setup.ws.0)
        .bind(Uuid::now_v7())
        .bind(1)
        .bind(cmd)
        .bind(Actor::SYSTEM.to_string())
        .bind(payload())
        .bind(vec![0u8; 32])
        .execute(connection)
        .await
        .unwrap();
}

/// Processor time of the server per event: the append function against a bare insert of as many rows.
pub async fn cpu(setup: &Setup, table: &mut Table) {
    for size in [64usize, 1024] {
        let mut connection = setup.pool.acquire().await.unwrap().detach();
        let pid: i32 =
            sqlx::query("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap().get(0);
        let events = u64::try_from(40_000 / size * size).unwrap();
        let before = cpu_ticks(pid);
        let started = Instant::now();
        for _ in 0..40_000 / size {
            bare(setup, &mut connection, size).await;
        }
        let bare_rate = events as f64 / started.elapsed().as_secs_f64();
        let bare_ticks = cpu_ticks(pid) - before;
        let before = cpu_ticks(pid);
        let started = Instant::now();
        for _ in 0..40_000 / size {
            function(setup, &mut connection, size).await;
        }
        let rate = events as f64 / started.elapsed().as_secs_f64();
        let ticks = cpu_ticks(pid) - before;
        let micros = |ticks: u64| ticks as f64 * 10_000.0 / events as f64;
        table.add(&format!("bare unnest insert, batch {size}"), "events/s", bare_rate);
        table.add(&format!("append function, batch {size}"), "events/s", rate);
        table.add(
            &format!("bare unnest insert, batch {size}"),
            "server µs/event",
            micros(bare_ticks),
        );
        table.add(&format!("append function, batch {size}"), "server µs/event", micros(ticks));
    }
}

async fn bare(setup: &Setup, connection: &mut PgConnection, size: usize) {
    let ids: Vec<Uuid> = (0..size).map(|_| Uuid::now_v7()).collect();
    sqlx::query(INSERT_MANY)
        .bind(setup.ws.0)
        .bind(&ids)
        .bind(vec![1; size])
        .bind(vec!["account"; size])
        .bind(vec!["MoneyMoved"; size])
        .bind(vec![1i16; size])
        .bind(&ids)
        .bind(vec![Actor::SYSTEM.to_string(); size])
        .bind(vec!["{}"; size])
        .bind(vec![payload(); size])
        .bind(vec![vec![0u8; 32]; size])
        .execute(connection)
        .await
        .unwrap();
}

/// As many single-event commands on streams of their own: each has an id to look up, a version to check, a row to remember it.
async fn function(setup: &Setup, connection: &mut PgConnection, size: usize) {
    let head = setup.handler.reader().head(setup.scratch).await.unwrap();
    let mut batch = AppendBatch::default();
    for _ in 0..size {
        let (stream, command) = (Uuid::now_v7(), CommandId(Uuid::new_v4()));
        batch.command(command, [0; 32]);
        let stored = StoredEvent {
            ws: setup.scratch,
            position: LogPosition(0),
            at: Timestamp::from_micros(0),
            occurred_at: Timestamp::from_micros(0),
            stream,
            version: 1,
            kind: "account".to_owned(),
            type_name: "MoneyMoved".to_owned(),
            schema_version: 1,
            command,
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            payload: payload(),
        };
        batch.event(PendingEvent { stored, occurred_at: None, directory: false }).unwrap();
        batch.guard(stream, 0);
    }
    let base = Base { head, behind: None, sure: true };
    let outcome = append(connection, setup.scratch, Uuid::nil(), &base, &batch).await.unwrap();
    assert!(matches!(outcome, Appended::Written(_)), "{outcome:?}");
}

pub fn cpu_ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
