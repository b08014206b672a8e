//! Events with their sealed fields opened, for the operator who holds the key file.

use decider::{KeyKind, KeyScope, Opened, StoredEvent};
use events::AnyEvent;
use serde_json::{Value, json};
use uuid::Uuid;
use vault::Vault;

use super::CliError;

/// Events of one workspace, typed, with their sealed fields clear again; those whose key was destroyed stay sealed.
pub async fn events(vault: &Vault, stored: &[StoredEvent]) -> Result<Vec<AnyEvent>, CliError> {
    let mut opened = Vec::with_capacity(stored.len());
    let mut keys: Vec<Uuid> = Vec::new();
    for event in stored {
        let mut event = AnyEvent::decode(event)?;
        event.visit_sealed(&mut |_, slot| keys.extend(slot.cipher().map(|cipher| cipher.key)));
        opened.push(event);
    }
    if let Some(first) = stored.first() {
        vault.load_keys(first.ws, &keys).await?;
    }
    for (event, stored) in opened.iter_mut().zip(stored) {
        open(vault, stored, event)?;
    }
    Ok(opened)
}

/// The payloads of events, each sealed field replaced by its content, or by `{"erased": true}`.
pub async fn payloads(vault: &Vault, stored: &[StoredEvent]) -> Result<Vec<Value>, CliError> {
    let opened = events(vault, stored).await?;
    let mut payloads = Vec::with_capacity(opened.len());
    for (mut event, stored) in opened.into_iter().zip(stored) {
        let mut payload: Value = serde_json::from_slice(&stored.payload)?;
        let mut contents = Vec::new();
        event.visit_sealed(&mut |_, slot| {
            contents.push(slot.clear_json().ok().flatten().map(|(json, _)| json))
        });
        // The fields are met in the same order in both.
        let mut ciphers = Vec::new();
        AnyEvent::decode(stored)?.visit_sealed(&mut |_, slot| {
            ciphers.push(slot.cipher().and_then(|cipher| serde_json::to_value(cipher).ok()))
        });
        for (cipher, content) in ciphers.iter().zip(contents) {
            let content = match content {
                Some(json) => serde_json::from_slice(&json)?,
                None => json!({ "erased": true }),
            };
            if let Some(cipher) = cipher {
                replace(&mut payload, cipher, &content);
            }
        }
        payloads.push(payload);
    }
    Ok(payloads)
}

/// The envelope as JSON, without the payload.
pub fn envelope(event: &StoredEvent) -> Value {
    json!({
        "position": event.position,
        "at": event.at,
        "occurred_at": event.occurred_at,
        "stream": event.stream,
        "version": event.version,
        "kind": event.kind,
        "type": event.type_name,
        "schema_version": event.schema_version,
        "command": event.command,
        "actor": event.actor,
        "context": event.context,
    })
}

fn open(vault: &Vault, stored: &StoredEvent, event: &mut AnyEvent) -> Result<(), CliError> {
    let mut broken = None;
    event.visit_sealed(&mut |field, slot| {
        let Some(cipher) = slot.cipher().cloned() else { return };
        match vault.open_cached(stored.ws, stored.stream, field, &cipher) {
            // Nobody seals it again: the scope only has to be something.
            Ok(Some(Opened::Open(clear))) => {
                let scope =
                    KeyScope { kind: KeyKind::Content, id: cipher.key, subjects: Vec::new() };
                if slot.set_clear(&clear, scope).is_err() {
                    broken = Some(vault::VaultError::Content);
                }
            }
            Ok(Some(Opened::Forgotten) | None) => {}
            Err(error) => broken = Some(error),
        }
    });
    broken.map_or(Ok(()), |error| Err(error.into()))
}

/// Puts a content where its ciphertext stands.
fn replace(value: &mut Value, cipher: &Value, content: &Value) {
    if value == cipher {
        value.clone_from(content);
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, cipher, content)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| replace(field, cipher, content))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
