//! Reads the files of an import, one message at a time, on a thread of its own.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Format;
use crate::email::mbox::{MESSAGE_BYTES_MAX, Mbox, MboxError};

/// How many messages may wait to be stored.
const AHEAD_MAX: usize = 2;
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a file cannot be imported. Messages before the place where it broke are imported.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the file {} cannot be opened", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("the file {} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the file {} is no mailbox", path.display())]
    Mbox { path: PathBuf, source: MboxError },
}

/// What the files gave.
#[derive(Debug)]
pub enum Found {
    Message {
        /// The name of its file, without the folder.
        file: Arc<str>,
        bytes: Bytes,
        /// How many bytes of all files are read by now.
        read: u64,
    },
    /// One message that is too large; the next ones follow.
    TooLarge { read: u64 },
    /// The files end here.
    Broken(SourceError),
}

/// How many bytes the files have together. It also finds out early which of them is missing.
pub fn size(files: &[PathBuf]) -> Result<u64, SourceError> {
    let mut total = 0;
    for path in files {
        let size = File::open(path).and_then(|file| file.metadata());
        let size = size.map_err(|source| SourceError::Open { path: path.clone(), source })?;
        total += size.len();
    }
    Ok(total)
}

/// The messages of all files in their order.
pub fn read(format: Format, files: Vec<PathBuf>) -> mpsc::Receiver<Found> {
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    tokio::task::spawn_blocking(move || {
        let mut before = 0;
        for path in files {
            let read = match format {
                Format::Mbox => read_mbox(&path, before, &sender),
                Format::Eml => read_eml(&path, before, &sender),
            };
            match read {
                Ok(Some(size)) => before += size,
                // Nobody waits for more.
                Ok(None) => return,
                Err(error) => {
                    let _ = sender.blocking_send(Found::Broken(error));
                    return;
                }
            }
        }
    });
    receiver
}

fn read_mbox(
    path: &Path,
    before: u64,
    sender: &mpsc::Sender<Found>,
) -> Result<Option<u64>, SourceError> {
    let file = open(path)?;
    let name = name_of(path);
    let mut size = 0;
    for message in Mbox::new(BufReader::with_capacity(BUFFER_BYTES, file)) {
        let found = match message {
            Ok(message) => {
                size = message.end;
                let (file, bytes) = (Arc::clone(&name), message.bytes.into());
                Found::Message { file, bytes, read: before + size }
            }
            Err(MboxError::TooLarge { .. }) => Found::TooLarge { read: before + size },
            Err(MboxError::Read { source, .. }) => {
                return Err(SourceError::Read { path: path.to_owned(), source });
            }
            Err(source @ MboxError::NotMbox) => {
                return Err(SourceError::Mbox { path: path.to_owned(), source });
            }
        };
        if sender.blocking_send(found).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(size))
}

fn read_eml(
    path: &Path,
    before: u64,
    sender: &mpsc::Sender<Found>,
) -> Result<Option<u64>, SourceError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    let size = bytes.len() as u64;
    let found = if bytes.len() > MESSAGE_BYTES_MAX {
        Found::TooLarge { read: before + size }
    } else {
        Found::Message { file: name_of(path), bytes: bytes.into(), read: before + size }
    };
    Ok(sender.blocking_send(found).ok().map(|()| size))
}

fn open(path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|source| SourceError::Open { path: path.to_owned(), source })
}

fn name_of(path: &Path) -> Arc<str> {
    path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default().into()
}
