//! The connection is cut at every stage of an append: whatever the client is told, the command has one effect, and its repeat
//! answers the original positions.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use event_store::handler::HandleError;
use event_store::log::RecentCommits;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, Node};

/// Stands between a pool and the database, and cuts a connection after so many bytes in one direction.
struct Proxy {
    folder: tempfile::TempDir,
    up: Arc<AtomicI64>,
    down: Arc<AtomicI64>,
    cut: Arc<Notify>,
}

const WHOLE: i64 = i64::MAX;

impl Proxy {
    fn start(socket: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(socket.file_name().unwrap())).unwrap();
        let proxy = Self {
            folder,
            up: Arc::new(AtomicI64::new(WHOLE)),
            down: Arc::new(AtomicI64::new(WHOLE)),
            cut: Arc::new(Notify::new()),
        };
        let (up, down) = (Arc::clone(&proxy.up), Arc::clone(&proxy.down));
        let cut = Arc::clone(&proxy.cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                let (up, down, cut) = (Arc::clone(&up), Arc::clone(&down), Arc::clone(&cut));
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    tokio::select! {
                        () = pass(&mut from_client, &mut to_server, &up) => {}
                        () = pass(&mut from_server, &mut to_client, &down) => {}
                    }
                    // Both directions end here; the next connection is not cut.
                    up.store(WHOLE, Ordering::SeqCst);
                    down.store(WHOLE, Ordering::SeqCst);
                    cut.notify_one();
                });
            }
        });
        proxy
    }
}

/// Passes bytes on until there are none, or the allowance is spent.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    allowance: &AtomicI64,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let left = allowance.load(Ordering::SeqCst);
        let taken = if left == WHOLE { count } else { count.min(usize::try_from(left).unwrap()) };
        if to.write_all(&buffer[..taken]).await.is_err() || taken < count {
            return;
        }
        if left != WHOLE {
            allowance.fetch_sub(i64::try_from(taken).unwrap(), Ordering::SeqCst);
        }
    }
}

async fn node_behind(database: &Database) -> (Proxy, Node) {
    let options: PgConnectOptions = database.url.parse().unwrap();
    let socket = options.get_socket().unwrap().join(format!(".s.PGSQL.{}", options.get_port()));
    let proxy = Proxy::start(socket);
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(options.socket(proxy.folder.path()))
        .await
        .unwrap();
    let node = database.node_with(pool, database.pool.clone(), RecentCommits::default()).await;
    (proxy, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_in_an_append_changes_no_answer() {
    let database = Database::new().await;
    let (proxy, node) = node_behind(&database).await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    // The sizes reach a little beyond what an append of one command takes in each direction.
    let ups = [0, 1, 5, 60, 200, 400, 600, 800, 900, 1000, 1100];
    let downs = [0, 1, 5, 30, 60, 100, 150, 200, 300];
    let stages = ups.iter().map(|up| (*up, WHOLE)).chain(downs.iter().map(|down| (WHOLE, *down)));
    let (mut expected, mut cuts) = (1, 0);
    for (up, down) in stages {
        // So that its connection is warm: the statement is prepared.
        node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
        proxy.up.store(up, Ordering::SeqCst);
        proxy.down.store(down, Ordering::SeqCst);
        let command = Uuid::new_v4();
        let deposit = Bank::Deposit { id, amount: 1 };
        let answer = match node.send_as(command, deposit.clone()).await {
            Ok(answer) => answer,
            Err(HandleError::Unavailable) => node.send_as(command, deposit.clone()).await.unwrap(),
            Err(other) => panic!("{up} {down}: {other:?}"),
        };
        let was_cut = tokio::time::timeout(Duration::from_millis(50), proxy.cut.notified()).await;
        cuts += u32::from(was_cut.is_ok());
        proxy.up.store(WHOLE, Ordering::SeqCst);
        proxy.down.store(WHOLE, Ordering::SeqCst);
        expected += 2;
        assert_eq!(answer.position.0, expected, "{up} {down}");
        for node in [node.clone(), database.node().await] {
            let again = node.send_as(command, deposit.clone()).await.unwrap();
            assert!(again.duplicate);
            assert_eq!(
                (again.position, again.version_of(id)),
                (answer.position, answer.version_of(id))
            );
        }
    }
    assert!(cuts >= 10, "{cuts} of the stages were within the append");
    let report = database.verify().await;
    assert_eq!((report.events, report.findings.len()), (expected, 0));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_under_load_lose_and_double_nothing() {
    let database = Database::new().await;
    let (proxy, node) = node_behind(&database).await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let command = Uuid::new_v4();
                    while let Err(error) =
                        node.send_as(command, Bank::Deposit { id, amount: 1 }).await
                    {
                        assert!(matches!(error, HandleError::Unavailable), "{error:?}");
                    }
                }
            })
        })
        .collect();
    let cutting = async {
        for n in 0i64.. {
            tokio::time::sleep(Duration::from_millis(70)).await;
            let slot = if n % 2 == 0 { &proxy.up } else { &proxy.down };
            slot.store(n * 97 % 3000, Ordering::SeqCst);
        }
    };
    tokio::select! {
        () = cutting => {}
        done = futures_util::future::join_all(callers) => done.into_iter().for_each(Result::unwrap),
    }
    let report = database.verify().await;
    assert_eq!((report.events, report.findings.len()), (1 + 8 * 25, 0));
    database.remove().await;
}
