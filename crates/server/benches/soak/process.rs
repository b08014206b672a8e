//! What the kernel tells of the server, its Postgres and its folder.

use std::path::Path;

const MB: f64 = 1_048_576.0;

/// What a process holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub resident_mb: f64,
    pub threads: u64,
    pub files: usize,
}

pub fn held(pid: u32) -> Held {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    Held {
        resident_mb: field(&status, "VmRSS:") * 1024.0 / MB,
        threads: field(&status, "Threads:") as u64,
        files,
    }
}

/// Memory of all processes of the Postgres below a server, what they share counted once.
pub fn postgres_mb(server: u32) -> f64 {
    let all = parents();
    let below = |of: &[u32]| -> Vec<u32> {
        all.iter().filter(|(_, parent)| of.contains(parent)).map(|(pid, _)| *pid).collect()
    };
    let children = below(&[server]);
    let processes = [below(&children), children].concat();
    // The exact share of each process is in `smaps_rollup`, but asking for it walks every page of the shared buffers in every
    // process: half a second in which requests wait.
    let (mut own, mut shared) = (0.0, 0.0_f64);
    for pid in processes {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        own += field(&status, "RssAnon:");
        shared = shared.max(field(&status, "RssShmem:") + field(&status, "RssFile:"));
    }
    (own + shared) * 1024.0 / MB
}

/// Bytes of all files below a folder, as the disk holds them.
pub fn folder_mb(folder: &Path) -> f64 {
    fn blocks(folder: &Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let size = |entry: std::fs::DirEntry| match entry.metadata() {
            Ok(known) if known.is_dir() => blocks(&entry.path()),
            Ok(known) => known.blocks(),
            Err(_) => 0, // removed meanwhile
        };
        entries.flatten().map(size).sum()
    }
    blocks(folder) as f64 * 512.0 / MB
}

/// How many processes wanted a core in the last minute.
pub fn machine_load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// How long the processor takes for a fixed piece of work, in milliseconds of its own time: it tells a machine that became slower
/// from a program that did.
pub fn yardstick_ms() -> f64 {
    const STEPS: u64 = 20_000_000;
    let before = own_time_ms();
    let sum = (0..STEPS)
        .fold(0_u64, |sum, step| sum.wrapping_mul(31).wrapping_add(std::hint::black_box(step)));
    std::hint::black_box(sum);
    own_time_ms() - before
}

/// How long this thread has been running on a core.
fn own_time_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e6
}

/// Every process and its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    })
    .collect()
}

/// A number of a file with a name in each line.
fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
