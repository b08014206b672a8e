//! The index beside the tables on Postgres: it starts from them, never goes ahead of them, and is not trusted where they
//! disagree.

use std::sync::Arc;
use std::time::Duration;

use decider::LogPosition;
use event_store::log::{LogReader, RecentCommits};
use event_store::projection::{Checkpoints, LogSource, ProjectionType};
use events::{StatusId, TicketId};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolOptions;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::history::{CLEO, Picture, filters, live_on, started};
use crate::cursor::{Cursor, Page};
use crate::inbox::facets::follow::{FacetParts, GiveUp, Held};
use crate::inbox::facets::{Lists, start};
use crate::inbox::{self, DefaultView, Direction, Filter, Inbox, Sort, TicketRow, Visible};
use crate::registry;
use crate::tests::database::Database;
use crate::tests::history::{play, steps};
use crate::tests::log::{ANNA, BERT, Log};

const VIEWS: [DefaultView; 5] = [
    DefaultView::Unassigned,
    DefaultView::Mine,
    DefaultView::Mentions,
    DefaultView::Open,
    DefaultView::Closed,
];
const NEWEST: (Sort, Direction) = (Sort::Activity, Direction::Descending);

/// A history whose values are sealed for this database.
async fn log_in(database: &Database, seed: usize) -> Log {
    let mut log = database.log(&[]).await;
    let mut runner = TestRunner::deterministic();
    let mut many = Vec::new();
    for _ in 0..seed {
        many.extend(steps(80).new_tree(&mut runner).unwrap().current());
    }
    play(&mut log, &many);
    let extras = (0..150_u32).map(|n| ((n * 7 % 30) as u8, (n % 6) as u8, (n * 5 % 6) as u8));
    live_on(&mut log, &extras.collect::<Vec<_>>());
    log
}

fn parts(database: &Database) -> FacetParts {
    let recent = RecentCommits::default();
    let reader = LogReader::new(database.pool.clone());
    FacetParts {
        pool: database.pool.clone(),
        source: LogSource::new(reader, recent.clone()),
        recent,
        checkpoints: Checkpoints::new(database.pool.clone(), &registry()),
    }
}

async fn fold_inbox(database: &Database) -> LogPosition {
    let mut projector = database.projector(ProjectionType::of::<Inbox>());
    projector.catch_up().await.unwrap();
    projector.checkpoint().unwrap().position
}

/// Lists whose index has reached a position.
async fn ready(database: &Database, position: LogPosition) -> Lists {
    let lists = Lists::new(parts(database));
    let deadline = Instant::now() + Duration::from_secs(30);
    while lists.reached(database.ws) < Some(position) {
        assert!(Instant::now() < deadline, "the index does not reach {position}");
        sleep(Duration::from_millis(5)).await;
    }
    lists
}

/// All pages of a list, four rows each.
async fn all<F: Future<Output = Result<Page<TicketRow>, sqlx::Error>>>(
    mut page: impl FnMut(Option<Cursor>) -> F,
) -> Vec<TicketRow> {
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let found = page(next).await.unwrap();
        items.extend(found.items);
        next = found.next;
        if next.is_none() {
            return items;
        }
    }
}

async fn picture(held: &Held) -> Picture {
    Picture::of(held.index().as_ref().unwrap())
}

#[tokio::test]
async fn the_index_starts_from_the_tables_and_follows_them_and_never_goes_ahead() {
    let database = Database::new().await;
    let log = log_in(&database, 5).await;
    let (before, after) = log.events.split_at(log.events.len() / 2);
    database.append(before, &[3, 11]).await;
    fold_inbox(&database).await;
    let (parts, held) = (parts(&database), Held::new(database.ws));
    held.build(&parts).await.unwrap();
    let at_first = picture(&held).await;
    assert_eq!(at_first, Picture::of(&started(&database.rows::<Inbox>().await)));
    // The log has grown, the tables have not.
    database.append(after, &[5, 2]).await;
    held.catch_up(&parts).await.unwrap();
    assert_eq!(picture(&held).await, at_first);
    let position = fold_inbox(&database).await;
    assert_eq!(held.catch_up(&parts).await.unwrap(), position);
    assert_eq!(picture(&held).await, Picture::of(&started(&database.rows::<Inbox>().await)));
    database.remove().await;
}

