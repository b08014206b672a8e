//! Message DB: the functions of its npm package, installed file by file as its `install.sh` does, and called as a client
//! library would: `get_stream_messages`, fold, decide, `write_message` with the version that was read. It offers no consumer.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio::runtime::Runtime;
use uuid::Uuid;
use work::domain::{Command, Event, Ticket};
use work::measure::{Desk, Load, Measured, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};

/// Where npm put the package.
const PACKAGE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../npm/node_modules/@eventide/message-db/database");

/// The files of `install.sh` in its order. Reports (`views`) and rights of another user (`privileges`) are left out.
const FILES: [&str; 18] = [
    "schema/message-store",
    "extensions/pgcrypto",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "functions/get-stream-messages",
    "functions/get-last-stream-message",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
];

#[derive(Clone)]
struct Streams(PgPool);

impl Desk for Streams {
    /// The lock of `write_message` is held on the whole category, so appends come one after another and none is refused.
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        let stream = format!("ticket-{ticket}");
        let rows = sqlx::query("select type, position, data from get_stream_messages($1)")
            .bind(&stream)
            .fetch_all(&self.0)
            .await
            .unwrap();
        let (mut state, mut version) = (Ticket::default(), -1_i64);
        for row in rows {
            version = row.get("position");
            state.evolve(&serde_json::from_str::<Event>(row.get("data")).unwrap());
        }
        let event = state.decide(command).unwrap();
        sqlx::query("select write_message($1, $2, $3, $4, null, $5)")
            .bind(Uuid::now_v7().to_string())
            .bind(&stream)
            .bind(event.type_name())
            .bind(serde_json::to_value(&event).unwrap())
            .bind(version)
            .execute(&self.0)
            .await
            .unwrap();
        0
    }
}

struct MessageDb {
    runtime: Runtime,
}

async fn pool(size: u32) -> PgPool {
    let options: PgConnectOptions = database_url().parse().unwrap();
    let options = options.options([("search_path", "message_store,public")]);
    PgPoolOptions::new().max_connections(size).connect_with(options).await.unwrap()
}

impl Peer for MessageDb {
    fn prepare(&mut self) {
        self.runtime.block_on(async {
            let pool = pool(1).await;
            for file in FILES {
                let path = Path::new(PACKAGE).join(file).with_extension("sql");
                let text = std::fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&pool).await.unwrap();
            }
        });
    }

    fn commands(&mut self, load: Load) -> Measured {
        self.runtime.block_on(async {
            let pool = pool(load.pool).await;
            let measured = measure(&Streams(pool.clone()), load, tokio::spawn).await;
            pool.close().await;
            measured
        })
    }

    fn count(&mut self) -> u64 {
        self.runtime.block_on(async {
            let count: i64 = sqlx::query_scalar("select count(*) from messages")
                .fetch_one(&pool(1).await)
                .await
                .unwrap();
            count as u64
        })
    }

    fn fill(&mut self, _: u64) {}

    fn catch_up(&mut self, _: Duration) -> Option<CaughtUp> {
        None
    }
}

fn main() {
    serve(MessageDb { runtime: Runtime::new().unwrap() });
}
