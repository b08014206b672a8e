//! Killed owners, killed servers, and what they leave behind.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use local_postgres::Settings;

use crate::support::{
    DataFolder, OwnerProcess, am_root, ask, connect, eventually, query, runs, wait_until_ready,
};

#[test]
fn when_its_owner_is_killed_the_server_shuts_down_by_itself() {
    let folder = DataFolder::new();
    let mut owner = OwnerProcess::of(folder.path());
    let postmaster = wait_until_ready(folder.path()).postmaster_pid().unwrap();
    owner.kill();
    eventually("the server has ended", || (!runs(postmaster)).then_some(()));
    assert!(!folder.cluster().join("postmaster.pid").exists(), "it shut down in order");
}

#[test]
fn right_after_its_owner_was_killed_the_next_one_starts_with_all_that_was_committed() {
    let folder = DataFolder::new();
    let mut owner = OwnerProcess::of(folder.path());
    let attached = wait_until_ready(folder.path());
    query(&attached, "create table kept as select count(*) as n from generate_series(1, 100000)")
        .unwrap();
    let mut busy = connect(&attached).unwrap();
    ask(&mut busy, "select pg_sleep(100)").unwrap();
    let before = attached.postmaster_pid().unwrap();
    owner.kill();
    let postgres = folder.open();
    assert!(postgres.owned() && !runs(before));
    assert_eq!(query(&postgres, "select n from kept"), Ok("100000".into()));
}

#[test]
fn an_owner_killed_while_creating_the_cluster_leaves_nothing_in_the_way() {
    let folder = DataFolder::new();
    let mut owner = OwnerProcess::of(folder.path());
    eventually("it is at it", || folder.path().join("postgres.new/base").exists().then_some(()));
    owner.kill();
    let postgres = folder.open();
    assert!(postgres.owned() && postgres.is_ready());
}

#[test]
fn a_killed_server_starts_again_on_the_same_socket_with_all_that_was_committed() {
    let folder = DataFolder::new();
    let mut postgres = local_postgres::open(&Settings::new(folder.path())).unwrap();
    query(&postgres, "create table kept as select 'yes' as value").unwrap();
    let mut busy = connect(&postgres).unwrap();
    ask(&mut busy, "select pg_sleep(100)").unwrap();
    let (before, url) = (postgres.postmaster_pid().unwrap(), postgres.url("postgres"));
    postgres.kill().unwrap();
    assert!(!runs(before) && postgres.postmaster_pid().is_none() && !postgres.is_ready());
    postgres.start_again().unwrap();
    assert_ne!(postgres.postmaster_pid(), Some(before));
    assert_eq!(postgres.url("postgres"), url);
    assert_eq!(query(&postgres, "select value from kept"), Ok("yes".into()));
    let again = postgres.postmaster_pid();
    postgres.start_again().unwrap();
    assert_eq!(postgres.postmaster_pid(), again, "one that runs is left alone");
}

#[test]
fn a_server_killed_before_its_owner_ended_is_recovered_by_the_next_one() {
    let folder = DataFolder::new();
    let mut first = local_postgres::open(&Settings::new(folder.path())).unwrap();
    query(&first, "create table kept as select 'yes' as value").unwrap();
    first.kill().unwrap();
    assert!(
        folder.cluster().join("postmaster.pid").exists(),
        "a stale one, of a process that is dead"
    );
    drop(first);
    assert_eq!(query(&folder.open(), "select value from kept"), Ok("yes".into()));
}

#[test]
fn who_attaches_while_a_killed_server_recovers_waits_for_it() {
    let folder = DataFolder::new();
    let mut postgres = folder.open();
    postgres.kill().unwrap();
    std::thread::scope(|scope| {
        let attaching = scope.spawn(|| local_postgres::attach(folder.path()).unwrap());
        postgres.start_again().unwrap();
        assert_eq!(attaching.join().unwrap().postmaster_pid(), postgres.postmaster_pid());
    });
}

#[test]
fn a_process_id_that_now_belongs_to_another_program_does_not_keep_the_server_from_starting() {
    let folder = DataFolder::new();
    let mut postgres = folder.open();
    postgres.kill().unwrap();
    let foreign = Foreign::of_the_same_user(&folder);
    for name in ["postgres/postmaster.pid", "postgres.run/.s.PGSQL.5432.lock"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let rest = text.split_once('\n').unwrap().1;
        fs::write(&path, format!("{}\n{rest}", foreign.0.id())).unwrap();
    }
    postgres.start_again().unwrap();
    assert!(postgres.is_ready());
    assert!(runs(foreign.0.id()), "and the other program is left alone");
}

#[test]
fn a_server_whose_owner_is_gone_and_that_nobody_told_is_shut_down_by_the_next_owner() {
    let folder = DataFolder::new();
    folder.open().stop().unwrap();
    let mut orphan = orphan_of(&folder);
    let pid = orphan.0.id();
    eventually("it runs", || folder.cluster().join("postmaster.pid").exists().then_some(()));
    std::thread::scope(|scope| {
        scope.spawn(|| orphan.0.wait().unwrap()); // else it stays in the process table, and only there
        let postgres = folder.open();
        assert!(postgres.owned() && postgres.postmaster_pid() != Some(pid));
    });
}

/// A process that has nothing to do with Postgres; killed when dropped.
struct Foreign(Child);

impl Foreign {
    fn of_the_same_user(folder: &DataFolder) -> Self {
        let mut command = Command::new("sleep");
        command.arg("300").stdin(Stdio::null());
        as_owner_of(&mut command, folder);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn as_owner_of(command: &mut Command, folder: &DataFolder) {
    if am_root() {
        let meta = fs::metadata(folder.cluster()).unwrap();
        command.uid(meta.uid()).gid(meta.gid());
    }
}

/// A server as this crate starts it, but without the bond to its owner.
fn orphan_of(folder: &DataFolder) -> Foreign {
    let program =
        local_postgres::find_binaries(Some(&folder.cluster())).unwrap().program("postgres");
    let mut command = Command::new(program);
    command.arg("-D").arg(folder.cluster()).args([
        "-c",
        "listen_addresses=",
        "-c",
        "unix_socket_directories=",
    ]);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    as_owner_of(&mut command, folder);
    Foreign(command.spawn().unwrap())
}
