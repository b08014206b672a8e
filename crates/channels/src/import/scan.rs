//! The first pass: every message is stored as it came, and what grouping needs to know of it is kept in memory.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use decider::Timestamp;
use vault::ObjectRef;

use super::raw_store::{RawMac, RawStore};
use super::source::{self, Found};
use super::{Format, ImportError, Phase, Progress, Report};
use crate::email::{ids, parse};

const BATCH_MAX: usize = 64;
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A message that is stored, without its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    pub mac: RawMac,
    pub object: ObjectRef,
    /// The file it stood in.
    pub file: Arc<str>,
    /// Its Message-ID, or one made from its bytes.
    pub id: String,
    /// In-Reply-To, then References.
    pub refs: Vec<String>,
    pub date: Option<Timestamp>,
    /// `false`: only the raw bytes are worth anything.
    pub parsed: bool,
}

/// Reads and stores everything.
pub async fn scan(
    store: &RawStore,
    (format, files): (Format, Vec<PathBuf>),
    report: &mut Report,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Vec<Scanned>, ImportError> {
    let total = source::size(&files)?;
    let mut found = source::read(format, files);
    let mut scanned = Vec::new();
    let mut batch: Vec<(Arc<str>, Bytes)> = Vec::new();
    let mut done = 0;
    progress(Progress { phase: Phase::Reading, done, total });
    while let Some(next) = found.recv().await {
        match next {
            Found::Message { file, bytes, read } => {
                report.messages += 1;
                batch.push((file, bytes));
                done = read;
            }
            Found::TooLarge { read } => {
                report.messages += 1;
                report.failed += 1;
                done = read;
            }
            Found::Broken(error) => return Err(error.into()),
        }
        let bytes: usize = batch.iter().map(|(_, bytes)| bytes.len()).sum();
        if batch.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX {
            scanned.extend(take_in(store, std::mem::take(&mut batch)).await?);
            progress(Progress { phase: Phase::Reading, done, total });
        }
    }
    scanned.extend(take_in(store, batch).await?);
    progress(Progress { phase: Phase::Reading, done: total, total });
    Ok(scanned)
}

async fn take_in(
    store: &RawStore,
    batch: Vec<(Arc<str>, Bytes)>,
) -> Result<Vec<Scanned>, ImportError> {
    let messages: Vec<Bytes> = batch.iter().map(|(_, bytes)| bytes.clone()).collect();
    let kept = store.keep(&messages).await?;
    let read = move || {
        let now = jiff::Timestamp::now();
        let all = batch.into_iter().zip(kept);
        all.map(|((file, bytes), kept)| outlined(file, &bytes, kept, now)).collect()
    };
    tokio::task::spawn_blocking(read).await.map_err(|_| ImportError::Stopping)
}

fn outlined(
    file: Arc<str>,
    bytes: &[u8],
    (mac, object): (RawMac, ObjectRef),
    now: jiff::Timestamp,
) -> Scanned {
    let outline = parse::outline(bytes, now);
    let id = outline.message_id.unwrap_or_else(|| ids::synthetic_id(bytes));
    let mut refs = outline.in_reply_to;
    refs.extend(outline.references);
    let date = outline.date.map(Timestamp::from);
    Scanned { mac, object, file, id, refs, date, parsed: outline.parsed }
}