#[tokio::test]
async fn lists_and_counts_are_the_same_from_memory_and_from_the_tables() {
    let database = Database::new().await;
    let log = log_in(&database, 5).await;
    database.append(&log.events, &[7]).await;
    let position = fold_inbox(&database).await;
    let (pool, ws) = (&database.pool, database.ws);
    let lists = ready(&database, position).await;
    let mut runner = TestRunner::deterministic();
    for visible in [Visible::Everything, Visible::OwnedBy(ANNA), Visible::OwnedBy(CLEO)] {
        let user = if let Visible::OwnedBy(user) = visible { user } else { BERT };
        let who = (ws, user, visible);
        for view in VIEWS {
            let memory = all(|after| lists.page(who, view, (after, 4))).await;
            let tables = all(|after| inbox::page(pool, who, view, after, 4)).await;
            assert_eq!(memory, tables, "{view:?} {visible:?}");
        }
        let counts = lists.counts(who).await.unwrap();
        assert_eq!(counts, inbox::counts(pool, ws, user, visible).await.unwrap());
        for _ in 0..60 {
            let filter = filters().new_tree(&mut runner).unwrap().current();
            for sort in [Sort::Activity, Sort::Created, Sort::Priority, Sort::Number] {
                let order = (sort, Direction::Descending);
                let memory =
                    all(|after| lists.query((ws, visible), &filter, order, (after, 4))).await;
                let tables =
                    all(|after| inbox::query(pool, (ws, visible), &filter, order, (after, 4)))
                        .await;
                assert_eq!(memory, tables, "{filter:?} {visible:?} {sort:?}");
            }
        }
    }
    lists.stop();
    database.remove().await;
}

/// A workspace with an index, and one ticket of it that is open and owned by nobody.
async fn with_one(database: &Database) -> (Lists, TicketRow) {
    let log = log_in(database, 5).await;
    database.append(&log.events, &[7]).await;
    let lists = ready(database, fold_inbox(database).await).await;
    let rows = inbox::page(
        &database.pool,
        (database.ws, ANNA, Visible::Everything),
        DefaultView::Unassigned,
        None,
        1,
    );
    let row = rows.await.unwrap().items.remove(0);
    (lists, row)
}

async fn set(database: &Database, ticket: Uuid, change: &str) {
    let sql = format!("update inbox_ticket set {change} where ws = $1 and ticket = $2");
    sqlx::query(AssertSqlSafe(sql))
        .bind(database.ws.0)
        .bind(ticket)
        .execute(&database.pool)
        .await
        .unwrap();
}

async fn shown(lists: &Lists, database: &Database, filter: &Filter, visible: Visible) -> Vec<Uuid> {
    let page = lists.query((database.ws, visible), filter, NEWEST, (None, 200));
    page.await.unwrap().items.iter().map(|row| row.ticket).collect()
}

#[tokio::test]
async fn rows_that_a_crash_took_back_are_shown_as_the_tables_have_them() {
    let database = Database::new().await;
    let (lists, row) = with_one(&database).await;
    let owned_by_nobody = Filter { owned: Some(false), ..Filter::default() };
    assert!(
        shown(&lists, &database, &owned_by_nobody, Visible::Everything).await.contains(&row.ticket)
    );
    // As it was one event earlier: the index is ahead until it notices.
    set(&database, row.ticket, "version = version - 1, owner_user = gen_random_uuid()").await;
    assert!(
        !shown(&lists, &database, &owned_by_nobody, Visible::Everything)
            .await
            .contains(&row.ticket)
    );
    sqlx::query("delete from inbox_ticket where ws = $1 and ticket = $2")
        .bind(database.ws.0)
        .bind(row.ticket)
        .execute(&database.pool)
        .await
        .unwrap();
    // The index would begin with it, and the page would lack one.
    let first = Filter { statuses: vec![StatusId(row.status)], ..owned_by_nobody };
    let who = (database.ws, Visible::Everything);
    let page = lists.query(who, &first, NEWEST, (None, 2)).await.unwrap();
    let tables = inbox::query(&database.pool, who, &first, NEWEST, (None, 2)).await.unwrap();
    assert_eq!(page, tables);
    assert!(page.items.iter().all(|shown| shown.ticket != row.ticket));
    lists.stop();
    database.remove().await;
}

#[tokio::test]
async fn a_row_that_changed_since_is_shown_only_where_it_belongs_and_to_whom_x03() {
    let database = Database::new().await;
    let (lists, row) = with_one(&database).await;
    let all = Filter::default();
    let owned_by_nobody = Filter { owned: Some(false), ..all.clone() };
    set(&database, row.ticket, "version = version + 1, last_activity_at = last_activity_at + 1")
        .await;
    let found = shown(&lists, &database, &owned_by_nobody, Visible::Everything).await;
    assert!(found.contains(&row.ticket), "what just moved stays on a first page");
    // It has moved beyond this page: shown here, it could be met twice.
    let before = Cursor { first: row.last_activity_at, second: 0, id: Uuid::max() };
    let after = lists.query((database.ws, Visible::Everything), &all, NEWEST, (Some(before), 200));
    assert!(after.await.unwrap().items.iter().all(|shown| shown.ticket != row.ticket));
    set(&database, row.ticket, "owner_user = '00000000-0000-0000-0000-0000000000ee'").await;
    let found = shown(&lists, &database, &owned_by_nobody, Visible::Everything).await;
    assert!(!found.contains(&row.ticket), "it matches no more");
    // One that Anna owned a moment ago.
    let owned = Filter { owners: vec![ANNA], ..all.clone() };
    let hers = shown(&lists, &database, &owned, Visible::OwnedBy(ANNA)).await;
    let lost = *hers.first().unwrap();
    set(&database, lost, "version = version + 1, owner_user = null").await;
    assert!(!shown(&lists, &database, &all, Visible::OwnedBy(ANNA)).await.contains(&lost));
    let view =
        lists.page((database.ws, ANNA, Visible::OwnedBy(ANNA)), DefaultView::Mine, (None, 200));
    assert!(view.await.unwrap().items.iter().all(|shown| shown.ticket != lost));
    lists.stop();
    database.remove().await;
}

