//! One owner per data folder; the others attach.

use std::thread;

use local_postgres::Error;

use crate::support::{DataFolder, OwnerProcess, query, wait_until_ready};

#[test]
fn without_an_owner_there_is_nothing_to_attach_to() {
    let folder = DataFolder::new();
    assert!(matches!(local_postgres::attach(folder.path()), Err(Error::NotRunning { .. })));
    assert!(matches!(
        local_postgres::attach(&folder.path().join("missing")),
        Err(Error::NotRunning { .. })
    ));
    folder.open().stop().unwrap();
    assert!(matches!(local_postgres::attach(folder.path()), Err(Error::NotRunning { .. })));
}

#[test]
fn a_second_one_attaches_and_leaves_the_server_alone() {
    let folder = DataFolder::new();
    let owner = folder.open();
    let mut second = folder.open();
    assert!(owner.owned() && !second.owned());
    assert_eq!(second.postmaster_pid(), owner.postmaster_pid());
    assert_eq!(second.url("a b"), owner.url("a b"));
    assert!(matches!(second.kill(), Err(Error::NotOwner { .. })));
    assert!(matches!(second.start_again(), Err(Error::NotOwner { .. })));
    second.stop().unwrap();
    assert_eq!(query(&owner, "select 1"), Ok("1".into()));
}

#[test]
fn of_many_who_open_at_once_on_an_empty_folder_exactly_one_owns() {
    let folder = DataFolder::new();
    let opened: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| folder.open())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(opened.iter().filter(|postgres| postgres.owned()).count(), 1);
    assert!(opened.iter().all(|postgres| postgres.postmaster_pid() == opened[0].postmaster_pid()));
}

#[test]
fn another_process_is_waited_for_while_it_is_still_creating_the_cluster() {
    let folder = DataFolder::new();
    let _owner = OwnerProcess::of(folder.path());
    let attached = wait_until_ready(folder.path());
    assert!(!attached.owned());
    assert_eq!(query(&attached, "select 1"), Ok("1".into()));
}

#[test]
fn the_settings_of_clients_in_the_environment_do_not_reach_the_server() {
    let folder = DataFolder::new();
    let mut command = OwnerProcess::command(folder.path());
    command
        .env("PGDATA", "/nowhere")
        .env("PGPORT", "1")
        .env("PGHOST", "/nowhere")
        .env("PGOPTIONS", "-c nonsense=1");
    let _owner = OwnerProcess(command.spawn().unwrap());
    let attached = wait_until_ready(folder.path());
    assert_eq!(query(&attached, "show data_directory"), Ok(folder.cluster().display().to_string()));
}

#[test]
fn when_the_owner_has_stopped_the_next_to_open_becomes_the_owner() {
    let folder = DataFolder::new();
    let owner = folder.open();
    let attached = folder.open();
    owner.stop().unwrap();
    assert!(!attached.is_ready());
    assert!(folder.open().owned());
}
