//! Which processes use a cluster, as `/proc` tells it, and what an earlier server left behind.
//!
//! Every process of a server has the cluster as its working directory.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::child::{self, Signal};
use crate::error::{Attempt, Error};

/// How long an earlier server may take to shut down.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(60);
/// After this it is reminded: its owner is gone.
const REMIND_AFTER: Duration = Duration::from_secs(1);
/// After this, processes without a postmaster are told to quit.
const QUIT_AFTER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// The server processes that use a cluster.
pub(crate) fn using(cluster: &Path) -> Vec<u32> {
    let cluster = &fs::canonicalize(cluster).unwrap_or_else(|_| cluster.to_owned());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| uses(*pid, cluster)).collect()
}

fn uses(pid: u32, cluster: &Path) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end() {
        "postgres" | "postmaster" => {}
        "initdb" => return is_told(pid, |argument| argument == cluster.as_os_str().as_bytes()),
        _ => return false, // a shell somebody left there is no server
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => cwd == cluster,
        // Root in a container without CAP_SYS_PTRACE: the command line is all there is.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            is_told(pid, |argument| argument == cluster.as_os_str().as_bytes()) || is_orphan(pid)
        }
        Err(_) => false,
    }
}

fn is_told(pid: u32, wanted: impl Fn(&[u8]) -> bool) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(wanted)
}

/// Serves a client without a postmaster above it, so it is about to end. Whose it was cannot be told.
fn is_orphan(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
    let above =
        parent.map(|parent| fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default());
    let above = above.unwrap_or_default();
    is_told(pid, |argument| argument.starts_with(b"postgres: "))
        && !matches!(above.trim_end(), "postgres" | "postmaster")
}

/// Started by hand, it has its socket elsewhere, and whoever started it may need it.
fn is_ours(postmaster: u32) -> bool {
    is_told(postmaster, |argument| argument.starts_with(b"unix_socket_directories="))
}

/// Waits until no process uses the cluster any more. The caller holds the lock, so whoever still does has lost its owner.
pub(crate) fn wait_until_unused(cluster: &Path) -> Result<(), Error> {
    let started = Instant::now();
    let (mut reminded, mut quit) = (false, false);
    loop {
        let pids = using(cluster);
        if pids.is_empty() {
            return Ok(());
        }
        let waited = started.elapsed();
        if waited > LEAVE_TIMEOUT {
            let seconds = LEAVE_TIMEOUT.as_secs();
            return Err(Error::StillInUse { cluster: cluster.to_owned(), pids, seconds });
        }
        let postmaster = postmaster_in(cluster).filter(|pid| pids.contains(pid));
        match postmaster {
            Some(postmaster) if waited > REMIND_AFTER && !reminded && is_ours(postmaster) => {
                tracing::warn!(
                    postmaster,
                    "a Postgres without an owner is still running: shutting it down"
                );
                let _ = child::signal(postmaster, Signal::Interrupt);
                reminded = true;
            }
            None if waited > QUIT_AFTER && !quit => {
                pids.iter().for_each(|pid| drop(child::signal(*pid, Signal::Quit)));
                quit = true;
            }
            _ => {}
        }
        sleep(PAUSE);
    }
}

/// Removes a `postmaster.pid` whose number now belongs to a foreign process, which Postgres would take for a rival.
///
/// One whose process is gone is left to Postgres, which looks at the shared memory as well. The caller holds the lock.
pub(crate) fn forget_reused_pid(cluster: &Path) -> Result<(), Error> {
    let Some(pid) = postmaster_in(cluster) else { return Ok(()) };
    if !child::exists(pid) || !using(cluster).is_empty() {
        return Ok(());
    }
    tracing::info!(
        pid,
        "the process id of the last Postgres belongs to another program now: removing postmaster.pid"
    );
    let file = cluster.join("postmaster.pid");
    fs::remove_file(&file).attempt("remove", &file)
}

fn postmaster_in(cluster: &Path) -> Option<u32> {
    fs::read_to_string(cluster.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}
