//! Raw messages go to the sealed objects, and into the journal, before anybody looks at what is in them (H04).

use std::collections::HashMap;

use bytes::Bytes;
use decider::{Timestamp, WorkspaceId};
use futures_util::{StreamExt, TryStreamExt, stream};
use ops::{Intake, IntakeEntry, OpsError};
use vault::{ObjectRef, SealedObjects, Vault};

use super::patience::patiently;

/// Under this name raw bytes are hashed; a message that came in twice by different ways has one hash.
const MAC_SCOPE: &str = "intake.raw";
/// How many are written at the same time: each waits for the disk.
const WRITES_MAX: usize = 8;

pub type RawMac = [u8; 32];

/// Stores raw messages once.
#[derive(Clone)]
pub struct RawStore {
    pub ws: WorkspaceId,
    pub vault: Vault,
    pub objects: SealedObjects,
    pub intake: Intake,
    /// What the journal calls where they came from.
    pub origin: String,
}

impl RawStore {
    pub fn mac(&self, bytes: &[u8]) -> RawMac {
        self.vault.mac(self.ws, MAC_SCOPE, bytes)
    }

    /// Where each of these messages is, stored now if it was not before.
    pub async fn keep(&self, messages: &[Bytes]) -> Result<Vec<(RawMac, ObjectRef)>, OpsError> {
        let macs: Vec<RawMac> = messages.iter().map(|bytes| self.mac(bytes)).collect();
        let by_mac: HashMap<RawMac, &Bytes> = macs.iter().copied().zip(messages).collect();
        let distinct: Vec<RawMac> = by_mac.keys().copied().collect();
        let seen = patiently(|| self.intake.seen(self.ws, &distinct), OpsError::is_unavailable);
        let mut known: HashMap<RawMac, ObjectRef> =
            seen.await?.into_iter().map(|(mac, entry)| (mac, entry.object)).collect();
        let missing = by_mac.into_iter().filter(|(mac, _)| !known.contains_key(mac));
        let missing: Vec<(RawMac, Bytes)> =
            missing.map(|(mac, bytes)| (mac, bytes.clone())).collect();
        let stored: Vec<(RawMac, ObjectRef)> = stream::iter(missing)
            .map(|(mac, bytes)| async move {
                let put = || self.put(mac, bytes.clone());
                Ok::<_, OpsError>((mac, patiently(put, OpsError::is_unavailable).await?))
            })
            .buffer_unordered(WRITES_MAX)
            .try_collect()
            .await?;
        known.extend(stored);
        let found = |mac: RawMac| known.get(&mac).cloned().map(|object| (mac, object));
        Ok(macs.into_iter().filter_map(found).collect())
    }

    async fn put(&self, mac: RawMac, bytes: Bytes) -> Result<ObjectRef, OpsError> {
        let key = self.vault.take_key(self.ws).await?;
        let object = self.objects.put(self.ws, &key, bytes).await?;
        let entry = IntakeEntry {
            channel: self.origin.clone(),
            raw_mac: mac,
            object: object.clone(),
            message_id_mac: None,
            at: Timestamp::from(jiff::Timestamp::now()),
        };
        if self.intake.record(self.ws, &entry).await? {
            return Ok(object);
        }
        // Another was faster; or it was us, and the answer was lost on its way.
        match self.intake.seen(self.ws, &[mac]).await?.remove(&mac) {
            Some(first) if first.object != object => {
                self.objects.delete(self.ws, &object).await?;
                Ok(first.object)
            }
            _ => Ok(object),
        }
    }
}
