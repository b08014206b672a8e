//! The throw-away cluster that test processes share, and the process that keeps it.

use std::path::Path;
use std::thread;
use std::time::Duration;

use local_postgres::scratch::{Limits, join};

use crate::support::{DataFolder, eventually, query, runs};

fn keeper() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ledgerdesk-test-postgres"))
}

fn limits(idle: u64, lifetime: u64) -> Limits {
    Limits { idle: Duration::from_secs(idle), lifetime: Duration::from_secs(lifetime) }
}

#[test]
fn many_who_join_at_once_share_one_server_which_leaves_when_they_have_left() {
    let folder = DataFolder::new();
    let shared: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| join(folder.path(), keeper(), limits(1, 100)).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let postmaster = shared[0].postgres().postmaster_pid().unwrap();
    assert!(shared.iter().all(|one| one.postgres().postmaster_pid() == Some(postmaster)));
    query(shared[0].postgres(), "select pg_sleep(2)").unwrap();
    assert!(runs(postmaster), "it stays while it is used");
    assert_eq!(query(shared[0].postgres(), "show max_connections"), Ok("400".into()));
    drop(shared);
    eventually("the keeper has left", || (!runs(postmaster)).then_some(()));
    eventually("it stopped in order", || {
        folder.path().join("stopped-cleanly").exists().then_some(())
    });
}

#[test]
fn a_cluster_that_was_stopped_in_order_is_used_again_and_any_other_made_anew() {
    let folder = DataFolder::new();
    let first = join(folder.path(), keeper(), limits(1, 100)).unwrap();
    query(first.postgres(), "create table kept as select 'yes' as value").unwrap();
    let postmaster = first.postgres().postmaster_pid().unwrap();
    drop(first);
    eventually("the keeper has left", || (!runs(postmaster)).then_some(()));

    let second = join(folder.path(), keeper(), limits(1, 100)).unwrap();
    assert_eq!(query(second.postgres(), "select value from kept"), Ok("yes".into()));
    let postmaster = second.postgres().postmaster_pid().unwrap();
    drop(second);
    eventually("the keeper has left", || {
        folder.path().join("stopped-cleanly").exists().then_some(())
    });
    assert!(!runs(postmaster));

    std::fs::remove_file(folder.path().join("stopped-cleanly")).unwrap();
    let third = join(folder.path(), keeper(), limits(1, 100)).unwrap();
    assert!(
        query(third.postgres(), "select value from kept").unwrap_err().contains("does not exist")
    );
    let postmaster = third.postgres().postmaster_pid().unwrap();
    drop(third);
    eventually("the keeper has left", || (!runs(postmaster)).then_some(()));
}

#[test]
fn a_keeper_leaves_at_the_end_of_its_life_even_when_it_is_used() {
    let folder = DataFolder::new();
    let shared = join(folder.path(), keeper(), limits(60, 3)).unwrap();
    let postmaster = shared.postgres().postmaster_pid().unwrap();
    eventually("the keeper has left", || (!runs(postmaster)).then_some(()));
}

#[test]
fn those_who_join_while_the_keeper_is_leaving_get_the_next_one() {
    let folder = DataFolder::new();
    for _ in 0..6 {
        let shared = join(folder.path(), keeper(), limits(0, 100)).unwrap();
        assert_eq!(query(shared.postgres(), "select 1"), Ok("1".into()));
    }
    eventually("the last keeper has left", || {
        local_postgres::attach(folder.path()).is_err().then_some(())
    });
}

#[test]
fn all_tests_of_a_target_folder_share_one_cluster() {
    let shared = local_postgres::scratch::shared_for_tests().unwrap();
    assert!(!shared.owned());
    assert!(std::ptr::eq(shared, local_postgres::scratch::shared_for_tests().unwrap()));
    assert_eq!(query(shared, "show fsync"), Ok("off".into()));
}
