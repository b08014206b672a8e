//! The running engine: it follows, waits, stands by, survives lost connections, and stops where it should.

use std::time::Duration;

use decider::LogPosition;
use event_store::log::LogReader;
use event_store::projection::{
    Checkpoints, Engine, EngineHandle, EngineParts, Freshness, ProjectionState, ProjectionType,
    SearchPath, prepare,
};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::database::{Database, raw};
use crate::toy::{ELSEWHERE, Toy, ToyEvent};

type View = Toy<false>;
pub const LONG: Duration = Duration::from_secs(20);

fn made() -> ToyEvent {
    ToyEvent::Made { label: "a".to_owned() }
}

pub fn start(database: &Database) -> (EngineHandle, watch::Sender<bool>) {
    start_with(database, vec![ProjectionType::of::<View>(), ProjectionType::of::<Toy<true>>()])
}

pub fn start_with(
    database: &Database,
    projections: Vec<ProjectionType>,
) -> (EngineHandle, watch::Sender<bool>) {
    let (stop, shutdown) = watch::channel(false);
    let parts = EngineParts {
        readers: std::sync::Arc::new(|_| {}),
        projections,
        reader: LogReader::new(database.pool.clone()),
        recent: database.recent.clone(),
        pool: database.pool.clone(),
        vault: None,
        shutdown,
    };
    (Engine::start(parts), stop)
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "not so: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub async fn state(engine: &EngineHandle, name: &str, wanted: ProjectionState) {
    let deadline = Instant::now() + LONG;
    while !engine.status().iter().any(|status| status.name == name && status.state == wanted) {
        assert!(Instant::now() < deadline, "{name} is not {wanted:?}: {:?}", engine.status());
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_what_it_wrote_once_the_view_has_reached_it() {
    let mut database = Database::new().await;
    let (engine, _stop) = start(&database);
    for n in 1..=30_u64 {
        database.commit_here(&[raw(u128::from(n), &made())]).await;
        let freshness = engine.checkpoints().wait(database.ws, "toy", LogPosition(n), LONG).await;
        assert_eq!(freshness, Freshness::Reached);
        assert_eq!(database.rows::<View>().await.boxes.rows().len() as u64, n);
    }
    let soon = Duration::from_millis(5);
    let never = engine.checkpoints().wait(database.ws, "toy", LogPosition(31), soon).await;
    assert_eq!(never, Freshness::Stale);
    assert_eq!(engine.checkpoints().known(database.ws, "toy"), LogPosition(30));
    engine.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_wake_up_the_poll_finds_new_commits_and_new_workspaces() {
    let mut database = Database::new().await;
    let (engine, _stop) = start(&database);
    state(&engine, "toy", ProjectionState::Following).await;
    database.commit(&[raw(1, &made())]).await;
    assert_eq!(
        engine.checkpoints().wait(database.ws, "toy", LogPosition(1), LONG).await,
        Freshness::Reached
    );
    database.new_workspace().await;
    database.commit(&[raw(1, &made())]).await;
    assert_eq!(
        engine.checkpoints().wait(database.ws, "toy", LogPosition(1), LONG).await,
        Freshness::Reached
    );
    assert_eq!(engine.status().len(), 4);
    engine.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_stands_by_and_takes_over_when_the_first_ends() {
    let mut database = Database::new().await;
    let (first, stop) = start(&database);
    state(&first, "toy", ProjectionState::Following).await;
    let (second, _stop) = start(&database);
    state(&second, "toy", ProjectionState::Standby).await;
    database.commit(&[raw(1, &made())]).await;
    // The second node does not fold, but it can tell by the stored checkpoint.
    let known = Checkpoints::new(database.pool.clone(), &[ProjectionType::of::<View>()]);
    assert_eq!(known.wait(database.ws, "toy", LogPosition(1), LONG).await, Freshness::Reached);
    assert_eq!(
        second.checkpoints().wait(database.ws, "toy", LogPosition(1), LONG).await,
        Freshness::Reached
    );
    stop.send_replace(true);
    first.stop().await;
    state(&second, "toy", ProjectionState::Following).await;
    database.commit(&[raw(2, &made())]).await;
    assert_eq!(
        second.checkpoints().wait(database.ws, "toy", LogPosition(2), LONG).await,
        Freshness::Reached
    );
    second.stop().await;
    database.remove().await;
}

/// How many checkpoints of the view are stored.
async fn stored_checkpoints(database: &Database) -> u128 {
    let sql = "select count(*) from proj.checkpoint where schema_name = $1";
    let stored: i64 = sqlx::query_scalar(sql)
        .bind(ProjectionType::of::<View>().schema_name())
        .fetch_one(&database.pool)
        .await
        .unwrap();
    u128::try_from(stored).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_concern_no_row_are_passed_over_without_a_write_for_each() {
    let mut database = Database::new().await;
    let (engine, stop) = start(&database);
    let elsewhere = [(uuid::Uuid::from_u128(9), ELSEWHERE, b"{}".to_vec())];
    let known = Checkpoints::new(database.pool.clone(), &[ProjectionType::of::<View>()]);
    database.commit_here(&[raw(1, &made())]).await;
    let here = engine.checkpoints();
    assert_eq!(here.wait(database.ws, "toy", LogPosition(1), LONG).await, Freshness::Reached);
    let (before, began) = (stored_checkpoints(&database).await, Instant::now());
    for _ in 0..60 {
        database.commit_here(&elsewhere).await;
    }
    assert_eq!(here.wait(database.ws, "toy", LogPosition(61), LONG).await, Freshness::Reached);
    // Another node can only tell by the stored place, which follows a little later.
    assert_eq!(known.wait(database.ws, "toy", LogPosition(61), LONG).await, Freshness::Reached);
    let most = 2 + began.elapsed().as_millis() / 100;
    let written = stored_checkpoints(&database).await - before;
    assert!((1..=most).contains(&written), "{written} of {most}");
    // The next row takes the place along, and the end writes it down.
    database.commit_here(&[raw(1, &ToyEvent::Put { count: 1 })]).await;
    database.commit_here(&elsewhere).await;
    assert_eq!(here.wait(database.ws, "toy", LogPosition(63), LONG).await, Freshness::Reached);
    stop.send_replace(true);
    engine.stop().await;
    assert_eq!(known.wait(database.ws, "toy", LogPosition(63), LONG).await, Freshness::Reached);
    assert_eq!(database.rows::<View>().await.boxes.rows()[0].count, 1);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_survived_and_every_event_is_applied_once() {
    let mut database = Database::new().await;
    let (engine, _stop) = start(&database);
    let options = database.pool.connect_options();
    let mut admin = PgConnection::connect_with(&options).await.unwrap();
    database.commit_here(&[raw(1, &made())]).await;
    for _ in 0..20_u64 {
        database.commit_here(&[raw(1, &ToyEvent::Put { count: 1 })]).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .execute(&mut admin)
        .await
        .unwrap();
        sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(
        engine.checkpoints().wait(database.ws, "toy", LogPosition(21), LONG).await,
        Freshness::Reached
    );
    assert_eq!(database.rows::<View>().await.boxes.rows()[0].count, 20);
    engine.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_view_stops_and_says_why_while_the_others_go_on() {
    let mut database = Database::new().await;
    let (engine, _stop) = start(&database);
    database.commit_here(&[raw(1, &made()), raw(2, &ToyEvent::Broken)]).await;
    state(&engine, "toy_sum", ProjectionState::Stopped).await;
    assert_eq!(
        engine.checkpoints().wait(database.ws, "toy", LogPosition(2), LONG).await,
        Freshness::Reached
    );
    state(&engine, "toy", ProjectionState::Following).await;
    let statuses = engine.status();
    let stopped = statuses.iter().find(|status| status.name == "toy_sum").unwrap();
    assert!(stopped.reason.as_ref().unwrap().contains("broken"), "{stopped:?}");
    let following = statuses.iter().find(|status| status.name == "toy").unwrap();
    assert_eq!((following.quarantined, following.lag_events, following.checkpoint.0), (1, 0, 2));
    engine.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn readers_find_the_tables_by_unqualified_names_and_old_versions_are_kept_for_a_way_back() {
    let database = Database::new().await;
    let path = prepare(&database.pool, &[ProjectionType::of::<View>()]).await.unwrap();
    assert_eq!(path, SearchPath::of(&[ProjectionType::of::<View>()]));
    assert_eq!(path.as_str(), "\"toy_v3\"");
    let mut connection = database.pool.acquire().await.unwrap();
    path.set_on(&mut connection).await.unwrap();
    sqlx::query("select count(*) from toy_box").fetch_one(&mut *connection).await.unwrap();
    let mut newer = ProjectionType::of::<View>();
    newer.version = 4;
    prepare(&database.pool, &[newer]).await.unwrap();
    let states: Vec<(i32, String)> =
        sqlx::query_as("select version, state from proj.build where name = 'toy' order by version")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    assert_eq!(states, [(3, "ready".to_owned()), (4, "active".to_owned())]);
    drop(connection);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_may_prepare_at_once() {
    let database = Database::new().await;
    let mut newer = ProjectionType::of::<View>();
    newer.version = 9;
    let all = (0..6).map(|_| prepare(&database.pool, std::slice::from_ref(&newer)));
    for prepared in futures_util::future::join_all(all).await {
        prepared.unwrap();
    }
    database.remove().await;
}
