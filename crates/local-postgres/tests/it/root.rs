//! Who runs the server: never root. Tests that need to be root to say something say nothing otherwise.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use local_postgres::Error;

use crate::support::{
    DataFolder, OwnerProcess, am_root, eventually, query, runs, throwaway, user_of,
};

const NOBODY: u32 = 65534;
const DAEMON: u32 = 1;

#[test]
fn the_server_never_runs_as_root() {
    let folder = DataFolder::new();
    let postgres = folder.open();
    let user = user_of(postgres.postmaster_pid().unwrap());
    assert_ne!(user, 0);
    assert_eq!(fs::metadata(folder.cluster()).unwrap().uid(), user);
    assert_eq!(fs::metadata(postgres.socket_dir()).unwrap().uid(), user);
}

#[test]
fn root_runs_a_cluster_as_the_user_it_belongs_to() {
    let folder = DataFolder::new();
    if !am_root() {
        return;
    }
    fs::create_dir(folder.cluster()).unwrap();
    chown(folder.cluster(), Some(NOBODY), Some(NOBODY)).unwrap();
    let postgres = folder.open();
    assert_eq!(user_of(postgres.postmaster_pid().unwrap()), NOBODY);
}

#[test]
fn a_cluster_that_root_has_restored_is_given_back_to_the_servers_user() {
    let folder = DataFolder::new();
    if !am_root() {
        return;
    }
    folder.open().stop().unwrap();
    let copied = Command::new("chown").args(["-R", "0:0"]).arg(folder.cluster()).status().unwrap();
    assert!(copied.success());
    assert!(folder.open().is_ready());
}

#[test]
fn a_plain_user_runs_the_server_as_itself() {
    let folder = DataFolder::new();
    if !am_root() {
        return;
    }
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(DAEMON), Some(DAEMON)).unwrap();
    let (program, output) = (reachable_keeper(folder.path()), folder.path().join("output"));
    let mut command = Command::new(program);
    command
        .arg(&data)
        .args(["120", "120"])
        .uid(DAEMON)
        .gid(DAEMON)
        .current_dir("/")
        .stdin(Stdio::null());
    command.env_remove("XDG_RUNTIME_DIR").stderr(fs::File::create(&output).unwrap());
    let mut owner = OwnerProcess(command.spawn().unwrap());
    let attached = eventually("the plain user's server runs", || {
        assert!(owner.0.try_wait().unwrap().is_none(), "{}", fs::read_to_string(&output).unwrap());
        local_postgres::attach(&data).ok()
    });
    assert_eq!(user_of(attached.postmaster_pid().unwrap()), DAEMON);
    assert_eq!(query(&attached, "select 1"), Ok("1".into()));
    owner.kill();
    local_postgres::remove(&data).unwrap();
}

#[test]
fn a_plain_user_is_told_whose_cluster_it_is() {
    let folder = DataFolder::new();
    if !am_root() {
        return;
    }
    folder.open().stop().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(reachable_keeper(folder.path()));
    command.arg(folder.path()).args(["1", "1"]).uid(DAEMON).gid(DAEMON).current_dir("/");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("belongs to user id"), "{text}");
}

#[test]
fn where_root_can_become_nobody_else_the_server_runs_in_a_user_namespace() {
    let folder = DataFolder::new();
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--"]).stdin(Stdio::null());
        command
    };
    if !am_root() || !unshare().arg("true").status().is_ok_and(|status| status.success()) {
        return;
    }
    let output = folder.path().join("output");
    let mut command = unshare();
    command
        .arg(env!("CARGO_BIN_EXE_ledgerdesk-test-postgres"))
        .arg(folder.path())
        .args(["120", "120"]);
    let mut owner =
        OwnerProcess(command.stderr(fs::File::create(&output).unwrap()).spawn().unwrap());
    let attached = eventually("the server runs", || {
        assert!(owner.0.try_wait().unwrap().is_none(), "{}", fs::read_to_string(&output).unwrap());
        local_postgres::attach(folder.path()).ok()
    });
    assert_eq!(fs::metadata(folder.cluster()).unwrap().uid(), 0);
    assert_eq!(query(&attached, "select 1"), Ok("1".into()));
    let postmaster = attached.postmaster_pid().unwrap();
    owner.kill();
    eventually("the server has ended with its owner", || (!runs(postmaster)).then_some(()));
    assert!(!folder.cluster().join("postmaster.pid").exists(), "it shut down in order");
}

#[test]
fn root_puts_the_cluster_of_an_unreachable_folder_elsewhere_and_finds_it_again() {
    let home = DataFolder::new();
    if !am_root() {
        return;
    }
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let data = home.path().join("data");
    let first = local_postgres::open(&throwaway(&data)).unwrap();
    let location =
        PathBuf::from(fs::read_to_string(data.join("postgres.location")).unwrap().trim_end());
    assert!(location.starts_with("/var/lib/ledgerdesk"));
    assert_eq!(first.cluster(), location);
    assert!(!data.join("postgres").exists());
    query(&first, "create table kept as select 'yes' as value").unwrap();
    assert_eq!(local_postgres::attach(&data).unwrap().socket_dir(), first.socket_dir());
    first.stop().unwrap();

    let second = local_postgres::open(&throwaway(&data)).unwrap();
    assert_eq!(query(&second, "select value from kept"), Ok("yes".into()));
    second.stop().unwrap();
    local_postgres::remove(&data).unwrap();
    assert!(!location.exists() && !data.join("postgres.location").exists());
}

#[test]
fn a_new_folder_of_the_same_path_never_gets_the_old_ones_cluster() {
    let home = DataFolder::new();
    if !am_root() {
        return;
    }
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let data = home.path().join("data");
    let first = local_postgres::open(&throwaway(&data)).unwrap();
    let old = first.cluster();
    first.stop().unwrap();
    let kept = fs::read(data.join("postgres.location")).unwrap();
    fs::remove_dir_all(&data).unwrap();
    let second = local_postgres::open(&throwaway(&data)).unwrap();
    assert_ne!(second.cluster(), old);
    second.stop().unwrap();
    local_postgres::remove(&data).unwrap();
    fs::write(data.join("postgres.location"), kept).unwrap();
    local_postgres::remove(&data).unwrap();
    assert!(!old.exists());
}

#[test]
fn a_cluster_that_has_become_unreachable_is_not_replaced_by_an_empty_one() {
    let home = DataFolder::new();
    if !am_root() {
        return;
    }
    let data = home.path().join("data");
    local_postgres::open(&throwaway(&data)).unwrap().stop().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let refused = local_postgres::open(&throwaway(&data));
    assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    local_postgres::remove(&data).unwrap();
}

/// The keeper, copied to where every user may run it.
fn reachable_keeper(folder: &Path) -> PathBuf {
    let program = folder.join("keeper");
    fs::copy(env!("CARGO_BIN_EXE_ledgerdesk-test-postgres"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}
