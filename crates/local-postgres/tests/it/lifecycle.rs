//! Starting, stopping, starting again; what a folder may look like before.

use std::fs;
use std::os::unix::fs::MetadataExt;

use local_postgres::Error;

use crate::support::{DataFolder, connect, eventually, query, runs};

#[test]
fn what_was_written_is_there_after_a_stop_and_a_new_start() {
    let folder = DataFolder::new();
    let first = folder.open();
    assert!(first.owned());
    query(&first, "create table kept as select 'yes' as value").unwrap();
    let postmaster = first.postmaster_pid().unwrap();
    first.stop().unwrap();
    assert!(!runs(postmaster));
    assert!(!folder.cluster().join("postmaster.pid").exists());
    let second = folder.open();
    assert_eq!(query(&second, "select value from kept"), Ok("yes".into()));
}

#[test]
fn dropping_it_stops_it_and_removes_its_socket_folder() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    let (postmaster, socket_dir) =
        (postgres.postmaster_pid().unwrap(), postgres.socket_dir().to_owned());
    assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
    drop(postgres);
    assert!(!runs(postmaster));
    assert!(!socket_dir.exists());
}

#[test]
fn connected_clients_do_not_hold_up_a_stop() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    let _client = connect(&postgres).unwrap();
    postgres.stop().unwrap();
}

#[test]
fn it_outlives_the_thread_that_opened_it() {
    let folder = DataFolder::new();
    let settings = folder.settings();
    let postgres =
        std::thread::spawn(move || local_postgres::open(&settings).unwrap()).join().unwrap();
    query(&postgres, "select pg_sleep(0.3)").unwrap();
    assert!(postgres.is_ready());
}

#[test]
fn it_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    let pid = postgres.postmaster_pid().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string());
}

#[test]
fn a_cluster_is_utf8_sorted_by_bytes_with_checksums_and_without_a_port() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    assert_eq!(query(&postgres, "show server_encoding"), Ok("UTF8".into()));
    assert_eq!(query(&postgres, "select lower('ÉÄ')"), Ok("éä".into()));
    assert_eq!(
        query(&postgres, "select datcollate from pg_database limit 1"),
        Ok("C.UTF-8".into())
    );
    assert_eq!(query(&postgres, "show data_checksums"), Ok("on".into()));
    assert_eq!(query(&postgres, "show listen_addresses"), Ok(String::new()));
    assert_eq!(query(&postgres, "show fsync"), Ok("off".into()));
}

#[test]
fn a_durable_cluster_syncs_and_takes_more_settings() {
    let folder = DataFolder::new();
    let mut settings = local_postgres::Settings::new(folder.path());
    settings.extra.push(("max_connections".into(), "17".into()));
    let postgres = local_postgres::open(&settings).unwrap();
    assert_eq!(query(&postgres, "show fsync"), Ok("on".into()));
    assert_eq!(query(&postgres, "show synchronous_commit"), Ok("on".into()));
    assert_eq!(query(&postgres, "show max_connections"), Ok("17".into()));
}

#[test]
fn a_half_made_cluster_is_thrown_away() {
    let folder = DataFolder::new();
    fs::create_dir(folder.path().join("postgres.new")).unwrap();
    fs::write(folder.path().join("postgres.new/PG_VERSION"), "15\n").unwrap();
    let postgres = folder.open();
    assert!(postgres.is_ready());
    assert!(!folder.path().join("postgres.new").exists());
}

#[test]
fn a_folder_with_foreign_files_is_never_taken_for_a_cluster() {
    let folder = DataFolder::new();
    fs::create_dir(folder.cluster()).unwrap();
    fs::write(folder.cluster().join("diary.txt"), "dear").unwrap();
    let refused = local_postgres::open(&folder.settings());
    assert!(matches!(refused, Err(Error::NotACluster { .. })), "{refused:?}");
    assert!(folder.cluster().join("diary.txt").exists());
}

#[test]
fn a_cluster_of_another_major_version_is_refused_and_left_alone() {
    let folder = DataFolder::new();
    folder.open().stop().unwrap();
    let version = fs::read_to_string(folder.cluster().join("PG_VERSION")).unwrap();
    fs::write(folder.cluster().join("PG_VERSION"), "11\n").unwrap();
    let text = local_postgres::open(&folder.settings()).unwrap_err().to_string();
    assert!(text.contains("written by PostgreSQL 11"), "{text}");
    assert!(text.contains(&format!("PostgreSQL {}", version.trim())), "{text}");
    fs::write(folder.cluster().join("PG_VERSION"), version).unwrap();
    assert!(folder.open().is_ready());
}

#[test]
fn a_server_that_ends_while_starting_fails_at_once_with_the_end_of_its_log() {
    let folder = DataFolder::new();
    folder.open().stop().unwrap();
    let mut settings = folder.settings();
    settings.extra.push(("shared_buffers".into(), "plenty".into()));
    match local_postgres::open(&settings) {
        Err(Error::Ended { log, .. }) => assert!(log.contains("shared_buffers"), "{log}"),
        other => panic!("unexpected: {other:?}"),
    }
    assert!(folder.open().is_ready(), "and nothing is left in the way");
}

#[test]
fn a_path_too_long_for_a_socket_gets_a_short_private_one() {
    let folder = DataFolder::new();
    let data = folder.path().join("long".repeat(30));
    let postgres = local_postgres::open(&crate::support::throwaway(&data)).unwrap();
    assert!(!postgres.socket_dir().starts_with(&data));
    assert_eq!(fs::metadata(postgres.socket_dir()).unwrap().mode() & 0o777, 0o700);
    let socket_dir = postgres.socket_dir().to_owned();
    let attached = local_postgres::attach(&data).unwrap();
    assert_eq!(attached.socket_dir(), socket_dir);
    assert_eq!(query(&attached, "select 1"), Ok("1".into()));
    postgres.stop().unwrap();
    assert!(!socket_dir.exists());
    local_postgres::remove(&data).unwrap();
}

#[test]
fn a_path_with_spaces_commas_and_quotes_is_a_path() {
    let folder = DataFolder::new();
    let data = folder.path().join("it's, \"odd\" ü");
    let postgres = local_postgres::open(&crate::support::throwaway(&data)).unwrap();
    assert!(postgres.socket_dir().starts_with(&data));
    assert_eq!(query(&postgres, "select 1"), Ok("1".into()));
    postgres.stop().unwrap();
    local_postgres::remove(&data).unwrap();
}

#[test]
fn a_cluster_is_removed_only_when_it_does_not_run() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    assert!(matches!(local_postgres::remove(folder.path()), Err(Error::InUse { .. })));
    postgres.stop().unwrap();
    local_postgres::remove(folder.path()).unwrap();
    assert!(!folder.cluster().exists());
    eventually("it can be removed twice", || local_postgres::remove(folder.path()).ok());
}
