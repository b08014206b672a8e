//! The server's own log: a file in the data folder, put aside when it has grown large.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Attempt, Error};

/// From this size on, a start puts the log aside as `postgres.log.1`.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How much of its end an error quotes.
const TAIL_BYTES_MAX: u64 = 4 * 1024;

/// Where the server writes, and where its present run begins.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    pub path: PathBuf,
    begins_at: u64,
}

impl LogFile {
    /// The log of a data folder, from here on.
    pub fn at(path: PathBuf) -> Self {
        let begins_at = fs::metadata(&path).map_or(0, |meta| meta.len());
        Self { path, begins_at }
    }

    /// Puts a large log aside and opens the file for a new run.
    pub fn begin(&mut self) -> Result<File, Error> {
        if fs::metadata(&self.path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
            fs::rename(&self.path, self.path.with_extension("log.1"))
                .attempt("rotate", &self.path)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .attempt("open the log", &self.path)?;
        self.begins_at = file.metadata().attempt("read", &self.path)?.len();
        Ok(file)
    }

    /// The end of what was written in this run.
    pub fn tail(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(&self.path)?;
            let end = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.begins_at.max(end.saturating_sub(TAIL_BYTES_MAX))))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
        };
        read().unwrap_or_else(|error| format!("(unreadable: {error})"))
    }
}

/// The log of a data folder.
pub(crate) fn path_in(data: &Path) -> PathBuf {
    data.join("postgres.log")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_tail_holds_only_what_the_present_run_wrote() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path_in(folder.path()), "an earlier run\n").unwrap();
        let mut log = LogFile::at(path_in(folder.path()));
        log.begin().unwrap().write_all(b"this run\n").unwrap();
        assert_eq!(log.tail(), "this run");
    }

    #[test]
    fn a_large_log_is_put_aside_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path());
        File::create(&path).unwrap().set_len(LOG_BYTES_MAX + 1).unwrap();
        LogFile::at(path.clone()).begin().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert!(folder.path().join("postgres.log.1").exists());
    }
}
