//! Processes as `/proc` tells of them, found by their parents and signalled one by one.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// The private Postgres of a server: its child of that name.
pub fn postmaster_of(server: u32) -> Option<u32> {
    children_of(server).into_iter().find(|pid| name_of(*pid) == "postgres" && is_alive(*pid))
}

/// The processes that one has started, the oldest first.
pub fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: Vec<_> = pids.filter(|pid| parent_of(*pid) == Some(parent)).collect();
    children.sort_unstable();
    children
}

/// What a process says it is doing, as `ps` shows it.
pub fn title_of(pid: u32) -> String {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).into_owned()
}

/// Waits for the private Postgres of a server, other than one that is known.
pub async fn next_postmaster(server: u32, known: Option<u32>) -> u32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(pid) = postmaster_of(server).filter(|pid| Some(*pid) != known) {
            return pid;
        }
        assert!(Instant::now() < deadline, "the server has no Postgres");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a process is there and has not ended.
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

/// Sends a signal, such as `KILL`, to one process.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success(), "{name} to {pid}");
}

/// The same to one that may have ended meanwhile.
pub fn try_signal(pid: u32, name: &str) {
    let arguments = [&format!("-{name}"), &pid.to_string()];
    drop(Command::new("kill").args(arguments).stderr(Stdio::null()).status());
}

fn parent_of(pid: u32) -> Option<u32> {
    stat(pid)?.1.parse().ok()
}

fn name_of(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// State and parent.
fn stat(pid: u32) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}
