//! How fast a log is verified, beside the hashing of the same core and the plain reading of the same rows.

use std::time::Instant;

use decider::{Actor, CommandId, EventContext, LogPosition, StoredEvent, Timestamp};
use event_store::log::{
    AppendBatch, Appended, Base, Head, LeafInput, PendingEvent, Verification, append, leaf,
};
use futures_util::TryStreamExt;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::baseline::cpu_ticks;
use crate::machine;
use crate::setup::{Setup, number};
use crate::table::Table;

/// Events of one commit, of one command, and of one stream.
const SIZES: (u32, u32, u32) = (128, 2, 10);

/// How many leaves are kept in memory to be hashed again and again.
const SAMPLE: i64 = 20_000;

/// Writes a log of `EVENTS` events, and verifies it `ROUNDS` times.
pub async fn measure(setup: &Setup, table: &mut Table) {
    let events = u32::try_from(number("EVENTS", 300_000)).unwrap();
    write(setup, events).await;
    sqlx::query("vacuum analyze es.event").execute(&setup.pool).await.unwrap();
    let hashed: i64 = sqlx::query_scalar(
        "select sum(length(payload) + length(meta) + length(actor) + length(kind) + length(type) + 112)::bigint
           from es.event where ws = $1",
    )
    .bind(setup.scratch.0)
    .fetch_one(&setup.pool)
    .await
    .unwrap();
    let sample = sample(setup).await;
    for _ in 0..number("ROUNDS", 7) {
        machine::hashing(table);
        let measure = Measure::begin(setup).await;
        hash(setup, &sample, events);
        measure.end(setup, table, LEAVES, (events, hashed)).await;
        let measure = Measure::begin(setup).await;
        read(setup, events).await;
        measure.end(setup, table, READ, (events, hashed)).await;
        for (readers, what) in VERIFY {
            let measure = Measure::begin(setup).await;
            let verification = Verification::of(setup.scratch).beside(readers);
            let report = verification.run(&setup.pool, |_| {}).await.unwrap();
            assert_eq!((report.findings.len(), report.events), (0, u64::from(events)));
            measure.end(setup, table, what, (events, hashed)).await;
        }
    }
    for (_, what) in VERIFY {
        for limit in [SHA, LEAVES, READ] {
            table.ratio(what, limit, "MB/s");
        }
    }
}

const SHA: &str = "SHA-256, one core";
const LEAVES: &str = "the same leaves from memory, one core";
const READ: &str = "read the same rows, nothing else, one connection";
const VERIFY: [(usize, &str); 2] =
    [(0, "verify over one connection"), (2, "verify with two readers beside it")];

/// What something takes: by the clock, and of the processors, which tells more on a machine that has other work.
struct Measure {
    started: Instant,
    program: u64,
    server: u64,
}

impl Measure {
    async fn begin(setup: &Setup) -> Self {
        let server = server_ticks(setup).await;
        Self { started: Instant::now(), program: program_ticks(), server }
    }

    async fn end(self, setup: &Setup, table: &mut Table, what: &str, (events, bytes): (u32, i64)) {
        let seconds = self.started.elapsed().as_secs_f64();
        let program = program_ticks() - self.program;
        let server = server_ticks(setup).await.saturating_sub(self.server);
        let micros = |ticks: u64| ticks as f64 * 10_000.0 / f64::from(events);
        table.add(what, "events/s", f64::from(events) / seconds);
        table.add(what, "MB/s", bytes as f64 / 1e6 / seconds);
        table.add(what, "program µs/event", micros(program));
        table.add(what, "server µs/event", micros(server));
    }
}

fn program_ticks() -> u64 {
    cpu_ticks(i32::try_from(std::process::id()).unwrap())
}

/// Of the server's processes that are connected: the pool keeps its connections.
async fn server_ticks(setup: &Setup) -> u64 {
    let pids: Vec<i32> = sqlx::query_scalar(
        "select pid from pg_stat_activity where backend_type = 'client backend'",
    )
    .fetch_all(&setup.pool)
    .await
    .unwrap();
    pids.into_iter().map(cpu_ticks).sum()
}

/// The statement of the verification, over the whole log.
async fn read(setup: &Setup, events: u32) {
    let mut rows = sqlx::query(include_str!("../../src/log/sql/verify_events.sql"))
        .bind(setup.scratch.0)
        .bind(1_i64)
        .bind(i64::from(events))
        .fetch(&setup.pool);
    while let Some(row) = rows.try_next().await.unwrap() {
        std::hint::black_box(row.try_get_raw(11).unwrap());
    }
}

async fn sample(setup: &Setup) -> Vec<PgRow> {
    sqlx::query(include_str!("../../src/log/sql/verify_events.sql"))
        .bind(setup.scratch.0)
        .bind(1_i64)
        .bind(SAMPLE)
        .fetch_all(&setup.pool)
        .await
        .unwrap()
}

fn hash(setup: &Setup, sample: &[PgRow], events: u32) {
    let inputs: Vec<LeafInput<'_>> = sample
        .iter()
        .map(|row| LeafInput {
            stream: row.get(3),
            version: u32::try_from(row.get::<i32, _>(4)).unwrap(),
            kind: row.get::<&str, _>(5).as_bytes(),
            type_name: row.get::<&str, _>(6).as_bytes(),
            schema_version: 1,
            command: row.get(8),
            occurred_at: None,
            actor: row.get::<&str, _>(9).as_bytes(),
            meta: row.get::<&str, _>(10).as_bytes(),
            payload: row.get(11),
        })
        .collect();
    for input in inputs.iter().cycle().take(events as usize) {
        std::hint::black_box(leaf(setup.scratch, input));
    }
}

async fn write(setup: &Setup, events: u32) {
    let payload = format!("{{\"text\":\"{}\"}}", "sealed words ".repeat(24)).into_bytes();
    let mut connection = setup.pool.acquire().await.unwrap();
    let (mut head, mut streams, mut number) = (Head::EMPTY, Vec::new(), 0);
    let (per_commit, per_command, per_stream) = SIZES;
    while number < events {
        let mut batch = AppendBatch::default();
        let mut command = CommandId(Uuid::now_v7());
        for ordinal in 0..per_commit.min(events - number) {
            if ordinal % per_command == 0 {
                command = CommandId(Uuid::now_v7());
                batch.command(command, [7; 32]);
            }
            // A hundred streams grow beside each other.
            let (round, slot) = (number / (100 * per_stream), number as usize % 100);
            if streams.len() <= slot || number % (100 * per_stream) < 100 {
                streams.resize(streams.len().max(slot + 1), Uuid::nil());
                streams[slot] = Uuid::from_u128((u128::from(round) << 64) | (slot as u128 + 1));
            }
            let stored = StoredEvent {
                ws: setup.scratch,
                position: LogPosition(0),
                at: Timestamp::default(),
                occurred_at: Timestamp::default(),
                stream: streams[slot],
                version: number % (100 * per_stream) / 100 + 1,
                kind: "ticket".to_owned(),
                type_name: "MessageReceived".to_owned(),
                schema_version: 1,
                command,
                actor: Actor::SYSTEM,
                context: EventContext::default(),
                payload: payload.clone(),
            };
            batch.event(PendingEvent { stored, occurred_at: None, directory: false }).unwrap();
            number += 1;
        }
        let base = Base::from(head);
        let outcome = append(&mut connection, setup.scratch, Uuid::nil(), &base, &batch).await;
        let Ok(Appended::Written(written)) = outcome else { panic!("not written: {outcome:?}") };
        head = written;
    }
}
