//! Makes a cluster that is whole or not there, and the command line that runs it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::binaries::{Binaries, major_of_cluster};
use crate::child;
use crate::error::{Attempt, Error};
use crate::log_file::LogFile;
use crate::place::{Place, remove_folder, sync_folder};
use crate::socket_dir::PORT;
use crate::{Durability, Settings};

/// How long creating a cluster may take; one CPU second is usual.
const INITDB_TIMEOUT: Duration = Duration::from_secs(180);
/// For a small machine; `Settings::extra` wins over these.
const DEFAULTS: [(&str, &str); 9] = [
    ("shared_buffers", "128MB"),
    ("max_wal_size", "1GB"),
    ("wal_compression", "on"),
    ("max_connections", "100"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_min_messages", "log"), // errors go to the client, who logs them without what people wrote
    ("log_checkpoints", "off"),
];
const THROWAWAY: [(&str, &str); 3] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// Creates the cluster unless it is there. The caller holds the lock and knows that no process uses it.
pub(crate) fn ensure(
    place: &Place,
    settings: &Settings,
    binaries: &Binaries,
    account: Option<Account>,
    log: &mut LogFile,
) -> Result<(), Error> {
    let cluster = place.cluster();
    if major_of_cluster(&cluster).is_some() {
        return adopt(&cluster, account);
    }
    if cluster.exists() {
        fs::remove_dir(&cluster).map_err(|_| Error::NotACluster { cluster: cluster.clone() })?;
    }
    let unfinished = place.unfinished();
    DirBuilder::new().mode(0o700).create(&unfinished).attempt("create", &unfinished)?;
    if let Some(account) = account {
        account.take(&unfinished)?;
    }
    tracing::info!(cluster = %cluster.display(), version = binaries.version, "creating the private Postgres");
    run_initdb(&unfinished, settings.durability, binaries, account, log)?;
    fs::rename(&unfinished, &cluster).attempt("name the cluster", &cluster)?; // initdb has synced all below
    sync_folder(&place.base)
}

/// A cluster that was copied or restored by root still has to belong to the server's user.
fn adopt(cluster: &Path, account: Option<Account>) -> Result<(), Error> {
    let Some(account) = account else { return Ok(()) };
    if fs::metadata(cluster).attempt("read", cluster)?.uid() == account.owner().0 {
        return Ok(());
    }
    account.take(cluster)
}

/// Removes what an interrupted creation left.
pub(crate) fn sweep(place: &Place) -> Result<(), Error> {
    remove_folder(&place.unfinished())
}

fn run_initdb(
    folder: &Path,
    durability: Durability,
    binaries: &Binaries,
    account: Option<Account>,
    log: &mut LogFile,
) -> Result<(), Error> {
    let program = binaries.program("initdb");
    let mut command = Account::command(account, &program);
    command.arg("-D").arg(folder);
    command.args([
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
    ]);
    if durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    surround(&mut command, log.begin()?, account)?;
    let mut child = command.spawn().attempt("run", &program)?; // this thread waits for it, so it may be its parent
    let deadline = Instant::now() + INITDB_TIMEOUT;
    let failed =
        |status: String| Error::InitDb { cluster: folder.to_owned(), status, log: log.tail() };
    loop {
        match child.try_wait().attempt("wait for", &program)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(status.to_string())),
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("not done after {} s", INITDB_TIMEOUT.as_secs())));
            }
            None => sleep(Duration::from_millis(10)),
        }
    }
}

/// The command that runs the server.
pub(crate) fn server_command(
    place: &Place,
    settings: &Settings,
    binaries: &Binaries,
    account: Option<Account>,
    socket_dir: &Path,
) -> Command {
    let mut command = Account::command(account, &binaries.program("postgres"));
    command.arg("-D").arg(place.cluster()).args(["-p", &PORT.to_string()]);
    let mut set = |name: &str, value: &str| {
        command.args(["-c", &format!("{name}={value}")]);
    };
    DEFAULTS.iter().for_each(|(name, value)| set(name, value));
    if settings.durability == Durability::Throwaway {
        THROWAWAY.iter().for_each(|(name, value)| set(name, value));
    }
    settings.extra.iter().for_each(|(name, value)| set(name, value));
    set("listen_addresses", "");
    set("unix_socket_directories", &quoted(&socket_dir.to_string_lossy()));
    command
}

/// The setting is a list: a folder with a comma or a space in its name has to be quoted.
fn quoted(folder: &str) -> String {
    format!("\"{}\"", folder.replace('"', "\"\""))
}

/// What both programs are run in: nowhere in particular, without the settings of clients, writing to the log.
pub(crate) fn surround(
    command: &mut Command,
    log: File,
    account: Option<Account>,
) -> Result<(), Error> {
    let errors = log.try_clone().attempt("open the log", Path::new("postgres.log"))?;
    command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors);
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    child::bind_to_this_thread(command, account);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn more_settings_win_over_the_built_in_ones_but_never_open_a_port() {
        let place = Place { data: "/d".into(), base: "/d".into() };
        let mut settings = Settings::new("/d");
        settings.extra =
            vec![("max_connections".into(), "7".into()), ("listen_addresses".into(), "*".into())];
        let binaries =
            Binaries { folder: PathBuf::from("/bin"), major: 15, version: "15.1".into() };
        let command = server_command(&place, &settings, &binaries, None, Path::new("/s, t"));
        let arguments: Vec<_> =
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let last =
            |name: &str| arguments.iter().rfind(|argument| argument.starts_with(name)).cloned();
        assert_eq!(last("max_connections="), Some("max_connections=7".into()));
        assert_eq!(last("listen_addresses="), Some("listen_addresses=".into()));
        assert_eq!(
            last("unix_socket_directories="),
            Some("unix_socket_directories=\"/s, t\"".into())
        );
        assert_eq!(last("fsync="), None);
    }
}
