//! What the log knows already of the messages of an import: one look-up for many natural keys.

use std::collections::HashMap;

use commands::claims::{MAIL_ID, MAIL_MESSAGE, MAIL_RAW, mail_key};
use decider::WorkspaceId;
use event_store::log::{LogError, LogReader};
use events::ChannelId;
use uuid::Uuid;
use vault::Vault;

use super::patience::patiently;
use super::plan::Known;
use super::raw_store::RawMac;
use super::scan::Scanned;
use crate::email::grouping::KnownGroup;

/// Keys of one look-up.
const KEYS_MAX: usize = 5_000;

/// Looks natural keys up.
#[derive(Clone)]
pub struct Claims {
    pub ws: WorkspaceId,
    pub vault: Vault,
    pub reader: LogReader,
}

impl Claims {
    /// Who holds each of these keys, in their order.
    pub async fn holders(
        &self,
        keys: &[(&'static str, String)],
    ) -> Result<Vec<Option<Uuid>>, LogError> {
        let mut holders = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_MAX) {
            let mac = |(scope, key): &(&'static str, String)| {
                (*scope, self.vault.mac(self.ws, &format!("claim.{scope}"), key.as_bytes()))
            };
            let macs: Vec<_> = some.iter().map(mac).collect();
            let ask = || self.reader.claims(self.ws, &macs);
            let rows = patiently(ask, LogError::is_unavailable).await?;
            holders.extend(rows.into_iter().map(|row| row.holder));
        }
        Ok(holders)
    }

    /// All that is known of these messages.
    pub async fn known(
        &self,
        channel: Option<ChannelId>,
        scanned: &[Scanned],
    ) -> Result<Known, LogError> {
        let mut known = Known::default();
        let ids = distinct(scanned.iter().flat_map(|one| one.refs.iter().chain([&one.id])));
        for (id, holder) in self.held(MAIL_ID, channel, ids).await? {
            known.tickets.insert(id, KnownGroup { since: age(holder), id: holder });
        }
        let own = distinct(scanned.iter().map(|one| &one.id));
        known.messages = self.held(MAIL_MESSAGE, channel, own).await?;
        let raws: HashMap<String, RawMac> =
            scanned.iter().map(|one| (hex(&one.mac), one.mac)).collect();
        let held = self.held(MAIL_RAW, channel, raws.keys().cloned().collect()).await?;
        known.raws = held.keys().filter_map(|key| raws.get(key).copied()).collect();
        Ok(known)
    }

    async fn held(
        &self,
        scope: &'static str,
        channel: Option<ChannelId>,
        keys: Vec<String>,
    ) -> Result<HashMap<String, Uuid>, LogError> {
        let asked: Vec<_> = keys.iter().map(|key| (scope, mail_key(channel, key))).collect();
        let holders = self.holders(&asked).await?;
        Ok(keys.into_iter().zip(holders).filter_map(|(key, held)| Some((key, held?))).collect())
    }
}

/// How the log spells a hash.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn distinct<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// When a ticket came into being: its id says so to the millisecond.
fn age(ticket: Uuid) -> i64 {
    i64::try_from(ticket.as_u128() >> 80).unwrap_or(i64::MAX)
}