#[tokio::test]
async fn an_index_that_may_not_be_trusted_is_given_up_and_made_again() {
    let database = Database::new().await;
    let log = log_in(&database, 3).await;
    database.append(&log.events, &[4]).await;
    let position = fold_inbox(&database).await;
    let (parts, held) = (parts(&database), Arc::new(Held::new(database.ws)));
    let schema = held.build(&parts).await.unwrap();
    held.catch_up(&parts).await.unwrap();
    // Another stream is left out.
    let some = log.events.iter().find(|event| event.kind == "ticket").unwrap().stream;
    sqlx::query(
        "insert into proj.quarantine (ws, schema_name, stream, pos, error) values ($1, $2, $3, 1, 'x')",
    )
    .bind(database.ws.0)
    .bind(&schema)
    .bind(some)
    .execute(&database.pool)
    .await
    .unwrap();
    assert_changed(held.catch_up(&parts).await, "leaves out");
    held.build(&parts).await.unwrap();
    held.catch_up(&parts).await.unwrap();
    // The newest checkpoints are gone, as after a crash.
    let cut = "delete from proj.checkpoint where ws = $1 and schema_name = $2 and pos = $3";
    let rows =
        sqlx::query(cut).bind(database.ws.0).bind(&schema).bind(i64::try_from(position.0).unwrap());
    assert!(rows.execute(&database.pool).await.unwrap().rows_affected() > 0);
    assert_changed(held.catch_up(&parts).await, "set back");
    database.remove().await;
}

#[tokio::test]
async fn a_log_that_was_set_back_is_not_followed() {
    let database = Database::new().await;
    let log = log_in(&database, 3).await;
    let (before, after) = log.events.split_at(log.events.len() / 2);
    database.append(before, &[4]).await;
    fold_inbox(&database).await;
    let (parts, held) = (parts(&database), Held::new(database.ws));
    held.build(&parts).await.unwrap();
    database.append(after, &[4]).await;
    fold_inbox(&database).await;
    // Under the number of the commit that the index stands at there is another one.
    held.forge_checkpoint();
    let failed = held.catch_up(&parts).await.unwrap_err();
    assert_eq!(failed.reason(), "rewound");
    parts.recent.continuity().rewound_at(database.ws, 1);
    assert_changed(held.catch_up(&parts).await, "rewound");
    database.remove().await;
}

#[tokio::test]
async fn tables_in_another_schema_are_noticed() {
    let database = Database::new().await;
    let (parts, held) = (parts(&database), Held::new(database.ws));
    let schema = held.build(&parts).await.unwrap();
    assert!(!start::has_moved(&database.pool, &schema).await.unwrap());
    sqlx::raw_sql("create schema later; create table later.inbox_ticket (ws uuid)")
        .execute(&database.pool)
        .await
        .unwrap();
    let later = PgPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::raw_sql("set search_path to later").execute(connection).await.map(drop)
        })
    });
    let later = later.connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    assert!(start::has_moved(&later, &schema).await.unwrap());
    later.close().await;
    database.remove().await;
}

fn assert_changed(outcome: Result<LogPosition, GiveUp>, what: &str) {
    match outcome {
        Err(GiveUp::Changed(reason)) => assert!(reason.contains(what), "{reason}"),
        other => panic!("expected that it is given up: {other:?}"),
    }
}

#[tokio::test]
async fn a_list_is_right_while_there_is_no_index_and_while_many_write() {
    let database = Database::new().await;
    let log = log_in(&database, 4).await;
    let lists = Lists::new(parts(&database));
    let (ws, all) = (database.ws, Filter::default());
    for part in log.events.chunks(40) {
        database.append(part, &[3]).await;
        fold_inbox(&database).await;
        // Whether from memory or not: as new as the tables.
        let page = |after| lists.query((ws, Visible::Everything), &all, NEWEST, (after, 4));
        let mut expected: Vec<(i64, Uuid)> = database
            .rows::<Inbox>()
            .await
            .tickets
            .rows()
            .iter()
            .map(|row| (row.last_activity_at, row.ticket))
            .collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let found: Vec<(i64, Uuid)> = all_of(page).await;
        assert_eq!(found, expected);
        let ids: Vec<TicketId> = found.iter().map(|(_, id)| TicketId(*id)).collect();
        assert_eq!(inbox::tickets(&database.pool, ws, &ids).await.unwrap().len(), ids.len());
    }
    lists.stop();
    database.remove().await;
}

async fn all_of<F: Future<Output = Result<Page<TicketRow>, sqlx::Error>>>(
    page: impl FnMut(Option<Cursor>) -> F,
) -> Vec<(i64, Uuid)> {
    all(page).await.iter().map(|row| (row.last_activity_at, row.ticket)).collect()
}
