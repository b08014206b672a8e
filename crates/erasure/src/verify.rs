//! The proof of an erasure: looks at keys, ciphertexts, clear storage, sealed bytes, natural keys and servers as they are now.

use std::collections::{BTreeMap, BTreeSet};

use commands::erasure::Progress;
use decider::{Cipher, Opened, WorkspaceId};
use events::erasure::ErasureSubject;
use events::{AnyEvent, ErasureEvent, ErasureId, TicketId, decode_stored};
use projections::lookup;
use uuid::Uuid;
use vault::{ObjectRef, Vault, VaultError};

use crate::certificate::erasure_of;
use crate::gather::{about_contact, each_event, tickets_of};
use crate::plan::Plan;
use crate::{Erasing, ErasureError};

/// Keys asked for at a time.
const KEYS_AT_A_TIME: usize = 1000;

/// A key may be dropped from memory between loading and opening; then it is loaded again, at most so many times.
const LOADS_MAX: u32 = 8;

/// Something that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable word.
    pub code: &'static str,
    /// What is left, and where; ids only.
    pub what: String,
}

/// What was looked at, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Keys that the certificate names.
    pub keys: u64,
    /// Ciphertexts that were tried to be opened.
    pub ciphertexts: u64,
    /// Sealed files that were looked for.
    pub objects: u64,
    /// Tables whose storage had to be written anew.
    pub tables: u64,
    /// What is left; nothing when all of it is gone.
    pub findings: Vec<Finding>,
}

impl Verdict {
    fn find(&mut self, code: &'static str, what: impl Into<String>) {
        self.findings.push(Finding { code, what: what.into() });
    }
}

/// Proves that an erasure holds: none when there is no such erasure.
///
/// # Errors
/// When something broke.
pub async fn verify(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: ErasureId,
) -> Result<Option<Verdict>, ErasureError> {
    let Some(erasure) = erasure_of(erasing, ws, id).await? else { return Ok(None) };
    let mut verdict = Verdict::default();
    let done = matches!(erasure.progress, Progress::Completed { .. });
    if !done {
        verdict.find("not_completed", "the erasure was asked for and is not completed");
    }
    // A key that is only in memory here says nothing about the database.
    erasing.handler.vault().forget_all_cached();
    let keys = keys_of_certificate(erasing, ws, id).await?;
    verdict.keys = keys.len() as u64;
    keys_are_gone(erasing, ws, &keys, &mut verdict).await?;
    let mut streams: Vec<Uuid> = Vec::new();
    match erasure.requested.subject {
        ErasureSubject::Contact(contact) => {
            streams.push(contact.0);
            streams
                .extend(tickets_of(erasing, ws, contact).await?.into_iter().map(|TicketId(id)| id));
            let (shared, also) = (erasure.requested.shared, &erasure.requested.also);
            let plan = Plan::of_contact(&about_contact(erasing, ws, contact).await?, shared, also);
            let planned: Vec<Uuid> = plan.keys.iter().copied().collect();
            for key in erasing.handler.vault().alive(ws, &planned).await? {
                if !keys.contains(&key) {
                    verdict.find("key_left", format!("key {key} concerns the person and exists"));
                }
            }
            objects_are_gone(erasing, ws, &plan, &mut verdict).await?;
            let rows = lookup::remembered(&erasing.projectors, ws, contact.0).await?;
            if rows > 0 {
                verdict.find("clear_text_left", format!("{rows} rows of the people's view"));
            }
        }
        ErasureSubject::Message { ticket, .. }
        | ErasureSubject::Comment { ticket, .. }
        | ErasureSubject::File { ticket, .. } => streams.push(ticket.0),
    }
    for stream in streams {
        ciphertexts_stay_shut(erasing, (ws, stream), &keys, &mut verdict).await?;
    }
    for table in erasing.ops.erasures.storage(ws, id.0).await? {
        verdict.tables += 1;
        if !(table.rewritten && table.moved) {
            verdict.find("not_rewritten", format!("table {}", table.relation));
        }
    }
    if let Some(standing) = erasing.ops.erasures.standing(ws, id.0).await?
        && !done
        && !standing.is_settled()
    {
        let count = standing.awaited + standing.silent;
        verdict.find("servers_awaited", format!("{count} servers have not dropped the keys"));
    }
    Ok(Some(verdict))
}

