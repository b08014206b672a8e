//! What a durable write costs on this machine.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const FOR: Duration = Duration::from_secs(1);

/// Writes of 8 KiB per second, each with `fdatasync`.
pub fn durable_writes_per_second(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("fsync")).expect("a file");
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < FOR {
        file.write_all(&[7; 8192]).expect("a write");
        file.sync_data().expect("a sync");
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}
