//! How much room there is on a disk.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

/// What a full disk does not take, where the system does not say how much room there is.
const TRIED_BYTES: usize = 64 << 10;

/// Free KiB on the disk of a folder, for those who are not root. What `df` says; the standard library cannot ask the system.
pub fn free_kib(path: &Path) -> Option<u64> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let told = Command::new("df").arg("-Pk").arg(path).output().ok()?;
    let text = String::from_utf8(told.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// Whether a disk has no room for so much more.
pub fn is_full(folder: &Path, needed_kib: u64) -> bool {
    if free_kib(folder).is_some_and(|free| free < needed_kib) {
        return true;
    }
    let path = folder.join(format!("room.{}", std::process::id()));
    let tried = File::create(&path).and_then(|mut file| file.write_all(&[0; TRIED_BYTES]));
    // Not there, or of no use: what counts is what the attempt has shown.
    drop(std::fs::remove_file(&path));
    tried.is_err_and(|error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    })
}