async fn keys_of_certificate(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: ErasureId,
) -> Result<BTreeSet<Uuid>, ErasureError> {
    let mut keys = BTreeSet::new();
    each_event(erasing, ws, id.0, |stored| {
        if let ErasureEvent::KeysDestroyed(destroyed) = decode_stored(stored)? {
            keys.extend(destroyed.keys);
        }
        Ok(())
    })
    .await?;
    Ok(keys)
}

async fn keys_are_gone(
    erasing: &Erasing,
    ws: WorkspaceId,
    keys: &BTreeSet<Uuid>,
    verdict: &mut Verdict,
) -> Result<(), ErasureError> {
    let keys: Vec<Uuid> = keys.iter().copied().collect();
    for part in keys.chunks(KEYS_AT_A_TIME) {
        for key in erasing.handler.vault().alive(ws, part).await? {
            verdict.find("key_left", format!("key {key} exists"));
        }
    }
    Ok(())
}

async fn objects_are_gone(
    erasing: &Erasing,
    ws: WorkspaceId,
    plan: &Plan,
    verdict: &mut Verdict,
) -> Result<(), ErasureError> {
    for object in &plan.objects {
        verdict.objects += 1;
        let (hash, size) = (object.hash.clone(), object.size_bytes);
        if erasing.objects.exists(ws, &ObjectRef { key: object.key, hash, size }).await? {
            verdict.find("object_left", format!("sealed file {}", object.hash));
        }
    }
    Ok(())
}

/// Tries to open everything in a stream that was sealed with one of the keys.
async fn ciphertexts_stay_shut(
    erasing: &Erasing,
    (ws, stream): (WorkspaceId, Uuid),
    keys: &BTreeSet<Uuid>,
    verdict: &mut Verdict,
) -> Result<(), ErasureError> {
    let vault = erasing.handler.vault();
    let mut sealed: BTreeMap<(u64, String), Cipher> = BTreeMap::new();
    each_event(erasing, ws, stream, |stored| {
        let mut event = AnyEvent::decode(stored)?;
        event.visit_sealed(&mut |field, slot| {
            if let Some(cipher) = slot.cipher().filter(|cipher| keys.contains(&cipher.key)) {
                sealed.insert((stored.position.0, field.to_owned()), cipher.clone());
            }
        });
        Ok(())
    })
    .await?;
    let sealed: Vec<_> = sealed.into_iter().collect();
    for part in sealed.chunks(KEYS_AT_A_TIME) {
        let wanted: Vec<Uuid> = part.iter().map(|(_, cipher)| cipher.key).collect();
        vault.load_keys(ws, &wanted).await?;
        for ((position, field), cipher) in part {
            verdict.ciphertexts += 1;
            if !stays_shut(vault, (ws, stream), field, cipher).await? {
                verdict.find("ciphertext_opens", format!("{field} at position {position}"));
            }
        }
    }
    Ok(())
}

async fn stays_shut(
    vault: &Vault,
    (ws, stream): (WorkspaceId, Uuid),
    field: &str,
    cipher: &Cipher,
) -> Result<bool, ErasureError> {
    for _ in 0..LOADS_MAX {
        match vault.open_cached(ws, stream, field, cipher) {
            Ok(Some(Opened::Forgotten)) => return Ok(true),
            // A key that exists opens it, or would if it were sound.
            Ok(Some(Opened::Open(_))) | Err(VaultError::Tampered) => return Ok(false),
            // Whoever else is at work here may have dropped it from memory.
            Ok(None) => vault.load_keys(ws, &[cipher.key]).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(VaultError::Contended.into())
}
