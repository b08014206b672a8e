//! What an erasure has come to, for people: folded from its own stream, so it is current.

use commands::erasure::{Erasure, KnownErasure};
use decider::{EventMeta, State, WorkspaceId};
use events::{ContactEvent, ErasureEvent, ErasureId, decode_stored};
use ops::Standing;
use uuid::Uuid;

use crate::gather::each_event;
use crate::{Erasing, ErasureError};

/// An erasure and whom it waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Its id.
    pub id: ErasureId,
    /// What was asked for, and how far it has come.
    pub erasure: KnownErasure,
    /// Which servers have dropped the keys; none before they were destroyed.
    pub standing: Option<Standing>,
}

/// An erasure as the log knows it.
///
/// # Errors
/// When something broke.
pub async fn erasure_of(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: ErasureId,
) -> Result<Option<KnownErasure>, ErasureError> {
    let mut erasure = Erasure::default();
    each_event(erasing, ws, id.0, |stored| {
        // The id may be that of another stream.
        if stored.kind == "erasure" {
            let meta = EventMeta {
                version: stored.version,
                occurred_at: stored.occurred_at,
                actor: stored.actor,
            };
            erasure.evolve(&decode_stored::<ErasureEvent>(stored)?, &meta);
        }
        Ok(())
    })
    .await?;
    Ok(erasure.known().cloned())
}

/// The erasure of this id, or that of the contact of this id.
///
/// # Errors
/// When something broke.
pub async fn named(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: Uuid,
) -> Result<Option<ErasureId>, ErasureError> {
    let mut found = None;
    each_event(erasing, ws, id, |stored| {
        match stored.kind.as_str() {
            "erasure" => found = Some(ErasureId(stored.stream)),
            "contact" => {
                if let ContactEvent::Erased(erased) = decode_stored(stored)? {
                    found.get_or_insert(erased.erasure);
                }
            }
            _ => {}
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The certificate of an erasure; none when there is no such erasure.
///
/// # Errors
/// When something broke.
pub async fn certificate(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: ErasureId,
) -> Result<Option<Certificate>, ErasureError> {
    let Some(erasure) = erasure_of(erasing, ws, id).await? else { return Ok(None) };
    let standing = erasing.ops.erasures.standing(ws, id.0).await?;
    Ok(Some(Certificate { id, erasure, standing }))
}

/// What an erasure does not reach: said in every certificate of a person.
pub const NOT_COVERED: [&str; 5] = [
    "contents listed as kept: they concern another person, too",
    "words about the person in texts that concern only others, such as a comment or a reply on another person's ticket: \
     nobody finds them without reading; redact them one by one",
    "what is stored in clear because it is not personal by definition: tags, categories, statuses, numbers, dates, choices, and \
     text properties marked as not personal",
    "keyed hashes of addresses, message ids and original mails in the log: without the key file they say nothing, with it \
     they can confirm a guess, and show that an address was used again",
    "copies outside: mail that was delivered, exports, what people noted elsewhere",
];

/// Where old bytes may stay for a while, and until when: said in every certificate.
pub const LINGERING: [&str; 4] = [
    "the write-ahead log of the database, until its segments are written over: after two checkpoints at the latest that \
     follow as much writing as max_wal_size; a standby or an archive keeps its own copy",
    "backups, until they are deleted: one that holds both the keys and the key file opens what it holds; after a restore \
     erasures made since the backup have to be asked for again",
    "blocks that the file system has not written over since the files were deleted",
    "files that were uploaded and neither attached nor held by a draft: a day",
];
