//! A view is built anew beside the one that is read: the same rows, whatever cut it off; compared, switched, given up.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_store::projection::rebuild::{
    BuildState, DifferenceKind, Force, Progress, RebuildError, Scrubbed, Workshop,
};
use event_store::projection::{Freshness, ProjectionState, ProjectionType};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::builds::{note, view};
use crate::database::{Database, Raw, raw};
use crate::following::{LONG, start_with, state};
use crate::toy::{NewerToy, Toy, ToyEvent};

fn quiet(_: Progress) {}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_view_holds_the_same_rows_and_has_the_same_indexes() {
    let mut database = Database::new().await;
    database.fill(90).await;
    let first = database.ws;
    database.catch_up().await;
    database.new_workspace().await;
    database.fill(12).await;
    database.catch_up().await;
    let rebuilt = database.workshop().rebuild(view(), &quiet).await.unwrap();
    assert_eq!((rebuilt.build, rebuilt.differences.len()), (2, 0));
    assert!(rebuilt.rows_compared.unwrap() > 20, "{rebuilt:?}");
    assert_eq!(database.rows_of(2).await, database.rows_of(1).await);
    database.ws = first;
    assert_eq!(database.rows_of(2).await, database.rows_of(1).await);
    assert_eq!(database.states().await, [(1, BuildState::Active), (2, BuildState::Ready)]);
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select schemaname::text, string_agg(regexp_replace(indexdef, ' ON [^ ]*[.]', ' ON '), ' ' order by indexname) \
           from pg_indexes \
         where schemaname in ('toy_v3', 'toy_v3_b2') group by 1 order by 1",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert_eq!(indexes[0].1, indexes[1].1);
    assert!(indexes[0].1.contains("toy_box_index_me"), "{indexes:?}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_is_cut_off_it_goes_on_and_ends_with_the_same_rows() {
    let mut database = Database::new().await;
    database.fill(60).await;
    database.catch_up().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    for cut in 0.. {
        let (workshop, seen, told) = (database.workshop(), Arc::clone(&seen), AtomicU32::new(0));
        let run = tokio::spawn(async move {
            let tell = move |progress: Progress| {
                // Some runs get a little further than others.
                if told.fetch_add(1, Ordering::Relaxed) == cut % 4 {
                    seen.lock().unwrap().push(progress.state);
                    panic!("cut off");
                }
            };
            workshop.rebuild(view(), &tell).await
        });
        match run.await {
            Ok(Ok(_) | Err(RebuildError::Waiting { build: 2, .. })) => break,
            Ok(Err(error)) => panic!("{error:?}"),
            Err(_) => {}
        }
        assert!(cut < 400, "it does not come to an end");
        released(&database).await;
    }
    let seen = seen.lock().unwrap().clone();
    let all = [
        BuildState::Planned,
        BuildState::Copying,
        BuildState::Indexing,
        BuildState::CatchingUp,
        BuildState::Verifying,
    ];
    assert!(all.iter().all(|state| seen.contains(state)), "{seen:?}");
    assert_eq!(database.states().await.last(), Some(&(2, BuildState::Ready)));
    assert_eq!(database.rows_of(2).await, database.rows_of(1).await);
    database.remove().await;
}

/// Waits until the sessions of what was cut off have ended.
async fn released(database: &Database) {
    let deadline = Instant::now() + LONG;
    let held = "select count(*) from pg_locks where locktype = 'advisory' \
                and database = (select oid from pg_database where datname = current_database())";
    while sqlx::query_scalar::<_, i64>(held).fetch_one(&database.pool).await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "a lock is held");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_who_rebuilds_the_same_view_is_told_and_another_view_is_not_concerned() {
    let mut database = Database::new().await;
    database.fill(40).await;
    database.catch_up().await;
    let (workshop, other) = (database.workshop(), database.workshop());
    let (begun, mut beginning) = tokio::sync::watch::channel(false);
    let mut first = tokio::spawn(async move {
        let tell = move |_: Progress| {
            begun.send_replace(true);
        };
        workshop.rebuild(view(), &tell).await
    });
    beginning.wait_for(|begun| *begun).await.unwrap();
    let second = other.rebuild(view(), &quiet).await;
    let sum = ProjectionType::of::<Toy<true>>();
    match second {
        Err(RebuildError::Busy { name: "toy" } | RebuildError::Waiting { name: "toy", .. }) => {}
        unexpected => panic!("{unexpected:?}"),
    }
    assert!(other.rebuild(sum, &quiet).await.is_ok());
    (&mut first).await.unwrap().unwrap();
    let again = other.rebuild(view(), &quiet).await;
    assert!(matches!(again, Err(RebuildError::Waiting { build: 2, .. })), "{again:?}");
    let unknown = Workshop::view("inbx", &[view(), sum]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no view inbx; there are: toy, toy_sum");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_edited_by_hand_are_found_and_named() {
    let mut database = Database::new().await;
    database.fill(40).await;
    database.catch_up().await;
    let verified = database.workshop().verify(view(), &quiet).await.unwrap();
    assert_eq!(verified.differences, []);
    assert!(verified.rows > 10, "{verified:?}");
    database.run("update toy_v3.toy_box set count = count + 1 where id = '00000000-0000-0000-0000-000000000001'").await;
    database
        .run("delete from toy_v3.toy_box where id = '00000000-0000-0000-0000-000000000002'")
        .await;
    database.run("insert into toy_v3.toy_mark select ws, id, '00000000-0000-0000-0000-00000000000f', tags, seen, raw, at, n from toy_v3.toy_mark limit 1").await;
    let verified = database.workshop().verify(view(), &quiet).await.unwrap();
    let found: Vec<_> = verified
        .differences
        .iter()
        .map(|found| (found.table.as_str(), found.what, found.key.clone()))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    let of = |what| found.iter().find(|found| found.1 == what).unwrap();
    assert_eq!(of(DifferenceKind::Changed).2, "id=00000000-0000-0000-0000-000000000001");
    assert_eq!(of(DifferenceKind::Missing).2, "id=00000000-0000-0000-0000-000000000002");
    let extra = of(DifferenceKind::Extra);
    assert_eq!(extra.0, "toy_mark");
    assert!(extra.2.ends_with(" by=00000000-0000-0000-0000-00000000000f"), "{extra:?}");
    assert_eq!(
        database.states().await,
        [(1, BuildState::Active)],
        "the tables to compare with are gone"
    );
    // A rebuild finds the same, and readers are not led to it by mistake.
    let rebuilt = database.workshop().rebuild(view(), &quiet).await.unwrap();
    assert_eq!(rebuilt.differences.len(), 3);
    let refused = database.workshop().switch(view(), Force::No).await;
    assert!(matches!(refused, Err(RebuildError::Differs { .. })), "{refused:?}");
    database.workshop().switch(view(), Force::Yes).await.unwrap();
    assert_eq!(database.workshop().verify(view(), &quiet).await.unwrap().differences, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_commits_come_in_it_is_built_compared_switched_and_switched_back() {
    let mut database = Database::new().await;
    database.fill(60).await;
    let (engine, _stop) = start_with(&database, vec![view()]);
    state(&engine, "toy", ProjectionState::Following).await;
    let workshop = database.workshop();
    let rebuild = tokio::spawn({
        let workshop = workshop.clone();
        async move { workshop.rebuild(view(), &quiet).await }
    });
    let mut commits = 60;
    while !rebuild.is_finished() {
        database.fill_more(&mut commits).await;
    }
    let rebuilt = rebuild.await.unwrap().unwrap();
    assert_eq!((rebuilt.differences.len(), rebuilt.rows_compared.is_some()), (0, true));
    for (round, expected) in [(true, 2), (false, 1), (false, 2)] {
        let led = match round {
            true => workshop.switch(view(), Force::No).await.unwrap(),
            false => workshop.rollback(view()).await.unwrap(),
        };
        assert_eq!(led.build, expected);
        database.fill_more(&mut commits).await;
        let deadline = Instant::now() + LONG;
        while !engine.status().iter().any(|one| one.active && one.build == expected) {
            assert!(Instant::now() < deadline, "readers are not led to {expected}");
            sleep(Duration::from_millis(10)).await;
        }
        let head = database.head().await;
        assert_eq!(
            engine.checkpoints().wait(database.ws, "toy", head, LONG).await,
            Freshness::Reached
        );
    }
    // The way back is kept up to date too.
    let deadline = Instant::now() + LONG;
    while database.rows_of(1).await != database.rows_of(2).await {
        assert!(Instant::now() < deadline, "the builds differ");
        sleep(Duration::from_millis(10)).await;
    }
    let soon = workshop.retire(view(), Force::No).await;
    assert!(matches!(soon, Err(RebuildError::TooSoon { build: 1, .. })), "{soon:?}");
    workshop.retire(view(), Force::Yes).await.unwrap();
    assert_eq!(database.states().await, [(2, BuildState::Active)]);
    assert!(matches!(workshop.rollback(view()).await, Err(RebuildError::NoWayBack { .. })));
    state(&engine, "toy", ProjectionState::Following).await;
    engine.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_folded_stops_the_build_at_its_position_and_nothing_else() {
    let mut database = Database::new().await;
    database.fill(10).await;
    let before = database.head().await.0;
    let future: Raw = (Uuid::from_u128(1), "FromTheFuture", b"{}".to_vec());
    database.commit_here(&[future]).await;
    let mut commits = 10;
    database.fill_more(&mut commits).await;
    let stopped = database.workshop().rebuild(view(), &quiet).await.unwrap_err();
    let at = format!("the event at position {} cannot be folded", before + 1);
    assert!(matches!(stopped, RebuildError::Stopped(_)), "{stopped:?}");
    let build = database.builds().await.pop().unwrap();
    assert_eq!(build.state, BuildState::Copying);
    assert!(build.problem.as_ref().unwrap().contains(&at), "{build:?}");
    assert_eq!(database.states().await[0], (1, BuildState::Active));
    // A newer program goes on with the same build.
    let newer = ProjectionType::of::<NewerToy>();
    assert_eq!(database.workshop().rebuild(newer, &quiet).await.unwrap().build, 2);
    assert_eq!(database.rows_of(2).await, database.rows_of(1).await);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_present_build_leaves_out_is_left_out_again_and_anything_else_stops_it() {
    let mut database = Database::new().await;
    database.fill(12).await;
    for poison in [ToyEvent::Broken, ToyEvent::Panics, ToyEvent::TooLong] {
        let stream = 900 + u128::from(database.head().await.0 as u32);
        let made = ToyEvent::Made { label: "poisoned".to_owned() };
        database.commit_here(&[raw(stream, &made)]).await;
        database.commit_here(&[raw(stream, &poison)]).await;
        database.commit_here(&[raw(stream, &ToyEvent::Put { count: 1 })]).await;
    }
    let stopped = database.workshop().rebuild(view(), &quiet).await.unwrap_err();
    assert!(
        matches!(stopped, RebuildError::Stopped(_)),
        "live leaves nothing out yet: {stopped:?}"
    );
    database.workshop().abort(view()).await.unwrap();
    database.catch_up().await;
    assert_eq!(database.quarantined().await.len(), 3);
    let rebuilt = database.workshop().rebuild(view(), &quiet).await.unwrap();
    assert_eq!(rebuilt.differences, []);
    assert!(rebuilt.rows_compared.is_some(), "{rebuilt:?}");
    assert_eq!(database.quarantined().await.len(), 6);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_events_that_make_the_same_row_are_found_though_keys_come_last() {
    let mut database = Database::new().await;
    database.fill(30).await;
    let before = database.head().await.0;
    // Of another batch than the first.
    let made = ToyEvent::Made { label: "noted twice".to_owned() };
    database.commit_here(&[raw(700, &made), raw(700, &ToyEvent::Noted { note: note(0) })]).await;
    let mut commits = 30;
    database.fill_more(&mut commits).await;
    let stopped = database.workshop().rebuild(view(), &quiet).await.unwrap_err();
    assert!(matches!(stopped, RebuildError::Stopped(_)), "{stopped:?}");
    let build = database.builds().await.pop().unwrap();
    let at = format!("the event at position {} cannot be folded", before + 2);
    assert!(build.problem.as_ref().unwrap().contains(&at), "{build:?}");
    // Once the live view leaves that box out, the same build goes on without it.
    database.catch_up().await;
    assert_eq!(database.quarantined().await.len(), 1);
    let rebuilt = database.workshop().rebuild(view(), &quiet).await.unwrap();
    assert_eq!((rebuilt.build, rebuilt.differences.as_slice()), (2, [].as_slice()));
    assert_eq!(database.rows_of(2).await, database.rows_of(1).await);
    let verified = database.workshop().verify(view(), &quiet).await.unwrap();
    assert_eq!((verified.differences, verified.left_out), (Vec::new(), 1));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_under_way_is_given_up_and_leaves_nothing_behind() {
    let mut database = Database::new().await;
    database.fill(60).await;
    database.catch_up().await;
    let (workshop, other) = (database.workshop(), database.workshop());
    let (begun, mut beginning) = tokio::sync::watch::channel(false);
    let (go_on, waiting) = std::sync::mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    let held = move |_: Progress| {
        begun.send_replace(true);
        // Until the other end is dropped.
        let _ = waiting.lock().unwrap().recv();
    };
    let first = tokio::spawn(async move { workshop.rebuild(view(), &held).await });
    beginning.wait_for(|begun| *begun).await.unwrap();
    let aborting = tokio::spawn({
        let other = other.clone();
        async move { other.abort(view()).await }
    });
    let deadline = Instant::now() + LONG;
    while !database.states().await.contains(&(2, BuildState::Aborting)) {
        assert!(Instant::now() < deadline, "nobody gave it up");
        sleep(Duration::from_millis(5)).await;
    }
    drop(go_on);
    assert!(matches!(first.await.unwrap(), Err(RebuildError::Aborted)));
    assert_eq!(aborting.await.unwrap().unwrap().len(), 1);
    assert_eq!(database.states().await, [(1, BuildState::Active)]);
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_namespace where nspname = 'toy_v3_b2') \
              + (select count(*) from proj.checkpoint where schema_name = 'toy_v3_b2')",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
    let nothing = other.abort(view()).await;
    assert!(matches!(nothing, Err(RebuildError::NothingToAbort { .. })), "{nothing:?}");
    // The next one has a number of its own.
    assert_eq!(other.rebuild(view(), &quiet).await.unwrap().build, 3);
    assert_eq!(other.abort(view()).await.unwrap().len(), 1);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_built_beside_the_older_one_before_it_is_read() {
    let mut database = Database::new().await;
    database.fill(30).await;
    database.catch_up().await;
    let mut newer = view();
    newer.version = 4;
    let places = event_store::projection::prepare_to_serve(&database.pool, &[newer]).await.unwrap();
    assert_eq!(places.building.len(), 1, "{places:?}");
    assert_eq!(places.search_path().as_str(), "\"toy_v4\"");
    assert_eq!(database.builds().await[0].state, BuildState::Active, "the older program reads on");
    let rebuilt = database.workshop().rebuild(newer, &quiet).await.unwrap();
    assert_eq!((rebuilt.version, rebuilt.build, rebuilt.rows_compared), (4, 1, None));
    let places = event_store::projection::prepare_to_serve(&database.pool, &[newer]).await.unwrap();
    assert!(places.building.is_empty(), "{places:?}");
    let states: Vec<_> = database.builds().await.iter().map(|b| (b.version, b.state)).collect();
    assert_eq!(states, [(3, BuildState::Ready), (4, BuildState::Active)]);
    // The older program, started once more, goes on where it was.
    let places =
        event_store::projection::prepare_to_serve(&database.pool, &[view()]).await.unwrap();
    assert_eq!(places.search_path().as_str(), "\"toy_v3\"");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_folded_alone_shows_which_of_its_rows_was_edited() {
    let mut database = Database::new().await;
    database.fill(40).await;
    let workshop = database.workshop();
    let scrub = async |chance| workshop.scrub(view(), database.ws, chance).await.unwrap();
    assert_eq!(scrub(7).await, Scrubbed::PassedOver, "nothing is folded yet");
    database.catch_up().await;
    let head = database.head().await.0;
    for chance in 0..head {
        assert!(matches!(scrub(chance).await, Scrubbed::Same(1..)), "{chance}");
    }
    database.run("update toy_v3.toy_mark set n = n + 1 where id = '00000000-0000-0000-0000-000000000001'").await;
    let mut found = Vec::new();
    for chance in 0..head {
        if let Scrubbed::Different(differences) = scrub(chance).await {
            found.extend(differences.into_iter().map(|one| (one.table, one.key)));
        }
    }
    let (table, key) = found.first().expect("it is found");
    assert_eq!(table, "toy_mark");
    assert!(key.starts_with("id=00000000-0000-0000-0000-000000000001 by="), "{key}");
    assert!(found.iter().all(|(_, key)| key.contains("-000000000001 by=")), "{found:?}");
    database.remove().await;
}
